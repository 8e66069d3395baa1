"""A machine that sleeps: a daemon that was stopped for longer than it may be silent, alone and beside another."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.console import Console, wait_until
from tests.daemon.daemons import Process, end
from tests.engine.controllers import go_on, pause
from tests.engine.workshop import runs

STILL_S = 2.0

HASTY = """
import logging
import sys
from pathlib import Path
from cosmos.cli.interrupt import Interrupt
from cosmos.daemon.audience import Audience
from cosmos.daemon.daemon import Daemon
from cosmos.state.lease import Lease
from cosmos.state.process import this_process
from tests.engine.workshop import Workshop

logging.basicConfig(level=logging.INFO)
with Workshop(Path(sys.argv[1]), toml=sys.argv[2]).api() as api:
    project = api._project
    project.lease = Lease(
        project.database, this_process("me@here"), project.world.clock, beat_every_s=0.2, still_s=float(sys.argv[3])
    )
    made = Daemon(api, working_tree=True, grace_s=10.0)
    with Audience(api.settings, made.look) as audience, Interrupt(made.stop):
        made.run(audience)
"""
"""A daemon that takes another one for dead soon; no file wakes it, but it looks often."""


@pytest.fixture
def begin(console: Console, tmp_path: Path) -> Iterator[Callable[[str], Process]]:
    """Start a daemon, with a log of that name."""
    started: list[Process] = []

    def start(name: str) -> Process:
        with (tmp_path / name).open("w") as log:
            words = [sys.executable, "-c", HASTY, str(console.root), console.toml, str(STILL_S)]
            started.append(subprocess.Popen(words, cwd=Path(__file__).parents[2], stderr=log, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def acts(console: Console, process: Process) -> bool:
    time.sleep(0.2)  # asking takes more than that
    note = console.daemon()
    return note is not None and note.name == f"process {process.pid}"


@pytest.mark.parametrize("toml", ['[hosts.local]\nslots = 2\n[daemon]\nresync = "1s"\n'])
def test_it_goes_on_alone_and_stands_by_where_another_acts(
    console: Console, begin: Callable[[str], Process], tmp_path: Path
) -> None:
    console.specs(runs("one"), program=console.slow())
    first = begin("first")
    wait_until(lambda: console.launches == ["one"])
    pause(first, console)
    time.sleep(STILL_S)
    console.specs(runs("one", "two", "three"), program=console.slow())
    go_on(first)
    wait_until(lambda: len(console.launches) == 2)

    second = begin("second")
    wait_until(lambda: "standing by" in (tmp_path / "second").read_text())
    pause(first, console)
    wait_until(lambda: acts(console, second))
    go_on(first)
    wait_until(lambda: "standing by" in (tmp_path / "first").read_text())
    console.go.touch()
    wait_until(
        lambda: all(
            (console.root / "outputs" / name / "latest" / "out.txt").exists() for name in ("one", "two", "three")
        )
    )
    assert "another cosmos acts on this project now" in (tmp_path / "first").read_text()

    assert end(second)[1] == 0
    wait_until(lambda: acts(console, first))
    assert end(first)[1] == 0
    assert sorted(console.launches) == ["one", "three", "two"]
