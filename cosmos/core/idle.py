"""How busy GPUs were, and how long they stood idle between two batches although the next was known.

The second is a measure of this program.
"""

from collections.abc import Iterable, Mapping, Sequence
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """What part of a time (0 to 1) the GPUs of one host worked for this project, and how long that time was."""

    share: float
    over_s: float


def busy(attempts: Iterable[Attempt], gpus: Mapping[str, int], now: float, window_s: float) -> dict[str, Busy]:
    """By host, of those that worked lately.

    Args:
        attempts: Of every host the newest ones.
        gpus: How many GPUs each host gives out; one that is not among them is left out.
        now: Seconds since the epoch.
        window_s: So far back; less where the first of the attempts began later.
    """
    spans: dict[str, list[tuple[float, float]]] = {}
    for attempt in attempts:
        end = now if attempt.is_open else attempt.ended_at
        if attempt.started_at is not None and end is not None and end > now - window_s:
            begin = max(attempt.started_at, now - window_s)
            spans.setdefault(attempt.host, []).extend([(begin, max(begin, end))] * len(attempt.gpus))
    return {host: _busy(found, gpus[host], now) for host, found in spans.items() if found and gpus.get(host)}


def _busy(spans: Sequence[tuple[float, float]], gpus: int, now: float) -> Busy:
    over_s = max(1.0, now - min(begin for begin, _ in spans))
    return Busy(share=min(1.0, sum(end - begin for begin, end in spans) / (over_s * gpus)), over_s=over_s)


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
