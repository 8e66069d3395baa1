"""What may be removed: one test for each thing that keeps something from being garbage."""

from dataclasses import replace

import pytest

from cosmos.core.desired import Desired
from cosmos.core.garbage import GRACE_S, Kind, Sorted, in_store, logs, needed_blobs, on_host
from cosmos.core.observed import BatchState, ObservedBatch
from cosmos.core.recorded import Attempt, AttemptState, Recorded
from cosmos.core.stock import Stock, Stored
from tests.makers import (
    a_blob,
    a_digest,
    a_file,
    a_ledger_entry,
    a_request,
    a_want,
    an_attempt,
    an_observed_batch,
    reachable,
)

OLD = 10 * GRACE_S
COLOR = a_blob("color").sha256
DAY = 86400.0


def kept(idle_s: float = OLD, size: int = 100, links: int = 1) -> Stored:
    return Stored(size=size, idle_s=idle_s, links=links)


def recorded(*attempts: Attempt, done: bool = False) -> Recorded:
    entry = a_ledger_entry()
    tried = {attempt.digest: (attempt,) for attempt in attempts}
    return Recorded(attempts=tried, ledger={entry.digest: entry} if done else {})


def on(batch: ObservedBatch, known: Recorded, *, idle_s: float = OLD, least: float = GRACE_S) -> Sorted:
    """What of one run directory, unused for `idle_s`, is garbage; its result is whole in the store when it is done."""
    stock = Stock(folders={batch.batch_id: kept(idle_s)})
    durable = frozenset(known.ledger)
    return on_host("gpu", reachable(batch), stock, known, needed=frozenset(), durable=durable, idle_s=least)


def ended(state: AttemptState = AttemptState.SUCCEEDED) -> Attempt:
    return an_attempt(state=state)


EXITED = an_observed_batch(state=BatchState.EXITED)


def test_an_ended_run_directory_whose_result_is_durable_is_garbage() -> None:
    found = on(EXITED, recorded(ended(), done=True))
    assert [(each.kind, each.place, each.name, each.size) for each in found.garbage] == [
        (Kind.RUN_DIRECTORY, "gpu", EXITED.batch_id, 100)
    ]
    assert found.held == ()


@pytest.mark.parametrize("state", [AttemptState.FAILED, AttemptState.CANCELLED])
def test_a_kept_run_directory_of_a_failed_attempt_is_garbage_once_it_is_old(state: AttemptState) -> None:
    assert len(on(EXITED, recorded(ended(state)), idle_s=2 * DAY, least=DAY).garbage) == 1
    assert on(EXITED, recorded(ended(state)), idle_s=DAY / 2, least=DAY) == Sorted()


def test_what_may_be_the_last_copy_of_a_result_stays_and_is_named() -> None:
    found = on(EXITED, recorded(ended()))
    assert found.garbage == ()
    assert "last copy" in found.held[0]


@pytest.mark.parametrize("state", [AttemptState.INTENDED, AttemptState.STARTED])
@pytest.mark.parametrize("batch", [EXITED, an_observed_batch(state=BatchState.PARTIAL)])
def test_what_an_open_attempt_stands_for_stays(state: AttemptState, batch: ObservedBatch) -> None:
    assert on(batch, recorded(an_attempt(state=state), done=True)) == Sorted()


@pytest.mark.parametrize(
    "batch", [an_observed_batch(), an_observed_batch(state=BatchState.LOST, survivors=1)], ids=["alive", "survivors"]
)
def test_what_is_alive_stays_whatever_is_recorded(batch: ObservedBatch) -> None:
    for known in (recorded(ended(), done=True), recorded()):
        found = on(batch, known)
        assert found.garbage == ()
        assert "alive" in found.held[0]


@pytest.mark.parametrize("state", [BatchState.PREPARED, BatchState.EXITED, BatchState.LOST])
def test_what_the_database_does_not_know_stays(state: BatchState) -> None:
    found = on(an_observed_batch(state=state), recorded())
    assert found.garbage == ()
    assert "does not know" in found.held[0]


def test_a_preparation_that_was_cut_off_goes_after_the_grace_and_only_with_a_name_of_ours() -> None:
    partial = an_observed_batch(state=BatchState.PARTIAL)
    assert len(on(partial, recorded(), least=DAY).garbage) == 1
    assert on(partial, recorded(), idle_s=GRACE_S - 1) == Sorted()
    assert on(replace(partial, batch_id="my-notes"), recorded()).garbage == ()


def test_a_run_directory_that_came_after_the_listing_stays() -> None:
    look = reachable(EXITED)
    known = recorded(ended(), done=True)
    assert on_host("gpu", look, Stock(), known, needed=(), durable=known.ledger.keys(), idle_s=0) == Sorted()


