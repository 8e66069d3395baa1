"""Which host takes a run, and why none does. Pure: offers in, a place or a sentence out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cosmos.core.run import Placement, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class HostConfig:
    """What the configuration says about a host."""

    name: str
    slots: int = 1
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a host can take now.

    `free` is its number of free slots; `gpus` are the ids of its GPUs, `gpus_free` those not given out.
    `away` is one sentence when the host could not be looked at, else empty.
    """

    name: str
    slots: int
    free: int
    labels: Mapping[str, str] = field(default_factory=dict)
    gpus: tuple[str, ...] = ()
    gpus_free: tuple[str, ...] = ()
    away: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The host for a run; `now` is False when the run has to wait there for a slot or GPU."""

    host: str
    gpus: tuple[str, ...] = ()
    now: bool = True
    waits: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPlace:
    """No host can take the run, now or by waiting, as things are."""

    why: str


class Offers:
    """Offers that shrink as places are given out, in the order of asking."""

    def __init__(self, offers: Sequence[Offer]) -> None:
        self._offers = {offer.name: offer for offer in sorted(offers, key=lambda offer: offer.name)}
        self._free = {offer.name: offer.free for offer in offers}
        self._gpus = {offer.name: offer.gpus_free for offer in offers}
        self._queued = {offer.name: 0 for offer in offers}

    def take(self, run: Run) -> Place | NoPlace:
        """Give the run a place: the fitting host with the most free slots, else the shortest queue."""
        fitting = [offer for offer in self._offers.values() if fits(run.placement, offer)]
        if not fitting:
            return NoPlace(why=_why_none(run.placement, list(self._offers.values())))
        here = [offer for offer in fitting if not offer.away]
        if not here:
            return NoPlace(why="; ".join(f"{offer.name} is unreachable: {offer.away}" for offer in fitting))
        able = [offer for offer in here if self._room(run, offer)]
        if able:
            best = max(able, key=lambda offer: self._free[offer.name])
            return self._give(run, best.name)
        best = min(here, key=lambda offer: self._queued[offer.name] / max(1, offer.slots))
        self._queued[best.name] += 1
        return Place(
            host=best.name, now=False, waits=f"a free {'GPU' if run.placement.gpus else 'slot'} on {best.name}"
        )

    def _room(self, run: Run, offer: Offer) -> bool:
        return self._free[offer.name] > 0 and len(self._gpus[offer.name]) >= run.placement.gpus

    def _give(self, run: Run, host: str) -> Place:
        self._free[host] -= 1
        count = run.placement.gpus
        given, self._gpus[host] = self._gpus[host][:count], self._gpus[host][count:]
        return Place(host=host, gpus=given)


def fits(placement: Placement, offer: Offer) -> bool:
    """Could this host ever take the run? A host that is away keeps its last known GPUs unknown, and fits."""
    named = placement.host in ("any", offer.name)
    labelled = all(offer.labels.get(name) == value for name, value in placement.labels.items())
    return named and labelled and (bool(offer.away) or len(offer.gpus) >= placement.gpus)


def _why_none(placement: Placement, offers: Sequence[Offer]) -> str:
    wants = [f"host {placement.host}"] if placement.host != "any" else []
    wants += [f"label {name}={value}" for name, value in sorted(placement.labels.items())]
    wants += [f"{placement.gpus} GPU{'s' if placement.gpus > 1 else ''}"] if placement.gpus else []
    has = ", ".join(f"{offer.name} has {len(offer.gpus)} GPUs" for offer in offers) or "none is configured"
    return f"no host fits: needs {', '.join(wants) or 'a host'}; {has}"
