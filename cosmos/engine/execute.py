"""One function an act. No decisions: what to do was decided in the plan, and is done here.

Every function may be cut off at any line. What it leaves behind is seen by the next look and
either found complete or done again under the same names.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cosmos.core.codec import run_from_json, run_to_json
from cosmos.core.desired import DesiredRun
from cosmos.core.digest import DIGEST_SCHEMA, Material, member_folder
from cosmos.core.estimate import Work, limit_s
from cosmos.core.observed import BatchMeta, BatchState, Member, ObservedBatch, Reachable
from cosmos.core.placing import source_blob
from cosmos.core.plan import Act, Blob, Cause, Operation
from cosmos.core.ports import BatchPlan, Progress
from cosmos.core.reasons import Reason
from cosmos.core.recorded import Attempt, AttemptState, Recorded, Request, Verb
from cosmos.engine.collect import collect, save_log
from cosmos.engine.recall import recall
from cosmos.engine.world import World
from cosmos.errors import HostRefused, RefusedError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """An operation with what the plan was made from."""

    operation: Operation
    want: DesiredRun | None
    view: Reachable | None
    """What was seen of the operation's host."""
    recorded: Recorded
    moved: Progress

    @property
    def batch(self) -> ObservedBatch | None:
        return self.view.batches.get(self.operation.batch_id) if self.view is not None else None


def execute(given: Assignment, world: World) -> None:
    """Do one operation. Raises what the ports raise."""
    operation = given.operation
    logger.info("%s %s (%s) %s", operation.act.value, operation.key, operation.cause.value, operation.batch_id)
    _ACTS[operation.act](given, world)


