"""What is the same for every command: the project it is for, its streams, its exit code."""

from pathlib import Path

from cosmos.core.plan import Phase, RunStatus, Sync
from cosmos.core.problem import Code, Location, Problem
from cosmos.outcome import Outcome
from tests.cli.console import Console
from tests.engine.workshop import runs


def test_a_project_can_be_named_from_elsewhere(console: Console, tmp_path: Path) -> None:
    console.specs(runs("one"))
    elsewhere = Console(tmp_path / "elsewhere")
    there = str(console.root)

    assert elsewhere.cosmos("-C", there, "plan").stdout == elsewhere.cosmos("plan", COSMOS_PROJECT_DIR=there).stdout
    assert "+ run one" in elsewhere.cosmos("-C", there, "plan").stdout
    below = console.root / "inputs" / "city"
    below.mkdir(parents=True)
    assert "+ run one" in elsewhere.cosmos("-C", str(below), "plan").stdout
    missing = elsewhere.cosmos("-C", str(tmp_path / "missing"), "plan")
    assert missing.returncode == 64


def test_no_reader_is_no_fault(console: Console) -> None:
    console.specs(runs("one"))
    process = console.start("plan")
    assert process.stdout is not None
    process.stdout.close()
    _, talk = process.communicate(timeout=60)

    assert (process.returncode, talk) == (141, "")


def test_an_answer_that_cannot_be_written_is_an_error(console: Console) -> None:
    console.specs(runs("one"))
    with Path("/dev/full").open("w") as full:
        process = console.start("plan", stdout=full)
        _, talk = process.communicate(timeout=60)

    assert (process.returncode, talk) == (1, "error: cannot write the answer: No space left on device\n")


def test_an_outcome_has_the_exit_code_of_what_a_script_must_know_first() -> None:
    at = Location("specs/a.yaml")

    def status(phase: Phase, sync: Sync = Sync.OUT_OF_SYNC, *, stuck: bool = False) -> RunStatus:
        return RunStatus(key="one", run_id="rs_1", digest=None, sync=sync, phase=phase, at=at, stuck=stuck)

    failed, unseen = status(Phase.FAILED), status(Phase.RUNNING, Sync.UNKNOWN)
    codes = [
        (Outcome(statuses=(status(Phase.SUCCEEDED, Sync.SYNCED), status(Phase.CANCELLED))), 0),
        (Outcome(statuses=(failed,)), 3),
        (Outcome(statuses=(status(Phase.QUEUED, stuck=True),)), 3),
        (Outcome(statuses=(failed, unseen)), 6),
        (Outcome(statuses=(unseen,), timed_out=True), 5),
        (Outcome(statuses=(), timed_out=True, troubles=("disk full",)), 1),
        (Outcome(statuses=(), problems=(Problem(at, Code.SYNTAX, "not YAML"),)), 1),
        (Outcome(statuses=(failed,), detached=True, troubles=("disk full",)), 130),
    ]
    assert [outcome.exit_code for outcome, _ in codes] == [code for _, code in codes]
