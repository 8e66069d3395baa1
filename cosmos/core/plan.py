"""The plan: operations with causes, and where each run stands. A value; text and JSON are views of it.

One operation is one local or remote act. `cosmos plan` prints the text, the log records it, tests
compare it, the page shows it: there is no second description of the work.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cosmos.core.digest import Digest
from cosmos.core.estimate import Basis
from cosmos.core.problem import Location
from cosmos.core.reasons import Reason


class Act(StrEnum):
    """What an operation does."""

    STAGE = "stage"  # upload missing blobs to a host
    LAUNCH = "launch"  # record the intent, prepare the run directory, start it
    ADOPT = "adopt"  # record work that is on a host and not in the database
    STOP = "stop"
    COLLECT = "collect"  # verify outputs, publish, write the ledger
    RESTORE = "restore"  # put published files back from the store
    RELEASE = "release"  # remove the host's copy of what is durable here
    FAIL = "fail"  # record that an attempt is over without a result


class Cause(StrEnum):
    """Why an operation is in the plan. A closed set; every operation has exactly one."""

    NEVER_RAN = "never_ran"
    MODEL_CHANGED = "model_changed"
    PROMPT_CHANGED = "prompt_changed"
    INPUT_CHANGED = "input_changed"
    CONTROLS_CHANGED = "controls_changed"
    PARAMS_CHANGED = "params_changed"
    SOURCE_CHANGED = "source_changed"
    FORCED = "forced"
    ATTEMPT_FAILED = "attempt_failed"
    RETRY_REQUESTED = "retry_requested"
    RESUMED = "resumed"  # intended before, and not yet started
    INPUTS_ABSENT = "inputs_absent"  # blobs that a run needs are not on its host
    EXITED = "exited"
    LOST = "lost"
    CANCELLED = "cancelled"
    SUSPENDED = "suspended"
    NOT_WANTED = "not_wanted"  # no spec asks for it any more, or its result is here already
    REMOVED = "removed_from_specs"  # its spec is gone, and what runs is to be stopped then
    ORPHANED = "orphaned"  # ours, and unknown to the database
    OUTPUTS_MISSING = "outputs_missing"
    OUTPUTS_CORRUPT = "outputs_corrupt"
    SUPERSEDED = "superseded"  # an earlier result is wanted again
    DURABLE = "durable"  # the result, or the failure and its log, is safe here


class Sync(StrEnum):
    """Does what exists equal what the specs ask for?"""

    SYNCED = "Synced"
    OUT_OF_SYNC = "OutOfSync"
    UNKNOWN = "Unknown"  # a spec that cannot be read, or a host that cannot be seen


class Phase(StrEnum):
    """Where a run is on its way."""

    PENDING = "Pending"  # known, nothing decided yet
    WAITING = "Waiting"  # for another run, or for the time of its next attempt
    QUEUED = "Queued"  # for a free slot
    STAGING = "Staging"  # its inputs are on the way
    STARTING = "Starting"
    RUNNING = "Running"
    COLLECTING = "Collecting"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    SUSPENDED = "Suspended"


ENDED = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED, Phase.SUSPENDED})
"""Phases that nothing but a person or a new spec changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """An input file as bytes: where it is in the project, its sha256 and size in bytes."""

    sha256: str
    size: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One act. Fields that an act does not use keep their defaults.

    `ready` is False for work that the plan foresees and that has to wait; `waits` then says for what.
    `eta_s` is the expected wall time on the host, or None when nothing is known yet.
    """

    act: Act
    cause: Cause
    key: str
    digest: Digest
    at: Location | None = None
    host: str = ""
    gpus: tuple[str, ...] = ()
    batch_id: str = ""
    attempt: int = 0
    folder: str = ""
    """Folder below outputs/, for collect and restore."""
    blobs: tuple[Blob, ...] = ()
    reason: Reason | None = None
    detail: str = ""
    eta_s: float | None = None
    basis: Basis | None = None
    """What `eta_s` rests on."""
    wants_gpus: int = 0
    """How many GPUs a launch is given, also where it is not yet known which."""
    after: str = ""
    """Key of the run whose GPUs a launch waits for on the host; it is started there in advance."""
    ready: bool = True
    waits: str = ""

    @property
    def id(self) -> str:
        """Equal for the same act on the same thing, whatever plan it is in."""
        return f"{self.act.value}:{self.host}:{self.batch_id or self.folder or self.digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatus:
    """Where one run stands. `message` is one sentence; `since` is seconds since the epoch or None."""

    key: str
    run_id: str
    digest: Digest | None
    sync: Sync
    phase: Phase
    at: Location
    cause: Cause | None = None
    reason: Reason | None = None
    message: str = ""
    host: str = ""
    gpus: tuple[str, ...] = ()
    attempt: int = 0
    folder: str = ""
    """Folder below outputs/ that holds the result, once there is one."""
    since: float | None = None
    until: float | None = None
    """When a waiting run is looked at again by itself."""
    stuck: bool = False
    """Nothing changes this by itself."""
    takes_s: float | None = None
    """How long its program is expected to run, of one that runs; None where nothing tells."""
    basis: Basis | None = None
    ends_at: float | None = None
    """When it is expected to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do, and where every run stands. Both are sorted; equal inputs give an equal plan."""

    operations: tuple[Operation, ...] = ()
    statuses: tuple[RunStatus, ...] = ()
    held: int = 0
    """Runs that cannot be judged, because of problems in the specs; they are not among the statuses."""
    readers: Mapping[str, int] = field(default_factory=dict)
    """By sha256 of a blob to upload: how many runs of the plan read it."""
    wall_s: float | None = None
    """How long all launches of which it is known how long they take will take, on the machines that there are."""

    @property
    def is_empty(self) -> bool:
        """True when nothing at all is to be done."""
        return not self.operations

    @property
    def ready(self) -> tuple[Operation, ...]:
        return tuple(operation for operation in self.operations if operation.ready)

    @property
    def launches(self) -> tuple[Operation, ...]:
        return tuple(operation for operation in self.operations if operation.act is Act.LAUNCH)

    @property
    def eta_s(self) -> float:
        """How long launches take one after the other, those of which it is known."""
        return sum(operation.eta_s or 0.0 for operation in self.launches)

    @property
    def gpu_s(self) -> float:
        """Seconds of GPUs of the same."""
        return sum((operation.eta_s or 0.0) * operation.wants_gpus for operation in self.launches)

    @property
    def unknown(self) -> int:
        """Launches of which nothing tells how long they take."""
        return sum(operation.eta_s is None for operation in self.launches)

    def status_of(self, key: str) -> RunStatus | None:
        place = bisect_left(self.statuses, key, key=lambda status: status.key)
        found = self.statuses[place : place + 1]
        return found[0] if found and found[0].key == key else None
