"""Operations for the runs that get a place, of their own or in a batch: stage what is missing, launch.

Used by `core.reconcile` alone, in the order of the queue; each place given out leaves less for the next.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from cosmos.core.case import Case, Policy
from cosmos.core.desired import DesiredRun
from cosmos.core.digest import batch_id
from cosmos.core.grouping import Expect, Pack, Packs
from cosmos.core.observed import BatchState, Observed, Reachable
from cosmos.core.placement import Offers, Place
from cosmos.core.plan import Act, Blob, Cause, Operation, Phase
from cosmos.core.recorded import Recorded
from cosmos.core.standing import LOOK_AGAIN_S, Standing, next_in_line, place_operation


class Placing:
    """Gives out places in the order of asking and gathers the operations that follow."""

    def __init__(self, observed: Observed, recorded: Recorded, offers: Offers, policy: Policy, expect: Expect) -> None:
        self._observed = observed
        self._recorded = recorded
        self._offers = offers
        self._policy = policy
        self._packs = Packs(policy, expect)
        self._ahead: Counter[str] = Counter()
        self._staged: set[tuple[str, str]] = set()
        self._launches: list[Operation] = []
        self._stages: list[Operation] = []
        self.readers: Counter[str] = Counter()

    def place(self, case: Case, standing: Standing) -> Standing:
        """The standing of a case that asked for a place, once it has one. What was intended keeps the one it has."""
        intended, number = case.open, standing.attempt
        pack = None if intended else self._pack(case, number)
        if intended:
            place = Place(host=intended.host, gpus=intended.gpus)
        else:
            place = pack.place if pack else self._offers.take(case.want.run)
        missing = [] if case.state is BatchState.PREPARED else self._missing(case, place.host)
        self.readers.update(blob.sha256 for blob in missing)
        name = intended.batch_id if intended else batch_id(case.want.run.id, case.want.digest, number)
        if pack:
            name = pack.batch_id
        elif not intended:
            self._packs.open(case, number, place, name, [blob.sha256 for blob in missing])
        where = {"host": place.host, "gpus": place.gpus, "batch_id": name, "folder": case.folder}
        lacks = bool(missing or (pack and pack.missing))
        waits = place.waits or ("inputs" if lacks else "")
        self._launches.append(place_operation(case, **where, after=place.behind, ready=not waits, waits=waits))
        if missing:
            self._stage(case, place.host, missing, ahead=not place.now)
        phase = Phase.QUEUED if not place.now else Phase.STAGING if lacks else Phase.STARTING
        until = case.now + LOOK_AGAIN_S if place.is_foreign else None
        return replace(standing, phase=phase, message=_message(place, waits), until=until)

    @property
    def operations(self) -> list[Operation]:
        """All that follow, each launch with what is known of its batch."""
        sizes = Counter(operation.batch_id for operation in self._launches)
        return [*self._stages, *(self._sized(operation, sizes[operation.batch_id]) for operation in self._launches)]

    def _sized(self, operation: Operation, size: int) -> Operation:
        if size == 1:
            return operation
        return replace(operation, batch_size=size, saves_s=self._packs.saved_s(operation.batch_id))

    def _pack(self, case: Case, number: int) -> Pack | None:
        """The batch that a run joins."""
        if not case.want.group:
            return None
        missing = lambda host: [blob.sha256 for blob in self._missing(case, host)]  # noqa: E731
        return self._packs.join(case, number, missing, is_room=self._offers.has_room(case.want.run))

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
        self._stages.append(
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
