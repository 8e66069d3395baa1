"""One project with real results, one server, one browser: for all tests of the page."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.projects import Project, make_project, shell_environment
from tests.repositories import make_repository

SPECS = """\
kind: Prompt
name: rain
text: Heavy rain <img src=x onerror="document.title='broken in'">
inputs: inputs/city
---
kind: Run
name: city
prompt: rain
model: preview
params: {frames: 2, height: 64}
controls: {edge: 0.4}
labels: {scene: city}
matrix:
  params.seed: [1, 2]
---
kind: Run
name: bad
model: broken
---
kind: Model
name: broken
adapter: command
command: [sh, -c, "echo '<b>no such scene</b>'; exit 1", "{outputs.video}"]
outputs: {video: out.mp4}
"""

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory, scene: Path) -> Project:
    """A project with two results and a failure, made by its real host."""
    project = make_project(tmp_path_factory.mktemp("page") / "renders", scene, SPECS)
    make_repository(project.root)
    done = project.cosmos("apply", "--yes")
    assert done.returncode == 3, done.stderr
    return project


@pytest.fixture(scope="session")
def address(shown: Project) -> Iterator[str]:
    """Where its page is; the server ends with Ctrl-C, at once, though browsers were there."""
    words = [sys.executable, "-m", "cosmos", "ui", "--port", "0"]
    with subprocess.Popen(
        words, cwd=shown.root, env=shell_environment(), stderr=subprocess.PIPE, text=True
    ) as server:  # fmt: skip
        assert server.stderr is not None
        line = server.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        try:
            assert found, line + server.stderr.read() if server.poll() is not None else line
            yield found[0]
        finally:
            server.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                server.wait(20)
            ended = server.poll()
            server.kill()
    assert ended == 0
