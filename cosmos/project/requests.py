"""What people ask of runs beyond their specs: cancel, retry, run again. Written down, for the loop to carry out."""

from collections.abc import Sequence
from dataclasses import replace

from cosmos.core.desired import Desired, DesiredRun
from cosmos.core.digest import Digest
from cosmos.core.observed import Reachable
from cosmos.core.recorded import Attempt, AttemptState, Recorded, Request, Verb
from cosmos.errors import RefusedError
from cosmos.outcome import PlanView
from cosmos.project import following, plans, reading
from cosmos.project.wiring import Project


def rerun(project: Project, view: PlanView, by: str) -> None:
    """Make the view's finished runs count as not done."""
    recorded = project.records.load({want.run.id: want.digest for want in view.desired.runs})
    for request in plans.reruns(view.desired, view.selected, recorded, by, project.world.clock.now()):
        project.records.request(request)
        _event(project, request, view, "RerunRequested", "finished runs are run again")


def cancel(project: Project, names: Sequence[str], labels: Sequence[str], by: str, why: str) -> PlanView:
    """Ask for the named runs to stop, and for their older work that may still be under way.

    Returns:
        A view of what is to be carried out, with nothing to be started.

    Raises:
        RefusedError: All of the named runs are finished.
    """
    desired = following.acted_on(project)
    keys = named(desired, names, labels)
    recorded = project.records.load({want.run.id: want.digest for want in desired.runs})
    now = project.world.clock.now()
    asked = False
    for want in desired.runs:
        if want.run.key not in keys:
            continue
        newest = _to_cancel(project, want, recorded)
        for digest, number in newest.items():
            project.records.request(Request(digest=digest, verb=Verb.CANCEL, after=number, at=now, by=by, why=why))
        if newest:
            asked = True
            project.records.event("Normal", want.run.key, "CancelRequested", _by(by, why), now)
    if keys and not asked:
        raise _all_finished()
    view = plans.of(project, desired, [], [])[0]
    return replace(view, selected=keys, targeted=True)


def cancelling(project: Project, desired: Desired, keys: frozenset[str]) -> dict[Digest, Request]:
    """What `cancel` would ask for.

    Raises:
        RefusedError: All of the runs are finished.
    """
    recorded = project.records.load({want.run.id: want.digest for want in desired.runs})
    found = [_to_cancel(project, want, recorded) for want in desired.runs if want.run.key in keys]
    if keys and not any(found):
        raise _all_finished()
    return {
        digest: Request(digest=digest, verb=Verb.CANCEL, after=number, at=0.0)
        for each in found
        for digest, number in each.items()
    }


def _all_finished() -> RefusedError:
    return RefusedError(
        "all of these runs are finished: there is nothing to stop, and nothing was noted",
        "cosmos suspend NAME keeps a run from being made again when its spec changes",
    )


def _to_cancel(project: Project, want: DesiredRun, recorded: Recorded) -> dict[Digest, int]:
    """By digest, the newest attempt: of the run as it is, if it is not finished, and of older work under way."""
    newest = {} if _is_over(recorded, want.digest) else {want.digest: 0}
    for attempt in project.records.attempts_of(want.run.id):
        if attempt.is_open or attempt.digest in newest:
            newest[attempt.digest] = max(attempt.number, newest.get(attempt.digest, 0))
    return newest


def retry(project: Project, names: Sequence[str], labels: Sequence[str], by: str, why: str) -> list[str]:
    """Ask for failed and cancelled runs to be tried again.

    Raises:
        RefusedError: None of the named runs has failed or was cancelled.
    """
    desired = following.acted_on(project)
    keys = named(desired, names, labels)
    recorded = project.records.load({want.run.id: want.digest for want in desired.runs})
    now = project.world.clock.now()
    asked = retrying(desired, keys, recorded)
    for key, request in asked.items():
        project.records.request(replace(request, at=now, by=by, why=why))
        project.records.event("Normal", key, "RetryRequested", _by(by, why), now)
    reading.note_asked(project.records, now)
    return list(asked)


