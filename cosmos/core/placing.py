"""Places for the runs that may start, and the operations that follow: stage what is missing, launch.

Used by `core.reconcile` alone, in the order of the queue; each place given out leaves less for the next.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from cosmos.core.case import Case, Policy
from cosmos.core.desired import DesiredRun
from cosmos.core.digest import batch_id
from cosmos.core.observed import BatchState, Observed, Reachable
from cosmos.core.placement import HostConfig, NoPlace, Offer, Offers
from cosmos.core.plan import Act, Blob, Cause, Operation, Phase
from cosmos.core.recorded import Attempt, Recorded
from cosmos.core.standing import Standing, place_operation


def offer(host: HostConfig, observed: Observed, recorded: Recorded) -> Offer:
    view = observed.hosts.get(host.name)
    here = [a for attempts in recorded.attempts.values() for a in attempts if a.is_open and a.host == host.name]
    if not isinstance(view, Reachable):
        return Offer(name=host.name, slots=host.slots, free=0, labels=host.labels, away=getattr(view, "why", "no look"))
    holding = [attempt for attempt in here if _holds_slot(attempt, view)]
    taken = {gpu for attempt in holding for gpu in attempt.gpus}
    gpus = tuple(gpu.id for gpu in view.gpus)
    return Offer(
        name=host.name,
        slots=host.slots,
        free=max(0, host.slots - len(holding)),
        labels=host.labels,
        gpus=gpus,
        gpus_free=tuple(gpu for gpu in gpus if gpu not in taken),
    )


def _holds_slot(attempt: Attempt, view: Reachable) -> bool:
    """What has exited computes no more: its slot is free while its outputs are collected."""
    batch = view.batches.get(attempt.batch_id)
    return batch is None or batch.state is not BatchState.EXITED


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
        """The standing of a case that asked for a place, once it has one or none."""
        place = self._offers.take(case.want.run)
        if isinstance(place, NoPlace):
            return replace(standing, message=place.why, stuck=True)
        missing = self._missing(case, place.host)
        self.readers.update(blob.sha256 for blob in missing)
        name = batch_id(case.want.run.id, case.want.digest, standing.attempt)
        where = {"host": place.host, "gpus": place.gpus, "batch_id": name, "folder": case.folder}
        waits = place.waits if not place.now else "inputs" if missing else ""
        self.operations.append(place_operation(case, **where, ready=not waits, waits=waits))
        if not missing:
            return replace(
                standing, phase=Phase.QUEUED if waits else Phase.STARTING, message=waits and f"waits for {waits}"
            )
        self._stage(case, place.host, missing, ahead=not place.now)
        return replace(standing, phase=Phase.QUEUED if place.waits else Phase.STAGING, message=f"waits for {waits}")

    def _missing(self, case: Case, host: str) -> list[Blob]:
        view = self._observed.hosts.get(host)
        there = view.blobs if isinstance(view, Reachable) else frozenset()
        blobs = wanted_blobs(case.want, self._recorded)
        return [blob for blob in blobs if blob.sha256 not in there]

    def _stage(self, case: Case, host: str, missing: Sequence[Blob], *, ahead: bool) -> None:
        """One operation a run, with the blobs that no earlier operation of this plan brings."""
        fresh = tuple(blob for blob in missing if (host, blob.sha256) not in self._staged)
        if not fresh:
            return
        self._ahead[host] += ahead
        soon = self._ahead[host] <= self._policy.stage_ahead
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
        if file.name == want.source_file:
            return Blob(sha256=file.sha256, size=file.size, path="")
    return None
