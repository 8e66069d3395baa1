"""The guard on GPU time: what a plan may take, and what is said where it is too much or not known."""

import pytest

from cosmos.core.desired import DesiredRun
from cosmos.core.estimate import Timing, Work
from cosmos.core.placement import HostConfig
from cosmos.core.plan import Plan
from cosmos.core.run import Placement
from cosmos.core.spending import Spending, doubt, remedy, spending
from tests.core.scene import Scene
from tests.makers import a_gpu, a_ledger_entry, a_timing, a_want, reachable

HOUR = a_timing(gpu="H100", shape="720", run_s=3600.0)
WORK = Work(chunks=1, shape="720")


def plan(*wants: DesiredRun, timings: tuple[Timing, ...] = (HOUR,)) -> tuple[Plan, Spending]:
    scene = Scene(
        wants=wants,
        hosts={"lambda": reachable(gpus=(a_gpu(0), a_gpu(1)))},
        configs=[HostConfig(name="lambda", slots=2)],
        timings=timings,
        done=[a_ledger_entry("done")],
    )
    made = scene.plan()
    return made, spending(made, scene.desired)


def want(key: str, gpus: int = 1, **fields: object) -> DesiredRun:
    return a_want(key, placement=Placement(gpus=gpus), work=WORK, **fields)


def test_all_that_is_still_to_be_started_counts_by_its_gpus() -> None:
    wants = (want("a"), want("b", 2), want("c", needs=("a",)), want("done"), a_want("cpu"), want("zz", suspend=True))
    _, found = plan(*wants)
    assert found == Spending(by_key={"a": 3600.0, "b": 7200.0, "c": 3600.0})
    assert found.total_s == 4 * 3600


@pytest.mark.parametrize(
    ("timeout_s", "timings", "expected"),
    [
        (600.0, (HOUR,), {"a": 600.0}),
        (7200.0, (HOUR,), {"a": 3600.0}),
        (600.0, (), {"a": 600.0}),
        (None, (), {}),
    ],
    ids=["it is ended before", "later than usual", "unknown, and ended", "unknown"],
)
def test_a_timeout_is_the_most_that_a_run_takes(
    timeout_s: float | None, timings: tuple[Timing, ...], expected: dict[str, float]
) -> None:
    _, found = plan(want("a", timeout_s=timeout_s), timings=timings)
    assert found == Spending(by_key=expected, unknown=() if expected else ("a",))


def test_what_is_allowed_passes() -> None:
    assert doubt(Spending(by_key={"a": 3600.0}), 1.0) == ""
    assert doubt(Spending(by_key={}), 0.0) == ""


def test_too_much_is_refused_with_what_takes_most() -> None:
    by_key = {**{f"city/seed-{n}": 360.0 for n in range(30)}, "tower": 9000.0, "lake": 60.0}
    words = doubt(Spending(by_key=by_key, unknown=("new",)), 2.5)
    assert words == (
        "~5h31m of GPU time is more than the 2.5 GPU hours that are allowed: "
        "city (30 runs) ~3h00m, tower ~2h30m, lake ~1m00s; and nothing tells how long new will take"
    )
    assert "--max-gpu-hours" in remedy(Spending(by_key=by_key), 2.5)


def test_what_nobody_knows_is_named_and_refused() -> None:
    unknown = Spending(by_key={"a": 60.0}, unknown=tuple(f"r{n}" for n in range(7)))
    assert doubt(unknown, 10) == (
        "it may be more than the 10 GPU hours that are allowed: "
        "nothing tells how long r0, r1, r2, r3, r4 and 2 more will take"
    )
    assert "timeout" in remedy(unknown, 10)
