"""One function an act. No decisions: what to do was decided in the plan, and is done here.

Every function may be cut off at any line. What it leaves behind is seen by the next look and
either found complete or done again under the same names.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cosmos.adapters.base import Verdict
from cosmos.core.case import folder_of
from cosmos.core.codec import run_to_json
from cosmos.core.desired import DesiredRun
from cosmos.core.digest import DIGEST_SCHEMA, Material
from cosmos.core.estimate import Work
from cosmos.core.observed import BatchMeta, BatchState, Member, ObservedBatch, Reachable
from cosmos.core.plan import Act, Blob, Cause, Operation
from cosmos.core.ports import Progress
from cosmos.core.reasons import Reason
from cosmos.core.recorded import Attempt, AttemptState, Recorded, Request, Verb
from cosmos.engine.collect import save_log
from cosmos.engine.members import close_all, settle, settle_lost
from cosmos.engine.parts import Part, by_digest
from cosmos.engine.preparing import batch_plan
from cosmos.engine.recall import recall
from cosmos.engine.world import World
from cosmos.errors import HostRefused, RefusedError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """An operation with what the plan was made from."""

    parts: tuple[Part, ...]
    """Several for what is done to a batch of several runs at once."""
    view: Reachable | None
    """What was seen of the operation's host."""
    recorded: Recorded
    moved: Progress

    @property
    def operation(self) -> Operation:
        return self.parts[0].operation

    @property
    def want(self) -> DesiredRun | None:
        return self.parts[0].want

    @property
    def batch(self) -> ObservedBatch | None:
        return self.view.batches.get(self.operation.batch_id) if self.view is not None else None


def execute(given: Assignment, world: World) -> None:
    """Do one operation. Raises what the ports raise."""
    operation = given.operation
    logger.info("%s %s (%s) %s", operation.act.value, operation.key, operation.cause.value, operation.batch_id)
    _ACTS[operation.act](given, world)


def intend(parts: Sequence[Part], world: World) -> bool:
    """Write down a launch before anything happens. False when another attempt holds one of the digests."""
    operation, now = parts[0].operation, world.clock.now()
    wants = [part.want for part in parts if part.want is not None]
    if len(wants) < len(parts):
        return False
    meta = BatchMeta(
        batch_id=operation.batch_id,
        project=world.project,
        members=tuple(
            Member(
                run_id=want.run.id,
                key=want.run.key,
                digest=want.digest,
                run=run_to_json(want.run),
                work=_measure(want.work),
            )
            for want in wants
        ),
        attempt=operation.attempt,
        digest_schema=DIGEST_SCHEMA,
        origin=world.origin,
        owner=world.owner,
        created_at=now,
        gpus=operation.gpus,
    )
    attempts = [
        Attempt(
            digest=want.digest,
            number=operation.attempt,
            batch_id=operation.batch_id,
            host=operation.host,
            run_id=want.run.id,
            key=want.run.key,
            state=AttemptState.INTENDED,
            gpus=operation.gpus,
            model=want.run.model.name,
            intended_at=now,
        )
        for want in wants
    ]
    return world.records.intend_all([(one, want.material) for one, want in zip(attempts, wants, strict=True)], meta)


def _measure(work: Work | None) -> Work | None:
    """What is kept of it: published times are no measure."""
    return None if work is None else replace(work, seconds=None)


def _stage(given: Assignment, world: World) -> None:
    blobs = [(blob.sha256, blob.size, _local_path(blob, world)) for blob in given.operation.blobs]
    world.hosts[given.operation.host].put_blobs(blobs, given.moved)


def _local_path(blob: Blob, world: World) -> Path:
    return world.root / blob.path if blob.path else world.store.path(blob.sha256)


def _launch(given: Assignment, world: World) -> None:
    operation = given.operation
    meta = world.records.meta(operation.batch_id)
    if given.want is None or meta is None:
        raise RefusedError(f"{operation.key}: nothing is recorded about batch {operation.batch_id}")
    host = world.hosts[operation.host]
    wants = {part.want.digest: part.want for part in given.parts if part.want is not None}
    if wants.keys() != {member.digest for member in meta.members}:  # another member was given up meanwhile
        _take_back(given, world)
        return
    if operation.cause is Cause.RESUMED and given.batch is None:
        host.stop(operation.batch_id, world.grace_s)  # it may have been started, and its run directory removed since
    try:
        if given.batch is None or given.batch.state is not BatchState.PREPARED:
            members = [wants[member.digest] for member in meta.members]
            host.prepare(batch_plan(members, meta, operation, given.recorded, world))
        host.start(operation.batch_id)
    except HostRefused as error:
        _refused(given, error, world)


def _refused(given: Assignment, error: HostRefused, world: World) -> None:
    """Make sure that the batch cannot start any more, then close its attempts."""
    world.hosts[given.operation.host].stop(given.operation.batch_id, world.grace_s)
    reason = Reason(error.reason) if error.reason else Reason.HOST_REFUSED
    verdicts = [(part, Verdict(reason=reason, message=error.message)) for part in given.parts]
    close_all(verdicts, world.clock.now(), world)


