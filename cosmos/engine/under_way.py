"""What was seen running, and how much of it is done by its own words."""

from collections.abc import Mapping

from cosmos.adapters.base import Adapter
from cosmos.core.desired import Desired
from cosmos.core.observed import BatchState, Observed, ObservedBatch, Reachable
from cosmos.core.recorded import Attempt, AttemptState, Recorded


def running(recorded: Recorded, observed: Observed) -> list[tuple[Attempt, ObservedBatch]]:
    """Open attempts that were seen running."""
    return [(attempt, batch) for attempt, batch in _seen(recorded, observed) if batch.state is BatchState.RUNNING]


def begun(recorded: Recorded, observed: Observed) -> list[tuple[Attempt, float]]:
    """Attempts that are recorded as intended, and when their programs began by the clock of the host."""
    return [
        (attempt, batch.began_at)
        for attempt, batch in _seen(recorded, observed)
        if attempt.state is AttemptState.INTENDED and batch.began_at is not None
    ]


def percents(
    desired: Desired, recorded: Recorded, observed: Observed, adapters: Mapping[str, Adapter]
) -> dict[str, int]:
    """By batch id, how much is done of what runs, as its log tells."""
    found = {}
    at_work = running(recorded, observed)
    names = {want.digest: want.run.model.adapter for want in desired.runs} if at_work else {}
    for attempt, batch in at_work:
        if batch.log_tail and attempt.digest in names:
            step = adapters[names[attempt.digest]].progress(batch.log_tail.decode("utf-8", errors="replace"))
            if step.percent is not None:
                found[batch.batch_id] = step.percent
    return found


def _seen(recorded: Recorded, observed: Observed) -> list[tuple[Attempt, ObservedBatch]]:
    """Open attempts, with their run directories on hosts that were looked at."""
    found = []
    for attempts in recorded.attempts.values():
        for attempt in attempts:
            view = observed.hosts.get(attempt.host) if attempt.is_open else None
            batch = view.batches.get(attempt.batch_id) if isinstance(view, Reachable) else None
            if batch is not None:
                found.append((attempt, batch))
    return found
