"""A small real project whose program counts its launches: real processes, database, store and files."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from cosmos.api import CosmosAPI
from cosmos.config import ConfigManager
from cosmos.outcome import Outcome, Progress

MODEL = """\
kind: Model
name: echo
adapter: command
command: [sh, -c, {script}, sh, "{{text}}", "{{params.word}}", "{{outputs.text}}"]
outputs: {{text: out.txt}}
params: {{word: {{type: str, default: once}}}}
"""

WRITE = 'printf "%s %s" "$1" "$2" > "$3"'
"""The program unless a test gives another: text and word into the output."""

PROMPT = """\
---
kind: Prompt
name: rain
text: Heavy rain
"""


@dataclass
class Workshop:
    """A project in `root`. `launches` are the words that the program was started with, in order."""

    root: Path
    toml: str = "[hosts.local]\nslots = 2\n"
    seen: list[Progress] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.root / "specs").mkdir(parents=True, exist_ok=True)
        (self.root / "cosmos.toml").write_text(f'[project]\nname = "workshop"\n{self.toml}')

    @property
    def counter(self) -> Path:
        return self.root / "launches"

    @property
    def launches(self) -> list[str]:
        return self.counter.read_text().split() if self.counter.exists() else []

    def specs(self, runs: str, *, program: str = WRITE, model: str = MODEL) -> None:
        """Write the one spec file: the echo model, the prompt `rain`, and these runs."""
        braces = program.replace("{", "{{").replace("}", "}}")  # of the shell, not of the command's template
        script = json.dumps(f'echo "$2" >> {self.counter}; {braces}')
        text = model.format(script=script) + PROMPT + runs
        (self.root / "specs" / "all.yaml").write_text(text)

    def api(self) -> CosmosAPI:
        return CosmosAPI(settings=ConfigManager(self.root, environment={}).settings())

    def apply(self, *targets: str, rerun: bool = False, wait: bool = True, timeout_s: float = 60) -> Outcome:
        with self.api() as api:
            view = api.plan(targets, rerun=rerun)
            return api.apply(view, wait=wait, timeout_s=timeout_s, listener=self.seen.append)

    def plan_text(self, *targets: str) -> str:
        with self.api() as api:
            return api.plan(targets).text

    def output(self, key: str) -> str:
        return (self.root / "outputs" / key / "latest" / "out.txt").read_text()


def runs(*names: str, more: str = "") -> str:
    """Run documents of the echo model, each with its name as the word."""
    document = "---\nkind: Run\nname: {name}\nprompt: rain\nmodel: echo\nparams: {{word: {name}}}\n{more}\n"
    return "".join(document.format(name=name, more=more) for name in names)
