"""Records and hosts against each other: one row for each thing that differs, and for what is no flaw."""

from dataclasses import replace

import pytest

from cosmos.core.audit import on_hosts, unknown_schemas, without_host
from cosmos.core.flaw import FlawKind
from cosmos.core.observed import BatchState, ObservedBatch
from cosmos.core.recorded import Attempt, AttemptState, Recorded
from tests.makers import a_ledger_entry, an_attempt, an_observed_batch, reachable, unreachable

HOST = "local"


def recorded(*attempts: Attempt) -> Recorded:
    return Recorded(attempts={attempt.digest: (attempt,) for attempt in attempts})


def kinds(batch: ObservedBatch | None, *attempts: Attempt, before: Recorded | None = None) -> list[FlawKind]:
    known = recorded(*attempts)
    look = reachable(*([batch] if batch else []))
    return [flaw.kind for flaw in on_hosts(before or known, {HOST: look}, known)]


EXITED = an_observed_batch(state=BatchState.EXITED)
ENDED = an_attempt(state=AttemptState.SUCCEEDED)


@pytest.mark.parametrize(
    ("batch", "attempts", "expected"),
    [
        (EXITED, (), FlawKind.RUN_DIRECTORY_UNKNOWN),
        (EXITED, (ENDED,), FlawKind.RUN_DIRECTORY_KEPT),
        (an_observed_batch(), (ENDED,), FlawKind.STILL_ALIVE),
        (replace(EXITED, meta=None), (), FlawKind.RUN_DIRECTORY_UNREADABLE),
        (an_observed_batch(state=BatchState.PARTIAL), (), FlawKind.RUN_DIRECTORY_INCOMPLETE),
        (None, (an_attempt(),), FlawKind.WORK_GONE),
        (None, (an_attempt(state=AttemptState.INTENDED),), FlawKind.WORK_NOT_STARTED),
    ],
)
def test_what_differs_is_named(batch: ObservedBatch | None, attempts: tuple[Attempt, ...], expected: FlawKind) -> None:
    assert kinds(batch, *attempts) == [expected]


@pytest.mark.parametrize("state", list(BatchState))
def test_what_an_open_attempt_stands_for_is_no_flaw(state: BatchState) -> None:
    assert kinds(an_observed_batch(state=state), an_attempt()) == []


def test_what_is_over_and_gone_is_no_flaw() -> None:
    assert kinds(None, ENDED) == []


def test_what_another_controller_did_during_the_look_is_no_flaw() -> None:
    started = an_attempt()
    assert kinds(None, ENDED, before=recorded(started)) == []
    assert kinds(None, started, before=Recorded()) == []
    assert kinds(an_observed_batch(), started, before=Recorded()) == []


def test_of_a_host_that_cannot_be_looked_at_nothing_is_concluded() -> None:
    known = recorded(an_attempt())
    (flaw,) = on_hosts(known, {HOST: unreachable()}, known)
    assert (flaw.kind, flaw.is_note, flaw.fixable) == (FlawKind.HOST_UNREACHABLE, False, False)
    assert "timed out" in flaw.words


def test_an_open_attempt_on_a_host_that_is_not_configured_is_named() -> None:
    known = recorded(an_attempt(), replace(ENDED, host="elsewhere"))
    assert without_host(known, [HOST]) == []
    (flaw,) = without_host(recorded(an_attempt()), ["other"])
    assert flaw.kind is FlawKind.HOST_NOT_CONFIGURED


@pytest.mark.parametrize(("schema", "count"), [(0, 1), (1, 0), (2, 1)])
def test_results_of_an_unknown_digest_schema_are_named(schema: int, count: int) -> None:
    assert len(unknown_schemas([a_ledger_entry(schema=schema)])) == count
