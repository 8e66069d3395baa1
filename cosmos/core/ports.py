"""What the engine asks of the world. Real things and simulated ones implement these alike.

Contracts that every implementation keeps (tests/contracts holds them to it):

- An operation that cannot tell whether it happened raises `HostUnreachable`; the caller looks again.
- Every write is idempotent by its key: doing it twice leaves what doing it once leaves.
- "Could not look" is an exception, never an empty answer.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cosmos.core.digest import Digest, Material, canonical
from cosmos.core.estimate import Timing
from cosmos.core.observed import BatchMeta, OutputState, Reachable
from cosmos.core.plan import Plan
from cosmos.core.reasons import Reason
from cosmos.core.recorded import Attempt, FileEntry, LedgerEntry, Manifest, Recorded, Request
from cosmos.core.run import Container
from cosmos.core.stock import StockKeeper

Progress = Callable[[int], None]
"""Called with the number of bytes done since the last call."""

ROOT = "\0{root}"
"""In an argv: the run directory's absolute path. Filled in by the host, which knows it."""

PYTHON = "\0{python}"
"""In an argv: the host's Python. Filled in by the host."""


def fill(argv: Iterable[str], marks: Mapping[str, str]) -> tuple[str, ...]:
    """Put values in place of marks (ROOT, PYTHON); other marks stay.

    A mark begins with NUL, which neither a spec's text nor any program's argument can hold. So it equals
    nothing that a person wrote, and a prompt that says "{root}" needs no escaping.
    """

    def one(element: str) -> str:
        for mark, value in marks.items():
            element = element.replace(mark, value)
        return element

    return tuple(one(element) for element in argv)


def document(path: str, value: object, marks: Mapping[str, str]) -> bytes:
    """The bytes of one of `BatchPlan.documents`."""
    filled = _fill_in(value, marks)
    lines = filled if path.endswith(".jsonl") and isinstance(filled, list) else [filled]
    return b"".join(canonical(line) + b"\n" for line in lines)


def _fill_in(value: object, marks: Mapping[str, str]) -> object:
    if isinstance(value, str):
        return fill((value,), marks)[0]
    if isinstance(value, Mapping):
        return {key: _fill_in(each, marks) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_fill_in(each, marks) for each in value]
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """Everything that a run directory holds before it is started.

    `inputs` maps a file name below `inputs/` to the sha256 of a blob that is already on the host.
    `files` maps a path below the run directory to bytes, `documents` to a JSON value; of a name that ends in `.jsonl`
    it is a list, written one element a line. The host fills in ROOT and PYTHON where they occur in `argv`, in values
    of `env` and in texts of `documents`; all else reaches the program byte for byte. The program starts in
    `start_in`, "" for the run directory. `folders` are created below `outputs/`. Before anything else the host makes
    sure that it has `needed` (least size in bytes by path, as the program sees it), the `secrets`, and `commit` in
    the folder `repository`; and before the program starts, that nothing listens on `ports`.
    """

    meta: BatchMeta
    argv: tuple[str, ...]
    inputs: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    documents: Mapping[str, object] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    start_in: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    needed: Mapping[str, int] = field(default_factory=dict)
    ports: tuple[int, ...] = ()
    repository: str = ""
    commit: str = ""
    image: str | None = None
    container: Container = Container()
    timeout_s: float = 7200.0
    stall_s: float | None = None
    grace_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a batch has left: its outputs, its log (perhaps only the beginning), and when the log was how long."""

    manifest: Manifest
    log: bytes
    log_times: bytes


class Host(StockKeeper, Protocol):
    """A machine that runs work. Every method may raise HostUnreachable."""

    name: str

    def observe(self, wanted_blobs: Iterable[str]) -> Reachable:
        """One complete look, in one round trip.

        Args:
            wanted_blobs: sha256 values whose presence is asked about.
        """

    def put_blobs(self, blobs: Sequence[tuple[str, int, Path]], progress: Progress) -> None:
        """Upload (sha256, size, local path) each; those already there whole cost nothing.

        Raises:
            TransferError: A local file no longer has its sha256, or bytes were damaged on the way.
            HostRefused: The host's disk is full or not writable.
        """

    def prepare(self, batch: BatchPlan) -> None:
        """Make the run directory complete, without starting it."""

    def start(self, batch_id: str) -> None:
        """Start a prepared batch. Starting a started one does nothing."""

    def stop(self, batch_id: str, grace_s: float) -> None:
        """TERM, then KILL after `grace_s`, to every process of the batch; returns once none is left.

        A batch that was never started gets an exit record that says so and can no longer start.
        """

    def manifest(self, batch_id: str, folder: str) -> Manifest:
        """Regular files below `outputs/<folder>` with sha256 and size, computed on the host."""

    def result(self, batch_id: str, folder: str, names: Iterable[str], log_limit: int) -> Result:
        """The manifest of the files of these names, at most `log_limit` bytes of run.log and its times.

        In one round trip. Other files are not read: a program may have left any number of bytes.
        """

    def fetch(self, batch_id: str, folder: str, files: Sequence[tuple[FileEntry, Path]], progress: Progress) -> None:
        """Download files of a manifest, each to its path, in one round trip, resuming what is already there.

        Raises:
            TransferError: The bytes that arrived do not have the manifest's sha256. Files that did arrive are kept.
        """

    def read_log(self, batch_id: str, offset: int, limit: int) -> bytes:
        """Bytes of run.log from `offset`; empty at its end or where there is no log yet."""

    def read_log_times(self, batch_id: str) -> bytes:
        """Lines `TIME SIZE`: how long run.log was when, by the host's clock (core.logtimes reads them)."""

    def release(self, batch_id: str) -> None:
        """Remove the run directory of a batch that has ended. Removing an absent one does nothing."""

    def wait_for_exit(self, batch_ids: Sequence[str], timeout_s: float) -> None:
        """Return when a batch may have ended: one of these, or one started meanwhile. A hint, no proof."""

    def close(self) -> None:
        """Give back connections."""


