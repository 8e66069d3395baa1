"""One controller at a time, never a lease that outlives its owner, and nothing written by one that lost it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

from cosmos.core.plan import Plan
from cosmos.core.reasons import Reason
from cosmos.core.recorded import AttemptState
from cosmos.engine.world import SystemClock
from cosmos.errors import BusyError, Fenced
from cosmos.state.database import Database, open_database
from cosmos.state.lease import STILL_S, Lease
from cosmos.state.process import Process, this_process
from cosmos.state.records import SqlRecords
from cosmos.state.tables import lease, metadata
from cosmos.state.transaction import Statement
from tests.makers import NOW, a_batch_id, a_batch_meta, a_ledger_entry, a_request, an_attempt
from tests.state.both import ON_BOTH

HOLD = """
import sys
from cosmos.engine.world import SystemClock
from cosmos.state.database import open_database
from cosmos.state.lease import Lease
from cosmos.state.process import this_process

lease = Lease(open_database(sys.argv[1]), this_process("me@here"), SystemClock(), beat_every_s=0.05)
with lease.held() as hold:
    print(hold.epoch, flush=True)
    sys.stdin.read()
"""

RACE = """
import json, sys
from cosmos.core.recorded import AttemptState
from cosmos.engine.world import SystemClock
from cosmos.errors import BusyError
from cosmos.state.database import open_database
from cosmos.state.lease import Lease
from cosmos.state.process import this_process
from cosmos.state.records import SqlRecords
from tests.makers import a_batch_meta, an_attempt

database, count = open_database(sys.argv[1], patience_s=60), int(sys.argv[2])
records = SqlRecords(database)
print("ready", flush=True)
sys.stdin.readline()
won = {}
while len(records.load({}).attempts) < count:
    try:
        with Lease(database, this_process("me@here"), SystemClock()).held() as hold:
            mine = won.setdefault(hold.epoch, [])
            known = {tried[0].key for tried in records.load({}).attempts.values()}
            for key in [f"city-{index}" for index in range(count) if f"city-{index}" not in known][:20]:
                attempt = an_attempt(key, state=AttemptState.INTENDED)
                assert records.under(hold).intend(attempt, {}, a_batch_meta(key))
                mine.append(key)
    except BusyError:
        continue
print(json.dumps(won), flush=True)
"""


class Time:
    """Both clocks; `pause` moves them. `when_paused` may do more."""

    def __init__(self) -> None:
        self.wall = NOW
        self.since_start = 0.0
        self.when_paused: Callable[[], object] = lambda: None

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.since_start

    def pause(self, seconds: float) -> None:
        self.wall += seconds
        self.since_start += seconds
        self.when_paused()


ELSEWHERE = Process(machine="m2", boot="b2", namespace="n2", pid=7, started="70", who="ann@workstation")


class Desk:
    """Controllers at one database, with a clock that moves when somebody waits."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.time = Time()
        self.told: list[str] = []

    def lease(self, process: Process) -> Lease:
        # the tests beat by hand
        return Lease(self.database, process, self.time, beat_every_s=3600, pause=self.time.pause)

    def here(self) -> Lease:
        return self.lease(this_process("me@here"))


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


@pytest.fixture
def owner(url: str, database: Database) -> Iterator["subprocess.Popen[str]"]:
    """Another process that has the lease."""
    words = [sys.executable, "-c", HOLD, url]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) > 0
        yield process
        process.kill()


def real(database: Database, still_s: float = STILL_S) -> Lease:
    return Lease(database, this_process("me@here"), SystemClock(), still_s=still_s)


# Who has it


@ON_BOTH
def test_a_second_controller_is_told_at_once_who_works(owner: "subprocess.Popen[str]", database: Database) -> None:
    begin = time.monotonic()
    with pytest.raises(BusyError, match=rf"process {owner.pid}, since 20\d\d-.*Z") as caught, real(database).held():
        pass
    assert time.monotonic() - begin < STILL_S
    assert f"kill {owner.pid}" in caught.value.hint
    assert caught.value.exit_code == 4


def test_the_lease_of_a_killed_process_is_free_at_once(owner: "subprocess.Popen[str]", database: Database) -> None:
    owner.send_signal(signal.SIGKILL)
    told: list[str] = []
    os.waitid(os.P_PID, owner.pid, os.WEXITED | os.WNOWAIT)  # a zombie, as long as nobody asked how it ended
    with real(database).held(tell=told.append):
        assert told == []


