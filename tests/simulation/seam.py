"""The one seam: every call of a port passes `Seam.effect`, where a scheduler may interfere.

A scheduler is asked before each effect. It may let things happen in the world, and says what becomes of the effect
itself. `Crash` is a controller that dies there: nothing in the product catches it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum, auto
from pathlib import Path
from typing import Protocol, TypeVar

from cosmos.core.digest import Digest, Material
from cosmos.core.estimate import Timing
from cosmos.core.observed import BatchMeta, OutputState, Reachable
from cosmos.core.plan import Plan
from cosmos.core.ports import BatchPlan, BlobStore, Host, Progress, Records, Result
from cosmos.core.reasons import Reason
from cosmos.core.recorded import Attempt, FileEntry, LedgerEntry, Manifest, Recorded, Request
from cosmos.core.stock import Stock
from cosmos.errors import CosmosError, HostUnreachable
from tests.simulation.laws import Laws

T = TypeVar("T")


class Crash(BaseException):
    """The controller is killed here."""


class Kind(Enum):
    """What an effect is done to, for the choice of a fault that can befall it."""

    LOOK = auto()
    HOST = auto()
    SEND = auto()
    FETCH = auto()
    READ = auto()
    RECORD = auto()
    STORE = auto()


class Fate(Enum):
    """What becomes of an effect."""

    DONE = "done"
    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"
    DROPPED = "request lost"
    REPLY_LOST = "reply lost"
    REFUSED = "refused"
    TWICE = "done twice"
    LATE = "done later"
    CUT = "cut off"
    GARBLED = "garbled"


class Scheduler(Protocol):
    """Decides what happens at each effect."""

    def fate(self, kind: Kind, name: str, host: str) -> Fate:
        """What becomes of this effect; worldly faults happen within this call."""

    def is_late(self) -> bool:
        """Does a look come in only at the next pass?"""

    def refusal(self, kind: Kind) -> CosmosError:
        """What an effect that is refused raises."""

    def later(self, host: str, act: Callable[[], object]) -> None:
        """Do a host's effect when it pleases: its caller has given up waiting."""

    def cut(self, host: str) -> None:
        """Break off the next script on a host half-way."""


class Seam:
    """Passes effects on, or not. `trace` has a line for each of them.

    Args:
        who: Name of the controller.
        scheduler: Who decides.
        trace: Shared by all controllers of a world.
    """

    def __init__(self, who: str, scheduler: Scheduler, trace: list[str]) -> None:
        self.garbled = False
        """What the last effect brought is damaged before it is looked at."""
        self._who = who
        self._scheduler = scheduler
        self._trace = trace

    def effect(self, kind: Kind, name: str, act: Callable[[], T], host: str = "") -> T:
        fate = self._scheduler.fate(kind, name, host)
        self.garbled = fate is Fate.GARBLED
        line = f"{self._who} {name}"
        if fate is Fate.DONE:
            self._trace.append(line)
            return act()
        self._trace.append(f"{line} -- {fate.value}")
        if fate is Fate.CRASH_BEFORE:
            raise Crash
        if fate is Fate.REFUSED:
            raise self._scheduler.refusal(kind)
        if fate is Fate.DROPPED:
            raise HostUnreachable(f"{host}: the connection was reset", "look again")
        if fate is Fate.LATE:
            self._scheduler.later(host, act)
            raise HostUnreachable(f"{host}: took too long", "look again: it may have been done or not")
        return self._done_oddly(fate, act, host)

    def _done_oddly(self, fate: Fate, act: Callable[[], T], host: str) -> T:
        if fate is Fate.CUT:
            self._scheduler.cut(host)
        result = act()
        if fate is Fate.CRASH_AFTER:
            raise Crash
        if fate is Fate.REPLY_LOST:
            raise HostUnreachable(f"{host}: was cut off", "look again: it may have been done or not")
        return act() if fate is Fate.TWICE else result


