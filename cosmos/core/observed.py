"""What a look found. A look that could not be made is `Unreachable`: never an empty `Reachable`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cosmos.core.digest import Digest
from cosmos.core.estimate import Work


class BatchState(StrEnum):
    """Life of a run directory on a host, read from its files and from the process table."""

    PREPARED = "prepared"  # complete, never started
    RUNNING = "running"  # claimed, and its process is alive
    EXITED = "exited"  # the exit record is there
    LOST = "lost"  # claimed, no process, no exit record
    PARTIAL = "partial"  # being written, or a crash left it so; holds no claim


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitRecord:
    """`exit.json`, written last and atomically by run.sh.

    Times are seconds since the epoch on the host's clock. Before the program is started, `stage` is `preflight` when
    the host lacks something and `verify` when the inputs were refused; else it is `program`. `stopped`: on our order;
    `interrupted`: run.sh was told to end by somebody else.
    """

    code: int
    started_at: float
    ended_at: float
    boot_id: str
    stage: str = "program"
    timed_out: bool = False
    stopped: bool = False
    interrupted: bool = False
    stalled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One run of a batch, as `batch.json` names it."""

    run_id: str
    key: str
    digest: Digest
    run: str = ""
    """The resolved run as JSON (core.codec), so that its result can be judged after its spec changed."""
    work: Work | None = None
    """Chunks and shape, so that others learn from the time that it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the specs are from that work was begun for.

    `commit` ends in `-dirty` where the specs were not as it has them, and is empty where none is known; then so is
    the rest. `author` is who wrote it, `Name <address>`, and `committed_at` when it was committed.
    """

    commit: str = ""
    author: str = ""
    committed_at: float | None = None


NO_COMMIT = Origin()
LAST_TIME = 1e11
"""In the year 5138. Whoever writes a commit says when, and may say anything."""


def origin(commit: str, author: str = "", at: object = None) -> Origin:
    """What git or a record says; a time that no calendar has is none."""
    time = float(at) if isinstance(at, (int, float)) and 0 <= at < LAST_TIME else None
    return Origin(commit=commit, author=author, committed_at=time)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchMeta:
    """`batch.json`: enough to adopt the work with an empty database."""

    batch_id: str
    project: str
    members: tuple[Member, ...]
    attempt: int
    digest_schema: int
    gpus: tuple[str, ...] = ()
    """Ids of the GPUs given to the batch alone."""
    origin: Origin = NO_COMMIT
    owner: str = ""
    created_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedBatch:
    """A run directory. `meta` is None when batch.json is absent or cannot be understood."""

    batch_id: str
    state: BatchState
    meta: BatchMeta | None = None
    exit: ExitRecord | None = None
    started_at: float | None = None
    """When its program began; None while its inputs are verified, and while another batch holds its GPUs."""
    image: str = ""
    """Id of the image that its container was made from."""
    evidence: str = ""
    """What the runtime says about a lost one (`OOMKilled`, an exit code), for the choice of a reason."""
    boot_id: str = ""
    """Boot of the host at the time the batch was claimed; empty before that."""
    survivors: int = 0
    """Processes of the batch's session that outlive run.sh itself."""
    log_bytes: int = 0
    log_tail: bytes = b""
    """Last bytes of the log, for running batches only."""

    @property
    def waits(self) -> bool:
        """Started in advance: its program begins when the batch that holds its GPUs ends."""
        return self.state is BatchState.RUNNING and self.started_at is None

    @property
    def began_at(self) -> float | None:
        """When its program began; the exit record knows best."""
        return self.exit.started_at if self.exit and self.started_at is not None else self.started_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU as nvidia-smi describes it. Memory in MiB, utilisation in percent, degrees Celsius, watts.

    A figure that the device does not tell is None; of a memory that it does not tell the size is 0.
    """

    id: str
    name: str
    index: int = 0
    memory_total_mib: int = 0
    memory_used_mib: int | None = None
    utilisation: int | None = None
    temperature: int | None = None
    power: float | None = None
    holders: tuple[str, ...] = ()
    """What computes on it and is none of this project's batches, a few words each: `python (pid 4711, 3,120 MiB)`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reachable:
    """A complete look at one host."""

    boot_id: str
    clock: float
    """Seconds since the epoch on the host's clock."""
    disk_free: int
    disk_total: int
    """Bytes, on the file system of the work directory."""
    batches: Mapping[str, ObservedBatch] = field(default_factory=dict)
    blobs: frozenset[str] = frozenset()
    """Of the sha256 values asked for, those that are there whole."""
    cores: int = 1
    gpus: tuple[Gpu, ...] = ()
    driver: str = ""
    """Version of the GPU driver; empty without one."""
    gpu_trouble: str = ""
    """What nvidia-smi says in place of its GPUs; empty where it works, and where there is none."""

    def gpu_names(self, ids: Iterable[str]) -> str:
        """GPUs as people name them, by index: `gpu0 gpu2`; one that is not there any more by its id."""
        names = {gpu.id: f"gpu{gpu.index}" for gpu in self.gpus}
        return " ".join(names.get(gpu, gpu) for gpu in ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """No look was possible; `why` is one sentence for a person."""

    since: float
    why: str


HostView = Reachable | Unreachable


class OutputState(StrEnum):
    """The published files of a ledger row, compared with its manifest."""

    PRESENT = "present"
    MISSING = "missing"  # some are gone from outputs/; the store still has all
    CORRUPT = "corrupt"  # some differ; the store still has all
    SUPERSEDED = "superseded"  # all there, but `latest` beside them points elsewhere
    LOST = "lost"  # the store has not all of them either


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One look at everything: hosts by name, and published outputs by folder.

    `results` are the folders of those, by digest, that are whole and that the database does not know.
    """

    hosts: Mapping[str, HostView] = field(default_factory=dict)
    outputs: Mapping[str, OutputState] = field(default_factory=dict)
    results: Mapping[Digest, str] = field(default_factory=dict)
