"""What each host can take now: its configuration held against what a look found there.

A GPU on which other programs compute is not given out, unless the configuration shares it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from cosmos.core.breaker import Closure
from cosmos.core.case import Policy
from cosmos.core.observed import Gpu, Observed, Reachable
from cosmos.core.occupancy import Occupancy, Occupant
from cosmos.core.placement import Free, HostConfig, Offer, Offers, Turn

CORES_USED = 4
"""Slots that a host has for its cores at most, where nobody configured how many."""


def offers(
    hosts: Sequence[HostConfig],
    observed: Observed,
    occupied: Mapping[str, Occupancy],
    policy: Policy,
    lasts_s: Mapping[str, float],
    closed: Mapping[str, Closure],
) -> Offers:
    """Offers of all hosts.

    Args:
        hosts: As configured.
        observed: What was found.
        occupied: What is at work there, by host.
        policy: Whether a GPU's next run may be started in advance.
        lasts_s: By batch id, seconds from its begin to its likely end.
        closed: Hosts that are given nothing, or one run as a trial.
    """
    made = ((_offer(host, observed, occupied, policy, lasts_s), closed.get(host.name)) for host in hosts)
    return Offers([offer if closure is None else _within(offer, closure) for offer, closure in made])


def _within(offer: Offer, closure: Closure) -> Offer:
    """What a closure leaves of an offer: nothing, or a place for the trial. Nothing is started there in advance."""
    if closure.is_shut:
        return replace(offer, closed=closure.why, until=closure.until)
    return replace(offer, free=min(offer.free, int(not closure.is_tried)), turns=(), trial=closure.why)


def slots_of(host: HostConfig, view: Reachable) -> int:
    """As configured; else one a GPU, and at least one a core up to four."""
    return host.slots or max(len(gpus_of(host, view)), min(CORES_USED, view.cores), 1)


def gpus_of(host: HostConfig, view: Reachable) -> tuple[Gpu, ...]:
    """The GPUs that the configuration lets be given out."""
    chosen = host.gpus
    return tuple(gpu for gpu in view.gpus if chosen is None or gpu.id in chosen or str(gpu.index) in chosen)


def _offer(
    host: HostConfig,
    observed: Observed,
    occupied: Mapping[str, Occupancy],
    policy: Policy,
    lasts_s: Mapping[str, float],
) -> Offer:
    view = observed.hosts.get(host.name)
    if not isinstance(view, Reachable):
        away = getattr(view, "why", "no look")
        return Offer(
            name=host.name,
            slots=host.slots,
            free=0,
            labels=host.labels,
            containers=host.containers,
            secrets=host.secrets,
            away=away,
        )
    occupancy, slots = occupied.get(host.name, Occupancy()), slots_of(host, view)
    free = slots - len(occupancy.holders)
    taken = occupancy.taken
    gpus = gpus_of(host, view)
    usable = {gpu.id: gpu for gpu in gpus if host.share_gpus or not gpu.holders}
    # with more at work than there are slots, nothing takes over the slot of what ends
    turns = _turns(occupancy, view, usable, lasts_s) if policy.run_ahead and free >= 0 else ()
    return Offer(
        name=host.name,
        slots=slots,
        free=max(0, free),
        labels=host.labels,
        containers=host.containers,
        secrets=host.secrets,
        gpus=tuple(gpu.id for gpu in gpus),
        memory_mib=tuple(gpu.memory_total_mib for gpu in gpus),
        driver=view.driver,
        disk_free=view.disk_free,
        gpus_free=tuple(_free(gpu) for gpu in usable.values() if gpu.id not in taken),
        foreign=tuple(_foreign(gpu) for gpu in gpus if gpu.id not in usable),
        turns=tuple(turns),
        gpu_trouble=view.gpu_trouble,
    )


def _free(gpu: Gpu) -> Free:
    return Free(id=gpu.id, memory_mib=max(0, gpu.memory_total_mib - (gpu.memory_used_mib or 0)))


def _foreign(gpu: Gpu) -> str:
    return f"gpu{gpu.index} is used by {' and '.join(gpu.holders)}"


def _turns(
    occupancy: Occupancy, view: Reachable, usable: Mapping[str, Gpu], lasts_s: Mapping[str, float]
) -> Iterable[Turn]:
    for holder in occupancy.followable():
        gpus = tuple(gpu for gpu in holder.gpus if gpu in usable)
        yield Turn(
            batch_id=holder.batch_id,
            key=holder.key,
            gpus=gpus,
            names=tuple(view.gpu_names([gpu]) for gpu in gpus),
            ends=_ends(holder, view, lasts_s),
        )


def _ends(holder: Occupant, view: Reachable, lasts_s: Mapping[str, float]) -> tuple[bool, float]:
    """Seconds from the look to its likely end, by the host's clock; where nobody knows, what began first is first."""
    began = (holder.began_at or view.clock) - view.clock
    lasts = lasts_s.get(holder.batch_id)
    return lasts is None, began + (lasts or 0.0)
