"""Runs that share one load of their model: which of them join a batch, and what its members decide together."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from cosmos.core.case import Policy
from cosmos.core.desired import DesiredRun
from cosmos.core.estimate import Basis, Estimate
from cosmos.core.observed import BatchState, Reachable
from cosmos.core.placement import HostConfig
from cosmos.core.plan import Act, Cause, Operation, Plan
from cosmos.core.reasons import Reason
from cosmos.core.recorded import Attempt, AttemptState, Verb
from cosmos.core.run import Placement
from tests.core.scene import Scene, phase
from tests.makers import (
    NOW,
    a_batch_id,
    a_batch_meta,
    a_blob,
    a_digest,
    a_gpu,
    a_request,
    a_want,
    an_attempt,
    an_exit,
    an_observed_batch,
    reachable,
)

GPU = Placement(gpus=1)
CONFIGS = (HostConfig(name="lambda", slots=0),)
INTENDED = AttemptState.INTENDED


def runs(names: str, **fields: Any) -> list[DesiredRun]:
    """One run a letter, of one group unless it is said otherwise."""
    return [a_want(name, **{"group": "g", "placement": GPU, **fields}) for name in names]


def gpus(count: int, *batches: Any, **fields: Any) -> dict[str, Reachable]:
    return {"lambda": reachable(*batches, gpus=tuple(a_gpu(index) for index in range(count)), **fields)}


def taking(load_s: float | None, run_s: float) -> Any:
    return lambda want, host: Estimate(load_s=load_s, run_s=run_s, basis=Basis.LEARNED)


def launched(plan: Plan) -> list[str]:
    """Members of each batch that is started now, as `abc`."""
    batches: dict[str, str] = {}
    for each in plan.operations:
        if each.act is Act.LAUNCH and each.ready:
            batches[each.batch_id] = batches.get(each.batch_id, "") + each.key
    return sorted(batches.values())


@pytest.mark.parametrize(
    ("count", "load_s", "run_s", "batches"),
    [
        (1, None, 60.0, ["abcdef"]),
        (2, None, 60.0, ["ace", "bdf"]),  # none joins while a GPU is idle
        (6, 50.0, 60.0, ["a", "b", "c", "d", "e", "f"]),  # a load that is shorter than the wait is not worth it
        (6, 100.0, 60.0, ["ab", "cd", "ef"]),  # one that is longer is: of the second run, and not of the third
        (6, 1000.0, 60.0, ["abcdef"]),
    ],
)
def test_a_run_waits_for_others_of_its_batch_only_where_that_is_worth_the_load(
    count: int, load_s: float | None, run_s: float, batches: list[str]
) -> None:
    scene = Scene(wants=runs("abcdef"), hosts=gpus(count), configs=CONFIGS, lasts=taking(load_s, run_s))
    assert launched(scene.plan()) == batches


@pytest.mark.parametrize(
    ("policy", "batches"),
    [
        (Policy(batch_runs=1), ["a"]),
        (Policy(batch_runs=4), ["abcd"]),
        (Policy(batch_s=200.0), ["abc"]),  # 10 s of loading and 60 s a run
        (Policy(batch_s=5.0), ["a"]),  # one is always allowed
    ],
)
def test_a_batch_has_two_caps(policy: Policy, batches: list[str]) -> None:
    scene = Scene(wants=runs("abcdef"), hosts=gpus(1), configs=CONFIGS, policy=policy, lasts=taking(10.0, 60.0))
    assert launched(scene.plan()) == batches


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"group": "h"}, "other group"),
        ({"group": ""}, "shares with none"),
        ({"placement": Placement(gpus=1, host="lambda")}, "other placement"),
        ({"blobs": {"color": a_blob("color")}}, "more to upload"),
    ],
)
def test_what_differs_goes_alone(other: dict[str, Any], why: str) -> None:
    scene = Scene(wants=[*runs("ab"), *runs("c", **other)], hosts=gpus(1), configs=CONFIGS)
    assert launched(scene.plan()) == ["ab"], why


def test_runs_that_have_failed_are_tried_each_by_itself() -> None:
    failed = [
        an_attempt(key, state=AttemptState.FAILED, reason=Reason.KILLED, ended_at=NOW - 5000, released=True)
        for key in "bc"
    ]
    assert launched(Scene(wants=runs("bc"), hosts=gpus(1), configs=CONFIGS, attempts=failed).plan()) == ["b"]
    assert launched(Scene(wants=runs("abd"), hosts=gpus(2), configs=CONFIGS, attempts=failed).plan()) == ["ad", "b"]


def test_a_run_without_a_turn_has_used_no_try() -> None:
    lost = [
        an_attempt(
            "a", number=number, state=AttemptState.CANCELLED, reason=Reason.NOT_REACHED, ended_at=NOW, released=True
        )
        for number in range(1, 9)
    ]
    plan = Scene(wants=runs("a"), hosts=gpus(1), configs=CONFIGS, attempts=lost).plan()
    (launch,) = [each for each in plan.operations if each.act is Act.LAUNCH]
    assert (launch.cause, launch.attempt, launch.ready) == (Cause.NEVER_RAN, 9, True)


def test_nobody_joins_while_a_run_of_higher_priority_waits() -> None:
    wants = [*runs("a", priority=90), *runs("b", priority=80, group=""), *runs("c", priority=70)]
    assert launched(Scene(wants=wants, hosts=gpus(1), configs=CONFIGS).plan()) == ["a"]
    wants = [*runs("a", priority=90), *runs("b", priority=80, group=""), *runs("c", priority=80)]
    assert launched(Scene(wants=wants, hosts=gpus(1), configs=CONFIGS).plan()) == ["ac"]


def test_the_plan_says_what_a_batch_saves() -> None:
    plan = Scene(wants=runs("abc"), hosts=gpus(1), configs=CONFIGS, lasts=taking(90.0, 60.0))
    assert f"  batch of 3 -> lambda   2 loads fewer, saves ~3m00s   {a_batch_id('a')}" in plan.text().splitlines()


# What members decide together ---------------------------------------------------------------------


def a_pair(state: AttemptState = INTENDED) -> list[Attempt]:
    return [an_attempt(name, host="lambda", state=state, batch_id=a_batch_id("a"), gpus=("GPU-0",)) for name in "ab"]


def of(plan: Plan) -> dict[str, Operation]:
    return {each.key: each for each in plan.operations}


def test_an_intended_batch_is_started_with_all_its_members() -> None:
    plan = Scene(wants=runs("ab"), hosts=gpus(1), configs=CONFIGS, attempts=a_pair()).plan()
    assert {(each.act, each.cause, each.batch_id, each.ready) for each in plan.operations} == {
        (Act.LAUNCH, Cause.RESUMED, a_batch_id("a"), True)
    }


@pytest.mark.parametrize("is_gone", [True, False], ids=["removed", "cancelled"])
def test_a_batch_that_lost_a_member_before_its_start_is_withdrawn_at_no_cost_of_the_others(is_gone: bool) -> None:
    wants, requests = runs("a" if is_gone else "ab"), [] if is_gone else [a_request(Verb.CANCEL, "b")]
    scene = Scene(wants=wants, hosts=gpus(1), configs=CONFIGS, attempts=a_pair(), requests=requests)
    assert {key: (each.act, each.reason) for key, each in of(scene.plan()).items()} == {
        "a": (Act.FAIL, Reason.NOT_REACHED),
        "b": (Act.FAIL, Reason.STOPPED),
    }
    meta = replace(a_batch_meta("a"), members=(*a_batch_meta("a").members, *a_batch_meta("b").members))
    there = an_observed_batch("a", state=BatchState.PREPARED, meta=meta)
    prepared = replace(scene, hosts=gpus(1, there)).plan()
    assert [(each.act, each.key) for each in prepared.operations] == [(Act.STOP, "b")]


def test_a_batch_waits_while_nobody_can_say_whether_a_member_is_wanted_and_is_taken_back() -> None:
    scene = Scene(wants=runs("a"), hosts=gpus(1), configs=CONFIGS, attempts=a_pair(), held=frozenset({"b"}))
    assert {(each.act, each.reason) for each in scene.plan().operations} == {(Act.FAIL, Reason.NOT_REACHED)}


def ended(keys: Iterable[str], state: AttemptState) -> list[Attempt]:
    return [replace(an_attempt(key, host="lambda", state=state), batch_id=a_batch_id("a")) for key in keys]


def test_a_run_directory_goes_once_when_no_member_needs_it() -> None:
    meta = replace(a_batch_meta("a"), members=(*a_batch_meta("a").members, *a_batch_meta("b").members))
    there = an_observed_batch("a", state=BatchState.EXITED, meta=meta, exit=an_exit(1))
    closed, still = ended("a", AttemptState.FAILED), ended("b", AttemptState.STARTED)
    scene = Scene(hosts=gpus(1, there), configs=CONFIGS, attempts=[*closed, *still])
    assert [(each.act, each.key) for each in scene.plan().operations] == [(Act.COLLECT, "b")]
    scene = replace(scene, attempts=[*closed, *ended("b", AttemptState.FAILED)])
    assert [each.act for each in scene.plan().operations] == [Act.RELEASE]
    scene = replace(scene, attempts=closed)  # the other member is not recorded yet
    assert [(each.act, each.digest) for each in scene.plan().operations] == [(Act.ADOPT, a_digest("b"))]


def test_members_of_a_batch_share_one_place() -> None:
    running = an_observed_batch("a", meta=a_batch_meta("a"))
    attempts = ended("ab", AttemptState.STARTED)
    scene = Scene(wants=[*runs("abc")], hosts=gpus(2, running), configs=CONFIGS, attempts=attempts)
    assert [phase(scene.plan(), key) for key in "ab"] == ["Running", "Running"]
    assert launched(scene.plan()) == ["c"]