@ON_BOTH
def test_each_taking_has_a_later_epoch_and_the_end_frees_it(desk: Desk) -> None:
    epochs = []
    for _ in range(3):
        with desk.here().held() as hold:
            epochs.append(hold.epoch)
    assert epochs == [int(NOW * 1000), int(NOW * 1000) + 1, int(NOW * 1000) + 2]


def test_it_is_free_after_an_exception(desk: Desk) -> None:
    with pytest.raises(KeyError), desk.here().held():
        raise KeyError
    with desk.here().held():
        pass


def test_one_process_does_not_hold_it_twice(desk: Desk) -> None:
    with desk.here().held(), pytest.raises(BusyError, match=f"process {os.getpid()}"), desk.here().held():
        pass


def test_an_owner_on_another_machine_is_named_with_it(desk: Desk) -> None:
    with desk.lease(ELSEWHERE).held(), pytest.raises(BusyError, match="process 7 of ann@workstation") as caught:
        desk.here()._take(True, desk.told.append, lambda: False)
    assert "kill" not in caught.value.hint


@pytest.mark.parametrize(
    ("changes", "ended"),
    [
        ({"boot": "an-earlier-boot"}, True),
        ({"boot": "an-earlier-boot", "machine": "another"}, False),
        ({"boot": ""}, False),
        ({"started": "1"}, True),  # its number was given to another process
        ({"pid": 2**22 + 1}, True),
        ({"pid": 2**22 + 1, "namespace": "of a container"}, False),
        ({}, False),
    ],
)
def test_only_what_is_known_to_have_ended_is_taken_from_at_once(
    desk: Desk, changes: dict[str, Any], ended: bool
) -> None:
    """Whoever may live is not, however long ago its process began."""
    with desk.lease(replace(this_process("me@here"), **changes)).held():
        if ended:
            with desk.here().held(tell=desk.told.append):
                assert desk.time.since_start == 0.0
        else:
            with pytest.raises(BusyError):
                desk.here()._take(True, desk.told.append, lambda: False)
    assert desk.told == []


# Watching


@ON_BOTH
def test_a_silent_owner_is_watched_before_it_is_taken_from(desk: Desk) -> None:
    with desk.lease(ELSEWHERE).held() as old:
        desk.time.wall += 60
        with desk.here().held(tell=desk.told.append) as hold:
            assert hold.epoch > old.epoch
            assert STILL_S <= desk.time.since_start < STILL_S + 1
    assert desk.told == [
        "process 7 of ann@workstation works on this project and has been silent for 60 s; "
        "if it stays so for 15 s more, this one takes over"
    ]


@pytest.mark.parametrize("jump", [-3600.0, 90_000.0])
def test_no_jump_of_a_clock_ends_a_lease(desk: Desk, jump: float) -> None:
    """The clock of the holder, or that of the taker: what counts is that the beat moves."""
    with desk.lease(ELSEWHERE).held():
        desk.time.wall += jump
        desk.time.when_paused = lambda: beat(desk.database) if desk.time.since_start > STILL_S - 2 else None
        with pytest.raises(BusyError):
            desk.here()._take(True, desk.told.append, lambda: False)
    assert len(desk.told) == 1
    assert desk.time.since_start > STILL_S - 2


def beat(database: Database) -> None:
    with database.writing() as transaction:
        transaction.change(Statement(update(lease).values(beat=lease.c.beat + 1)))


def test_who_asks_again_and_again_has_watched(desk: Desk) -> None:
    """As `wait` does, which has something to show meanwhile."""
    asking = desk.here()
    with desk.lease(ELSEWHERE).held():
        for _ in range(7):
            with pytest.raises(BusyError), asking.held(watch=False):
                pass
            desk.time.pause(2.0)
        desk.time.pause(1.5)
        with asking.held(watch=False):
            pass


def test_who_wants_to_wait_no_more_is_let_go(desk: Desk) -> None:
    with desk.lease(ELSEWHERE).held():
        desk.time.wall += 60
        leaves_at = 3.0
        with pytest.raises(BusyError):
            desk.here()._take(True, desk.told.append, lambda: desk.time.since_start >= leaves_at)
    assert desk.time.since_start < leaves_at + 1


def test_the_beat_of_a_holder_moves_by_itself(owner: "subprocess.Popen[str]", database: Database) -> None:
    assert owner.poll() is None
    before, end = beats(database), time.monotonic() + 30
    while beats(database) == before:
        assert time.monotonic() < end
        time.sleep(0.05)


