"""Which host takes a run, and why none does. Pure: offers in, a place or a sentence out.

Hosts are filled by free places, then by free GPU memory, then by the shortest queue, then by name. A run that
needs GPUs and finds none free is placed behind a batch that has them, where there is one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cosmos.core.fitting import fits, gib, mib, unseen, why_none
from cosmos.core.offer import Free, HostConfig, Offer, Turn
from cosmos.core.run import Run

__all__ = ["Free", "HostConfig", "Obstacle", "Offer", "Offers", "Place", "Turn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The host for a run; `now` is False when the run has to wait there for a slot or GPU.

    With `after`, a batch id, it is started in advance and waits on the host for that batch to end; `behind` is
    that one's key, `names` are its GPUs as people name them.
    """

    host: str
    gpus: tuple[str, ...] = ()
    now: bool = True
    waits: str = ""
    after: str = ""
    behind: str = ""
    names: str = ""
    is_foreign: bool = False
    """What it waits for is held by others, whose end nothing here tells."""
    is_trial: bool = False
    """The host is given this one run, to see whether it is fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """No host takes the run; `away` when one would that cannot be looked at now."""

    why: str
    away: bool = False
    may_pass: bool = False
    """It may be over at the next look, without a person."""
    until: float | None = None
    """When it is over by itself."""


class Offers:
    """Offers that shrink as places are given out, in the order of asking."""

    def __init__(self, offers: Sequence[Offer]) -> None:
        self._offers = {offer.name: offer for offer in sorted(offers, key=lambda offer: offer.name)}
        self._free = {offer.name: offer.free for offer in offers}
        self._gpus = {offer.name: sorted(offer.gpus_free, key=lambda gpu: -gpu.memory_mib) for offer in offers}
        self._turns = {offer.name: sorted(offer.turns, key=lambda turn: (turn.ends, turn.batch_id)) for offer in offers}
        self._queued = {offer.name: 0 for offer in offers}

    def obstacle(self, run: Run) -> Obstacle | None:
        """Why no host can take the run, now or by waiting, as things are; None when one can."""
        fitting = [offer for offer in self._offers.values() if fits(run, offer)]
        if not fitting:
            return Obstacle(why=why_none(run, list(self._offers.values())))
        shut = [words for offer in fitting if (words := _shut(run, offer))]
        if len(shut) < len(fitting):
            return None
        return Obstacle(
            why="; ".join(shut),
            away=any(unseen(run, offer) for offer in fitting),
            may_pass=any(offer.gpu_trouble and not offer.away for offer in fitting),
            until=min((offer.until for offer in fitting if offer.until is not None and not offer.away), default=None),
        )

    def has_room(self, run: Run) -> bool:
        """Could something take the run now?"""
        return any(self._room(run, offer) for offer in self._open_to(run))

    def take(self, run: Run) -> Place:
        """Give a run without obstacle a place: a free one, else behind a batch on its GPUs, else in a queue."""
        here = self._open_to(run)
        able = [offer for offer in here if self._room(run, offer)]
        if able:
            best = min(able, key=lambda offer: self._rank(run, offer))
            return Place(host=best.name, gpus=self._give(run, best.name), is_trial=bool(best.trial))
        return self._behind(run, here) or self._queue(run, here)

    def _open_to(self, run: Run) -> list[Offer]:
        return [offer for offer in self._offers.values() if fits(run, offer) and not _shut(run, offer)]

    def _room(self, run: Run, offer: Offer) -> int:
        """How many such runs could start there."""
        count = run.placement.gpus
        free = self._free[offer.name]
        return min(free, len(self._able(run, offer.name)) // count) if count else free

    def _able(self, run: Run, host: str) -> list[Free]:
        """Free GPUs with the free memory that the model asks for."""
        needed = mib(run.model.requires.gpu_memory_bytes)
        return [gpu for gpu in self._gpus[host] if gpu.memory_mib >= needed] if needed else self._gpus[host]

    def _rank(self, run: Run, offer: Offer) -> tuple[int, int, float]:
        """The least is best: most room, then most free GPU memory, then the shortest queue, then the first by name."""
        memory = sum(gpu.memory_mib for gpu in self._able(run, offer.name)[: run.placement.gpus])
        return -self._room(run, offer), -memory, self._queue_at(offer)

    def _queue_at(self, offer: Offer) -> float:
        return self._queued[offer.name] / max(1, offer.slots)

    def _behind(self, run: Run, here: Sequence[Offer]) -> Place | None:
        """After the batch that is likely to end first, among those that have enough GPUs."""
        count = run.placement.gpus
        turns = [(offer.name, turn) for offer in here for turn in self._turns[offer.name] if len(turn.gpus) >= count]
        if not count or not turns:
            return None
        host, turn = min(turns, key=lambda each: (each[1].ends, each[0], each[1].batch_id))
        self._turns[host].remove(turn)
        names = " ".join(turn.names[:count])
        return Place(
            host=host, gpus=turn.gpus[:count], now=False, after=turn.batch_id, behind=turn.key, names=names
        )  # fmt: skip

    def _queue(self, run: Run, here: Sequence[Offer]) -> Place:
        best = min(here, key=self._queue_at)
        self._queued[best.name] += 1
        lacks_gpu = len(self._able(run, best.name)) < run.placement.gpus
        foreign = best.foreign if lacks_gpu else ()
        self._reserve(run, best.name)
        why = f": {', '.join(foreign)}" if foreign else ""
        waits = f"a free {'GPU' if lacks_gpu else 'slot'} on {best.name}{why}"
        if best.trial:
            waits = f"a place on {best.name}: {best.trial}"
        return Place(host=best.name, now=False, waits=waits, is_foreign=bool(foreign))

    def _reserve(self, run: Run, host: str) -> None:
        """Keep for a run that waits what is free and what comes free next, so that no run behind it starves it."""
        lacking = max(run.placement.gpus - len(self._able(run, host)), int(self._free[host] == 0))
        self._give(run, host)
        while lacking > 0 and self._turns[host]:
            lacking -= len(self._turns[host].pop(0).gpus)

    def _give(self, run: Run, host: str) -> tuple[str, ...]:
        self._free[host] = max(0, self._free[host] - 1)
        given = self._able(run, host)[: run.placement.gpus]
        self._gpus[host] = [gpu for gpu in self._gpus[host] if gpu not in given]
        return tuple(gpu.id for gpu in given)


def _shut(run: Run, offer: Offer) -> str:
    """Why the host can be given no run now, or nothing."""
    needed = run.model.requires.disk_bytes
    if not offer.away and offer.disk_free < needed:
        return f"{offer.name} has {gib(offer.disk_free)} of free disk, and the model needs {gib(needed)}"
    return unseen(run, offer) or (f"{offer.name} {offer.closed}" if offer.closed else "")
