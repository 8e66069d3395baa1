"""A world of plain values for test_laws.py: hosts with run directories, a database, a store, a clock.

Plans are carried out as operations say, step by step, so that a test may cut them off anywhere. What
a real host or database would refuse is an assertion here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from cosmos.core.desired import Desired, DesiredRun
from cosmos.core.digest import DIGEST_SCHEMA, Digest, Material
from cosmos.core.estimate import Timing
from cosmos.core.observed import (
    BatchMeta,
    BatchState,
    ExitRecord,
    Gpu,
    HostView,
    Member,
    Observed,
    ObservedBatch,
    OutputState,
)
from cosmos.core.placement import HostConfig
from cosmos.core.plan import Act, Cause, Operation
from cosmos.core.reasons import Reason
from cosmos.core.recorded import Attempt, AttemptState, LedgerEntry, Recorded, Request
from cosmos.core.suspension import Suspensions
from tests.makers import NOW, PROJECT, a_manifest, reachable, unreachable

SUCCEEDED, FAILED, CANCELLED = AttemptState.SUCCEEDED, AttemptState.FAILED, AttemptState.CANCELLED


@dataclass
class Directory:
    """A run directory. `gpus` are what its program locks before it begins, `turn` is its place among those who wait."""

    meta: BatchMeta
    state: BatchState = BatchState.PARTIAL
    gpus: tuple[str, ...] = ()
    turn: int = 0
    has_begun: bool = False
    boot: int = 0
    survivors: int = 0
    code: int = 0
    stopped: bool = False

    @property
    def alive(self) -> bool:
        return self.state is BatchState.RUNNING or self.survivors > 0

    @property
    def waits(self) -> bool:
        return self.state is BatchState.RUNNING and not self.has_begun

    def seen(self) -> ObservedBatch:
        claimed = self.state not in (BatchState.PREPARED, BatchState.PARTIAL)
        record = ExitRecord(code=self.code, started_at=NOW, ended_at=NOW, boot_id="", stopped=self.stopped)
        return ObservedBatch(
            batch_id=self.meta.batch_id,
            state=self.state,
            meta=None if self.state is BatchState.PARTIAL else self.meta,
            exit=record if self.state is BatchState.EXITED else None,
            started_at=NOW if claimed and self.has_begun else None,
            boot_id=f"boot-{self.boot}" if claimed else "",
            survivors=self.survivors,
        )


@dataclass
class Machine:
    """A host. `foreign` is a run directory of somebody else, without a record of ours."""

    config: HostConfig
    gpus: tuple[str, ...] = ()
    is_up: bool = True
    is_configured: bool = True
    boot: int = 1
    directories: dict[str, Directory] = field(default_factory=dict)
    blobs: set[str] = field(default_factory=set)
    foreign: str = "not-ours"

    def settle(self) -> None:
        """As the kernel does: who came first gets the GPUs once nobody has them."""
        waiting = [directory for directory in self.directories.values() if directory.waits]
        for directory in sorted(waiting, key=lambda each: each.turn):
            locked = {gpu for each in self.living if not each.waits for gpu in each.gpus}
            directory.has_begun = not locked & set(directory.gpus)

    def look(self) -> HostView:
        self.settle()
        if not self.is_up:
            return unreachable()
        strange = ObservedBatch(batch_id=self.foreign, state=BatchState.RUNNING)
        return reachable(
            *(directory.seen() for directory in self.directories.values()),
            strange,
            boot_id=f"boot-{self.boot}",
            blobs=frozenset(self.blobs),
            gpus=tuple(Gpu(id=name, name="H100") for name in self.gpus),
        )

    @property
    def living(self) -> list[Directory]:
        return [directory for directory in self.directories.values() if directory.alive]


@dataclass
class World:
    """Everything there is. `wants` is what the specs ask for now, by key; specs of `held` are broken."""

    machines: dict[str, Machine]
    wants: dict[str, DesiredRun] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    now: float = NOW
    ledger: dict[Digest, LedgerEntry] = field(default_factory=dict)
    attempts: dict[Digest, dict[int, Attempt]] = field(default_factory=dict)
    metas: dict[str, BatchMeta] = field(default_factory=dict)
    requests: dict[Digest, Request] = field(default_factory=dict)
    materials: dict[str, Material] = field(default_factory=dict)
    outputs: dict[str, OutputState] = field(default_factory=dict)
    late: list[tuple[str, str]] = field(default_factory=list)
    """Host and batch of starts that were sent and have not arrived."""
    assumed: set[str] = field(default_factory=set)
    """Batches that a person declared lost, of which nothing was seen since."""
    suspensions: Suspensions = field(default_factory=Suspensions)

    # What is found --------------------------------------------------------------------------

    @property
    def desired(self) -> Desired:
        runs = tuple(self.wants[key] for key in sorted(self.wants))
        return Desired(runs=runs, held=frozenset(self.held))

    @property
    def recorded(self) -> Recorded:
        return Recorded(
            ledger=dict(self.ledger),
            attempts={digest: tuple(tried[n] for n in sorted(tried)) for digest, tried in self.attempts.items()},
            requests=dict(self.requests),
            previous=dict(self.materials),
            suspensions=self.suspensions,
            ended={
                name: tuple(each for each in self.everything if each.host == name and not each.is_open)
                for name in self.machines
            },
            timings=(Timing(model="preview", gpu="", shape="", chunks=1, run_s=30.0),),
        )

    @property
    def configured(self) -> dict[str, Machine]:
        return {name: machine for name, machine in self.machines.items() if machine.is_configured}

    @property
    def everything(self) -> list[Attempt]:
        return [attempt for tried in self.attempts.values() for attempt in tried.values()]

    def can_see(self, host: str) -> bool:
        return self.machines[host].is_up and self.machines[host].is_configured

    def look(self) -> Observed:
        seen = [machine for name, machine in self.machines.items() if self.can_see(name)]
        self.assumed.difference_update(*(machine.directories for machine in seen))
        return Observed(
            hosts={name: machine.look() for name, machine in self.configured.items()}, outputs=dict(self.outputs)
        )

    def open(self, digest: Digest) -> Attempt | None:
        held = [attempt for attempt in self.attempts.get(digest, {}).values() if attempt.is_open]
        assert len(held) <= 1, held
        return held[0] if held else None

    def living(self) -> Iterator[tuple[str, Directory]]:
        for name, machine in self.machines.items():
            yield from ((name, directory) for directory in machine.living)

    # What is done ---------------------------------------------------------------------------

    def carry_out(self, operation: Operation) -> Iterator[str]:
        """Do one operation; may be abandoned after each step that it names. Ends at a host that is not up."""
        steps = {
            Act.STAGE: self._stage,
            Act.LAUNCH: self._launch,
            Act.ADOPT: self._adopt,
            Act.STOP: self._stop,
            Act.FAIL: self._fail,
            Act.COLLECT: self._collect,
            Act.RESTORE: self._restore,
            Act.RELEASE: self._release,
        }
        yield from steps[operation.act](operation)

    def _stage(self, operation: Operation) -> Iterator[str]:
        if self.machines[operation.host].is_up:
            self.machines[operation.host].blobs |= {blob.sha256 for blob in operation.blobs}
            yield "staged"

    def _launch(self, operation: Operation) -> Iterator[str]:
        want = next((want for want in self.wants.values() if want.digest == operation.digest), None)
        if want is None:
            return  # the specs were edited since the plan was made
        if operation.cause is not Cause.RESUMED:
            if not self._intend(want, operation):
                return
            yield "intended"
        machine = self.machines[operation.host]
        if not machine.is_up:
            return
        directory = machine.directories.setdefault(operation.batch_id, Directory(meta=self.metas[operation.batch_id]))
        yield "half prepared"
        if directory.state is BatchState.PARTIAL:
            if not {blob.sha256 for blob in want.blobs.values()} <= machine.blobs:
                self._close(operation, FAILED, Reason.HOST_REFUSED)
                directory.state, directory.stopped = BatchState.EXITED, True
                return
            directory.state, directory.gpus = BatchState.PREPARED, operation.gpus
        yield "prepared"
        self.start(operation.host, operation.batch_id)
        yield "started"

    def note_begun(self) -> None:
        """As a pass does first: what a look shows to have begun is recorded so."""
        for tried in self.attempts.values():
            for number, attempt in tried.items():
                machine = self.configured.get(attempt.host)
                directory = machine.directories.get(attempt.batch_id) if machine and machine.is_up else None
                if attempt.state is AttemptState.INTENDED and directory is not None and directory.has_begun:
                    tried[number] = replace(attempt, state=AttemptState.STARTED, started_at=self.now)

    def start(self, host: str, batch_id: str) -> None:
        """As run.sh does: only what is prepared and not claimed starts."""
        machine = self.machines[host]
        directory = machine.directories.get(batch_id)
        if directory is not None and directory.state is BatchState.PREPARED:
            digest = directory.meta.members[0].digest
            assert batch_id in self.metas, "started without a record"
            rivals = [(name, other.meta) for name, other in self.living() if other.meta.batch_id not in self.assumed]
            others = [name for name, meta in rivals if meta.members[0].digest == digest]
            assert not others, f"{batch_id} would be the second live batch of its digest"
            directory.state, directory.boot = BatchState.RUNNING, machine.boot
            directory.turn = 1 + max(each.turn for each in machine.directories.values())
            machine.settle()

    def _intend(self, want: DesiredRun, operation: Operation) -> bool:
        tried = self.attempts.setdefault(want.digest, {})
        if self.open(want.digest) is not None or operation.attempt in tried:
            return False
        tried[operation.attempt] = Attempt(
            digest=want.digest,
            number=operation.attempt,
            batch_id=operation.batch_id,
            host=operation.host,
            run_id=want.run.id,
            key=want.run.key,
            state=AttemptState.INTENDED,
            gpus=operation.gpus,
            intended_at=self.now,
        )
        self.materials[want.run.id] = want.material
        self.metas[operation.batch_id] = BatchMeta(
            batch_id=operation.batch_id,
            project=PROJECT,
            members=(Member(run_id=want.run.id, key=want.run.key, digest=want.digest),),
            attempt=operation.attempt,
            digest_schema=DIGEST_SCHEMA,
            gpus=operation.gpus,
        )
        return True

    def _adopt(self, operation: Operation) -> Iterator[str]:
        machine = self.machines[operation.host]
        directory = machine.directories.get(operation.batch_id)
        if not machine.is_up or directory is None:
            return
        (member,) = directory.meta.members
        assert self.open(member.digest) is None, "adopted beside an open attempt"
        started = directory.has_begun
        self.metas[operation.batch_id] = directory.meta
        self.attempts.setdefault(member.digest, {})[operation.attempt] = Attempt(
            digest=member.digest,
            number=operation.attempt,
            batch_id=operation.batch_id,
            host=operation.host,
            run_id=member.run_id,
            key=member.key,
            state=AttemptState.STARTED if started else AttemptState.INTENDED,
            gpus=operation.gpus,
            intended_at=self.now,
            started_at=self.now if started else None,
        )
        yield "adopted"

    def _stop(self, operation: Operation) -> Iterator[str]:
        machine = self.machines[operation.host]
        directory = machine.directories.get(operation.batch_id)
        if not machine.is_up or directory is None:
            return
        if directory.state in (BatchState.RUNNING, BatchState.PREPARED, BatchState.PARTIAL):
            directory.state, directory.stopped, directory.code = BatchState.EXITED, True, 143
        directory.survivors = 0
        machine.settle()
        yield "stopped"

    def _fail(self, operation: Operation) -> Iterator[str]:
        assert operation.reason is not None
        if operation.reason is Reason.ASSUMED_LOST:
            self.late = [late for late in self.late if late[1] != operation.batch_id]
            if not self.can_see(operation.host):
                self.assumed.add(operation.batch_id)
        self._close(operation, CANCELLED if operation.reason is Reason.STOPPED else FAILED, operation.reason)
        yield "failed"

    def _collect(self, operation: Operation) -> Iterator[str]:
        machine = self.machines[operation.host]
        directory = machine.directories.get(operation.batch_id)
        if not machine.is_up or directory is None:
            return
        assert directory.state is BatchState.EXITED, directory
        if directory.stopped:
            self._close(operation, CANCELLED, Reason.STOPPED)
        elif directory.code:
            lacking = directory.code == 137
            self._close(operation, FAILED, Reason.HOST_OUT_OF_MEMORY if lacking else Reason.PROGRAM_FAILED)
        else:
            self._publish(operation.folder)
            yield "published"
            self._finish(operation, directory)
        yield "collected"

    def _finish(self, operation: Operation, directory: Directory) -> None:
        (member,) = directory.meta.members
        before = self.ledger.get(operation.digest)
        if before is None or before.attempt < operation.attempt:
            self.ledger[operation.digest] = LedgerEntry(
                digest=operation.digest,
                schema=DIGEST_SCHEMA,
                run_id=member.run_id,
                key=member.key,
                attempt=operation.attempt,
                batch_id=operation.batch_id,
                manifest=a_manifest(),
                finished_at=self.now,
                duration_s=30.0,
                folder=operation.folder,
            )
        self._change(operation, lambda attempt: replace(attempt, state=SUCCEEDED, ended_at=self.now))

    def _restore(self, operation: Operation) -> Iterator[str]:
        assert operation.digest in self.ledger
        self._publish(operation.folder)
        yield "restored"

    def _publish(self, folder: str) -> None:
        """`latest` beside a folder points to what was published last."""
        beside = folder.rpartition("/")[0]
        for other, state in self.outputs.items():
            if other.rpartition("/")[0] == beside and state is OutputState.PRESENT:
                self.outputs[other] = OutputState.SUPERSEDED
        self.outputs[folder] = OutputState.PRESENT

    def _release(self, operation: Operation) -> Iterator[str]:
        machine = self.machines[operation.host]
        attempt = self.attempts[operation.digest][operation.attempt]
        assert not attempt.is_open, "released before it was over"
        directory = machine.directories.get(operation.batch_id)
        if not machine.is_up:
            return
        if directory is not None and directory.alive:
            return  # release.sh refuses; the plan must not have asked unless it came alive since
        machine.directories.pop(operation.batch_id, None)
        yield "removed"
        self._change(operation, lambda attempt: replace(attempt, released=True))

    def _close(self, operation: Operation, state: AttemptState, reason: Reason) -> None:
        def closed(attempt: Attempt) -> Attempt:
            return replace(attempt, state=state, reason=reason, ended_at=self.now) if attempt.is_open else attempt

        self._change(operation, closed)

    def _change(self, operation: Operation, change: Callable[[Attempt], Attempt]) -> None:
        tried = self.attempts.get(operation.digest, {})
        if operation.attempt in tried and tried[operation.attempt].batch_id == operation.batch_id:
            tried[operation.attempt] = change(tried[operation.attempt])
