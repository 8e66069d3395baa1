"""What a batch took, from what it left: its exit record, its log, and when that was how long."""

from bisect import bisect_left
from collections.abc import Sequence

from cosmos.adapters.base import Adapter
from cosmos.core.estimate import Timing
from cosmos.core.logtimes import stamps
from cosmos.core.observed import BatchMeta, ExitRecord, Gpu
from cosmos.core.ports import Result
from cosmos.core.run import Model


def timing(
    meta: BatchMeta, model: Model, record: ExitRecord, gpus: Sequence[Gpu | None], result: Result, adapter: Adapter
) -> Timing | None:
    """What others learn from; None where it is not known on what, or how much, was computed.

    Args:
        meta: Of the batch. Its chunks are those of all its runs.
        model: What made it.
        record: How it ended.
        gpus: Those that it had; None for one that its host does not show any more.
        result: What it left, with the beginning of its log.
        adapter: Reads that.
    """
    names = {gpu.name if gpu is not None else "" for gpu in gpus}
    shapes = {member.work.shape if member.work is not None else "" for member in meta.members}
    total = record.ended_at - record.started_at
    if len(names) > 1 or "" in names or len(shapes) != 1 or total <= 0 or record.code:
        return None
    load = load_s(adapter, result.log, result.log_times, record.started_at)
    load = None if load is None else min(load, total)
    return Timing(
        model=model.name,
        gpu="".join(names),
        shape="".join(shapes),
        chunks=sum(member.work.chunks if member.work is not None else 1 for member in meta.members),
        load_s=load,
        run_s=total - (load or 0.0),
    )


def load_s(adapter: Adapter, log: bytes, times: bytes, began_at: float) -> float | None:
    """From the begin of a program until its log first shows that the model is loaded; None where it never does.

    The log's length is noted every two seconds, so it is known as exactly as that.
    """
    seen = [(at, size) for at, size in stamps(times) if size <= len(log)]

    def is_loaded(stamp: tuple[float, int]) -> bool:
        return adapter.progress(log[: stamp[1]].decode("utf-8", errors="replace")).loaded

    place = bisect_left(seen, True, key=is_loaded)
    return max(0.0, seen[place][0] - began_at) if place < len(seen) else None
