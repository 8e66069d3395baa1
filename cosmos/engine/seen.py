"""What one look found, and what follows from it at once."""

from collections.abc import Iterable
from dataclasses import dataclass

from cosmos.core.case import published_folder
from cosmos.core.desired import DesiredRun
from cosmos.core.observed import Observed
from cosmos.core.placing import wanted_blobs
from cosmos.core.recorded import Manifest, Recorded


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one look at the database, the hosts and the outputs found."""

    recorded: Recorded
    observed: Observed


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
