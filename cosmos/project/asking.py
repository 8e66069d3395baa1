"""Questions to an open project: list, show, explain. Looks, and changes nothing."""

from collections.abc import Callable, Mapping, Sequence

from cosmos.core.breaker import closures
from cosmos.core.case import Policy
from cosmos.core.condition import ConditionError, condition
from cosmos.core.condition import facts as condition_facts
from cosmos.core.desired import Desired
from cosmos.core.drafting import model_of
from cosmos.core.estimate import Basis
from cosmos.core.load import load
from cosmos.core.observed import NO_COMMIT, Origin
from cosmos.core.plan import Act, Phase, Plan, RunStatus
from cosmos.core.problem import Location
from cosmos.core.reconcile import judge_all
from cosmos.core.recorded import Attempt, LedgerEntry
from cosmos.core.rules import judge
from cosmos.core.select import Named, one
from cosmos.core.spec_model import ModelSpec
from cosmos.errors import NotFoundError, RefusedError
from cosmos.project import host_rows, logs, plans
from cosmos.project.rows import event_row, prompt_rows, run_rows
from cosmos.project.wiring import Project
from cosmos.prompts import PromptRow
from cosmos.views import (
    Explanation,
    HostRow,
    ModelRow,
    RunDetails,
    RunRow,
    facts,
)

EVENTS_SHOWN = 20


def runs(project: Project, targets: Sequence[str], labels: Sequence[str], where: str = "") -> list[RunRow]:
    view = plans.make(project, [], [])
    chosen = plans.choose(view.desired, targets, labels)
    chosen &= fulfilling(view.desired, where) if where else chosen
    return [row for row in run_rows(view.desired, view.plan) if row.key in chosen]


def fulfilling(desired: Desired, where: str) -> frozenset[str]:
    """Keys of the runs for which a condition holds.

    Raises:
        RefusedError: It is none, or cannot be judged of some run.
    """
    try:
        wanted = condition(where)
        return frozenset(want.run.key for want in desired.runs if wanted.holds(condition_facts(want.run, want.review)))
    except ConditionError as error:
        raise RefusedError(f"the condition {error.message}", error.hint) from None


def prompts(project: Project) -> list[PromptRow]:
    return prompt_rows(project.settings.name, load(project.read()).prompts, project.desire())


def models(project: Project) -> list[ModelRow]:
    desired = project.desire()
    own = load(project.read()).models
    specs: Mapping[str, ModelSpec] = {
        **project.surroundings.built_in,
        **{name: located.spec for name, located in own.items() if isinstance(located.spec, ModelSpec)},
    }
    return [
        ModelRow(
            name=name,
            model=model_of(spec, own[name].at if name in own else Location("built-in")),
            built_in=name not in own,
            runs=sum(want.run.model.name == name for want in desired.runs),
        )
        for name, spec in sorted(specs.items())
    ]


def hosts(project: Project) -> list[HostRow]:
    project.approach()
    view, look = plans.of(project, project.desire(), [], [])
    return host_rows.rows(project, look, view.plan)


def show(project: Project, name: str) -> RunDetails | PromptRow | ModelRow:
    """The run, prompt or model of this name, in this order; a prefix `run/`, `prompt/`, `model/` chooses."""
    kind, _, rest = name.partition("/")
    if kind in _SHOWN and rest:
        return _SHOWN[kind](project, rest)
    errors = []
    for ask in _SHOWN.values():
        try:
            return ask(project, name)
        except NotFoundError as error:
            errors.append(error)
    raise errors[0]


