"""A project whose runs are containers on GPU hosts: what its programs are, and what is on the hosts."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

from cosmos.core.digest import run_id
from cosmos.core.plan import RunStatus
from cosmos.core.recorded import Attempt
from cosmos.outcome import Outcome
from cosmos.views import RunDetails
from tests.engine.workshop import Workshop
from tests.services.dockerd import Dockerd
from tests.services.gpu_host import GpuHost
from tests.services.images import BASE

PROJECT = "workshop"
NOTHING = "No changes. What exists matches the specs."
PATIENCE_S = 60.0

WRITE = 'printf "%s" "$2" >"$1"'
"""The word into the output."""
SLOW = f"echo started; until [ -e outputs/go ]; do sleep 0.05; done; {WRITE}"
"""A program that ends well once the test lets it go."""

MODEL = """\
---
kind: Model
name: {name}
adapter: command
image: {image}
command: [bash, -c, {script}, bash, "{{outputs.text}}", "{{params.word}}"{args}]
outputs: {{text: out.txt}}
params: {{word: {{type: str, default: once}}}}
{more}
"""

RUN = """\
---
kind: Run
name: {name}
model: {model}
params: {{word: {name}}}
{more}
"""


def model(script: str, *, name: str = "echo", image: str = BASE, more: str = "", args: tuple[str, ...] = ()) -> str:
    """A model whose program is a bash script: `$1` is its output, `$2` the word, then come `args`."""
    braces = script.replace("{", "{{").replace("}", "}}")
    words = "".join(f", {json.dumps(word)}" for word in args)
    return MODEL.format(name=name, image=image, script=json.dumps(braces), args=words, more=more)


def runs(*names: str, model: str = "echo", more: str = "") -> str:
    """Runs with their names as words."""
    return "".join(RUN.format(name=name, model=model, more=more) for name in names)


def until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, f"{what}: still not so after {PATIENCE_S:.0f} s"
        time.sleep(0.05)


class Starts:
    """Which containers a daemon has started since this was made. It forgets when it is started anew."""

    def __init__(self, docker: Dockerd) -> None:
        self._docker = docker
        self._since = time.time()

    @property
    def names(self) -> list[str]:
        span = ("--since", f"{self._since:.6f}", "--until", f"{time.time():.6f}")
        only = ("--filter", "type=container", "--filter", "event=start", "--filter", f"label=cosmos.project={PROJECT}")
        return self._docker.docker("events", *span, *only, "--format", "{{.Actor.Attributes.name}}").stdout.split()


@dataclass
class Site(Workshop):
    """A project on one GPU host, unless `toml` says otherwise."""

    gpu_host: GpuHost = field(kw_only=True)
    starts: Starts = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.starts = Starts(self.docker)

    @property
    def docker(self) -> Dockerd:
        return self.gpu_host.docker

    def write(self, *documents: str) -> None:
        """Write the one spec file."""
        (self.root / "specs" / "all.yaml").write_text("".join(documents))

    def configure(self, toml: str) -> None:
        (self.root / "cosmos.toml").write_text(f'[project]\nname = "{PROJECT}"\n{toml}')

    def containers(self) -> list[str]:
        """Names of all there are."""
        return sorted(self.docker.docker("ps", "--all", "--format", "{{.Names}}").stdout.split())

    def live(self) -> list[str]:
        return sorted(self.docker.docker("ps", "--format", "{{.Names}}").stdout.split())

    def inspect(self, name: str) -> dict[str, Any]:
        (found,) = json.loads(self.docker.docker("inspect", "--type", "container", name).stdout)
        assert isinstance(found, dict)
        return found

    def batch(self, key: str, attempt: int = 1) -> Path:
        """The run directory of an attempt, which is there."""
        (found,) = self._batches(key, attempt)
        return found

    def has_batch(self, key: str, attempt: int = 1) -> bool:
        """Whether its run directory is complete: one that is not is written anew."""
        return any((path / "batch.json").exists() for path in self._batches(key, attempt))

    def _batches(self, key: str, attempt: int) -> list[Path]:
        pattern = f"{run_id(PROJECT, key)}-*-a{attempt}"
        return list((self.gpu_host.workdir / PROJECT / "batches").glob(pattern))

    def log(self, key: str, attempt: int = 1) -> str:
        path = self.batch(key, attempt) / "run.log"
        return path.read_text() if path.exists() else ""

    def start(self, *keys: str, attempt: int = 1) -> None:
        """Have runs of SLOW, and return once their programs run and nobody watches them."""
        self.apply(wait=False)
        self.seen_running(*keys, attempt=attempt)

    def seen_running(self, *keys: str, attempt: int = 1) -> None:
        for key in keys:
            until(lambda key=key: self.has_batch(key, attempt), f"{key} is prepared")  # type: ignore[misc]
            until(lambda key=key: "started" in self.log(key, attempt), f"{key} runs")  # type: ignore[misc]

    def let_go(self, *keys: str, attempt: int = 1) -> None:
        for key in keys:
            until(lambda key=key: self.has_batch(key, attempt), f"{key} is prepared")  # type: ignore[misc]
            (self.batch(key, attempt) / "outputs" / "go").touch()

    def attempts(self, key: str) -> tuple[Attempt, ...]:
        with self.api() as api:
            details = api.show(f"run/{key}")
        assert isinstance(details, RunDetails)
        return details.attempts

    def status(self, key: str) -> RunStatus:
        """Where a run stands, by a new look."""
        with self.api() as api:
            (found,) = (status for status in api.status(look=True).statuses if status.key == key)
        return found

    @contextmanager
    def applying(self) -> Iterator[list[Outcome]]:
        """An apply beside the test; its outcome is there after the block."""
        outcomes: list[Outcome] = []
        thread = Thread(target=lambda: outcomes.append(self.apply(timeout_s=PATIENCE_S)))
        thread.start()
        try:
            yield outcomes
        finally:
            thread.join()
