"""Specs that follow others: which candidates there are, and what is refused."""

import pytest

from cosmos.core.expand import expand
from tests.core.spec_files import BUILT_IN, expanded, loaded, run, said
from tests.core.test_reviews import review

CITY = run("city", "matrix: {params.seed: [1, 2]}")
LONE = run("lone")


def follower(name: str, runs: str, *more: str) -> str:
    return run(name, f"source: {{runs: '{runs}', where: rating >= 4}}", *more)


def keys(*texts: str) -> dict[str, str]:
    found = expanded(*texts)
    assert not found.problems, said(found.problems)
    return {draft.key: draft.source.key for draft in found.drafts if draft.only_if and draft.source}


def test_there_is_a_candidate_for_each_run_that_is_meant() -> None:
    both = {"up/city_seed-1": "city/seed-1", "up/city_seed-2": "city/seed-2"}
    assert keys(CITY, LONE, follower("up", "city/*")) == both
    assert keys(CITY, LONE, follower("up", "city")) == both
    assert keys(CITY, LONE, follower("up", "*")) == {**both, "up/lone": "lone"}
    assert keys(CITY, LONE, follower("up", "*seed-2")) == {"up/city_seed-2": "city/seed-2"}
    assert keys(CITY, LONE, follower("up", "city/seed-2")) == {"up/city_seed-2": "city/seed-2"}
    assert keys(CITY, LONE, follower("up", "lone")) == {"up/lone": "lone"}


def test_runs_that_follow_can_be_followed_and_waited_for() -> None:
    texts = (CITY, follower("up", "city"), follower("more", "up/*"), run("last", "needs: [more, 'up/*']"))
    assert keys(*texts)["more/up_city_seed-1"] == "up/city_seed-1"
    last = next(draft for draft in expanded(*texts).drafts if draft.key == "last")
    assert len(last.needs) == 4


def test_a_long_key_is_cut_and_stays_its_own() -> None:
    long = run("city", "matrix: {params.a: [" + ", ".join("x" * 40 + str(n) for n in range(3)) + "], params.b: [1]}")
    wide = run("w" * 63, *long.split("\n")[4:])
    names = keys(wide, follower("u" * 63, "w*"))
    assert len(names) == 3
    assert all(len(name) <= 200 and name.count("/") == 1 for name in names)


NO_CITY = 'b.yaml:5:16: error[E015] run "up": source: no run "cty/*" (did you mean "city"?)'
REFUSED = [
    ((CITY, follower("up", "cty/*")), NO_CITY),
    ((CITY, follower("up", "city/seed-9")), 'source: no run "city/seed-9" (city has city/seed-1)'),
    ((CITY, follower("up", "up")), 'error[E016] run "up": source: follows itself: up -> up'),
    ((CITY, follower("a", "*"), follower("b", "*")), 'run "a": source: follows itself: a -> b -> a (name runs that'),
    ((run("x", "needs: [up]"), follower("up", "x")), 'error[E016] run "up": waits for itself'),
    ((CITY, follower("up", "city", "matrix: {params.seed: [1]}")), 'error[E017] run "up": source: runs that follow'),
    ((CITY, run("up", "source: {runs: city, where: ratng > 1}")), '29: error[E014] run "up": source: where knows no'),
    ((CITY, follower("up", "city"), run("z", "source: {run: up}")), "which is 2 runs (name one, such as up/city_"),
]


@pytest.mark.parametrize(("texts", "words"), REFUSED)
def test_what_cannot_be_followed_is_refused_and_held(texts: tuple[str, ...], words: str) -> None:
    found = expanded(*texts)
    assert any(words in problem for problem in said(found.problems)), said(found.problems)
    refused = {problem.subject.split('"')[1] for problem in found.problems}
    assert all(found.holds(name) or found.holds(f"{name}/x") for name in refused)


BROKEN = "kind: Run\nname: broken\nmodel: preview\nsteps_: 1\n"


@pytest.mark.parametrize(
    ("texts", "is_held"),
    [
        ((CITY, BROKEN, follower("up", "broken/*")), True),
        ((CITY, BROKEN, follower("up", "b*")), True),
        ((CITY, BROKEN, follower("up", "*")), True),
        ((CITY, BROKEN, follower("up", "city/*")), False),
        ((CITY, BROKEN + review("aaaaaaaa"), follower("up", "city/*")), True),
        ((CITY, BROKEN + review("aaaaaaaa"), run("up", "source: {runs: city, where: key != 'x'}")), False),
        ((CITY, BROKEN, follower("mid", "b*"), follower("up", "mid")), True),
        ((run("city", "prompt: rain", "matrix: {params.seed: [1]}"), "kind: [", follower("up", "city/*")), True),
    ],
)
def test_what_may_be_in_a_broken_file_is_held_with_all_its_members(texts: tuple[str, ...], is_held: bool) -> None:
    """Else runs that exist would seem to be gone from the specs."""
    found = expand(loaded(*texts), BUILT_IN, "test")
    assert found.holds("up/never_heard-of") is is_held or found.holds("up/city_seed-1") is is_held
    assert any(draft.key.startswith("up/") for draft in found.drafts) is not is_held
