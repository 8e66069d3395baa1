"""Operations for the runs that get a place: stage what is missing, launch.

Used by `core.reconcile` alone, in the order of the queue; each place given out leaves less for the next.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from cosmos.core.case import Case, Policy
from cosmos.core.desired import DesiredRun
from cosmos.core.digest import batch_id
from cosmos.core.observed import BatchState, Observed, Reachable
from cosmos.core.placement import Offers, Place
from cosmos.core.plan import Act, Blob, Cause, Operation, Phase
from cosmos.core.recorded import Recorded
from cosmos.core.standing import LOOK_AGAIN_S, Standing, next_in_line, place_operation


class Placing:
    """Gives out places in the order of asking and gathers the operations that follow."""

    def __init__(self, observed: Observed, recorded: Recorded, offers: Offers, policy: Policy) -> None:
        self._observed = observed
        self._recorded = recorded
        self._offers = offers
        self._policy = policy
        self._ahead: Counter[str] = Counter()
        self._staged: set[tuple[str, str]] = set()
        self.operations: list[Operation] = []
        self.readers: Counter[str] = Counter()

    def place(self, case: Case, standing: Standing) -> Standing:
        """The standing of a case that asked for a place, once it has one. What was intended keeps the one it has."""
        intended = case.open
        place = Place(host=intended.host, gpus=intended.gpus) if intended else self._offers.take(case.want.run)
        missing = [] if case.state is BatchState.PREPARED else self._missing(case, place.host)
        self.readers.update(blob.sha256 for blob in missing)
        name = intended.batch_id if intended else batch_id(case.want.run.id, case.want.digest, standing.attempt)
        where = {"host": place.host, "gpus": place.gpus, "batch_id": name, "folder": case.folder}
        waits = place.waits or ("inputs" if missing else "")
        self.operations.append(place_operation(case, **where, after=place.behind, ready=not waits, waits=waits))
        if missing:
            self._stage(case, place.host, missing, ahead=not place.now)
        phase = Phase.QUEUED if not place.now else Phase.STAGING if missing else Phase.STARTING
        until = case.now + LOOK_AGAIN_S if place.is_foreign else None
        return replace(standing, phase=phase, message=_message(place, waits), until=until)

    def _missing(self, case: Case, host: str) -> list[Blob]:
        view = self._observed.hosts.get(host)
        there = view.blobs if isinstance(view, Reachable) else frozenset()
        blobs = wanted_blobs(case.want, self._recorded)
        return [blob for blob in blobs if blob.sha256 not in there]

    def _stage(self, case: Case, host: str, missing: Sequence[Blob], *, ahead: bool) -> None:
        """One operation a run, with the blobs that no earlier operation of this plan brings.

        What has a slot is never held back by the limit on what has none.
        """
        fresh = tuple(blob for blob in missing if (host, blob.sha256) not in self._staged)
        if not fresh:
            return
        self._ahead[host] += ahead
        soon = not ahead or self._ahead[host] <= self._policy.stage_ahead
        if soon:
            self._staged.update((host, blob.sha256) for blob in fresh)
        self.operations.append(
            Operation(
                act=Act.STAGE,
                cause=Cause.INPUTS_ABSENT,
                key=case.want.run.key,
                digest=case.want.digest,
                at=case.want.run.at,
                host=host,
                blobs=fresh,
                ready=soon,
                waits="" if soon else f"a free slot on {host}",
            )
        )


def _message(place: Place, waits: str) -> str:
    if place.after:
        return next_in_line(place.host, place.names, place.behind)
    return f"waits for {waits}" if waits else ""


def wanted_blobs(want: DesiredRun, recorded: Recorded) -> list[Blob]:
    """Everything that the run reads, once each; what another run made is taken from the store (empty path)."""
    blobs = {blob.sha256: blob for _, blob in sorted(want.blobs.items())}
    made = source_blob(want, recorded)
    if made is not None:
        blobs.setdefault(made.sha256, made)
    return list(blobs.values())


def source_blob(want: DesiredRun, recorded: Recorded) -> Blob | None:
    """The output of another run that this one reads, or None when there is none (yet)."""
    entry = recorded.ledger.get(want.source_digest) if want.source_digest else None
    for file in entry.manifest if entry else ():
        if want.run.source is not None and file.name == want.run.source.file:
            return Blob(sha256=file.sha256, size=file.size, path="")
    return None
