"""Hosts that are given nothing: suspended by a person, or resting because runs fail there. And what is said of it."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from cosmos.core.breaker import FAILING_RUNS, PROVEN_S, REST_CAP_S, REST_S, Closure, closures
from cosmos.core.placement import HostConfig
from cosmos.core.plan import Phase
from cosmos.core.reasons import Reason
from cosmos.core.recorded import Attempt, AttemptState, Recorded
from cosmos.core.suspension import Scope, Suspensions
from tests.core.scene import Scene, acts, expect, phase, suspended
from tests.makers import NOW, a_gpu, a_want, an_attempt, an_observed_batch, reachable

FAILED, SUCCEEDED, CANCELLED = AttemptState.FAILED, AttemptState.SUCCEEDED, AttemptState.CANCELLED
HOSTS = [HostConfig(name="bad", slots=2), HostConfig(name="good", slots=1)]
BOTH = {"bad": reachable(), "good": reachable()}


def over(key: str, at: float, state: AttemptState = FAILED, **fields: object) -> Attempt:
    """An attempt on host `bad` that ended at a time and had begun two seconds before."""
    reason = Reason.HOST_REFUSED if state is FAILED else None
    more = {"reason": reason, "message": "no cgroup", "intended_at": at - 2, **fields}
    attempt = an_attempt(key, state=state, host="bad", ended_at=at, released=True)
    return replace(attempt, **more)  # type: ignore[arg-type]


def streak(*keys: str, end: float = NOW) -> list[Attempt]:
    """Failures of runs, one a second, the last at `end`."""
    return [over(key, end - place, batch_id=f"batch-{place}") for place, key in enumerate(reversed(keys))][::-1]


def closure(
    ended: Sequence[Attempt], now: float = NOW, *, doing: Sequence[Attempt] = (), resumed: float | None = None
) -> Closure | None:
    said = Suspensions(resumed={} if resumed is None else {"bad": resumed})
    attempts = {attempt.digest: (attempt,) for attempt in doing}
    return closures(
        Recorded(ended={"bad": tuple(ended)}, attempts=attempts, suspensions=said), ["bad", "good"], now
    ).get("bad")  # fmt: skip


def shut(ended: Sequence[Attempt], **more: float) -> bool:
    found = closure(ended, **more)  # type: ignore[arg-type]
    return found is not None and found.is_shut


# When a host rests -------------------------------------------------------------------------------


def test_a_host_rests_after_failures_of_three_runs_by_the_infrastructure() -> None:
    assert FAILING_RUNS == 3
    found = closure(streak("a", "b", "c"))
    assert found == Closure(
        word="Resting",
        why="rests until 2023-11-14 22:14 UTC (cosmos resume --host bad ends it): its last 3 attempts failed by the "
        "infrastructure (HostRefused: no cgroup)",
        until=NOW + REST_S,
    )
    assert shut(streak("a", "b", "c"), now=NOW + REST_S - 1)
    assert not shut(streak("a", "b", "c"), now=NOW + REST_S)


@pytest.mark.parametrize(
    ("what", "ended"),
    [
        ("two runs", streak("a", "b")),
        ("one run that is tried again and again", streak("a", "a", "b", "a", "b", "a")),
        ("a success among them", [*streak("a", "b", end=NOW - 9), over("x", NOW - 5, SUCCEEDED), over("c", NOW)]),
        (
            "a failure of the program, for which the host did its part",
            [*streak("a", "b", end=NOW - 9), over("x", NOW - 5, reason=Reason.PROGRAM_FAILED), over("c", NOW)],
        ),
        ("nothing", []),
    ],
)
def test_a_host_does_not_rest_for(what: str, ended: list[Attempt]) -> None:
    assert closure(ended) is None, what


def test_what_was_stopped_says_nothing_about_a_host() -> None:
    stopped = over("x", NOW - 1, CANCELLED, reason=Reason.STOPPED)
    assert shut([*streak("a", "b", end=NOW - 5), stopped, over("c", NOW)])


# Trials ------------------------------------------------------------------------------------------


def test_after_the_rest_one_run_is_the_trial_and_a_failed_one_doubles_the_rest() -> None:
    ended, at = streak("a", "b", "c"), NOW
    for count in range(8):
        rest = min(REST_CAP_S, REST_S * 2.0**count)
        assert shut(ended, now=at + rest - 1)
        found = closure(ended, now=at + rest)
        assert found is not None
        assert (found.word, found.is_tried) == ("On trial", False)
        at += rest + 2
        ended = [*ended, over(f"trial-{count}", at)]
    assert closure([*ended, over("good", at + 9000, SUCCEEDED)], now=at + 9000) is None


def test_what_was_under_way_when_the_rest_began_is_no_trial() -> None:
    """Docker died under twenty runs: one blow, one rest."""
    together = [over(f"run-{n}", NOW + n / 10, intended_at=NOW - 100) for n in range(20)]
    found = closure(together, now=NOW + 5)
    assert found is not None
    assert found.until == NOW + 0.2 + REST_S


def test_a_trial_that_computes_for_long_is_as_good_as_a_success() -> None:
    trial = an_attempt("d", host="bad", intended_at=NOW + REST_S + 5)
    later = NOW + REST_S + 5 + PROVEN_S
    under_way = closure(streak("a", "b", "c"), now=later - 1, doing=[trial])
    assert under_way is not None
    assert under_way.is_tried
    assert under_way.why.startswith("d is its trial (cosmos resume --host bad ends it): its last 3 attempts failed")
    assert closure(streak("a", "b", "c"), now=later, doing=[trial]) is None
    waiting = replace(trial, state=AttemptState.INTENDED, started_at=None)
    assert closure(streak("a", "b", "c"), now=later, doing=[waiting]) is not None
    older = replace(trial, intended_at=NOW - 9000)
    assert closure(streak("a", "b", "c"), now=later, doing=[older]) is not None


def test_a_person_ends_a_rest_and_what_began_before_that_counts_no_more() -> None:
    ended = streak("a", "b", "c")
    assert closure(ended, now=NOW + 5, resumed=NOW + 1) is None
    later = [*ended, over("late", NOW + 4, intended_at=NOW - 50), *streak("d", "e", end=NOW + 9)]
    assert closure(later, now=NOW + 9, resumed=NOW + 1) is None
    assert shut([*later, over("f", NOW + 10, intended_at=NOW + 5)], now=NOW + 10, resumed=NOW + 1)


def test_a_host_whose_clock_is_wrong_neither_rests_for_ever_nor_never() -> None:
    ahead = [replace(each, ended_at=(each.ended_at or 0) + 86400) for each in streak("a", "b", "c")]
    behind = [replace(each, ended_at=(each.ended_at or 0) - 86400) for each in streak("a", "b", "c")]
    for ended in (ahead, behind):
        assert shut(ended)
        assert not shut(ended, now=NOW + 2 * REST_S)


# What follows ------------------------------------------------------------------------------------


def test_nothing_is_placed_on_a_host_that_rests_and_others_take_over() -> None:
    plan = Scene(wants=[a_want()], hosts=BOTH, configs=HOSTS, attempts=streak("a", "b", "c")).plan()
    assert [operation.host for operation in plan.operations] == ["good"]


def test_where_no_other_host_fits_a_run_waits_and_says_why_and_until_when() -> None:
    scene = Scene(wants=[a_want()], hosts={"bad": reachable()}, configs=HOSTS[:1], attempts=streak("a", "b", "c"))
    (status,) = scene.plan().statuses
    assert (status.phase, status.stuck, status.until) == (Phase.QUEUED, False, NOW + REST_S)
    assert status.message.startswith(
        "bad rests until 2023-11-14 22:14 UTC (cosmos resume --host bad ends it): its last 3 "
    )


def test_of_many_runs_one_is_the_trial() -> None:
    wants = [a_want(key) for key in ("w", "x", "y", "z")]
    ended = streak("a", "b", "c", end=NOW - REST_S - 10)
    scene = Scene(wants=wants, hosts={"bad": reachable()}, configs=HOSTS[:1], attempts=ended)
    plan = scene.plan()
    assert [acts(plan, key) for key in ("w", "x", "y", "z")] == [["launch"], ["(launch)"], ["(launch)"], ["(launch)"]]
    waiting = plan.status_of("x")
    assert waiting is not None
    assert waiting.message.startswith("waits for a place on bad: takes one run as a trial (cosmos resume ")
    trial = an_attempt("w", host="bad", intended_at=NOW - 1)
    tried = replace(scene, attempts=[*ended, trial], hosts={"bad": reachable(an_observed_batch("w"))}).plan()
    assert not [operation for operation in tried.operations if operation.ready]


def test_nothing_is_started_in_advance_behind_a_trial() -> None:
    """What waits for its GPU on the host would begin there whatever becomes of the trial."""
    trial = an_attempt("w", host="bad", intended_at=NOW - 1, gpus=("GPU-0",))
    hosts = {"bad": reachable(an_observed_batch("w"), gpus=(a_gpu(),))}
    wants = [a_want("w"), a_want("x", placement=replace(a_want().run.placement, gpus=1))]
    ended = streak("a", "b", "c", end=NOW - REST_S - 10)
    scene = Scene(wants=wants, hosts=hosts, configs=HOSTS[:1], attempts=[*ended, trial])
    assert acts(scene.plan(), "x") == ["(launch)"]
    proven = replace(scene, attempts=[trial])
    assert acts(proven.plan(), "x") == ["launch"]


# What people suspend -----------------------------------------------------------------------------


def test_a_suspended_host_is_given_nothing_and_who_waits_for_it_is_told_by_whom_and_what_ends_it() -> None:
    why = suspended(Scope.HOST, "local", why="new driver")
    plan = expect(
        Scene(wants=[a_want()], suspensions=why),
        """
        ! run city   Queued: local suspended by ann since 2023-11-14 22:03 UTC (new driver); cosmos resume --host local ends it
        Nothing to do now: 1 needs attention; 0 unchanged.
        """,  # noqa: E501
    )
    assert plan.statuses[0].stuck


def test_a_suspended_run_and_a_suspended_project_say_so() -> None:
    run = Scene(wants=[a_want(), a_want("forest")], suspensions=suspended(Scope.RUN, "city", by="", why="")).plan()
    assert (phase(run), acts(run, "forest")) == (Phase.SUSPENDED, ["launch"])
    (city, _) = run.statuses
    assert city.message == "suspended since 2023-11-14 22:03 UTC; cosmos resume city ends it"
    project = Scene(wants=[a_want()], suspensions=suspended(Scope.PROJECT, "")).plan()
    assert project.is_empty
    assert project.statuses[0].message.endswith("; cosmos resume --project ends it")
