"""A controller that goes away at any moment, and the next one that takes over."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cosmos.core.digest import batch_id
from cosmos.core.plan import Act, Cause, Operation, Phase
from cosmos.core.reasons import Reason
from cosmos.core.recorded import AttemptState
from cosmos.engine.execute import intend
from cosmos.errors import BusyError, RefusedError
from cosmos.views import RunDetails
from tests.engine.workshop import WRITE, Workshop, runs


def _wait_until(holds: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


def _is_alive(pid: int) -> bool:
    """A zombie is not: only its parent has not asked yet how it ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _slow(go: Path) -> str:
    """A program that ends well once the file `go` is there."""
    return f"while [ ! -e {go} ]; do sleep 0.05; done; {WRITE}"


APPLY = """
import sys
from pathlib import Path
from tests.engine.workshop import Workshop
Workshop(Path(sys.argv[1])).apply()
"""


def _controller(workshop: Workshop) -> "subprocess.Popen[bytes]":
    root = Path(__file__).resolve().parent.parent.parent
    return subprocess.Popen(
        [sys.executable, "-c", APPLY, str(workshop.root)], cwd=root, stderr=subprocess.DEVNULL, start_new_session=True
    )


def test_detaching_leaves_the_work_running_and_wait_collects_it(workshop: Workshop) -> None:
    go = workshop.root / "go"
    workshop.specs(runs("one"), program=_slow(go))
    with workshop.api() as api:
        view = api.plan()

        def leave() -> None:
            _wait_until(lambda: bool(workshop.launches))
            api.detach()

        threading.Thread(target=leave).start()
        outcome = api.apply(view)
    assert outcome.exit_code == 130
    go.touch()
    with workshop.api() as api:
        assert api.wait(timeout_s=30).exit_code == 0

    assert workshop.output("one") == "Heavy rain one"
    assert workshop.launches == ["one"]


def test_wait_starts_nothing(workshop: Workshop) -> None:
    workshop.specs(runs("one"))
    with workshop.api() as api:
        api.wait(timeout_s=10)

    assert workshop.launches == []


def test_a_fresh_database_adopts_what_runs(workshop: Workshop) -> None:
    go = workshop.root / "go"
    workshop.specs(runs("one"), program=_slow(go))
    workshop.apply(wait=False)
    _wait_until(lambda: bool(workshop.launches))
    for path in (workshop.root / ".cosmos").glob("state.db*"):
        path.unlink()
    assert "> adopt one   orphaned" in workshop.plan_text()
    go.touch()
    outcome = workshop.apply()

    assert outcome.exit_code == 0
    assert workshop.output("one") == "Heavy rain one"
    assert workshop.launches == ["one"]
    workshop.specs(runs("one", "two"), program=_slow(go))
    assert re.search(r"^\+ run two .* ~\d+\w* learned$", workshop.plan_text(), re.MULTILINE)


def _lose_the_database(workshop: Workshop) -> None:
    for path in (workshop.root / ".cosmos").glob("state.db*"):
        path.unlink()