def beats(database: Database) -> int:
    with database.reading() as transaction:
        return int(transaction.value(Statement(select(lease.c.beat))))


# Fencing


def writes(records: SqlRecords, key: str) -> list[Callable[[], object]]:
    """All that an engine records of a run, in order."""
    attempt = an_attempt(key, state=AttemptState.INTENDED)
    batch = a_batch_id(key)
    return [
        lambda: records.intend(attempt, {}, a_batch_meta(key)),
        lambda: records.started(batch, NOW),
        lambda: records.failed(batch, Reason.TIMEOUT, "", NOW, cancelled=False),
        lambda: records.finished(a_ledger_entry(key), NOW),
        lambda: records.released(batch),
        lambda: records.event("Normal", key, "Started", "", NOW),
        lambda: records.save_statuses(Plan(), NOW),
    ]


@ON_BOTH
def test_what_a_controller_writes_after_another_took_over_is_refused_whole(desk: Desk) -> None:
    open_records = SqlRecords(desk.database)
    with desk.lease(ELSEWHERE).held() as old:
        late = open_records.under(old)
        late.intend(an_attempt("begun", state=AttemptState.INTENDED), {}, a_batch_meta("begun"))
        desk.time.wall += 60
        with desk.here().held() as new:
            before = everything(desk.database)
            for write in [*writes(late, "begun"), *writes(late, "new")]:
                with pytest.raises(Fenced, match=rf"process {os.getpid()} of me@here, since") as caught:
                    write()
                assert caught.value.exit_code == 4
            assert everything(desk.database) == before
            open_records.under(new).started(a_batch_id("begun"), NOW)
    open_records.request(a_request())


def everything(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.reading() as transaction:
        return {table.name: list(transaction.rows(Statement(table.select()))) for table in metadata.sorted_tables}


def test_the_end_of_one_that_lost_it_does_not_free_it(desk: Desk) -> None:
    with desk.lease(ELSEWHERE).held():
        desk.time.wall += 60
        taken = desk.here()._take(True, desk.told.append, lambda: False)
    with pytest.raises(BusyError, match=str(os.getpid())), desk.lease(ELSEWHERE).held():
        pass
    desk.here()._release(taken)


@ON_BOTH
def test_of_two_processes_that_race_each_run_is_claimed_once(url: str, database: Database) -> None:
    count = 200
    words = [sys.executable, "-c", RACE, url, str(count)]
    racers = [subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    first, second = (json.loads(racer.communicate(timeout=120)[0]) for racer in racers)
    assert first.keys() & second.keys() == set()
    claimed = [key for won in (first, second) for keys in won.values() for key in keys]
    assert sorted(claimed) == sorted(f"city-{index}" for index in range(count))


def test_a_holder_that_is_stopped_and_goes_on_can_write_nothing(url: str, database: Database) -> None:
    """The process stands still, as on a laptop that sleeps, while another one takes over."""
    words = [sys.executable, "-c", STOPPED, url]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            assert process.stdout.readline() == "written\n"
            process.send_signal(signal.SIGSTOP)
            time.sleep(1.0)  # silent for longer than it may be
            with real(database, still_s=0.5).held(tell=lambda words: None):
                process.send_signal(signal.SIGCONT)
                process.stdin.write("go on\n")
                process.stdin.flush()
                assert process.stdout.readline() == "fenced\n"
        finally:
            process.kill()
    with closing(open_database(url)) as after:
        assert {tried[0].key for tried in SqlRecords(after).load({}).attempts.values()} == {"one"}


STOPPED = """
import sys
from cosmos.core.recorded import AttemptState
from cosmos.engine.world import SystemClock
from cosmos.errors import Fenced
from cosmos.state.database import open_database
from cosmos.state.lease import Lease
from cosmos.state.process import this_process
from cosmos.state.records import SqlRecords
from tests.makers import a_batch_meta, an_attempt

database = open_database(sys.argv[1])
with Lease(database, this_process("me@here"), SystemClock(), beat_every_s=3600).held() as hold:
    records = SqlRecords(database).under(hold)
    records.intend(an_attempt("one", state=AttemptState.INTENDED), {}, a_batch_meta("one"))
    print("written", flush=True)
    sys.stdin.readline()
    try:
        records.intend(an_attempt("two", state=AttemptState.INTENDED), {}, a_batch_meta("two"))
    except Fenced:
        print("fenced", flush=True)
"""
