"""Law 2 between processes, and what a process that is killed leaves behind."""

import json
import signal
import subprocess
import sys
from contextlib import closing

import pytest
from sqlalchemy import text

from cosmos.core.recorded import AttemptState
from cosmos.state.database import Database, open_database
from cosmos.state.records import SqlRecords
from cosmos.state.transaction import Statement
from tests.makers import a_digest

CLAIM = """
import json, sys
from cosmos.core.recorded import AttemptState
from cosmos.state.database import open_database
from cosmos.state.records import SqlRecords
from tests.makers import a_batch_meta, an_attempt

url, number, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
records = SqlRecords(open_database(url))
print("ready", flush=True)
sys.stdin.readline()
won = []
for index in range(count):
    key = f"city-{index}"
    attempt = an_attempt(key, number=number, state=AttemptState.INTENDED)
    if records.intend(attempt, {}, a_batch_meta(key, number=number)):
        won.append(key)
print(json.dumps(won), flush=True)
"""

WORK = """
import sys
from cosmos.core.recorded import AttemptState
from cosmos.state.database import open_database
from cosmos.state.records import SqlRecords
from tests.makers import a_batch_id, a_batch_meta, a_ledger_entry, an_attempt

records = SqlRecords(open_database(sys.argv[1]))
for index in range(100_000):
    key = f"city-{index}"
    records.intend(an_attempt(key, state=AttemptState.INTENDED), {}, a_batch_meta(key))
    print(f"intended {key}", flush=True)
    records.started(a_batch_id(key), 1.0)
    records.finished(a_ledger_entry(key), 2.0)
    print(f"finished {key}", flush=True)
"""


def start(program: str, *words: str) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-c", program, *words]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_of_two_processes_exactly_one_gets_each_digest(database: Database, url: str) -> None:
    count = 60
    with start(CLAIM, url, "1", str(count)) as one, start(CLAIM, url, "2", str(count)) as other:
        for racer in (one, other):
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in (one, other):
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        first, second = (set(json.loads(racer.communicate(timeout=60)[0])) for racer in (one, other))
    assert first & second == set()
    assert first | second == {f"city-{index}" for index in range(count)}
    held = SqlRecords(database).load({}).attempts
    assert {digest: len(tried) for digest, tried in held.items()} == {
        a_digest(f"city-{index}"): 1 for index in range(count)
    }


@pytest.mark.parametrize("lines", [1, 2, 7, 20, 41])
def test_a_writer_killed_at_any_moment_loses_nothing_that_it_was_told(url: str, lines: int) -> None:
    with start(WORK, url) as writer:
        assert writer.stdout is not None
        told = [writer.stdout.readline().split() for _ in range(lines)]
        writer.send_signal(signal.SIGKILL)
        told += [line.split() for line in writer.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    with closing(open_database(url)) as database:
        with database.reading() as transaction:
            assert transaction.value(Statement(text("PRAGMA integrity_check"))) == "ok"
            assert transaction.row(Statement(text("PRAGMA foreign_key_check"))) is None
        loaded = SqlRecords(database).load({})
        states = {digest: tried[0].state for digest, tried in loaded.attempts.items()}
        assert {a_digest(key) for _, key in told} <= states.keys()
        assert {a_digest(key) for word, key in told if word == "finished"} <= loaded.ledger.keys()
        succeeded = {digest for digest, state in states.items() if state is AttemptState.SUCCEEDED}
        assert succeeded == loaded.ledger.keys()
