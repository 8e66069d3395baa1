"""What a host is configured as, and what it offers: plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class HostConfig:
    """What the configuration says about a host."""

    name: str
    slots: int = 1
    """Runs at a time; 0: one a GPU, and at least one a core up to four."""
    labels: Mapping[str, str] = field(default_factory=dict)
    containers: bool = False
    """Its runtime starts images; on others a model with an image cannot run."""
    gpus: tuple[str, ...] | None = None
    """Ids or indexes of the GPUs that may be given out; None for all that the host has."""
    share_gpus: bool = False
    """Give out GPUs that other programs use too."""
    secrets: frozenset[str] = frozenset()
    """Names of those that it keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Free:
    """A GPU that can be given out now. Memory in MiB that nothing uses."""

    id: str
    memory_mib: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A batch whose GPUs the next one may wait for on the host. `ends` sorts: what is likely to end first comes first.

    `gpus` are those of its GPUs that may be given out, `names` the same as people name them.
    """

    batch_id: str
    key: str
    gpus: tuple[str, ...]
    names: tuple[str, ...]
    ends: tuple[bool, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a host can take now.

    `free` is its number of free slots; `gpus` are the ids of its GPUs that may ever be given out, `gpus_free`
    those that can be now. `foreign` says of each that other programs use which. `away` is one
    sentence when the host could not be looked at, else empty.
    """

    name: str
    slots: int
    free: int
    labels: Mapping[str, str] = field(default_factory=dict)
    containers: bool = False
    secrets: frozenset[str] = frozenset()
    gpus: tuple[str, ...] = ()
    memory_mib: tuple[int, ...] = ()
    """Of each of `gpus`, all that it has."""
    driver: str = ""
    disk_free: int = 0
    """Bytes."""
    gpus_free: tuple[Free, ...] = ()
    foreign: tuple[str, ...] = ()
    turns: tuple[Turn, ...] = ()
    away: str = ""
    gpu_trouble: str = ""
    """Why nothing is known about its GPUs, though it is there."""
    closed: str = ""
    """Why it is given nothing, though it is there; before `until`, or until a person says otherwise."""
    until: float | None = None
    trial: str = ""
    """Why it is given one run at most."""
