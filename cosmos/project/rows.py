"""Rows of runs and prompts, with what people think of them, and of events."""

from cosmos.core.desired import Desired, DesiredRun
from cosmos.core.digest import prompt_id
from cosmos.core.plan import Phase, Plan
from cosmos.core.problem import Location
from cosmos.core.reviews import average
from cosmos.core.spec import PromptSpec
from cosmos.state.history import Event
from cosmos.views import EventRow, PromptRow, RunRow


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


def prompt_row(project: str, name: str, spec: PromptSpec, at: Location, desired: Desired) -> PromptRow:
    """A prompt with the number of its runs."""
    inputs = spec.inputs
    rating, rated = average(want.review.rating for want in desired.runs if want.run.prompt == name and want.review)
    return PromptRow(
        name=name,
        id=prompt_id(project, name),
        text=spec.text,
        negative=spec.negative,
        inputs=inputs if isinstance(inputs, str) else ", ".join(sorted(inputs or {})),
        labels=spec.labels,
        at=at,
        runs=sum(want.run.prompt == name for want in desired.runs),
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
