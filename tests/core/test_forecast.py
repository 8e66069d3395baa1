"""What plans and statuses expect: of launches, of what runs, and when all is done."""

from dataclasses import replace

import pytest

from cosmos.core.estimate import Basis, Timing, Work
from cosmos.core.placement import HostConfig
from cosmos.core.plan import Act, Operation, Phase, Plan, RunStatus
from cosmos.core.run import Placement
from tests.core.scene import Scene
from tests.makers import (
    NOW,
    a_batch_meta,
    a_gpu,
    a_timing,
    a_want,
    an_attempt,
    an_observed_batch,
    reachable,
    unreachable,
)

ONE, TWO = Placement(gpus=1), Placement(gpus=2)
GPUS = (a_gpu(0), a_gpu(1))
LAMBDA = HostConfig(name="lambda", slots=2)
WORK = Work(chunks=2, shape="720")
H100 = a_timing(gpu="H100", shape="720", chunks=1, run_s=100.0, load_s=20.0)


def lambdas(*timings: Timing, **fields: object) -> Scene:
    scene = Scene(hosts={"lambda": reachable(gpus=GPUS)}, configs=[LAMBDA], timings=timings)
    return replace(scene, **fields)  # type: ignore[arg-type]


def launches(plan: Plan) -> dict[str, Operation]:
    return {each.key: each for each in plan.operations if each.act is Act.LAUNCH}


def test_a_launch_says_how_long_it_takes_and_how_that_is_known() -> None:
    other = replace(H100, gpu="A10", run_s=900.0)
    wants = [a_want("a", placement=ONE, work=WORK), a_want("b", placement=ONE, work=Work(chunks=1, shape="480"))]
    wants += [a_want("c", placement=ONE, work=Work(chunks=1, shape="x", seconds=7.0)), a_want("d")]
    plan = lambdas(H100, other, wants=wants).plan()
    found = {key: (each.eta_s, each.basis, each.wants_gpus) for key, each in launches(plan).items()}
    assert found == {
        "a": (220.0, Basis.LEARNED, 1),
        "b": (120.0, Basis.SCALED, 1),
        "c": (120.0, Basis.SCALED, 1),
        "d": (None, None, 0),
    }
    assert (plan.gpu_s, plan.unknown) == (460.0, 1)


def test_of_two_kinds_of_gpus_that_of_the_host_counts() -> None:
    timings = [H100, replace(H100, gpu="A10", run_s=900.0)]
    hosts = {"lambda": reachable(gpus=GPUS), "slow": reachable(gpus=(a_gpu(5, name="A10"),))}
    for host, expected in (("lambda", 220.0), ("slow", 1820.0)):
        want = a_want(placement=Placement(gpus=1, host=host), work=WORK)
        scene = Scene(wants=[want], hosts=hosts, configs=[LAMBDA, HostConfig(name="slow", slots=1)], timings=timings)
        assert launches(scene.plan())["city"].eta_s == expected


@pytest.mark.parametrize(
    ("wants", "wall"),
    [
        ([a_want("a", placement=ONE, work=WORK)], 220),
        ([a_want(key, placement=ONE, work=WORK) for key in "abcd"], 440),
        ([a_want(key, placement=ONE, work=WORK) for key in "abcde"], 660),
        ([a_want(key, placement=TWO, work=WORK) for key in "ab"], 440),
        ([a_want("a", placement=TWO, work=WORK), a_want("b", placement=ONE, work=WORK)], 440),
        ([a_want("z", placement=ONE, work=WORK), a_want("a", placement=ONE, work=WORK, needs=("z",))], 440),
        ([a_want("a", placement=ONE, work=WORK), a_want("b", model=replace(a_want().run.model, name="new"))], 220),
    ],
    ids=["one", "two at a time", "an odd one", "on two GPUs", "both kinds", "one after another", "one that is unknown"],
)
def test_when_all_is_done_with_the_gpus_there_are(wants: list[object], wall: float) -> None:
    plan = lambdas(H100, wants=wants).plan()
    assert plan.wall_s == wall


