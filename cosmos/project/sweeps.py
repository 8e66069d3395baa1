"""Sweeps: specs that make several runs, each as one thing with its progress and what people think of it."""

from collections.abc import Callable, Iterable, Sequence

from cosmos.core.desired import Desired, DesiredRun
from cosmos.core.plan import Phase, Plan
from cosmos.core.reviews import average
from cosmos.project import plans
from cosmos.project.wiring import Project
from cosmos.views import Mean, SweepRow


class Sweeps:
    """Of one project.

    Args:
        project: Opens the project; called when it is first needed.
    """

    def __init__(self, project: Callable[[], Project]) -> None:
        self._open = project

    def rows(self) -> list[SweepRow]:
        """By name, as a look finds them."""
        view = plans.make(self._open(), [], [])
        return rows(view.desired, view.plan)


def rows(desired: Desired, plan: Plan) -> list[SweepRow]:
    """Of specs whose runs have keys of their own, though there may be only one."""
    phases = {status.key: status.phase for status in plan.statuses}
    sweeps: dict[str, list[DesiredRun]] = {}
    for want in desired.runs:
        if want.run.key != want.run.name:
            sweeps.setdefault(want.run.name, []).append(want)
    return [
        _row(name, wants, [phases.get(want.run.key, Phase.PENDING) for want in wants]) for name, wants in sweeps.items()
    ]


def _row(name: str, wants: Sequence[DesiredRun], phases: Sequence[Phase]) -> SweepRow:
    axes: dict[str, dict[str, list[DesiredRun]]] = {}
    for want in wants:
        for axis, value in want.run.axes.items():
            axes.setdefault(axis, {}).setdefault(value, []).append(want)
    return SweepRow(
        name=name,
        at=wants[0].run.at,
        phases={phase: phases.count(phase) for phase in Phase if phase in phases},
        mean=_mean(wants),
        axes={axis: {value: _mean(own) for value, own in values.items()} for axis, values in axes.items()},
    )


def _mean(wants: Iterable[DesiredRun]) -> Mean:
    ratings = [want.review.rating if want.review else None for want in wants]
    rating, rated = average(ratings)
    return Mean(rating=rating, rated=rated, runs=len(ratings))
