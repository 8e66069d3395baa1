"""Which host takes a run, and why none does. Pure: offers in, a place or a sentence out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cosmos.core.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class HostConfig:
    """What the configuration says about a host."""

    name: str
    slots: int = 1
    labels: Mapping[str, str] = field(default_factory=dict)
    containers: bool = False
    """Its runtime starts images; on others a model with an image cannot run."""


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
    containers: bool = False
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
class Obstacle:
    """No host takes the run; `away` when one would that cannot be looked at now."""

    why: str
    away: bool = False


class Offers:
    """Offers that shrink as places are given out, in the order of asking."""

    def __init__(self, offers: Sequence[Offer]) -> None:
        self._offers = {offer.name: offer for offer in sorted(offers, key=lambda offer: offer.name)}
        self._free = {offer.name: offer.free for offer in offers}
        self._gpus = {offer.name: offer.gpus_free for offer in offers}
        self._queued = {offer.name: 0 for offer in offers}

    def obstacle(self, run: Run) -> Obstacle | None:
        """Why no host can take the run, now or by waiting, as things are; None when one can."""
        fitting = [offer for offer in self._offers.values() if fits(run, offer)]
        if not fitting:
            return Obstacle(why=_why_none(run, list(self._offers.values())))
        if all(offer.away for offer in fitting):
            why = "; ".join(f"{offer.name} is unreachable: {offer.away}" for offer in fitting)
            return Obstacle(why=why, away=True)
        return None

    def take(self, run: Run) -> Place:
        """Give a run without obstacle a place: the fitting host with the most free slots, else the shortest queue."""
        here = [offer for offer in self._offers.values() if fits(run, offer) and not offer.away]
        able = [offer for offer in here if self._room(run, offer)]
        if able:
            best = max(able, key=lambda offer: self._free[offer.name])
            return Place(host=best.name, gpus=self._give(run, best.name))
        best = min(here, key=lambda offer: self._queued[offer.name] / max(1, offer.slots))
        self._queued[best.name] += 1
        lacks = "slot" if self._free[best.name] == 0 else "GPU"
        self._give(run, best.name)  # kept for it, so that smaller runs behind it cannot starve it
        return Place(host=best.name, now=False, waits=f"a free {lacks} on {best.name}")

    def _room(self, run: Run, offer: Offer) -> bool:
        return self._free[offer.name] > 0 and len(self._gpus[offer.name]) >= run.placement.gpus

    def _give(self, run: Run, host: str) -> tuple[str, ...]:
        self._free[host] = max(0, self._free[host] - 1)
        count = run.placement.gpus
        given, self._gpus[host] = self._gpus[host][:count], self._gpus[host][count:]
        return given


def fits(run: Run, offer: Offer) -> bool:
    """Could this host ever take the run? The GPUs of a host that is away are not known, and do not rule it out."""
    placement = run.placement
    named = placement.host in ("any", offer.name)
    labelled = all(offer.labels.get(name) == value for name, value in placement.labels.items())
    started = offer.containers or run.model.image is None
    return named and labelled and started and (bool(offer.away) or len(offer.gpus) >= placement.gpus)


def _why_none(run: Run, offers: Sequence[Offer]) -> str:
    placement = run.placement
    wants = [f"host {placement.host}"] if placement.host != "any" else []
    wants += [f"label {name}={value}" for name, value in sorted(placement.labels.items())]
    wants += [f"{placement.gpus} GPU{'s' if placement.gpus > 1 else ''}"] if placement.gpus else []
    wants += [f"a runtime that starts image {run.model.image}"] if run.model.image else []
    has = "; ".join(f"{offer.name} has {_has(offer)}" for offer in offers) or "none is configured"
    return f"no host fits: needs {', '.join(wants) or 'a host'}; {has}"


def _has(offer: Offer) -> str:
    labels = "".join(f", {name}={value}" for name, value in sorted(offer.labels.items()))
    return f"{len(offer.gpus)} GPUs{labels}{'' if offer.containers else ', no containers'}"
