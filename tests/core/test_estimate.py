"""How long runs take: what is learned, what it rests on, and what follows for time limits."""

import pytest

from cosmos.core.estimate import (
    LAST,
    LIMIT_S,
    Basis,
    Estimate,
    Learned,
    Timing,
    Work,
    is_slow,
    left_s,
    limit_s,
)
from tests.makers import a_timing

H100 = "NVIDIA H100 NVL"
SHAPE = "720, 35 steps"
WORK = Work(chunks=3, shape=SHAPE)


def took(run_s: float, chunks: int = 1, shape: str = SHAPE, gpu: str = H100, load_s: float | None = None) -> Timing:
    return a_timing("transfer", gpu=gpu, shape=shape, chunks=chunks, run_s=run_s, load_s=load_s)


def learned(*timings: Timing, work: Work | None = WORK, gpu: str | None = H100) -> Estimate | None:
    return Learned(timings).estimate("transfer", work, gpu)


@pytest.mark.parametrize(
    ("timings", "expected"),
    [
        ([took(100)], Estimate(run_s=300, basis=Basis.LEARNED)),
        ([took(100), took(80), took(1000)], Estimate(run_s=300, basis=Basis.LEARNED)),
        ([took(200, chunks=2), took(90)], Estimate(run_s=285, basis=Basis.LEARNED)),
        ([took(100, load_s=60), took(110, load_s=80)], Estimate(run_s=315, load_s=70, basis=Basis.LEARNED)),
        ([took(100, load_s=60), took(9999)], Estimate(run_s=300, load_s=60, basis=Basis.LEARNED)),
        ([took(50, shape="480")], Estimate(run_s=150, basis=Basis.SCALED)),
        ([took(50, shape="480"), took(100)], Estimate(run_s=300, basis=Basis.LEARNED)),
        ([took(100, gpu="A10"), took(7, gpu="")], None),
        ([a_timing("other", gpu=H100, shape=WORK.shape)], None),
        ([], None),
    ],
    ids=[
        *("by chunks", "the median", "of chunks", "loading apart", "loading is not counted twice", "another shape"),
        *("the same shape first", "another GPU tells nothing", "nor another model", "nothing"),
    ],
)
def test_what_ran_before_tells(timings: list[Timing], expected: Estimate | None) -> None:
    assert learned(*timings) == expected


def test_published_times_count_until_something_was_learned() -> None:
    work = Work(chunks=2, shape="720", seconds=503.0)
    assert learned(work=work) == Estimate(run_s=1006, basis=Basis.PUBLISHED)
    assert learned(took(10, shape="480"), work=work) == Estimate(run_s=20, basis=Basis.SCALED)


def test_where_the_gpu_is_not_known_those_of_all_gpus_count_and_none_without() -> None:
    assert learned(took(100), took(300, gpu="A10"), took(1, gpu=""), gpu=None) == Estimate(
        run_s=600, basis=Basis.LEARNED
    )
    assert learned(took(1, gpu=""), gpu=None) is None


def test_of_work_that_is_not_measured_the_whole_time_counts() -> None:
    assert learned(took(30, shape="", gpu=""), work=None, gpu="") == Estimate(run_s=30, basis=Basis.LEARNED)
    assert learned(took(300, chunks=3), work=None) == Estimate(run_s=300, basis=Basis.SCALED)


def test_the_newest_count() -> None:
    """A host that became faster is believed; what it took long ago is forgotten."""
    assert learned(*[took(10)] * 8, *[took(100)] * 50) == Estimate(run_s=30, basis=Basis.LEARNED)
    assert learned(*[took(100)] * LAST, *[took(10)] * 500) == Estimate(run_s=300, basis=Basis.LEARNED)


@pytest.mark.parametrize(
    ("takes", "spent", "percent", "expected"),
    [
        (100.0, 30.0, None, 70.0),
        (100.0, 30.0, 0, 70.0),
        (100.0, 100.0, None, None),
        (None, 30.0, None, None),
        (None, 30.0, 4, None),
        (None, 30.0, 50, 30.0),
        (100.0, 30.0, 50, 50.0),
        (100.0, 200.0, 50, 100.0),
        (100.0, 99.0, 99, 1.0),
        (100.0, 50.0, 100, 0.0),
    ],
)
def test_what_is_left_combines_time_and_progress(
    takes: float | None, spent: float, percent: int | None, expected: float | None
) -> None:
    assert left_s(takes, spent, percent) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("basis", "usual", "spent", "expected"),
    [
        (Basis.LEARNED, 600, 1799, False),
        (Basis.LEARNED, 600, 1801, True),
        (Basis.LEARNED, 10, 909, False),
        (Basis.LEARNED, 10, 911, True),
        (Basis.SCALED, 10, 90_000, False),
        (Basis.PUBLISHED, 10, 90_000, False),
    ],
)
def test_a_program_is_slow_only_by_what_was_learned_and_by_much(
    basis: Basis, usual: float, spent: float, expected: bool
) -> None:
    assert is_slow(Estimate(run_s=usual, basis=basis), spent) is expected


@pytest.mark.parametrize(
    ("asked", "takes", "expected"),
    [(60.0, 7200.0, 60.0), (None, None, LIMIT_S), (None, 600.0, LIMIT_S), (None, 86_400.0, 864_000.0)],
)
def test_healthy_work_is_never_ended_unasked(asked: float | None, takes: float | None, expected: float) -> None:
    assert limit_s(asked, takes) == expected