class BlobStore(Protocol):
    """The local content-addressed store and the outputs folder, which is a view of it."""

    def partial(self, sha256: str) -> Path:
        """Path for bytes on their way to becoming this blob; may already hold a prefix."""

    def commit(self, sha256: str, size: int) -> None:
        """Verify the partial file and make it a blob, durably."""

    def put(self, data: bytes) -> FileEntry:
        """Store bytes; the entry's name is empty."""

    def path(self, sha256: str) -> Path:
        """Where a blob is; it may be absent."""

    def publish(self, folder: str, manifest: Manifest) -> None:
        """Make `outputs/<folder>` hold the manifest's files and `latest` beside it point there.

        A file there with other bytes is kept under another name, never overwritten.
        """

    def look(self, published: Iterable[tuple[str, Manifest]]) -> Mapping[str, OutputState]:
        """Compare `outputs/<folder>` with a manifest, without reading what has not changed.

        Args:
            published: Folder and manifest pairs.

        Returns:
            A state by folder.
        """


class Records(Protocol):
    """The database. Each call is one short transaction; none does I/O elsewhere."""

    def load(self, wanted: Mapping[str, Digest]) -> Recorded:
        """Everything the planner needs.

        Args:
            wanted: Digest by run id, of every desired run.
        """

    def intend(
        self,
        attempt: Attempt,
        material: Material,
        meta: BatchMeta,
        result: LedgerEntry | None = None,
        timing: Timing | None = None,
    ) -> bool:
        """Claim the digest for one attempt, durably, before anything happens; one that has its `result` is closed.

        `timing` is what it took to make that.

        Returns: False, with nothing written, when another open attempt holds the digest.
        """

    def meta(self, batch_id: str) -> BatchMeta | None:
        """What was written down when the batch was intended or adopted."""

    def started(self, batch_id: str, at: float) -> None:
        """Record that the batch runs."""

    def finished(self, entry: LedgerEntry, ended_at: float, timing: Timing | None = None) -> None:
        """Write the ledger row and what the batch took, and close the attempt, in one transaction."""

    def failed(self, batch_id: str, reason: Reason, message: str, ended_at: float, *, cancelled: bool) -> None:
        """Close the attempt without a result."""

    def released(self, batch_id: str) -> None:
        """Record that the host's copy is gone."""

    def request(self, request: Request, *, instead_of: Request | None = None) -> None:
        """Record what a person asked for.

        Args:
            request: Is the newest of its digest then.
            instead_of: Nothing is recorded unless this one is the newest: a person may have asked for more since.
        """

    def event(self, kind: str, subject: str, reason: str, message: str, at: float) -> None:
        """Append to the history; the same words about the same subject are counted, not repeated."""

    def save_statuses(self, plan: Plan, looked_at: float, holds: Callable[[str], bool] = lambda key: False) -> None:
        """Keep where each run stands, for readers that do not look for themselves.

        Args:
            plan: Its statuses replace what is kept; runs that are not there, and that nothing holds, are gone.
            looked_at: Time of the look that the plan is made from.
            holds: Whether a key cannot be judged now (`Desired.holds`): what is kept of it stays, with sync Unknown.
        """


class Clock(Protocol):
    """Time. `now` is for people and records, `monotonic` for measuring."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def monotonic(self) -> float:
        """Seconds that never go back."""