def _run(project: Project, name: str) -> RunDetails:
    desired = project.desire()
    with plans.among_runs(desired, [name]):
        key = one(plans.named(desired), name)
    view, look = plans.of(project, desired, [], [])
    want = desired.by_key()[key]
    status = view.plan.status_of(key)
    assert status is not None  # noqa: S101 - every desired run has a status
    entry = look.recorded.ledger.get(want.digest)
    folder = project.settings.outputs / status.folder
    attempts = look.recorded.attempts.get(want.digest, ())
    events = project.records.history(key, EVENTS_SHOWN)
    takes_s, basis = _expected(status, view.plan)
    return RunDetails(
        log_end=_log_end(project, status, attempts),
        takes_s=takes_s,
        basis=basis,
        run=want.run,
        digest=want.digest,
        status=status,
        attempts=project.records.attempts_of(want.run.id),
        entry=entry,
        origin=_origin(project, entry, attempts),
        review=want.review,
        reviews=desired.reviews.all_of(key),
        files=tuple(str(folder / file.name) for file in entry.manifest) if entry and status.folder else (),
        events=tuple(map(event_row, events)),
    )


def _expected(status: RunStatus, plan: Plan) -> tuple[float | None, Basis | None]:
    """How long a run that is under way, or to come, is expected to take."""
    launches = (each for each in plan.operations if each.act is Act.LAUNCH and each.key == status.key)
    launch = next(launches, None)
    return (status.takes_s, status.basis) if launch is None else (launch.eta_s, launch.basis)


def _origin(project: Project, entry: LedgerEntry | None, attempts: Sequence[Attempt]) -> Origin:
    batch = entry.batch_id if entry else attempts[-1].batch_id if attempts else ""
    meta = project.records.meta(batch) if batch else None
    return meta.origin if meta is not None else NO_COMMIT


def _prompt(project: Project, name: str) -> PromptRow:
    rows = {row.name: row for row in prompts(project)}
    return rows[one([Named(key=row.name, others=(row.id,)) for row in rows.values()], name, kind="prompts")]


def _model(project: Project, name: str) -> ModelRow:
    rows = {row.name: row for row in models(project)}
    return rows[one([Named(key=row.name) for row in rows.values()], name, kind="models")]


_SHOWN: Mapping[str, Callable[[Project, str], RunDetails | PromptRow | ModelRow]] = {
    "run": _run,
    "prompt": _prompt,
    "model": _model,
}


def explain(project: Project, name: str) -> Explanation:
    """The rule that holds for a run, what follows, and what it rests on."""
    desired = project.desire()
    key = one([*plans.named(desired), *(Named(key=held) for held in sorted(desired.held))], name)
    if key in desired.held:
        return _held(key, desired)
    view, look = plans.of(project, desired, [], [])
    now, hosts = project.world.clock.now(), project.world.host_configs
    names = [host.name for host in hosts]
    cases = judge_all(desired, look.observed, look.recorded, now, Policy(), hosts)
    case, _ = cases[key]
    status = view.plan.status_of(key)
    return Explanation(
        key=key,
        log_end=_log_end(project, status, case.attempts),
        at=case.want.run.at,
        rule=judge(case)[0].says,
        status=status,
        operations=tuple(operation for operation in view.plan.operations if operation.key == key),
        facts=facts(
            case.want,
            case.attempts,
            case.entry,
            (
                *(f"needs {b.key}, which is {b.phase.value}" for b in case.blockers),
                *(f"host {name} {closure.why}" for name, closure in closures(look.recorded, names, now).items()),
            ),
        ),
    )


def _log_end(project: Project, status: RunStatus | None, attempts: Sequence[Attempt]) -> tuple[str, ...]:
    """What a person would ask for next about a run that failed."""
    failed = status is not None and status.phase is Phase.FAILED
    return logs.end_of(project, attempts[-1]) if failed and attempts else ()


def _held(key: str, desired: Desired) -> Explanation:
    name = key.partition("/")[0]
    about = [problem for problem in desired.problems if f'"{name}"' in problem.subject] or list(desired.problems)
    return Explanation(
        key=key,
        at=about[0].at if about else Location("specs"),
        rule="A run whose spec, or one that it depends on, has a problem keeps what it has and starts nothing.",
        facts=tuple(str(problem) for problem in about),
    )
