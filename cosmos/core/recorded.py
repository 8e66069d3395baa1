"""What the database says: the ledger of what is done, attempts, and what people asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cosmos.core.digest import Digest, Material
from cosmos.core.estimate import Timing
from cosmos.core.reasons import Reason
from cosmos.core.suspension import Suspensions


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One file of a manifest. `name` is relative and uses `/`; `size` in bytes."""

    name: str
    sha256: str
    size: int


Manifest = tuple[FileEntry, ...]
"""Files sorted by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """A finished digest. The row is written once its files are in the store, verified."""

    digest: Digest
    schema: int
    run_id: str
    key: str
    attempt: int
    batch_id: str
    manifest: Manifest
    finished_at: float
    duration_s: float
    folder: str = ""
    """Folder below outputs/ where the files were first published."""


class AttemptState(StrEnum):
    """`INTENDED` is written before anything is done on a host."""

    INTENDED = "intended"
    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN_STATES = frozenset({AttemptState.INTENDED, AttemptState.STARTED})
"""States that hold the digest: at most one attempt of a digest is in one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """The n-th batch tried for a digest. `number` counts from 1."""

    digest: Digest
    number: int
    batch_id: str
    host: str
    run_id: str
    key: str
    state: AttemptState
    gpus: tuple[str, ...] = ()
    """Ids of the GPUs given to the batch alone."""
    model: str = ""
    """Name of the model, for learned durations."""
    reason: Reason | None = None
    message: str = ""
    intended_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    released: bool = False
    """The host's copy is gone, on our order."""

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES


class Verb(StrEnum):
    """What a person asked of a run, beyond its spec."""

    CANCEL = "cancel"
    RETRY = "retry"
    RERUN = "rerun"
    ASSUME_LOST = "assume_lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A standing request about one digest. It concerns attempts up to `after`, so it is done once.

    cancel: stop, and start nothing until a retry. retry: attempts up to `after` no longer count.
    rerun: a ledger row made by an attempt up to `after` no longer counts as done. assume_lost: a retry that also gives
    up an open attempt up to `after` whose host cannot be looked at.
    """

    digest: Digest
    verb: Verb
    after: int
    at: float
    by: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A consistent reading of the database."""

    ledger: Mapping[Digest, LedgerEntry] = field(default_factory=dict)
    attempts: Mapping[Digest, tuple[Attempt, ...]] = field(default_factory=dict)
    """By digest, oldest first."""
    requests: Mapping[Digest, Request] = field(default_factory=dict)
    """The newest request of each digest."""
    previous: Mapping[str, Material] = field(default_factory=dict)
    """By run id: what the run's last launched or adopted digest was made of, where it differs from now."""
    suspensions: Suspensions = field(default_factory=Suspensions)
    ended: Mapping[str, tuple[Attempt, ...]] = field(default_factory=dict)
    """By host: the newest attempts that are over, in any order."""
    timings: tuple[Timing, ...] = ()
    """The newest of each model, GPU and shape, newest first."""