def intend(operation: Operation, want: DesiredRun, world: World) -> bool:
    """Write down a launch before anything happens. False when another attempt holds the digest."""
    member = Member(
        run_id=want.run.id, key=want.run.key, digest=want.digest, run=run_to_json(want.run), work=_measure(want.work)
    )
    now = world.clock.now()
    meta = BatchMeta(
        batch_id=operation.batch_id,
        project=world.project,
        members=(member,),
        attempt=operation.attempt,
        digest_schema=DIGEST_SCHEMA,
        origin=world.origin,
        owner=world.owner,
        created_at=now,
        gpus=operation.gpus,
    )
    attempt = Attempt(
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
    return world.records.intend(attempt, want.material, meta)


def _measure(work: Work | None) -> Work | None:
    """What is kept of it: published times are no measure."""
    return None if work is None else replace(work, seconds=None)


def _stage(given: Assignment, world: World) -> None:
    blobs = [(blob.sha256, blob.size, _local_path(blob, world)) for blob in given.operation.blobs]
    world.hosts[given.operation.host].put_blobs(blobs, given.moved)


def _local_path(blob: Blob, world: World) -> Path:
    return world.root / blob.path if blob.path else world.store.path(blob.sha256)


def _launch(given: Assignment, world: World) -> None:
    operation, want = given.operation, given.want
    meta = world.records.meta(operation.batch_id)
    if want is None or meta is None:
        raise RefusedError(f"{operation.key}: nothing is recorded about batch {operation.batch_id}")
    host = world.hosts[operation.host]
    if operation.cause is Cause.RESUMED and given.batch is None:
        host.stop(operation.batch_id, world.grace_s)  # it may have been started, and its run directory removed since
    try:
        if given.batch is None or given.batch.state is not BatchState.PREPARED:
            host.prepare(_batch(want, meta, operation, given.recorded, world))
        host.start(operation.batch_id)
    except HostRefused as error:
        _refused(operation, error, world)


def _refused(operation: Operation, error: HostRefused, world: World) -> None:
    """Make sure that the batch cannot start any more, then close the attempt."""
    world.hosts[operation.host].stop(operation.batch_id, world.grace_s)
    reason = Reason(error.reason) if error.reason else Reason.HOST_REFUSED
    world.records.failed(operation.batch_id, reason, error.message, world.clock.now(), cancelled=False)
    world.records.event("Warning", operation.key, reason.value, error.message, world.clock.now())


def _batch(want: DesiredRun, meta: BatchMeta, operation: Operation, recorded: Recorded, world: World) -> BatchPlan:
    run = want.run
    folder = member_folder(want.digest)
    launch = world.adapters[run.model.adapter].launch(run, folder)
    sha256 = {role: blob.sha256 for role, blob in want.blobs.items()}
    made = source_blob(want, recorded)
    if made is not None and run.source is not None:
        sha256[run.source.role] = made.sha256
    gpus = {"CUDA_VISIBLE_DEVICES": ",".join(operation.gpus)}  # none, where none were given
    return BatchPlan(
        meta=replace(meta, gpus=operation.gpus),
        argv=launch.argv,
        inputs={name: sha256[role] for name, role in launch.inputs.items()},
        files=launch.files,
        documents=launch.documents,
        folders=(folder,),
        start_in=launch.folder,
        env={**launch.env, **run.model.env, **gpus},
        secrets=run.model.secrets,
        needed={**launch.needed, **run.model.requires.files},
        ports=tuple(sorted({*launch.ports, *run.model.requires.ports})),
        repository=run.model.paths.get("repo", ""),
        commit=run.model.commit or "",
        image=run.model.image,
        container=run.model.container,
        timeout_s=limit_s(run.timeout_s, operation.eta_s),
        stall_s=run.stall_s,
        grace_s=world.grace_s,
    )


def _adopt(given: Assignment, world: World) -> None:
    """Record work that the database does not know; the next look treats it as any other."""
    operation, batch = given.operation, given.batch
    if operation.folder and given.want is not None:
        _record(given.want, world)
    if batch is None or batch.meta is None:
        return
    now = world.clock.now()
    for member in batch.meta.members:
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
        known: Material = given.want.material if given.want is not None else {}
        if not world.records.intend(attempt, known, batch.meta):
            message = f"{batch.batch_id} on {operation.host} has a digest that another attempt holds"
            raise RefusedError(message, "cosmos explain shows both; stop one with cosmos cancel")
        if batch.began_at is not None:
            world.records.started(batch.batch_id, batch.began_at)
        world.records.event("Normal", member.key, "Adopted", f"found on {operation.host}", now)


def _record(want: DesiredRun, world: World) -> None:
    found = recall(want, world)
    if found is None:  # it was moved away since the look
        return
    attempt, meta, entry, timing = found
    if world.records.intend(attempt, want.material, meta, entry, timing):
        world.records.event("Normal", entry.key, "Adopted", f"outputs/{entry.folder}", world.clock.now())


def _stop(given: Assignment, world: World) -> None:
    operation = given.operation
    if (
        operation.cause is Cause.REMOVED
    ):  # no failure of its own: if its spec comes back, it is tried as if never stopped
        now, digest, after = world.clock.now(), operation.digest, operation.attempt
        world.records.request(Request(digest=digest, verb=Verb.RETRY, after=after, at=now, why="its spec was gone"))
    world.hosts[operation.host].stop(operation.batch_id, world.grace_s)
    world.records.event("Normal", operation.key, "Stopped", operation.cause.value, world.clock.now())


def _fail(given: Assignment, world: World) -> None:
    operation = given.operation
    if given.batch is not None:
        save_log(operation.batch_id, world.hosts[operation.host], world.logs, given.batch.log_bytes)
    elif operation.reason is not Reason.ASSUMED_LOST:  # of which nobody can ask the host
        # a run directory that is gone proves nothing about its processes
        world.hosts[operation.host].stop(operation.batch_id, world.grace_s)
    reason = operation.reason or Reason.PROCESS_LOST
    cancelled = reason is Reason.STOPPED
    now = world.clock.now()
    world.records.failed(operation.batch_id, reason, operation.detail, now, cancelled=cancelled)
    world.records.event("Normal" if cancelled else "Warning", operation.key, reason.value, operation.detail, now)


def _collect(given: Assignment, world: World) -> None:
    operation, batch = given.operation, given.batch
    meta = world.records.meta(operation.batch_id)
    if given.view is None or batch is None or meta is None:
        return
    member = next(member for member in meta.members if member.digest == operation.digest)
    try:
        run = run_from_json(member.run)
    except ValueError:
        run = None
    if run is None or run.model.adapter not in world.adapters:
        message = f"batch {operation.batch_id} was made by a cosmos that this one does not understand"
        raise RefusedError(message, "apply once with that version; until then the batch stays on its host")
    collect(operation, run, meta, batch, given.view, world, given.moved)


def _restore(given: Assignment, world: World) -> None:
    operation = given.operation
    entry = given.recorded.ledger[operation.digest]
    world.store.publish(operation.folder, entry.manifest)
    world.records.event("Normal", operation.key, "Restored", operation.cause.value, world.clock.now())


def _release(given: Assignment, world: World) -> None:
    operation, batch = given.operation, given.batch
    if operation.reason is Reason.ASSUMED_LOST and batch is not None:  # its log was out of reach when it was closed
        save_log(operation.batch_id, world.hosts[operation.host], world.logs, batch.log_bytes)
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
