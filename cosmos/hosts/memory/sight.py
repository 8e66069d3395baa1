"""What a look at a machine in memory shows of a run directory, as bash/observe.sh and docker would tell it."""

from cosmos.core.observed import BatchState, ObservedBatch
from cosmos.hosts.memory.parts import RunDirectory, Tree, Work

TAIL = 4096


def seen(tree: Tree, directory: RunDirectory) -> ObservedBatch:
    work, claim, record = work_of(tree, directory), directory.claim, directory.record
    state = _state(directory, work)
    is_open = record is None
    evidence = ""
    if is_open and claim is not None and work is not None and work.is_container and not work.lives:
        evidence = f"{'OOMKilled, ' if work.was_oom_killed else ''}container exited with {work.code}"
    return ObservedBatch(
        batch_id=directory.batch_id,
        state=state,
        meta=directory.plan.meta if directory.plan and directory.is_whole else None,
        exit=record,
        started_at=directory.began,
        image=directory.plan.image or "" if directory.plan and claim else "",
        evidence=evidence,
        boot_id=claim.boot if claim else "",
        survivors=int(is_open and work is not None and work.child and not work.runner),
        log_bytes=len(directory.log),
        log_tail=directory.log[-TAIL:] if state is BatchState.RUNNING else b"",
    )


def work_of(tree: Tree, directory: RunDirectory) -> Work | None:
    """Its process or container; a process that was started in an earlier directory of this name is none of its."""
    work = tree.works.get(directory.batch_id)
    if work is None or work.is_container:
        return work
    return work if work.directory is directory else None


def has_ended(tree: Tree, batch_id: str) -> bool:
    directory = tree.directories.get(batch_id)
    if directory is None or directory.record is not None:
        return True
    work = work_of(tree, directory)
    return directory.claim is not None and not (work is not None and work.runner)


def _state(directory: RunDirectory, work: Work | None) -> BatchState:
    if directory.record is not None:
        return BatchState.EXITED
    if directory.claim is None:
        return BatchState.PREPARED if directory.is_whole else BatchState.PARTIAL
    return BatchState.RUNNING if work is not None and work.runner else BatchState.LOST