def test_a_fresh_database_takes_up_the_results_in_outputs(workshop: Workshop) -> None:
    workshop.specs(runs("one", "two"))
    workshop.apply()
    (made,) = (workshop.root / "outputs" / "one" / "latest").glob("out.txt")
    before = made.stat()
    _lose_the_database(workshop)
    assert re.search(r"^> adopt one   orphaned   found in outputs/one/\w{8}$", workshop.plan_text(), re.MULTILINE)
    assert workshop.apply().exit_code == 0

    assert sorted(workshop.launches) == ["one", "two"]
    assert (made.stat().st_ino, made.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    with workshop.api() as api:
        details = api.show("run/one")
    assert isinstance(details, RunDetails)
    assert [attempt.state for attempt in details.attempts] == [AttemptState.SUCCEEDED]
    assert "No changes" in workshop.plan_text()
    workshop.specs(runs("three"))
    assert re.search(r"^\+ run three .* ~\d+\w* learned$", workshop.plan_text(), re.MULTILINE)


@pytest.mark.parametrize("lost", ["out.txt", "provenance.json"])
def test_what_is_not_whole_in_outputs_is_no_result(workshop: Workshop, lost: str) -> None:
    """A file that is gone comes from the store; one that is nowhere is not made up."""
    workshop.specs(runs("one"))
    workshop.apply()
    (workshop.root / "outputs" / "one" / "latest" / lost).unlink()
    shutil.rmtree(workshop.root / ".cosmos" / "store")
    _lose_the_database(workshop)
    assert workshop.apply().exit_code == 0
    assert workshop.launches == ["one", "one"]
    assert workshop.output("one") == "Heavy rain one"


def test_a_record_beside_an_output_that_was_edited_proves_nothing(workshop: Workshop) -> None:
    workshop.specs(runs("one"))
    workshop.apply()
    record = workshop.root / "outputs" / "one" / "latest" / "provenance.json"
    for text in ("[]", "{", '{"format_version": 1}', record.read_text().replace('"sha256": "', '"sha256": "0')):
        record.unlink()
        record.write_text(text)
        _lose_the_database(workshop)
        assert "+ run one   never_ran" in workshop.plan_text()


def test_a_second_controller_is_told_who_acts(workshop: Workshop) -> None:
    go = workshop.root / "go"
    workshop.specs(runs("one"), program=_slow(go))
    with workshop.api() as first, workshop.api() as second:
        view = first.plan()
        thread = threading.Thread(target=first.apply, args=(view,))
        thread.start()
        _wait_until(lambda: bool(workshop.launches))
        with pytest.raises(BusyError, match=str(os.getpid())):
            second.apply(second.plan())
        go.touch()
        thread.join()

    assert workshop.launches == ["one"]


def test_cancel_stops_a_run_and_what_it_started(workshop: Workshop) -> None:
    child = workshop.root / "child"
    workshop.specs(runs("one"), program=f"trap '' TERM; sleep 600 & echo $! > {child}; wait; wait")
    workshop.apply(wait=False)
    _wait_until(lambda: child.exists() and bool(child.read_text().strip()))
    with workshop.api() as api:
        outcome = api.cancel(["one"], why="wrong scene")

    assert [status.phase for status in outcome.statuses] == [Phase.CANCELLED]
    assert not _is_alive(int(child.read_text()))
    workshop.apply()
    assert workshop.launches == ["one"]
    with workshop.api() as api:
        assert api.retry(["one"]) == ["one"]


def test_cancelled_before_it_ran_never_runs(workshop: Workshop) -> None:
    workshop.specs(runs("one", "two"))
    with workshop.api() as api:
        api.cancel(["one"])
    workshop.apply()

    assert workshop.launches == ["two"]


def test_there_is_nothing_to_cancel_or_retry_of_what_is_finished(workshop: Workshop) -> None:
    workshop.specs(runs("one"))
    workshop.apply()
    with workshop.api() as api:
        with pytest.raises(RefusedError, match="finished: there is nothing to stop, and nothing was noted"):
            api.cancel(["one"])
        with pytest.raises(RefusedError, match="none of these runs has failed"):
            api.retry(["one"])
        assert not [event for event in api.upkeep.events() if "Requested" in event.reason]
    workshop.specs(runs("one", "two"))
    with workshop.api() as api:
        outcome = api.cancel(["one", "two"])
    assert {status.key: status.phase for status in outcome.statuses}["two"] is Phase.CANCELLED


def test_an_edited_spec_lets_the_running_work_finish_and_keeps_its_result(workshop: Workshop) -> None:
    go = workshop.root / "go"
    workshop.specs(runs("one"), program=_slow(go))
    workshop.apply(wait=False)
    _wait_until(lambda: bool(workshop.launches))
    workshop.specs(runs("one").replace("word: one", "word: other"), program=_slow(go))
    go.touch()
    workshop.apply()
    assert workshop.output("one") == "Heavy rain other"
    workshop.specs(runs("one"), program=_slow(go))
    workshop.apply()

    assert workshop.output("one") == "Heavy rain one"
    assert sorted(workshop.launches) == ["one", "other"]


def test_a_killed_program_is_tried_again(workshop: Workshop) -> None:
    """The whole session dies without an exit record, as when the kernel runs out of memory."""
    workshop.specs(runs("one"), program=f'[ "$(wc -l < {workshop.counter})" -ge 2 ] || kill -9 $PPID $$; {WRITE}')
    outcome = workshop.apply(timeout_s=90)

    assert outcome.exit_code == 0
    assert workshop.launches == ["one", "one"]
    with workshop.api() as api:
        states = [attempt.state for attempt in api.show("run/one").attempts]  # type: ignore[union-attr]
    assert states == [AttemptState.FAILED, AttemptState.SUCCEEDED]


def test_killed_at_many_moments_every_run_is_launched_once(workshop: Workshop) -> None:
    names = [f"run{number}" for number in range(8)]
    workshop.specs(runs(*names), program=f"sleep 0.1; {WRITE}")
    for moment in (0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8):
        controller = _controller(workshop)
        try:
            controller.wait(timeout=moment)
        except subprocess.TimeoutExpired:
            os.killpg(controller.pid, signal.SIGKILL)
            controller.wait()
    outcome = workshop.apply()

    assert outcome.exit_code == 0
    assert sorted(workshop.launches) == names
    assert [workshop.output(name) for name in names] == [f"Heavy rain {name}" for name in names]


def test_since_gives_what_a_running_program_wrote_lately(workshop: Workshop) -> None:
    go = workshop.root / "go"
    workshop.specs(runs("one"), program=f"echo early; sleep 5; echo late; {_slow(go)}")
    workshop.apply(wait=False)
    with workshop.api() as api:
        _wait_until(lambda: b"late" in b"".join(api.logs("one")))

        assert b"".join(api.logs("one", since_s=3600)) == b"early\nlate\n"
        assert b"".join(api.logs("one", since_s=2)) == b"late\n"
        assert b"".join(api.logs("one", tail=1)) == b"late\n"
    go.touch()
    workshop.apply()
    with workshop.api() as api:
        assert b"".join(api.logs("one", since_s=0)) in (b"", b"late\n")
        assert b"".join(api.logs("one")) == b"early\nlate\n"


def test_a_run_directory_that_is_removed_leaves_no_second_program(workshop: Workshop) -> None:
    go = workshop.root / "go"
    workshop.specs(runs("one"), program=f"echo $$ >> {workshop.root}/pids; {_slow(go)}")
    workshop.apply(wait=False)
    _wait_until((workshop.root / "pids").exists)
    shutil.rmtree(workshop.root / ".cosmos" / "work")
    assert workshop.apply(timeout_s=10).timed_out  # within which the next attempt begins
    _wait_until(lambda: len((workshop.root / "pids").read_text().split()) == 2)
    first, second = map(int, (workshop.root / "pids").read_text().split())

    assert (_is_alive(first), _is_alive(second)) == (False, True)
    go.touch()
    assert workshop.apply().exit_code == 0


def test_a_cancel_covers_a_launch_of_the_same_moment(workshop: Workshop) -> None:
    """The cancel is written while a controller has read the database and not yet launched."""
    workshop.specs(runs("one"), program="sleep 600")
    with workshop.api() as api:
        api.cancel(["one"])
        view = api.plan()
        asked = api._project.records.load({want.run.id: want.digest for want in view.desired.runs}).requests
        assert [request.after for request in asked.values()] == [0]
    # what that controller then does, not knowing of the cancel
    project = workshop.api()._project
    want = view.desired.runs[0]
    launch = Operation(
        act=Act.LAUNCH,
        cause=Cause.NEVER_RAN,
        key="one",
        digest=want.digest,
        host="local",
        batch_id=batch_id(want.run.id, want.digest, 1),
        attempt=1,
    )
    assert intend(launch, want, project.world)
    project.close()
    outcome = workshop.apply()

    assert [status.phase for status in outcome.statuses] == [Phase.CANCELLED]
    assert workshop.launches == []


def test_work_on_a_host_that_is_gone_from_the_configuration_does_not_hold_apply(workshop: Workshop) -> None:
    go = workshop.root / "go"
    workshop.specs(runs("one"), program=_slow(go))
    workshop.apply(wait=False)
    _wait_until(lambda: bool(workshop.launches))
    toml = workshop.root / "cosmos.toml"
    toml.write_text(toml.read_text().replace("hosts.local", "hosts.other"))
    outcome = workshop.apply(timeout_s=20)

    assert not outcome.timed_out
    assert outcome.exit_code == 6
    toml.write_text(toml.read_text().replace("hosts.other", "hosts.local"))
    go.touch()
    assert workshop.apply().exit_code == 0
    assert workshop.launches == ["one"]


def test_outputs_that_cannot_be_listed_are_a_failure_and_not_a_trap(workshop: Workshop) -> None:
    program = f'cd "$(dirname "$3")" && for i in $(seq 10001); do : > f$i; done; {WRITE}'
    workshop.specs(runs("one"), program=program)
    outcome = workshop.apply()

    assert [status.reason for status in outcome.failed] == [Reason.OUTPUT_INVALID]


def test_wait_takes_over_from_a_controller_that_left(workshop: Workshop) -> None:
    go = workshop.root / "go"
    workshop.specs(runs("one"), program=_slow(go))
    controller = _controller(workshop)
    _wait_until(lambda: bool(workshop.launches))

    def leave() -> None:
        os.killpg(controller.pid, signal.SIGKILL)
        controller.wait()
        go.touch()

    threading.Timer(1.0, leave).start()
    with workshop.api() as api:
        assert api.wait(timeout_s=40).exit_code == 0
    assert workshop.output("one") == "Heavy rain one"