def _take_back(given: Assignment, world: World) -> None:
    """Not all members may be started any more, so none is: what is left of them gets another place."""
    world.hosts[given.operation.host].stop(given.operation.batch_id, world.grace_s)
    verdict = Verdict(reason=Reason.NOT_REACHED, message="its batch was taken back before it was started")
    close_all([(part, verdict) for part in given.parts], world.clock.now(), world)


def _adopt(given: Assignment, world: World) -> None:
    """Record work that the database does not know; the next look treats it as any other."""
    operation, batch = given.operation, given.batch
    if operation.folder and given.want is not None:
        _record(given.want, operation.folder, world)
    if batch is None or batch.meta is None:
        return
    now = world.clock.now()
    found = by_digest(given.parts)
    for member in batch.meta.members:
        part = found.get(member.digest)
        if part is None:
            continue
        attempt = Attempt(
            digest=member.digest,
            number=batch.meta.attempt,
            batch_id=batch.batch_id,
            host=operation.host,
            run_id=member.run_id,
            key=member.key,
            state=AttemptState.INTENDED,
            gpus=batch.meta.gpus,
            intended_at=batch.meta.created_at,
        )
        known: Material = part.want.material if part.want is not None else {}
        if not world.records.intend(attempt, known, batch.meta):
            message = f"{batch.batch_id} on {operation.host} has a digest that another attempt holds"
            raise RefusedError(message, "cosmos explain shows both; stop one with cosmos cancel")
        if batch.began_at is not None:
            world.records.started(batch.batch_id, batch.began_at)
        world.records.event("Normal", member.key, "Adopted", f"found on {operation.host}", now)


def _record(want: DesiredRun, folder: str, world: World) -> None:
    found = recall(want, folder, world)
    if found is None:  # it was moved away since the look
        return
    attempt, meta, entry, timing = found
    if world.records.intend(attempt, want.material, meta, entry, timing):
        world.records.event("Normal", entry.key, "Adopted", f"outputs/{entry.folder}", world.clock.now())


def _stop(given: Assignment, world: World) -> None:
    operation, now = given.operation, world.clock.now()
    for each in (part.operation for part in given.parts if part.operation.cause is Cause.REMOVED):
        # no failure of its own: if its spec comes back, it is tried as if never stopped
        why = "its spec was gone"
        world.records.request(Request(digest=each.digest, verb=Verb.RETRY, after=each.attempt, at=now, why=why))
    world.hosts[operation.host].stop(operation.batch_id, world.grace_s)
    for part in given.parts:
        world.records.event("Normal", part.operation.key, "Stopped", part.operation.cause.value, world.clock.now())


def _fail(given: Assignment, world: World) -> None:
    operation = given.operation
    verdicts = [
        (part, Verdict(reason=part.operation.reason or Reason.PROCESS_LOST, message=part.operation.detail))
        for part in given.parts
    ]
    if given.batch is not None:
        meta = world.records.meta(operation.batch_id)
        if meta is not None and len(meta.members) > 1 and given.view is not None:
            placed = [(_placed(part, given.recorded), verdict) for part, verdict in verdicts]
            settle_lost(placed, meta, given.batch, given.view, given.recorded, world, given.moved)
            return
        save_log(operation.batch_id, operation.batch_id, world.hosts[operation.host], world.logs, given.batch.log_bytes)
    elif operation.reason is not Reason.ASSUMED_LOST:  # of which nobody can ask the host
        # a run directory that is gone proves nothing about its processes
        world.hosts[operation.host].stop(operation.batch_id, world.grace_s)
    close_all(verdicts, world.clock.now(), world)


def _placed(part: Part, recorded: Recorded) -> Part:
    """With the folder below outputs/ for the result, should it turn out to be whole."""
    each = part.operation
    folder = folder_of(each.key, each.digest, recorded.ledger.get(each.digest), each.attempt)
    return Part(replace(each, folder=folder), part.want)


def _collect(given: Assignment, world: World) -> None:
    operation, batch = given.operation, given.batch
    meta = world.records.meta(operation.batch_id)
    if given.view is None or batch is None or meta is None:
        return
    settle(given.parts, meta, batch, given.view, given.recorded, world, given.moved)


def _restore(given: Assignment, world: World) -> None:
    operation = given.operation
    entry = given.recorded.ledger[operation.digest]
    world.store.publish(operation.folder, entry.manifest)
    world.records.event("Normal", operation.key, "Restored", operation.cause.value, world.clock.now())


def _release(given: Assignment, world: World) -> None:
    operation, batch = given.operation, given.batch
    if operation.reason is Reason.ASSUMED_LOST and batch is not None:  # its log was out of reach when it was closed
        host, attempts = world.hosts[operation.host], given.recorded.attempts.values()
        for name in (each.name for tried in attempts for each in tried if each.batch_id == operation.batch_id):
            save_log(operation.batch_id, name, host, world.logs, batch.log_bytes)
    world.hosts[operation.host].release(operation.batch_id)
    world.records.released(operation.batch_id)


_ACTS: Mapping[Act, Callable[[Assignment, World], None]] = {
    Act.STAGE: _stage,
    Act.LAUNCH: _launch,
    Act.ADOPT: _adopt,
    Act.STOP: _stop,
    Act.FAIL: _fail,
    Act.COLLECT: _collect,
    Act.RESTORE: _restore,
    Act.RELEASE: _release,
}
