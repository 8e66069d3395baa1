"""Programs that somebody else ends, or that come to nothing: what is recorded, and what is tried again."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from cosmos.core.reasons import Reason
from cosmos.core.recorded import Attempt
from tests.engine.workshop import WRITE, Workshop, runs

SLOW_AT_FIRST = f"echo $$ >> {{pids}}; [ $(wc -l < {{pids}}) -gt 1 ] || while :; do sleep 0.05; done; {WRITE}"
"""Only the first attempt never ends by itself."""


def attempts(workshop: Workshop, key: str = "one") -> tuple[Attempt, ...]:
    with workshop.api() as api:
        return api._project.records.attempts_of(api.show(key).run.id)  # type: ignore[union-attr]


def once(holds: Callable[[], bool], do: Callable[[], None], seconds: float = 30) -> threading.Thread:
    """Do something once something holds, while the test is busy with an apply."""

    def wait() -> None:
        end = time.monotonic() + seconds
        while not holds() and time.monotonic() < end:
            time.sleep(0.02)
        do()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def has_pid(path: Path) -> Callable[[], bool]:
    return lambda: path.exists() and path.read_text().endswith("\n")


def test_a_program_that_somebody_else_kills_is_tried_again(workshop: Workshop) -> None:
    pids = workshop.root / "pids"
    workshop.specs(runs("one"), program=SLOW_AT_FIRST.format(pids=pids))
    once(has_pid(pids), lambda: os.kill(int(pids.read_text().split()[0]), signal.SIGKILL))
    assert workshop.apply().exit_code == 0
    first, second = attempts(workshop)
    assert (first.reason, second.reason) == (Reason.KILLED, None)
    assert first.message.startswith("ended by signal KILL, which was not sent from here")


def test_a_batch_that_somebody_else_tells_to_end_is_tried_again_whatever_its_program_ends_with(
    workshop: Workshop,
) -> None:
    """As at a shutdown: TERM to everything. The program says goodbye, and ends well with half an output."""
    pids = workshop.root / "pids"
    goodbye = f"trap 'printf half > \"$3\"; exit 0' TERM; {SLOW_AT_FIRST.format(pids=pids)}"
    workshop.specs(runs("one"), program=goodbye)

    def shut_down() -> None:
        (runner,) = [
            int(path.parent.name)
            for path in Path("/proc").glob("[0-9]*/cmdline")
            if str(workshop.root).encode() in path.read_bytes() and path.read_bytes().endswith(b"run.sh\0")
        ]
        os.kill(runner, signal.SIGTERM)

    once(has_pid(pids), shut_down)
    assert workshop.apply().exit_code == 0
    first, _ = attempts(workshop)
    assert first.reason is Reason.KILLED
    assert first.message.startswith("the run was told to end, and not from here")
    assert workshop.output("one") == "Heavy rain one"


def test_what_a_spec_lists_is_tried_again_up_to_its_limit(workshop: Workshop) -> None:
    workshop.specs(runs("one", more="retry: {limit: 1, on: [ProgramFailed]}"), program="exit 3")
    assert workshop.apply().exit_code == 3
    assert [attempt.reason for attempt in attempts(workshop)] == [Reason.PROGRAM_FAILED] * 2
    assert workshop.launches == ["one", "one"]


def test_a_program_that_hangs_is_ended_and_tried_again_and_the_next_one_counts(workshop: Workshop) -> None:
    pids = workshop.root / "pids"
    workshop.specs(runs("one", more="stall: 1s"), program=SLOW_AT_FIRST.format(pids=pids))
    assert workshop.apply().exit_code == 0
    first, second = attempts(workshop)
    assert (first.reason, second.reason) == (Reason.STALLED, None)
    assert "cosmos: neither log nor outputs grew for 1 s" in first.message
    assert workshop.output("one") == "Heavy rain one"
