"""GPU idle time between two batches: which gaps count, and on which GPU."""

import pytest

from cosmos.core.idle import Idle, idle
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
