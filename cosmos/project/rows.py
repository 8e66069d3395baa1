"""Rows of runs and prompts, with what people think of them, and of events."""

from collections.abc import Mapping, Sequence

from cosmos.core.desired import Desired, DesiredRun
from cosmos.core.digest import prompt_id
from cosmos.core.load import Located
from cosmos.core.plan import Phase, Plan
from cosmos.core.reviews import average
from cosmos.core.spec import PromptSpec
from cosmos.prompts import PromptRow
from cosmos.state.history import Event
from cosmos.views import EventRow, RunRow


def run_rows(desired: Desired, plan: Plan) -> list[RunRow]:
    """Runs by key, with the phase that the plan gives each."""
    phases = {status.key: status.phase for status in plan.statuses}
    return [_run_row(want, phases.get(want.run.key, Phase.PENDING)) for want in desired.runs]


def _run_row(want: DesiredRun, phase: Phase) -> RunRow:
    run = want.run
    return RunRow(
        key=run.key,
        id=run.id,
        digest=want.digest,
        prompt=run.prompt,
        model=run.model.name,
        labels=run.labels,
        at=run.at,
        phase=phase,
        rating=want.review.rating if want.review else None,
        note=want.review.note if want.review else "",
        tags=want.review.tags if want.review else (),
    )


def prompt_rows(project: str, prompts: Mapping[str, Located[PromptSpec]], desired: Desired) -> list[PromptRow]:
    """Prompts by name, each with the number of its runs."""
    made: dict[str, list[DesiredRun]] = {}
    for want in desired.runs:
        made.setdefault(want.run.prompt or "", []).append(want)
    return [_prompt_row(project, each, made.get(name, [])) for name, each in sorted(prompts.items())]


def _prompt_row(project: str, located: Located[PromptSpec], made: Sequence[DesiredRun]) -> PromptRow:
    spec = located.spec
    rating, rated = average(want.review.rating for want in made if want.review)
    return PromptRow(
        name=spec.name,
        id=prompt_id(project, spec.name),
        text=spec.text,
        negative=spec.negative,
        inputs=spec.inputs if isinstance(spec.inputs, str) else ", ".join(sorted(spec.inputs or {})),
        labels=spec.labels,
        at=located.at,
        runs=len(made),
        rating=rating,
        rated=rated,
    )


def event_row(event: Event) -> EventRow:
    return EventRow(
        subject=event.subject,
        kind=event.kind,
        reason=event.reason,
        message=event.message,
        count=event.count,
        last_at=event.last_at,
    )