class SeamHost:
    """`Host`."""

    def __init__(self, host: Host, seam: Seam, laws: Laws, epoch: int) -> None:
        self.name = host.name
        self._epoch = epoch
        self._host = host
        self._seam = seam
        self._effect = seam.effect
        self._laws = laws

    def observe(self, wanted_blobs: Iterable[str]) -> Reachable:
        def act() -> Reachable:
            seen = self._host.observe(wanted_blobs)
            self._laws.on_look(self.name)
            return seen

        return self._effect(Kind.LOOK, f"{self.name}.observe", act, self.name)

    def put_blobs(self, blobs: Sequence[tuple[str, int, Path]], progress: Progress) -> None:
        name = f"{self.name}.put_blobs {' '.join(blob[0][:6] for blob in blobs)}"
        self._effect(Kind.SEND, name, lambda: self._host.put_blobs(blobs, progress), self.name)

    def prepare(self, batch: BatchPlan) -> None:
        if self._has_lease:
            self._laws.on_prepare(self.name, batch)
        self._change(f"prepare {batch.meta.batch_id}", lambda: self._host.prepare(batch))

    def start(self, batch_id: str) -> None:
        self._change(f"start {batch_id}", lambda: self._host.start(batch_id))

    def stop(self, batch_id: str, grace_s: float) -> None:
        if self._has_lease:
            self._laws.on_stop(self.name, batch_id)
        self._change(f"stop {batch_id}", lambda: self._host.stop(batch_id, grace_s))

    def release(self, batch_id: str) -> None:
        if self._has_lease:
            self._laws.on_release(self.name, batch_id)
        self._change(f"release {batch_id}", lambda: self._host.release(batch_id))

    @property
    def _has_lease(self) -> bool:
        """What one without it tries is judged by whether it succeeds."""
        return self._laws.has_lease(self._epoch)

    def _change(self, name: str, script: Callable[[], T]) -> T:
        def act() -> T:
            before = self._laws.epoch_on(self.name)
            done = script()
            self._laws.on_change(self.name, self._epoch, before)
            return done

        return self._effect(Kind.HOST, f"{self.name}.{name}", act, self.name)

    def manifest(self, batch_id: str, folder: str) -> Manifest:
        act = lambda: self._host.manifest(batch_id, folder)  # noqa: E731
        return self._effect(Kind.READ, f"{self.name}.manifest {batch_id}", act, self.name)

    def result(self, batch_id: str, folder: str, names: Iterable[str], log_limit: int) -> Result:
        act = lambda: self._host.result(batch_id, folder, names, log_limit)  # noqa: E731
        return self._effect(Kind.READ, f"{self.name}.result {batch_id}", act, self.name)

    def fetch(self, batch_id: str, folder: str, files: Sequence[tuple[FileEntry, Path]], progress: Progress) -> None:
        act = lambda: self._host.fetch(batch_id, folder, files, progress)  # noqa: E731
        self._effect(Kind.FETCH, f"{self.name}.fetch {batch_id}", act, self.name)
        if self._seam.garbled:
            for _, path in files:
                path.write_bytes(b"garbled " + path.read_bytes())

    def read_log(self, batch_id: str, offset: int, limit: int) -> bytes:
        act = lambda: self._host.read_log(batch_id, offset, limit)  # noqa: E731
        return self._effect(Kind.READ, f"{self.name}.read_log {batch_id}", act, self.name)

    def read_log_times(self, batch_id: str) -> bytes:
        act = lambda: self._host.read_log_times(batch_id)  # noqa: E731
        return self._effect(Kind.READ, f"{self.name}.read_log_times {batch_id}", act, self.name)

    def stored(self) -> Stock:
        return self._effect(Kind.LOOK, f"{self.name}.stored", self._host.stored, self.name)

    def damaged(self, blobs: Mapping[str, int]) -> frozenset[str]:
        return self._effect(Kind.LOOK, f"{self.name}.damaged", lambda: self._host.damaged(blobs), self.name)

    def discard(
        self,
        *,
        unused: Iterable[str] = (),
        damaged: Mapping[str, int] | None = None,
        leftovers: Iterable[str] = (),
        idle_s: float,
    ) -> frozenset[str]:
        act = lambda: self._host.discard(unused=unused, damaged=damaged, leftovers=leftovers, idle_s=idle_s)  # noqa: E731
        return self._change("discard", act)

    def wait_for_exit(self, batch_ids: Sequence[str], timeout_s: float) -> None:
        raise AssertionError("a simulated controller is stepped, and waits for nothing")

    def close(self) -> None:
        self._host.close()


