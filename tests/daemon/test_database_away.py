"""Daemons of two machines at one database of a server, which is stopped and started beside them."""

import json
from pathlib import Path

import pytest

from tests.cli.console import Console, wait_until
from tests.daemon.daemons import daemon, end
from tests.engine.workshop import WRITE, runs
from tests.services.postgres import Postgres

pytestmark = pytest.mark.needs("postgres")

FIRST = tuple("abcd")
MORE = tuple("efgh")


@pytest.fixture
def toml(postgres: Postgres) -> str:
    url = postgres.url(postgres.new_database())
    return f'[hosts.local]\nslots = 2\nworkdir = "work"\n[daemon]\nresync = "3s"\n[database]\nurl = "{url}"\n'


def health(console: Console) -> str:
    return str(json.loads((console.root / ".cosmos" / "daemon.json").read_text())["why"])


def test_two_daemons_outlive_their_database_and_launch_nothing_twice(
    console: Console, postgres: Postgres, tmp_path: Path
) -> None:
    """Both watch one folder, as of a share. The server ends while runs are started, run and end, more than once."""
    console.specs(runs(*FIRST), program=f"sleep 0.2; {WRITE}")
    first = daemon(console)
    second = console.start("daemon", "--working-tree")
    assert second.stderr is not None
    assert "standing by: another cosmos works on this project" in second.stderr.readline()
    wait_until(lambda: len(console.launches) >= 2)
    with postgres.away():
        wait_until(lambda: "cannot be used" in health(console))
    wait_until(lambda: len(console.launches) >= 3)
    with postgres.away():
        console.specs(runs(*FIRST, *MORE), program=f"sleep 0.2; {WRITE}")
    for key in (*FIRST, *MORE):
        wait_until(lambda: console.is_made(key))  # noqa: B023
    logs = [end(process) for process in (first, second)]

    assert [code for _, code in logs] == [0, 0]
    assert sorted(console.launches) == [*FIRST, *MORE]
    told = "".join(log for log, _ in logs)
    assert "the database postgresql://cosmos@/" in told
    assert "see that the server runs" in told
    assert "Traceback" not in told, told
    assert "a fault of cosmos" not in told, told
