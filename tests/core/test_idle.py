"""GPU idle time between two batches: which gaps count, and on which GPU."""

import pytest

from cosmos.core.idle import Busy, Idle, busy, idle
from cosmos.core.recorded import Attempt, AttemptState
from tests.makers import NOW, an_attempt


def turn(key: str, intended: float, began: float | None, ended: float | None, *gpus: str, host: str = "a") -> Attempt:
    """Seconds after NOW."""
    state = AttemptState.SUCCEEDED if ended is not None else AttemptState.STARTED
    return an_attempt(
        key,
        host=host,
        state=state,
        gpus=gpus or ("0",),
        intended_at=NOW + intended,
        started_at=None if began is None else NOW + began,
        ended_at=None if ended is None else NOW + ended,
    )


@pytest.mark.parametrize(
    ("turns", "gaps"),
    [
        ([], []),
        ([turn("p", 0, 1, 10)], []),
        ([turn("p", 0, 1, 10), turn("q", 5, 13, 20)], [3]),
        ([turn("p", 0, 1, 10), turn("q", 5, 13, None)], [3]),
        ([turn("q", 5, 13, 20), turn("p", 0, 1, 10)], [3]),
        ([turn("p", 0, 1, 10), turn("q", 11, 13, 20)], []),
        ([turn("p", 0, 1, 10), turn("q", 5, None, 20)], []),
        ([turn("p", 0, 1, None), turn("q", 5, 13, 20)], []),
        ([turn("p", 0, 1, 10), turn("q", 5, 9, 20)], [0]),
        ([turn("p", 0, 1, 10), turn("q", 5, 13, 20, "1")], []),
        ([turn("p", 0, 1, 10), turn("q", 5, 13, 20, host="b")], []),
        ([turn("p", 0, 1, 10, "0", "1"), turn("q", 5, 13, 20, "1"), turn("r", 5, 14, 20, "0")], [3, 4]),
        ([turn("p", 0, 1, 10), turn("q", 5, 12, 20), turn("r", 6, 30, 40)], [2, 10]),
    ],
    ids=[
        "nothing",
        "one batch",
        "a gap",
        "before one that runs",
        "in any order",
        "nobody had asked",
        "withdrawn before it began",
        "no end is known",
        "clocks that differ",
        "other GPUs",
        "other hosts",
        "one batch and two GPUs",
        "three in a row",
    ],
)
def test_gaps_between_batches(turns: list[Attempt], gaps: list[float]) -> None:
    middle = sorted(gaps)
    expected = {}
    if gaps:
        half = (middle[(len(gaps) - 1) // 2] + middle[len(gaps) // 2]) / 2
        expected = {"a": Idle(count=len(gaps), median_s=half, worst_s=max(gaps))}
    assert idle(turns) == expected


def test_hosts_are_kept_apart() -> None:
    turns = [turn(f"p on {host}", 0, 1, 10, host=host) for host in "ab"]
    turns += [turn("q on a", 5, 12, 20, host="a"), turn("q on b", 5, 15, 20, host="b")]
    assert {host: found.worst_s for host, found in idle(turns).items()} == {"a": 2, "b": 5}


@pytest.mark.parametrize(
    ("turns", "gpus", "share", "over_s"),
    [
        ([turn("p", 0, 0, 50)], 1, 0.5, 100),
        ([turn("p", 0, 0, 50)], 2, 0.25, 100),
        ([turn("p", 0, 0, 50, "0", "1")], 2, 0.5, 100),
        ([turn("p", 0, 20, None)], 1, 1.0, 80),
        ([turn("p", 0, 0, 50), turn("q", 0, 50, 100)], 1, 1.0, 100),
        ([turn("p", 0, -500, 50)], 1, 0.875, 400),  # what was before the window does not count
        ([turn("p", 0, -500, -400), turn("q", 0, 90, 100)], 1, 1.0, 10),
    ],
)
def test_how_busy_gpus_were(turns: list[Attempt], gpus: int, share: float, over_s: float) -> None:
    assert busy(turns, {"a": gpus}, NOW + 100, 400) == {"a": Busy(share=share, over_s=over_s)}


def test_hosts_that_are_not_known_or_did_nothing_are_left_out() -> None:
    turns = [turn("p", 0, None, None), turn("q", 0, 1, 2, host="b"), turn("r", 0, -900, -800, host="c")]
    assert busy(turns, {"a": 1, "c": 1}, NOW + 100, 400) == {}
