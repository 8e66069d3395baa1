"""What holds the slots and GPUs of a host, and what waits there to take them over.

On the host a batch locks its GPUs before its program begins, so one that is started in advance waits in
the kernel until the batch that holds them ends. Such a follower has no slot of its own: it takes over that of
its holder. What waits for GPUs that nothing here holds is about to begin, and counts as a holder.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cosmos.core.case import is_working
from cosmos.core.observed import BatchState, Observed, ObservedBatch, Reachable
from cosmos.core.recorded import Attempt, Recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupant:
    """A batch that has a process, or will be given one. `began_at` is on the host's clock."""

    batch_id: str
    key: str
    gpus: tuple[str, ...] = ()
    model: str = ""
    intended_at: float = 0.0
    has_begun: bool = False
    began_at: float | None = None
    is_open: bool = False
    """Recorded as under way, so that its end frees what it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupancy:
    """The batches of one host. `followers` are pairs: what waits, and the holder that it waits for."""

    holders: tuple[Occupant, ...] = ()
    followers: tuple[tuple[Occupant, Occupant], ...] = ()

    @property
    def taken(self) -> frozenset[str]:
        """GPUs that something holds or waits for."""
        everything = (*self.holders, *(follower for follower, _ in self.followers))
        return frozenset(gpu for each in everything for gpu in each.gpus)

    def after(self, batch_id: str) -> str:
        """Key of the run that a batch waits for; empty where it does not follow one."""
        return next((holder.key for follower, holder in self.followers if follower.batch_id == batch_id), "")

    def on(self, gpu: str) -> tuple[str, str]:
        """Keys of the run that holds a GPU and of the one that waits for it, empty where there is none."""
        holds = next((holder.key for holder in self.holders if gpu in holder.gpus), "")
        return holds, next((follower.key for follower, _ in self.followers if gpu in follower.gpus), "")

    def followable(self) -> Iterable[Occupant]:
        """Holders whose GPUs the next batch may wait for: at most one each, as one slot comes free."""
        followed = {holder.batch_id for _, holder in self.followers}
        for holder in self.holders:
            if holder.gpus and holder.is_open and holder.began_at is not None and holder.batch_id not in followed:
                yield holder


def occupancies(observed: Observed, recorded: Recorded) -> dict[str, Occupancy]:
    """By host, of those that were seen."""
    known: dict[str, dict[str, Attempt]] = {}
    for attempts in recorded.attempts.values():
        for attempt in attempts:
            if attempt.released:
                continue
            here = known.setdefault(attempt.host, {})
            before = here.get(attempt.batch_id)  # one member speaks for all: an open one, and the first by key
            if before is None or (attempt.is_open, before.key) > (before.is_open, attempt.key):
                here[attempt.batch_id] = attempt
    return {
        name: _occupancy(_occupants(view.batches, known.get(name, {})))
        for name, view in observed.hosts.items()
        if isinstance(view, Reachable)
    }


def _occupancy(occupants: Iterable[Occupant]) -> Occupancy:
    """What has begun holds its GPUs; of the others the one that was intended first comes next."""
    holders: list[Occupant] = []
    followers: list[tuple[Occupant, Occupant]] = []
    held: dict[str, Occupant] = {}
    for each in sorted(occupants, key=lambda each: (not each.has_begun, each.intended_at, each.batch_id)):
        ahead = next((held[gpu] for gpu in each.gpus if gpu in held), None)
        if ahead is not None and not each.has_begun:
            followers.append((each, ahead))
            continue
        holders.append(each)
        held.update((gpu, each) for gpu in each.gpus)
    return Occupancy(holders=tuple(holders), followers=tuple(followers))


def _occupants(batches: Mapping[str, ObservedBatch], known: Mapping[str, Attempt]) -> Iterable[Occupant]:
    """Open batches, all that work, and unknown ones that will be started.

    What has exited computes no more: its slot is free while its outputs are collected.
    """
    for name, attempt in known.items():
        batch = batches.get(name)
        is_over = batch is not None and batch.state is BatchState.EXITED
        if (attempt.is_open and not is_over) or (batch is not None and is_working(batch)):
            yield _known(attempt, batch)
    for name, batch in batches.items():
        if name not in known and (is_working(batch) or batch.state is BatchState.PREPARED):
            yield _unknown(batch)


def _known(attempt: Attempt, batch: ObservedBatch | None) -> Occupant:
    return Occupant(
        batch_id=attempt.batch_id,
        key=attempt.key,
        gpus=attempt.gpus,
        model=attempt.model,
        intended_at=attempt.intended_at,
        has_begun=batch is not None and _has_begun(batch),
        began_at=batch.started_at if batch is not None and batch.state is BatchState.RUNNING else None,
        is_open=attempt.is_open,
    )


def _unknown(batch: ObservedBatch) -> Occupant:
    meta = batch.meta
    return Occupant(
        batch_id=batch.batch_id,
        key=", ".join(member.key for member in meta.members) if meta else batch.batch_id,
        gpus=meta.gpus if meta else (),
        intended_at=meta.created_at if meta else 0.0,
        has_begun=_has_begun(batch),
    )


def _has_begun(batch: ObservedBatch) -> bool:
    return is_working(batch) and not batch.waits
