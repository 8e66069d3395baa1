"""Plans, progress and outcomes of an open project. Looks and decides; changes nothing on a host."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace

from cosmos.core.case import Policy
from cosmos.core.desired import Desired
from cosmos.core.digest import Digest
from cosmos.core.observed import Reachable
from cosmos.core.plan import Act, Cause, Phase, Plan
from cosmos.core.recorded import Recorded, Request, Verb
from cosmos.core.removal import Budget, doubt, unasked
from cosmos.core.select import Named, select
from cosmos.engine.cycle import TRIES_LIMIT, Engine, Report, Trouble
from cosmos.engine.seen import Look
from cosmos.engine.workers import InlineWorkers
from cosmos.errors import NotFoundError, RefusedError
from cosmos.outcome import Doing, Outcome, PlanView, Progress
from cosmos.project import handover, host_rows
from cosmos.project.reading import FINGERPRINT, PROBLEMS
from cosmos.project.wiring import Project


def make(
    project: Project,
    targets: Sequence[str],
    labels: Sequence[str],
    *,
    rerun: bool = False,
    prune: bool = False,
    accept_removals: bool = False,
) -> PlanView:
    """Load the specs, look, decide, and remember where everything stands."""
    project.approach()
    project.now_at()
    desired = project.desire()
    return of(project, desired, targets, labels, rerun=rerun, prune=prune, accept_removals=accept_removals)[0]


def of(
    project: Project,
    desired: Desired,
    targets: Sequence[str],
    labels: Sequence[str],
    *,
    rerun: bool = False,
    prune: bool = False,
    accept_removals: bool = False,
    remembered: bool = True,
) -> tuple[PlanView, Look]:
    """The plan for what is desired, with the look that it was made from. Where it is not `remembered`, nobody is told.

    Raises:
        RefusedError: With `prune`, what runs for too many specs that are gone would be stopped, and nobody said that
            these removals are meant.
    """
    selected = choose(desired, targets, labels)
    targeted = bool(list(targets) or list(labels))
    with closing(Engine(world=project.world, workers=InlineWorkers())) as engine:
        look = engine.look(desired)
        if rerun:
            look = replace(look, recorded=_as_if_asked(look.recorded, reruns(desired, selected, look.recorded)))
        policy = Policy(targets=selected if targeted else None)
        plan, pruned = engine.plan(desired, look, policy), frozenset[str]()
        if prune:
            pruned = _pruned(project, desired, look, plan, accept=accept_removals)
            plan = engine.plan(desired, look, replace(policy, prune=pruned))
        plan = not_begun(plan)
    is_whole = remembered and not (targeted or rerun or prune)
    if is_whole and handover.present(project) is None:  # a daemon keeps them, of what it follows
        project.records.save_statuses(plan, project.world.clock.now(), desired.holds)
        remember(project, desired)
        host_rows.remember(project, look, plan)
    view = PlanView(
        plan=plan,
        desired=desired,
        selected=selected,
        targeted=targeted,
        rerun=rerun,
        revision=project.origin.commit if project.origin else "",
        targets=tuple(targets),
        labels=tuple(labels),
        prune=pruned,
    )
    return view, look


def _pruned(project: Project, desired: Desired, look: Look, plan: Plan, *, accept: bool) -> frozenset[str]:
    """What is stopped of the work under way: as much at once as a daemon would believe."""
    found = unasked(desired, look.recorded)
    known = {status.key: status.phase for status in plan.statuses} | dict.fromkeys(found, Phase.RUNNING)
    given = project.settings.daemon
    budget = Budget(most=given.removals, percent=given.removals_percent)
    words = "" if accept else doubt(found, known, budget, is_empty=not desired.runs)
    if words:
        raise RefusedError(f"--prune stops nothing: {words}", "if that is meant, add --accept-removals")
    return found


def not_begun(plan: Plan) -> Plan:
    """The plan, with what it would start as pending: here nobody acts on it."""
    launched = {op.digest for op in plan.operations if op.act is Act.LAUNCH and op.cause is not Cause.RESUMED}
    statuses = (
        replace(status, phase=Phase.PENDING) if status.digest in launched and status.phase in _BEGUN else status
        for status in plan.statuses
    )
    return replace(plan, statuses=tuple(statuses))


_BEGUN = (Phase.STAGING, Phase.STARTING)


def named(desired: Desired) -> list[Named]:
    """Runs as things that can be chosen by name, id, digest and label."""
    return [Named(key=want.run.key, others=(want.run.id, want.digest), labels=want.run.labels) for want in desired.runs]


def choose(desired: Desired, targets: Sequence[str], labels: Sequence[str]) -> frozenset[str]:
    """Keys of the runs that are meant; all, without targets and labels.

    Raises:
        NotFoundError: A target means none.
        RefusedError: A target means a run whose spec has a problem.
    """
    with among_runs(desired, targets):
        return select(named(desired), targets, labels)


@contextmanager
def among_runs(desired: Desired, targets: Iterable[str]) -> Iterator[None]:
    """Make what `select` and `one` say of runs tell those that are not there from those that are held back."""
    try:
        yield
    except NotFoundError:
        held = [Named(key=key) for key in desired.held]
        for target in targets:
            with suppress(NotFoundError):
                select(held, [target])
                message = f'"{target}" cannot be used: its spec, or one that it depends on, has a problem'
                raise RefusedError(message, "cosmos validate names it") from None
        raise


def reruns(
    desired: Desired, selected: frozenset[str], recorded: Recorded, by: str = "", at: float = 0.0
) -> list[Request]:
    """Requests that make finished runs count as not done."""
    entries = [recorded.ledger.get(want.digest) for want in desired.runs if want.run.key in selected]
    return [
        Request(digest=entry.digest, verb=Verb.RERUN, after=entry.attempt, at=at, by=by) for entry in entries if entry
    ]


def _as_if_asked(recorded: Recorded, requests: Iterable[Request]) -> Recorded:
    asked: dict[Digest, Request] = {**recorded.requests, **{request.digest: request for request in requests}}
    return replace(recorded, requests=asked)


def remember(project: Project, desired: Desired) -> None:
    """Note the state of the specs beside the statuses, for readers that do not look."""
    new = {FINGERPRINT: desired.fingerprint, PROBLEMS: str(len(desired.problems))}
    for name, value in project.records.noted_all(list(new)).items():
        if value != new[name]:
            project.records.note(name, new[name])


def tell(report: Report, project: Project, listener: Callable[[Progress], None] | None) -> None:
    """Note what a pass found on the hosts, and tell who listens."""
    host_rows.remember(project, report.look, report.standing)
    if listener is not None:
        listener(progress(report, project))


def progress(report: Report, project: Project) -> Progress:
    """One pass, with what each working run is doing as its log tells."""
    doing: dict[str, Doing] = {}
    models = {want.digest: want.run.model for want in report.desired.runs}
    for attempts in report.look.recorded.attempts.values():
        for attempt in attempts:
            view = report.look.observed.hosts.get(attempt.host)
            batch = view.batches.get(attempt.batch_id) if isinstance(view, Reachable) else None
            model = models.get(attempt.digest)
            if attempt.is_open and batch is not None and batch.log_tail and model is not None:
                step = project.world.adapters[model.adapter].progress(batch.log_tail.decode("utf-8", errors="replace"))
                doing[attempt.key] = Doing(percent=step.percent, words=step.words)
    return Progress(plan=report.plan, doing=doing, troubles=_words(report.troubles), moved=report.moved)


def outcome(report: Report, view: PlanView, *, detached: bool, timed_out: bool) -> Outcome:
    """How a call ended, about the runs that it was asked for."""
    given_up = tuple(trouble for trouble in report.troubles if trouble.count >= TRIES_LIMIT)
    return Outcome(
        statuses=tuple(status for status in report.plan.statuses if status.key in view.selected),
        problems=view.problems,
        troubles=_words(given_up),
        detached=detached,
        timed_out=timed_out,
    )


def _words(troubles: Iterable[Trouble]) -> tuple[str, ...]:
    return tuple(f"{trouble.key}: {trouble.error}" for trouble in troubles)
