"""What people ask of runs beyond their specs: cancel, retry, run again. Written down, for the loop to carry out."""

from collections.abc import Sequence
from dataclasses import replace

from cosmos.core.desired import Desired
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
    keys = _named(desired, names, labels)
    recorded = project.records.load({want.run.id: want.digest for want in desired.runs})
    now = project.world.clock.now()
    asked = False
    for want in desired.runs:
        if want.run.key not in keys:
            continue
        newest = {} if _is_over(recorded, want.digest) else {want.digest: 0}
        for attempt in project.records.attempts_of(want.run.id):
            if attempt.is_open or attempt.digest in newest:
                newest[attempt.digest] = max(attempt.number, newest.get(attempt.digest, 0))
        for digest, number in newest.items():
            project.records.request(Request(digest=digest, verb=Verb.CANCEL, after=number, at=now, by=by, why=why))
        if newest:
            asked = True
            project.records.event("Normal", want.run.key, "CancelRequested", _by(by, why), now)
    if keys and not asked:
        raise RefusedError(
            "all of these runs are finished: there is nothing to stop, and nothing was noted",
            "cosmos suspend NAME keeps a run from being made again when its spec changes",
        )
    view = plans.of(project, desired, [], [])[0]
    return replace(view, selected=keys, targeted=True)


def retry(project: Project, names: Sequence[str], labels: Sequence[str], by: str, why: str) -> list[str]:
    """Ask for failed and cancelled runs to be tried again.

    Raises:
        RefusedError: None of the named runs has failed or was cancelled.
    """
    desired = following.acted_on(project)
    keys = _named(desired, names, labels)
    recorded = project.records.load({want.run.id: want.digest for want in desired.runs})
    now = project.world.clock.now()
    asked = []
    for want in desired.runs:
        attempts = recorded.attempts.get(want.digest, ())
        standing = recorded.requests.get(want.digest)
        ended = bool(attempts) and attempts[-1].state in (AttemptState.FAILED, AttemptState.CANCELLED)
        cancelled = standing is not None and standing.verb is Verb.CANCEL and not _is_over(recorded, want.digest)
        if want.run.key not in keys or not (ended or cancelled):
            continue
        again = standing is not None and standing.verb is Verb.RERUN
        number = attempts[-1].number if attempts else 0
        verb = Verb.RERUN if again else Verb.RETRY
        project.records.request(Request(digest=want.digest, verb=verb, after=number, at=now, by=by, why=why))
        project.records.event("Normal", want.run.key, "RetryRequested", _by(by, why), now)
        asked.append(want.run.key)
    if not asked:
        raise RefusedError(
            "none of these runs has failed or was cancelled",
            "cosmos status shows how they stand; --rerun of apply repeats",
        )
    reading.note_asked(project.records, now)
    return asked


def _is_over(recorded: Recorded, digest: Digest) -> bool:
    """Made, and not asked for again."""
    attempts, standing = recorded.attempts.get(digest, ()), recorded.requests.get(digest)
    if digest not in recorded.ledger or not attempts or attempts[-1].state is not AttemptState.SUCCEEDED:
        return False
    return standing is None or standing.verb is not Verb.RERUN or standing.after < attempts[-1].number


def assume_lost(project: Project, names: Sequence[str], labels: Sequence[str], by: str, why: str) -> list[str]:
    """Ask for work on hosts that cannot be looked at to be given up, of whatever digest it is.

    Raises:
        RefusedError: None of the named runs has such work; where its host answers there is proof either way.
    """
    desired = following.acted_on(project)
    keys = _named(desired, names, labels)
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


def _named(desired: Desired, names: Sequence[str], labels: Sequence[str]) -> frozenset[str]:
    """Naming nothing means everything when one asks, and is a slip when one acts."""
    if not names and not labels:
        raise RefusedError("no run is named", 'name runs or labels; "*" means all')
    return plans.choose(desired, names, labels)
