"""Whether a host could ever take a run, and what it lacks if not. Pure."""

from collections.abc import Sequence

from cosmos.core.offer import HostConfig, Offer
from cosmos.core.run import Placement, Run


def may_take(host: HostConfig, placement: Placement) -> bool:
    """Do name and labels of a host agree with what is asked for?"""
    named = placement.host in ("any", host.name)
    return named and all(host.labels.get(name) == value for name, value in placement.labels.items())


def fits(run: Run, offer: Offer) -> bool:
    """Could this host ever take the run? The GPUs of a host that is away are not known, and do not rule it out."""
    return _is_meant(run, offer) and not _lacks(run, offer)


def _is_meant(run: Run, offer: Offer) -> bool:
    return run.placement.host in ("any", offer.name)


def _lacks(run: Run, offer: Offer) -> list[str]:
    """What a run needs and a host will never have, as `has 0 GPUs`, `has disk=hdd`."""
    wanted, has = run.placement, offer.labels
    wrong = [name for name, value in sorted(wanted.labels.items()) if has.get(name) != value]
    lacks = [f"has {name}={has[name]}" if name in has else f"has no label {name}" for name in wrong]
    if not unseen(run, offer) and len(offer.gpus) < wanted.gpus:
        lacks.append(f"has {_gpus(len(offer.gpus))}")
    lacks += [] if unseen(run, offer) else _lacks_of_gpus(run, offer)
    lacks += [f"has no secret {name}" for name in run.model.secrets if name not in offer.secrets]
    if run.model.image is not None and not offer.containers:
        lacks.append("starts no containers")
    if run.model.image is None and offer.containers:
        lacks.append("starts only containers")
    return lacks


def _lacks_of_gpus(run: Run, offer: Offer) -> list[str]:
    needs, lacks = run.model.requires, list[str]()
    memory = mib(needs.gpu_memory_bytes)
    count = run.placement.gpus
    if count and sum(has >= memory for has in offer.memory_mib) < count <= len(offer.gpus):
        lacks.append(f"has GPUs of {', '.join(gib(has << 20) for has in sorted(set(offer.memory_mib)))}")
    if needs.driver and count and _version(offer.driver) < _version(needs.driver):
        lacks.append(f"has driver {offer.driver or 'none'}")
    return lacks


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def mib(size: int) -> int:
    return size >> 20


def gib(size: int) -> str:
    return f"{size / (1 << 30):.3g} GiB"


def why_none(run: Run, offers: Sequence[Offer]) -> str:
    placement = run.placement
    wants = [f"host {placement.host}"] if placement.host != "any" else []
    wants += [f"label {name}={value}" for name, value in sorted(placement.labels.items())]
    wants += [_gpus(placement.gpus)] if placement.gpus else []
    if placement.gpus and run.model.requires.gpu_memory_bytes:
        wants.append(f"{gib(run.model.requires.gpu_memory_bytes)} of memory on each")
    if placement.gpus and run.model.requires.driver:
        wants.append(f"driver {run.model.requires.driver}")
    wants += [f"secret {name}" for name in run.model.secrets]
    wants += [f"a runtime that starts image {run.model.image}"] if run.model.image else []
    meant = [offer for offer in offers if _is_meant(run, offer)]
    others = f"there are {', '.join(offer.name for offer in offers)}" if offers else "none is configured"
    why = "; ".join(f"{offer.name} {' and '.join(_lacks(run, offer))}" for offer in meant) or others
    return f"no host fits: needs {', '.join(wants) or 'a host'}; {why}"


def _gpus(count: int) -> str:
    return f"{count} GPU" if count == 1 else f"{count} GPUs"


def unseen(run: Run, offer: Offer) -> str:
    """Why nobody knows whether the host can take the run, or nothing."""
    if offer.away:
        return f"{offer.name} is unreachable: {offer.away}"
    if offer.gpu_trouble and run.placement.gpus:
        return f"the GPUs of {offer.name} cannot be seen: {offer.gpu_trouble}"
    return ""
