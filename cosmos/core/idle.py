"""How long GPUs stood idle between two batches, although the next was known: a measure of this program."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from cosmos.core.recorded import Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """Gaps on the GPUs of one host. Times in seconds."""

    count: int
    median_s: float
    worst_s: float


def idle(attempts: Iterable[Attempt]) -> dict[str, Idle]:
    """By host, of those that had a gap.

    A gap lies between the end of a batch and the begin of the next on the same GPU, where the next was
    intended before the other ended: nothing but cosmos kept it from beginning.
    """
    by_gpu: dict[tuple[str, str], list[Attempt]] = {}
    for attempt in attempts:
        for gpu in attempt.gpus if attempt.started_at is not None else ():
            by_gpu.setdefault((attempt.host, gpu), []).append(attempt)
    gaps: dict[str, list[float]] = {}
    for (host, _), turns in sorted(by_gpu.items()):
        found = list(_gaps(turns))
        if found:
            gaps.setdefault(host, []).extend(found)
    return {host: Idle(count=len(each), median_s=median(each), worst_s=max(each)) for host, each in gaps.items()}


def _gaps(turns: Iterable[Attempt]) -> Iterable[float]:
    batches = {turn.batch_id: turn for turn in turns}  # whose members have begun and ended together
    ordered = sorted(batches.values(), key=lambda turn: (turn.started_at or 0.0, turn.batch_id))
    for before, after in pairwise(ordered):
        if before.ended_at is not None and after.started_at is not None and after.intended_at < before.ended_at:
            yield max(0.0, after.started_at - before.ended_at)