def test_what_runs_holds_its_gpu_until_it_ends() -> None:
    busy = an_observed_batch("busy", started_at=NOW - 170)
    scene = lambdas(
        H100,
        wants=[a_want("busy", placement=ONE, work=WORK), *(a_want(key, placement=ONE, work=WORK) for key in "abc")],
        hosts={"lambda": reachable(busy, gpus=GPUS)},
        attempts=[an_attempt("busy", host="lambda", gpus=("GPU-0",))],
    )
    assert scene.plan().wall_s == 440  # 50 s, then two of 220 s on one, one on the other
    assert replace(scene, percents={busy.batch_id: 100}).plan().wall_s == 440


def test_runs_that_share_a_load_hold_their_gpu_once() -> None:
    wants = [a_want(key, group="g", placement=ONE, work=Work(chunks=1, shape="720")) for key in "abc"]
    loads = replace(H100, load_s=600.0)
    alone = lambdas(loads, wants=wants, hosts={"lambda": reachable(gpus=GPUS[:1])}).plan()
    assert {each.batch_size for each in launches(alone).values()} == {3}
    assert alone.wall_s == 900

    meta = a_batch_meta("a", members=[a_batch_meta(key).members[0] for key in "abc"])
    batch = replace(an_observed_batch("a", started_at=NOW - 100), meta=meta)
    attempts = [replace(an_attempt(key, host="lambda", gpus=("GPU-0",)), batch_id=batch.batch_id) for key in "abc"]
    later = a_want("d", placement=ONE, work=Work(chunks=1, shape="720"))
    hosts = {"lambda": reachable(batch, gpus=GPUS[:1])}
    assert lambdas(loads, wants=[*wants, later], hosts=hosts, attempts=attempts).plan().wall_s == 1500


def test_of_runs_that_share_a_digest_one_tells_whatever_their_order() -> None:
    one = a_want("a", placement=ONE, work=WORK)
    other = replace(a_want("b", work=WORK), digest=one.digest)
    batch = an_observed_batch("a", started_at=NOW - 10)
    scene = lambdas(
        H100,
        replace(H100, gpu="", run_s=30.0),
        wants=[one, other],
        hosts={"lambda": reachable(batch, gpus=GPUS)},
        attempts=[an_attempt("a", host="lambda")],
    )
    assert scene.plan() == replace(scene, wants=[other, one]).plan()


def test_where_no_host_is_seen_nobody_knows_when_it_is_done() -> None:
    scene = lambdas(H100, wants=[a_want(placement=ONE, work=WORK)], hosts={"lambda": unreachable()})
    assert scene.plan().wall_s is None


def running(
    spent: float, timings: tuple[Timing, ...] = (H100,), *, percent: int | None = None, timeout_s: float | None = None
) -> RunStatus:
    batch = an_observed_batch(started_at=NOW - 3600 - spent)
    want = a_want(placement=ONE, work=WORK, timeout_s=timeout_s)
    scene = lambdas(
        *timings,
        wants=[want],
        hosts={"lambda": reachable(batch, gpus=GPUS, clock=NOW - 3600)},  # a clock of its own
        attempts=[an_attempt(host="lambda", gpus=("GPU-1",))],
        percents={} if percent is None else {batch.batch_id: percent},
    )
    (status,) = scene.plan().statuses
    assert status.phase is Phase.RUNNING
    return status


def test_a_run_says_when_it_is_expected_to_end() -> None:
    status = running(100)
    assert (status.takes_s, status.basis, status.ends_at) == (220.0, Basis.LEARNED, NOW + 120)
    assert running(110, percent=50).ends_at == NOW + 110
    assert running(300).ends_at is None
    assert running(300, percent=50).ends_at == NOW + 150
    assert running(100, timings=()).ends_at is None
    assert running(100, timings=(), percent=50).ends_at == NOW + 100


def test_one_that_takes_much_longer_is_warned_of_and_goes_on() -> None:
    assert running(1000).message == ""
    status = running(1200)
    assert status.message == "takes much longer than others did; cosmos logs city tells what it does"
    assert not status.stuck
    assert running(90_000, timings=()).message == ""
    assert running(5000, timeout_s=7200.0).message == ""
