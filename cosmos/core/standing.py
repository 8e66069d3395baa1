"""What follows once a rule holds: the run's standing, and the operations to do. One function a rule.

`core.rules` is the table that picks among them.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cosmos.core.case import Case, is_alive, launch_cause, lost_because, next_attempt
from cosmos.core.observed import OutputState, Reachable, Unreachable
from cosmos.core.plan import Act, Cause, Operation, Phase, Sync
from cosmos.core.reasons import REASONS, Reason
from cosmos.core.recorded import AttemptState, Request
from cosmos.core.retries import due_at, why_ended, why_launch

LOOK_AGAIN_S = 10.0
"""When to look again at what others do, or at what may pass: nothing here tells of its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a run stands and what follows.

    `wants_place` asks for attempt `attempt` to be started: on a host that is free, or where it was intended.
    """

    phase: Phase
    sync: Sync = Sync.OUT_OF_SYNC
    cause: Cause | None = None
    reason: Reason | None = None
    message: str = ""
    operations: tuple[Operation, ...] = ()
    wants_place: bool = False
    attempt: int = 0
    until: float | None = None
    stuck: bool = False
    """Only a person can change this."""
    follows: str = ""
    """Key of the run with the same digest that does the work."""


def _operation(case: Case, act: Act, cause: Cause, **more: object) -> Operation:
    attempt = case.open
    run = case.want.run
    base: dict[str, object] = {"host": "", "batch_id": "", "attempt": 0, "gpus": ()}
    if attempt is not None:
        base = {"host": attempt.host, "batch_id": attempt.batch_id, "attempt": attempt.number, "gpus": attempt.gpus}
    fields: dict[str, object] = {"key": run.key, "digest": case.want.digest, "at": run.at, **base, **more}
    return Operation(act=act, cause=cause, **fields)  # type: ignore[arg-type]


def done(case: Case) -> Standing:
    return _DONE


_DONE = Standing(phase=Phase.SUCCEEDED, sync=Sync.SYNCED)


def restore(case: Case) -> Standing:
    causes = {
        OutputState.MISSING: Cause.OUTPUTS_MISSING,
        OutputState.CORRUPT: Cause.OUTPUTS_CORRUPT,
        OutputState.SUPERSEDED: Cause.SUPERSEDED,
    }
    cause = causes[case.output or OutputState.MISSING]
    here = {"host": "", "batch_id": "", "attempt": 0, "gpus": ()}  # whatever may be under way elsewhere
    operation = _operation(case, Act.RESTORE, cause, folder=case.folder, **here)
    return Standing(phase=Phase.SUCCEEDED, cause=cause, operations=(operation,))


def lost_output(case: Case) -> Standing:
    message = "its files are gone from outputs/ and from the store; bring them back from a backup, or --rerun"
    return Standing(
        phase=Phase.SUCCEEDED, cause=Cause.OUTPUTS_MISSING, reason=Reason.OUTPUT_MISSING, message=message, stuck=True
    )


def _phase_recorded(case: Case) -> Phase:
    started = case.open is not None and case.open.state is AttemptState.STARTED
    return Phase.RUNNING if started else Phase.STARTING


def no_such_host(case: Case) -> Standing:
    host = case.open.host if case.open else ""
    give_up = f"cosmos retry {case.want.run.key} --assume-lost gives it up"
    message = f"its work is on host {host}, which is not in cosmos.toml; add it again to go on, or {give_up}"
    return Standing(phase=_phase_recorded(case), sync=Sync.UNKNOWN, message=message, stuck=True)


def unreachable(case: Case) -> Standing:
    why = case.view.why if isinstance(case.view, Unreachable) else ""
    return Standing(phase=_phase_recorded(case), sync=Sync.UNKNOWN, message=f"host unreachable: {why}")


def assume_lost(case: Case) -> Standing:
    return _fail(case, Reason.ASSUMED_LOST, given_up_by(case.request))


def given_up_by(request: Request | None) -> str:
    """Who gave work up, and why."""
    by = f" by {request.by}" if request and request.by else ""
    why = f": {request.why}" if request and request.why else ""
    return f"given up{by}{why}"


def stop(cause: Cause) -> Callable[[Case], Standing]:
    def then(case: Case) -> Standing:
        return Standing(phase=_phase_recorded(case), cause=cause, operations=(_operation(case, Act.STOP, cause),))

    return then


def give_up(case: Case) -> Standing:
    operation = _operation(case, Act.FAIL, Cause.CANCELLED, reason=Reason.STOPPED, detail="cancelled")
    return Standing(phase=_phase_recorded(case), cause=Cause.CANCELLED, operations=(operation,))


def collect(case: Case) -> Standing:
    operation = _operation(case, Act.COLLECT, Cause.EXITED, folder=case.folder)
    return Standing(phase=Phase.COLLECTING, cause=Cause.EXITED, operations=(operation,))


def fail_lost(case: Case) -> Standing:
    if case.batch is None or not isinstance(case.view, Reachable):
        return fail_gone(case)
    return _fail(case, *lost_because(case.batch, case.view))


def fail_gone(case: Case) -> Standing:
    return _fail(case, Reason.RUN_DIRECTORY_LOST, REASONS[Reason.RUN_DIRECTORY_LOST].meaning)


def _fail(case: Case, reason: Reason, detail: str) -> Standing:
    operation = _operation(case, Act.FAIL, Cause.LOST, reason=reason, detail=detail)
    return Standing(phase=_phase_recorded(case), cause=Cause.LOST, reason=reason, operations=(operation,))


def running(case: Case) -> Standing:
    return Standing(phase=Phase.RUNNING)


def in_line(case: Case) -> Standing:
    view, attempt = case.view, case.open
    if attempt is None or not isinstance(view, Reachable):
        return running(case)
    names = view.gpu_names(attempt.gpus)
    message = next_in_line(attempt.host, names, case.after) if case.after else f"about to begin on {attempt.host}"
    return Standing(phase=Phase.QUEUED, message=message)


def next_in_line(host: str, gpus: str, after: str) -> str:
    return f"next on {host} {gpus}, after {after}"


def withdraw(cause: Cause, detail: str) -> Callable[[Case], Standing]:
    """Close an attempt whose program has not begun; it does not count as a try."""

    def then(case: Case) -> Standing:
        if is_alive(case):
            operation = _operation(case, Act.STOP, cause)
        else:
            operation = _operation(case, Act.FAIL, cause, reason=Reason.STOPPED, detail=detail)
        return Standing(phase=_phase_recorded(case), cause=cause, operations=(operation,))

    return then


def resume(case: Case) -> Standing:
    return Standing(phase=Phase.STARTING, cause=Cause.RESUMED, wants_place=True, attempt=next_attempt(case))


def adopt(case: Case) -> Standing:
    return Standing(phase=Phase.RUNNING, cause=Cause.ORPHANED, message=f"found on {case.orphan_host}")


def record(case: Case) -> Standing:
    detail = f"found in outputs/{case.unrecorded}"
    operation = _operation(case, Act.ADOPT, Cause.ORPHANED, folder=case.unrecorded, detail=detail)
    return Standing(phase=Phase.SUCCEEDED, cause=Cause.ORPHANED, message=detail, operations=(operation,))


def wait_for_end(case: Case) -> Standing:
    message = f"an earlier attempt is still alive on {case.ghost_host}; it is stopped first"
    return Standing(phase=Phase.WAITING, message=message)


def cancelled(case: Case) -> Standing:
    who = f" by {case.request.by}" if case.request and case.request.by else ""
    why = f" ({case.request.why})" if case.request and case.request.why else ""
    message = f"cancelled{who}{why}; cosmos retry {case.want.run.key} starts it again"
    return Standing(phase=Phase.CANCELLED, cause=Cause.CANCELLED, message=message)


def suspended(case: Case) -> Standing:
    by_spec = f"suspend: true at {case.want.run.at.short}"
    return Standing(phase=Phase.SUSPENDED, message=case.suspension.words if case.suspension else by_spec)


def failed(case: Case) -> Standing:
    last = case.failures[-1]
    return Standing(phase=Phase.FAILED, cause=Cause.ATTEMPT_FAILED, reason=last.reason, message=why_ended(case))


def blocked(case: Case) -> Standing:
    ended = [blocker for blocker in case.blockers if blocker.ended]
    if ended:
        words = ", ".join(f"{blocker.key} ({blocker.why or blocker.phase.value})" for blocker in ended)
        return Standing(phase=Phase.WAITING, message=f"cannot start: needs {words}", stuck=True)
    words = ", ".join(blocker.key for blocker in case.blockers)
    operation = _next_launch(case, waits=words)
    return Standing(phase=Phase.WAITING, cause=operation.cause, message=f"waits for {words}", operations=(operation,))


def not_selected(case: Case) -> Standing:
    return Standing(phase=Phase.PENDING, cause=launch_cause(case)[0], message="not selected")


def over_budget(case: Case) -> Standing:
    message = "held back: it may take more GPU time than project.max_gpu_hours allows"
    return Standing(phase=Phase.PENDING, cause=launch_cause(case)[0], message=message, stuck=True)


def back_off(case: Case) -> Standing:
    operation = _next_launch(case, waits="the pause between attempts")
    last = case.failures[-1]
    message = f"{last.reason.value if last.reason else 'failed'}; next attempt {operation.attempt} soon"
    return Standing(
        phase=Phase.WAITING, cause=Cause.ATTEMPT_FAILED, reason=last.reason, message=message,
        operations=(operation,), until=due_at(case),
    )  # fmt: skip


def no_place(case: Case) -> Standing:
    cause, _ = why_launch(case)
    why = case.obstacle.why if case.obstacle else ""
    sync = Sync.UNKNOWN if case.obstacle and case.obstacle.away else Sync.OUT_OF_SYNC
    until = case.obstacle.until if case.obstacle else None
    if until is None and case.obstacle and case.obstacle.may_pass:
        until = case.now + LOOK_AGAIN_S
    return Standing(phase=Phase.QUEUED, sync=sync, cause=cause, message=why, until=until, stuck=until is None)


def place(case: Case) -> Standing:
    cause, _ = why_launch(case)
    return Standing(phase=Phase.QUEUED, cause=cause, wants_place=True, attempt=next_attempt(case))


def _next_launch(case: Case, waits: str) -> Operation:
    cause, detail = why_launch(case)
    return _operation(
        case, Act.LAUNCH, cause, detail=detail, attempt=next_attempt(case), ready=False, waits=waits
    )  # fmt: skip


def place_operation(case: Case, **more: object) -> Operation:
    """The launch of a case that wants a place, with the host, GPUs and batch id that it was given."""
    cause, detail = (Cause.RESUMED, "") if case.open else why_launch(case)
    return _operation(case, Act.LAUNCH, cause, detail=detail, attempt=next_attempt(case), **more)
