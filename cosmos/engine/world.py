"""Everything that the engine acts on, gathered: ports and what is fixed for one project.

Built by `cosmos.project.wiring` from real things, by tests from simulated ones.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cosmos.adapters.base import Adapter
from cosmos.core.files import Probe
from cosmos.core.grouping import Expect
from cosmos.core.observed import NO_COMMIT, Origin
from cosmos.core.placement import HostConfig
from cosmos.core.ports import BlobStore, Clock, Host, Records
from cosmos.engine.locks import KeyedLocks


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass(frozen=True, kw_only=True)
class World:
    """Ports by role. `root` is the project's folder, `logs` keeps the logs of failed attempts."""

    project: str
    root: Path
    logs: Path
    hosts: Mapping[str, Host]
    host_configs: tuple[HostConfig, ...]
    keep_failed: frozenset[str]
    records: Records
    store: BlobStore
    probe: Probe
    adapters: Mapping[str, Adapter]
    clock: Clock
    owner: str = ""
    origin: Origin = NO_COMMIT
    """Where the specs are from that this controller applies."""
    versions: Callable[[], Mapping[str, str]] = dict
    """Names and versions of the programs involved, for provenance."""
    provenance: Callable[[str], bytes | None] = lambda folder: None
    """The record beside a result that is published in a folder, where there is one."""
    grace_s: float = 10.0
    """Between TERM and KILL."""
    batch_runs: int = 8
    batch_s: float = 1800.0
    """Most runs that share one load of a model, and the longest that they are expected to take together."""
    expect: Expect | None = None
    """How long runs take, where somebody knows better than what was learned."""
    blob_locks: KeyedLocks = field(default_factory=KeyedLocks)
    """By sha256: held while a blob is brought into the store."""
