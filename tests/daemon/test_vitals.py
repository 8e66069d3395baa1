"""What a daemon says of itself: alive as long as its loop moves, ready as long as it does what it is there for."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from cosmos.core.plan import Phase
from cosmos.core.problem import Code, Location, Problem
from cosmos.daemon.healthcheck import check
from cosmos.daemon.vitals import DEAD_S, LATE_S, Started, State, Vitals
from cosmos.errors import NotFoundError, StateError
from tests.daemon.told import a_host, a_pass, a_status
from tests.makers import NOW
from tests.projects import shell_environment

STARTED = Started(pid=os.getpid(), machine=socket.gethostname(), version="1.2.3", at=NOW - 100)


@dataclass
class Clock:
    at: float = 500.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def vitals(clock: Clock) -> Vitals:
    return Vitals(STARTED, "127.0.0.1:9464", clock)


def seen(vitals: Vitals) -> tuple[State, bool, bool]:
    health = vitals.health()
    return health.state, health.is_alive, health.is_ready


def test_it_is_ready_once_the_first_pass_is_over(vitals: Vitals) -> None:
    assert seen(vitals) == (State.STARTING, True, False)
    assert "first pass" in vitals.health().why
    vitals.passed(a_pass())
    assert seen(vitals) == (State.WORKING, True, True)
    assert vitals.health().why == ""


def test_a_pass_that_does_not_end_is_late_and_then_a_loop_that_hangs(vitals: Vitals, clock: Clock) -> None:
    vitals.passed(a_pass(next_at=NOW + 60))
    clock.at += 60 + LATE_S - 1
    assert seen(vitals) == (State.WORKING, True, True)
    clock.at += 2
    assert seen(vitals) == (State.LATE, True, False)
    clock.at += DEAD_S - LATE_S
    assert seen(vitals) == (State.HANGING, False, False)
    assert "901 s longer" in vitals.health().why
    vitals.passed(a_pass())
    assert seen(vitals) == (State.WORKING, True, True)


def test_a_first_pass_may_take_long_and_not_for_ever(vitals: Vitals, clock: Clock) -> None:
    clock.at += DEAD_S - 1
    assert seen(vitals) == (State.STARTING, True, False)
    clock.at += 2
    assert seen(vitals) == (State.HANGING, False, False)


def test_passes_that_fail_are_no_reason_to_start_anew(vitals: Vitals, clock: Clock) -> None:
    vitals.passed(a_pass(a_status("one", Phase.RUNNING), revision="abc"))
    for _ in range(50):
        vitals.failed("the database is locked\n  wait a little", NOW + 30, NOW + 90)
        clock.at += 60 + LATE_S + 1
        assert seen(vitals) == (State.FAILING, True, False)
    health = vitals.health()
    assert health.why == "the last pass failed: the database is locked; wait a little"
    assert health.record["error"] == {
        "message": "the database is locked\n  wait a little",
        "at": "2023-11-14T22:13:50.000Z",
    }
    assert (health.record["revision"], health.record["counts"]) == ("abc", {"Running": 1})
    vitals.passed(a_pass())
    assert (seen(vitals)[0], vitals.health().record["error"]) == (State.WORKING, None)


def test_one_that_waits_for_another_to_leave_is_alive_and_not_ready(vitals: Vitals, clock: Clock) -> None:
    vitals.passed(a_pass())
    vitals.stands_by("another cosmos works on this", NOW, NOW + 1)
    clock.at += LATE_S + 2
    assert seen(vitals) == (State.STANDING_BY, True, False)
    assert vitals.health().words == "standing by: another cosmos works on this"


def test_one_that_ends_is_not_ready_and_takes_its_time(vitals: Vitals, clock: Clock) -> None:
    vitals.passed(a_pass())
    vitals.ends()
    clock.at += 10 * DEAD_S
    assert seen(vitals) == (State.ENDING, True, False)
    vitals.passed(a_pass())
    vitals.failed("cut off", NOW, NOW)
    assert seen(vitals) == (State.ENDING, True, False)


def test_a_change_of_the_clock_makes_nothing_late(vitals: Vitals, clock: Clock) -> None:
    vitals.passed(a_pass(at=NOW - 1e6, next_at=NOW - 1e6 + 60))
    clock.at += 60
    assert seen(vitals) == (State.WORKING, True, True)
    vitals.passed(a_pass(at=NOW + 1e6, next_at=NOW + 1e6 + 60))
    clock.at += 60 + LATE_S + 1
    assert seen(vitals) == (State.LATE, True, False)


def test_the_record_has_what_there_is_to_know(vitals: Vitals) -> None:
    problem = Problem(Location("specs/a.yaml"), Code.SYNTAX, "no YAML")
    done = a_pass(
        *(a_status(f"run-{number}", Phase.SUCCEEDED) for number in range(3)),
        a_status("other", Phase.QUEUED),
        revision="3fa9c1",
        held_back="it is not signed",
        hosts=(a_host("near"), a_host("far", reachable=False)),
        problems=(problem,),
        troubles=("one: no disk", "two: no disk"),
    )
    vitals.passed(done)

    record = vitals.health().record
    assert json.loads(json.dumps(record)) == record
    assert record == {
        "format_version": 1,
        "state": "working",
        "ready": True,
        "why": "",
        "pid": os.getpid(),
        "machine": socket.gethostname(),
        "version": "1.2.3",
        "since": "2023-11-14T22:11:40.000Z",
        "address": "127.0.0.1:9464",
        "revision": "3fa9c1",
        "held_back": "it is not signed",
        "last_pass": "2023-11-14T22:13:20.000Z",
        "took_s": 0.25,
        "next": "2023-11-14T22:14:20.000Z",
        "hangs_after": "2023-11-14T22:29:20.000Z",
        "counts": {"Queued": 1, "Succeeded": 3},
        "hosts": {"reachable": 1, "all": 2},
        "away": ["far"],
        "problems": 1,
        "troubles": 2,
        "error": None,
    }
    assert vitals.health().words == "working: 1 Queued, 3 Succeeded"


def test_who_reads_the_health_file_never_finds_half_of_it(vitals: Vitals, tmp_path: Path) -> None:
    path = tmp_path / "state" / "daemon.json"
    vitals.write(path)
    over = threading.Event()
    sizes: set[int] = set()

    def read() -> None:
        while not over.is_set():
            sizes.add(len(json.loads(path.read_text())["counts"]))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(300):
        vitals.passed(a_pass(*(a_status(phase.value, phase) for phase in list(Phase)[: number % 11])))
        vitals.write(path)
    end = time.monotonic() + 60
    while len(sizes) < 2 and time.monotonic() < end:
        vitals.write(path)
    over.set()
    for reader in readers:
        reader.join()
    assert len(sizes) >= 2
    assert [one.name for one in path.parent.iterdir()] == ["daemon.json"]


def test_a_disk_that_refuses_is_logged_once(vitals: Vitals, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    for _ in range(3):
        vitals.write(tmp_path / "state" / "daemon.json")
    assert [record.message.partition(":")[0] for record in caplog.records] == ["the health file cannot be written"]
    (tmp_path / "state").unlink()
    vitals.write(tmp_path / "state" / "daemon.json")
    assert check(tmp_path / "state" / "daemon.json", NOW).startswith("starting")


def test_the_health_check_tells_a_daemon_that_moves_from_one_that_does_not(vitals: Vitals, tmp_path: Path) -> None:
    path = tmp_path / "daemon.json"
    with pytest.raises(NotFoundError, match="no daemon"):
        check(path, NOW)
    vitals.passed(a_pass())
    vitals.write(path)
    assert check(path, NOW + 60 + DEAD_S - 1) == "working"
    with pytest.raises(StateError, match="hangs"):
        check(path, NOW + 60 + DEAD_S + 1)
    vitals.ends()
    vitals.write(path)
    assert check(path, NOW + 1e6) == "ending: it was told to end"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pid": null}', "\0"])
def test_a_health_file_that_is_none_is_not_healthy(text: str, tmp_path: Path) -> None:
    path = tmp_path / "daemon.json"
    path.write_text(text)
    with pytest.raises(StateError, match="cannot be read"):
        check(path, NOW)


def test_a_daemon_that_was_killed_is_known_at_once(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "600"]) as process:
        vitals = Vitals(Started(pid=process.pid, machine=socket.gethostname(), version="1", at=NOW))
        vitals.write(tmp_path / "daemon.json")
        alive = check(tmp_path / "daemon.json", NOW)
        process.kill()
    assert alive.startswith("starting")
    with pytest.raises(NotFoundError, match=f"process {process.pid} has ended"):
        check(tmp_path / "daemon.json", NOW)


def test_the_health_check_is_a_program(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()

    def run(*words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "cosmos.daemon.healthcheck", *words]
        return subprocess.run(
            command, env={**shell_environment(), **variables}, capture_output=True, text=True, timeout=60, check=False
        )

    none = run(str(tmp_path))
    assert (none.returncode, none.stdout) == (1, "")
    assert "no daemon" in none.stderr
    vitals = Vitals(STARTED)
    vitals.passed(a_pass(at=time.time(), next_at=time.time() + 600))
    vitals.write(tmp_path / ".cosmos" / "daemon.json")
    found = run(COSMOS_PROJECT_DIR=str(tmp_path))
    assert (found.returncode, found.stdout, found.stderr) == (0, "working\n", "")