class SeamRecords:
    """`Records`. Of some calls the laws are asserted before the row is written."""

    def __init__(self, records: Records, seam: Seam, laws: Laws, epoch: int) -> None:
        self._records = records
        self._effect = seam.effect
        self._laws = laws
        self._epoch = epoch

    @property
    def _has_lease(self) -> bool:
        return self._laws.has_lease(self._epoch)

    def _write(self, name: str, write: Callable[[], T]) -> T:
        def act() -> T:
            done = write()
            self._laws.on_write(name, self._epoch)
            return done

        return self._effect(Kind.RECORD, name, act)

    def load(self, wanted: Mapping[str, Digest]) -> Recorded:
        return self._effect(Kind.READ, "load", lambda: self._records.load(wanted))

    def meta(self, batch_id: str) -> BatchMeta | None:
        return self._effect(Kind.READ, f"meta {batch_id}", lambda: self._records.meta(batch_id))

    def intend(
        self,
        attempt: Attempt,
        material: Material,
        meta: BatchMeta,
        result: LedgerEntry | None = None,
        timing: Timing | None = None,
    ) -> bool:
        """With a result, it is one that was published and that a lost database does not know."""
        if self._has_lease and result is None:
            self._laws.before_intend(attempt)
        elif self._has_lease and result is not None:
            self._laws.on_finished(result)

        def act() -> bool:
            taken = self._records.intend(attempt, material, meta, result, timing)
            if taken:
                self._laws.on_intend(attempt)
            if taken and result is not None:
                self._laws.on_recorded(result)
            return taken

        return self._write(f"{'recall' if result else 'intend'} {attempt.batch_id}", act)

    def started(self, batch_id: str, at: float) -> None:
        self._write(f"started {batch_id}", lambda: self._records.started(batch_id, at))

    def finished(self, entry: LedgerEntry, ended_at: float, timing: Timing | None = None) -> None:
        if self._has_lease:
            self._laws.on_finished(entry)

        def act() -> None:
            self._records.finished(entry, ended_at, timing)
            self._laws.on_recorded(entry)

        self._write(f"finished {entry.batch_id}", act)

    def failed(self, batch_id: str, reason: Reason, message: str, ended_at: float, *, cancelled: bool) -> None:
        if self._has_lease:
            self._laws.on_failed(batch_id, reason, cancelled=cancelled)
        act = lambda: self._records.failed(batch_id, reason, message, ended_at, cancelled=cancelled)  # noqa: E731
        self._write(f"failed {batch_id} {reason.value}", act)

    def released(self, batch_id: str) -> None:
        self._write(f"released {batch_id}", lambda: self._records.released(batch_id))

    def request(self, request: Request, *, instead_of: Request | None = None) -> None:
        act = lambda: self._records.request(request, instead_of=instead_of)  # noqa: E731
        self._effect(Kind.RECORD, f"request {request.verb.value} {request.digest[:8]}", act)

    def event(self, kind: str, subject: str, reason: str, message: str, at: float) -> None:
        act = lambda: self._records.event(kind, subject, reason, message, at)  # noqa: E731
        self._write(f"event {subject} {reason}", act)

    def save_statuses(self, plan: Plan, looked_at: float, holds: Callable[[str], bool] = lambda key: False) -> None:
        self._write("save_statuses", lambda: self._records.save_statuses(plan, looked_at, holds))


class SeamStore:
    """`BlobStore`."""

    def __init__(self, store: BlobStore, seam: Seam, laws: Laws) -> None:
        self._store = store
        self._effect = seam.effect
        self._laws = laws
        self.partial = store.partial
        self.path = store.path

    def commit(self, sha256: str, size: int) -> None:
        self._effect(Kind.STORE, f"commit {sha256[:6]}", lambda: self._store.commit(sha256, size))

    def put(self, data: bytes) -> FileEntry:
        return self._effect(Kind.STORE, "put", lambda: self._store.put(data))

    def publish(self, folder: str, manifest: Manifest) -> None:
        def act() -> None:
            self._store.publish(folder, manifest)
            self._laws.on_publish(folder, manifest)

        self._effect(Kind.STORE, f"publish {folder}", act)

    def look(self, published: Iterable[tuple[str, Manifest]]) -> Mapping[str, OutputState]:
        return self._effect(Kind.READ, "store.look", lambda: self._store.look(published))
