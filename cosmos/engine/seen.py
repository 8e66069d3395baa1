"""What one look found, and what follows from it at once."""

from collections.abc import Iterable
from dataclasses import dataclass

from cosmos.core.case import published_folder
from cosmos.core.desired import DesiredRun
from cosmos.core.observed import BatchState, Observed, ObservedBatch, Reachable
from cosmos.core.placing import wanted_blobs
from cosmos.core.recorded import Attempt, AttemptState, Manifest, Recorded


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one look at the database, the hosts and the outputs found."""

    recorded: Recorded
    observed: Observed


def running_attempts(look: Look) -> list[tuple[Attempt, ObservedBatch]]:
    """Open attempts that were seen running."""
    found = []
    for attempts in look.recorded.attempts.values():
        for attempt in attempts:
            view = look.observed.hosts.get(attempt.host) if attempt.is_open else None
            batch = view.batches.get(attempt.batch_id) if isinstance(view, Reachable) else None
            if batch is not None and batch.state is BatchState.RUNNING:
                found.append((attempt, batch))
    return found


def text(log: bytes) -> str:
    return log.decode("utf-8", errors="replace")


def blobs_asked(runs: Iterable[DesiredRun], recorded: Recorded) -> set[str]:
    """Inputs of what is not done: nobody needs to know whether the others are still on a host."""
    asked: set[str] = set()
    for want in runs:
        if want.digest not in recorded.ledger or want.digest in recorded.requests:
            asked.update(blob.sha256 for blob in wanted_blobs(want, recorded))
    return asked


def published(runs: Iterable[DesiredRun], recorded: Recorded) -> list[tuple[str, Manifest]]:
    published = []
    for want in runs:
        entry = recorded.ledger.get(want.digest)
        if entry is not None:
            published.append((published_folder(want.run.key, entry), entry.manifest))
    return published


def begun(look: Look) -> list[tuple[Attempt, float]]:
    """Attempts that are recorded as intended, and when their programs began by the clock of the host."""
    begun = []
    for attempts in look.recorded.attempts.values():
        for attempt in attempts:
            view = look.observed.hosts.get(attempt.host)
            batch = view.batches.get(attempt.batch_id) if isinstance(view, Reachable) else None
            if attempt.state is AttemptState.INTENDED and batch is not None and batch.began_at is not None:
                begun.append((attempt, batch.began_at))
    return begun
