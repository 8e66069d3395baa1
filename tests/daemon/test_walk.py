"""The walk of docs/gitops.md, typed as it stands there."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.console import Console
from tests.engine.workshop import MODEL, PROMPT, WRITE
from tests.projects import shell_environment
from tests.repositories import AS_PERSON, new_repo

pytestmark = pytest.mark.needs("git")

PAGE = Path(__file__).parents[2] / "docs" / "gitops.md"
CITY = """\
kind: Run
name: city
prompt: rain
model: echo
matrix: {params.word: [one, two]}
"""
EDITOR = """\
#!/bin/sh
sed -i 's/one, two/one, two, three/' "$1"
sed -i 's/Heavy rain/Heavy hail/' "$(dirname "$1")/all.yaml"
"""


def steps() -> dict[str, str]:
    found = re.findall(r"<!-- walk: ([a-z ]+) -->\n```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return dict(found)


class Walk:
    """Somebody with a terminal in a folder, and a repository on a server."""

    def __init__(self, folder: Path) -> None:
        self.server = new_repo(folder / "server")
        console = Console(self.server.root, toml="[hosts.local]\nslots = 2\n")
        console.specs("")
        script = f'echo "$2" >> {folder}/launches; {WRITE}'.replace("{", "{{").replace("}", "}}")
        script = script.replace("{{folder}}", str(folder))
        quoted = '"' + script.replace("\\", "\\\\").replace('"', '\\"') + '"'
        self.server.write("specs/all.yaml", MODEL.format(script=quoted) + PROMPT)
        self.server.write("specs/city.yaml", CITY)
        self.server.write(".gitignore", ".cosmos/\noutputs/\ndaemon.log\n")
        self.server.commit("A sweep")
        self.folder = folder
        (folder / "editor").write_text(EDITOR)
        (folder / "editor").chmod(0o755)

    def type(self, words: str) -> str:
        """In the clone, once it is there; what was printed."""
        clone = self.folder / "films"
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {**shell_environment(), **AS_PERSON, "EDITOR": str(self.folder / "editor"), "PATH": path}
        done = subprocess.run(
            ["bash", "-ec", words.replace("https://git.example/films", f"{self.server.root} films")],
            cwd=clone if clone.exists() else self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    @property
    def launches(self) -> list[str]:
        file = self.folder / "launches"
        return sorted(file.read_text().split()) if file.exists() else []

    def outputs(self) -> dict[str, str]:
        found = (self.folder / "films" / "outputs" / "city").glob("*/latest/out.txt")
        return {path.parts[-3]: path.read_text() for path in sorted(found)}

    def end(self) -> None:
        log = self.folder / "films" / "daemon.log"
        for pid in re.findall(r"\(process (\d+)\)", self.type("cosmos status")) if log.exists() else []:
            os.kill(int(pid), signal.SIGTERM)


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    made = Walk(tmp_path)
    yield made
    made.end()


def test_the_walk_goes_as_the_page_says(walk: Walk) -> None:
    typed = steps()
    assert list(typed) == ["start", "commit", "come back", "revert", "delete", "take back"]
    walk.type(typed["start"])
    walk.type("cosmos wait")
    assert walk.outputs() == {"word-one": "Heavy rain one", "word-two": "Heavy rain two"}

    walk.type(typed["commit"])
    shown = walk.type(typed["come back"])
    hail = {f"word-{word}": f"Heavy hail {word}" for word in ("one", "three", "two")}
    assert walk.outputs() == hail
    assert "3 in sync." in shown
    assert "applies commit" in shown
    assert walk.launches == ["one", "one", "three", "two", "two"]

    walk.type(typed["revert"])
    assert walk.outputs() == {**hail, "word-one": "Heavy rain one", "word-two": "Heavy rain two"}

    held = walk.type(typed["delete"])
    assert "! all 2 runs are gone from the specs: they are kept as they were until" in held
    walk.type(typed["take back"])
    assert "gone from the specs" not in walk.type("cosmos status")
    assert walk.launches == ["one", "one", "three", "two", "two"]