def blobs_on(needed: frozenset[str] | None, **blob: float) -> Sorted:
    stock = Stock(blobs={COLOR: kept(**blob)})  # type: ignore[arg-type]
    return on_host("gpu", reachable(), stock, Recorded(), needed=needed, durable=(), idle_s=DAY)


def test_a_blob_that_no_run_needs_is_garbage_once_it_is_old() -> None:
    assert [each.name for each in blobs_on(frozenset(), idle_s=2 * DAY).garbage] == [COLOR]
    assert blobs_on(frozenset(), idle_s=DAY / 2) == Sorted()


def test_a_blob_that_a_run_needs_or_a_run_directory_holds_stays() -> None:
    assert blobs_on(frozenset({COLOR}), idle_s=2 * DAY) == Sorted()
    assert blobs_on(frozenset(), idle_s=2 * DAY, links=2) == Sorted()


def test_while_a_spec_cannot_be_judged_no_blob_goes() -> None:
    found = blobs_on(None, idle_s=2 * DAY)
    assert found.garbage == ()
    assert "cosmos validate" in found.held[0]


def test_the_grace_holds_whatever_a_person_says() -> None:
    stock = Stock(blobs={COLOR: kept(GRACE_S - 1)}, leftovers={"blobs/.part/1": kept(GRACE_S - 1)})
    assert on_host("gpu", reachable(), stock, Recorded(), needed=(), durable=(), idle_s=0) == Sorted()


def test_leftovers_go_after_the_grace() -> None:
    stock = Stock(leftovers={"blobs/.part/1": kept()})
    found = on_host("gpu", reachable(), stock, Recorded(), needed=None, durable=(), idle_s=30 * DAY)
    assert [(each.kind, each.name) for each in found.garbage] == [(Kind.LEFTOVER, "blobs/.part/1")]


WANT = a_want(blobs={"color": a_blob("color")})


def test_inputs_of_runs_of_the_specs_are_needed_also_when_they_are_done_unless_a_person_says_otherwise() -> None:
    desired, done = Desired(runs=(WANT,)), recorded(done=True)
    assert needed_blobs(desired, Recorded(), finished=True) == frozenset({COLOR})
    assert needed_blobs(desired, done, finished=False) == frozenset({COLOR})
    assert needed_blobs(desired, done, finished=True) == frozenset()
    again = replace(done, requests={WANT.digest: a_request()})
    assert needed_blobs(desired, again, finished=True) == frozenset({COLOR})


@pytest.mark.parametrize("desired", [Desired(held=frozenset({"city"})), Desired(is_blind=True)])
def test_what_cannot_be_judged_may_need_any_blob(desired: Desired) -> None:
    assert needed_blobs(desired, Recorded(), finished=True) is None


RESULT = a_file().sha256
LOOSE = a_file("other", b"other").sha256


def test_a_blob_of_the_store_that_nothing_refers_to_is_garbage() -> None:
    stock = Stock(blobs={RESULT: kept(), LOOSE: kept()})
    assert [each.name for each in in_store(stock, recorded(done=True), (), idle_s=0).garbage] == [LOOSE]


@pytest.mark.parametrize("way", ["linked", "copied", "young"])
def test_a_blob_that_outputs_refer_to_or_that_is_young_stays(way: str) -> None:
    stock = Stock(blobs={LOOSE: kept(links=2 if way == "linked" else 1, idle_s=1 if way == "young" else OLD)})
    copies = {LOOSE} if way == "copied" else set()
    assert in_store(stock, recorded(done=True), copies, idle_s=0) == Sorted()


def test_a_database_without_any_result_condemns_no_blob() -> None:
    stock = Stock(blobs={LOOSE: kept()}, leftovers={"partial/x": kept()})
    found = in_store(stock, Recorded(), (), idle_s=0)
    assert [each.kind for each in found.garbage] == [Kind.LEFTOVER]
    assert "no result at all" in found.held[0]


def test_logs_of_older_attempts_go_and_the_newest_of_a_wanted_run_stays() -> None:
    old = an_attempt(digest=a_digest("old"), state=AttemptState.FAILED, intended_at=1.0)
    new = an_attempt(state=AttemptState.FAILED, intended_at=2.0)
    alive = an_attempt("other", intended_at=3.0)
    known = recorded(old, new, alive)
    files = {attempt.batch_id: kept() for attempt in (old, new, alive)} | {"not-ours": kept()}

    def gone(*wanted: str, idle_s: float = 0) -> list[str]:
        return [each.name for each in logs(files, known, wanted, idle_s=idle_s).garbage]

    assert gone(new.run_id) == [old.batch_id]
    assert gone() == sorted([old.batch_id, new.batch_id])
    assert gone(idle_s=DAY) == []
