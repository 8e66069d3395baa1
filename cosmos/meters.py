"""What a look measured on hosts: GPUs and disk, for those who show it and do not look themselves."""

import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuMeter:
    """One GPU that the configuration gives out. None where the device does not tell.

    Memory in MiB, utilisation in percent, degrees Celsius, watts.
    """

    id: str
    name: str
    """`gpu0`."""
    model: str
    memory_used_mib: int | None
    memory_total_mib: int
    utilisation: int | None
    temperature: int | None
    power: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostMeter:
    """One host that a look reached; the disk is that of its work directory, in bytes."""

    host: str
    disk_free: int
    disk_total: int
    gpus: tuple[GpuMeter, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Meters:
    """All hosts that one look reached, at a time in seconds since the epoch. One that is not among them is unknown."""

    at: float
    hosts: tuple[HostMeter, ...] = ()

    def of(self, host: str) -> HostMeter | None:
        return next((each for each in self.hosts if each.host == host), None)


NONE = Meters(at=0.0)


def to_text(meters: Meters) -> str:
    """For a note beside the statuses."""
    return json.dumps(asdict(meters), separators=(",", ":"))


def from_text(text: str) -> Meters:
    """What `to_text` made; nothing measured, from what another version made."""
    try:
        said = json.loads(text or "{}")
        return Meters(at=float(said["at"]), hosts=tuple(map(_host, said["hosts"]))) if said else NONE
    except (ValueError, TypeError, KeyError, AttributeError):
        return NONE


def _host(said: dict[str, Any]) -> HostMeter:
    return HostMeter(**{**said, "gpus": tuple(GpuMeter(**gpu) for gpu in said["gpus"])})
