"""Removals from the specs: which are believed, and what goes on as it was asked for."""

from collections.abc import Iterable

import pytest

from cosmos.core.desired import Desired, DesiredRun
from cosmos.core.plan import Phase
from cosmos.core.removal import Admitted, Budget, admit
from cosmos.core.run import Source
from tests.makers import a_digest, a_want

BUDGET = Budget(most=3, percent=50)
KEYS = [f"run-{number}" for number in range(10)]


def desired(*keys: str, held: Iterable[str] = ()) -> Desired:
    return Desired(runs=tuple(a_want(key) for key in sorted(keys)), held=frozenset(held))


def admitted(
    left: Iterable[str],
    phase: Phase = Phase.PENDING,
    known: Iterable[str] = KEYS,
    *,
    rewritten: bool = False,
    accepted: bool = False,
) -> Admitted:
    """What becomes of specs that asked for `known`, of one phase, and ask for those that are left."""
    known = tuple(known)
    phases = dict.fromkeys(known, phase)
    return admit(desired(*left), desired(*known), phases, BUDGET, rewritten=rewritten, accepted=accepted)


@pytest.mark.parametrize(
    ("left", "known", "blocked"),
    [
        (KEYS[1:], KEYS, ""),
        (KEYS[3:], KEYS, ""),
        (KEYS[4:], KEYS, "4 runs that are not done are gone from the specs, more than 3"),
        (KEYS[:1], KEYS[:2], ""),
        (KEYS[:1], KEYS[:3], "2 of 3 runs that are not done are gone from the specs, more than 50 %"),
        ([], KEYS[:2], "all 2 runs are gone from the specs"),
        ([], [], ""),
    ],
)
def test_small_removals_are_believed_and_large_ones_wait_for_a_word(
    left: list[str], known: list[str], blocked: str
) -> None:
    found = admitted(left, known=known)
    assert found.blocked == blocked
    assert sorted(found.desired.by_key()) == (sorted(known) if blocked else sorted(left))
    assert admitted(left, known=known, accepted=True).desired.by_key().keys() == set(left)


def test_what_is_done_may_go_in_any_number_unless_nothing_is_left() -> None:
    assert admitted(KEYS[8:], Phase.SUCCEEDED).blocked == ""
    assert admitted([], Phase.SUCCEEDED).blocked == "all 10 runs are gone from the specs"


def test_a_history_that_was_rewritten_takes_nothing_away_that_is_not_done() -> None:
    found = admitted(KEYS[1:], rewritten=True)
    assert found.blocked == "the history was rewritten, and 1 run that is not done is gone from the specs"
    assert sorted(found.desired.by_key()) == KEYS
    assert admitted(KEYS[1:], Phase.SUCCEEDED, rewritten=True).blocked == ""


def test_a_spec_that_cannot_be_read_goes_on_as_it_was_asked_for_last() -> None:
    new = desired("b", held=["a"])
    found = admit(new, desired("a", "b"), {"a": Phase.RUNNING, "b": Phase.RUNNING}, BUDGET)
    assert (found.blocked, sorted(found.desired.by_key())) == ("", ["a", "b"])
    assert found.desired.holds("a")
    assert sorted(admit(new, None, {"a": Phase.RUNNING}, BUDGET).desired.by_key()) == ["b"]


def test_what_a_kept_run_is_made_from_must_be_what_it_was() -> None:
    def derived() -> DesiredRun:
        return a_want("b", source=Source(key="a", output="video"), source_digest=a_digest("a"))

    last = Desired(runs=(a_want("a"), derived()))
    same = admit(Desired(runs=(a_want("a"),), held=frozenset({"b"})), last, {}, BUDGET)
    other = admit(Desired(runs=(a_want("a", digest=a_digest("a, edited")),), held=frozenset({"b"})), last, {}, BUDGET)
    without = admit(Desired(held=frozenset({"b"})), last, {}, BUDGET)
    both = admit(Desired(held=frozenset({"a", "b"})), last, {}, BUDGET)

    assert [sorted(found.desired.by_key()) for found in (same, other, without, both)] == [
        ["a", "b"],
        ["a"],
        [],
        ["a", "b"],
    ]