def retrying(desired: Desired, keys: frozenset[str], recorded: Recorded) -> dict[str, Request]:
    """What `retry` would ask for, by key.

    Raises:
        RefusedError: None of the runs has failed or was cancelled.
    """
    found = {want.run.key: _to_retry(want, recorded) for want in desired.runs if want.run.key in keys}
    asked = {key: request for key, request in found.items() if request is not None}
    if not asked:
        raise RefusedError(
            "none of these runs has failed or was cancelled",
            "cosmos status shows how they stand; --rerun of apply repeats",
        )
    return asked


def _is_over(recorded: Recorded, digest: Digest) -> bool:
    """Made, and not asked for again."""
    attempts, standing = recorded.attempts.get(digest, ()), recorded.requests.get(digest)
    if digest not in recorded.ledger or not attempts or attempts[-1].state is not AttemptState.SUCCEEDED:
        return False
    return standing is None or standing.verb is not Verb.RERUN or standing.after < attempts[-1].number


def _to_retry(want: DesiredRun, recorded: Recorded) -> Request | None:
    attempts = recorded.attempts.get(want.digest, ())
    standing = recorded.requests.get(want.digest)
    ended = bool(attempts) and attempts[-1].state in (AttemptState.FAILED, AttemptState.CANCELLED)
    cancelled = standing is not None and standing.verb is Verb.CANCEL and not _is_over(recorded, want.digest)
    if not (ended or cancelled):
        return None
    again = standing is not None and standing.verb is Verb.RERUN
    number = attempts[-1].number if attempts else 0
    return Request(digest=want.digest, verb=Verb.RERUN if again else Verb.RETRY, after=number, at=0.0)


def assume_lost(project: Project, names: Sequence[str], labels: Sequence[str], by: str, why: str) -> list[str]:
    """Ask for work on hosts that cannot be looked at to be given up, of whatever digest it is.

    Raises:
        RefusedError: None of the named runs has such work; where its host answers there is proof either way.
    """
    desired = following.acted_on(project)
    keys = named(desired, names, labels)
    _, look = plans.of(project, desired, [], [])
    now = project.world.clock.now()
    asked: list[str] = []
    answering: list[Attempt] = []
    for want in desired.runs:
        held = [each for each in project.records.attempts_of(want.run.id) if each.is_open and want.run.key in keys]
        seen = [each for each in held if isinstance(look.observed.hosts.get(each.host), Reachable)]
        answering += seen
        for attempt in held:
            if attempt not in seen:
                asked.append(want.run.key)
                verb, number = Verb.ASSUME_LOST, attempt.number
                project.records.request(
                    Request(digest=attempt.digest, verb=verb, after=number, at=now, by=by, why=why)
                )  # fmt: skip
                words = f"work on {attempt.host}, {_by(by, why)}"
                project.records.event("Warning", want.run.key, "AssumeLostRequested", words, now)
    if not asked:
        raise _not_lost(answering)
    reading.note_asked(project.records, now)
    return list(dict.fromkeys(asked))


def _not_lost(answering: Sequence[Attempt]) -> RefusedError:
    if not answering:
        message = "none of these runs has work on a host that cannot be looked at"
        return RefusedError(message, "cosmos status --look shows how they stand")
    attempt = answering[0]
    return RefusedError(
        f"{attempt.key}: {attempt.host} answers, so what became of attempt {attempt.number} can be seen",
        f"cosmos apply goes on with it; cosmos cancel {attempt.key} stops it",
    )


def _by(by: str, why: str) -> str:
    return f"by {by}{': ' if why else ''}{why}"


def _event(project: Project, request: Request, view: PlanView, reason: str, message: str) -> None:
    keys = [want.run.key for want in view.desired.runs if want.digest == request.digest]
    for key in keys:
        project.records.event("Normal", key, reason, message, request.at)


def named(desired: Desired, names: Sequence[str], labels: Sequence[str]) -> frozenset[str]:
    """Naming nothing means everything when one asks, and is a slip when one acts."""
    if not names and not labels:
        raise RefusedError("no run is named", 'name runs or labels; "*" means all')
    return plans.choose(desired, names, labels)
