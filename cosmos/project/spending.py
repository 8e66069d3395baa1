"""GPU time: whether a plan may take more of it than was allowed. Refused by apply, held by a daemon."""

from collections.abc import Callable
from dataclasses import dataclass, field

from cosmos.core.desired import Desired
from cosmos.core.digest import Digest
from cosmos.core.plan import Plan
from cosmos.core.spending import doubt, launches, remedy, spending
from cosmos.errors import RefusedError
from cosmos.outcome import PlanView
from cosmos.project.wiring import Project


def require(view: PlanView, max_gpu_hours: float | None) -> None:
    """Let a plan pass that takes no more GPU time than is allowed; None allows any.

    Raises:
        RefusedError: It takes more, or may take more because nobody knows.
    """
    if max_gpu_hours is None:
        return
    found = spending(view.plan, view.desired)
    if words := doubt(found, max_gpu_hours):
        raise RefusedError(f"nothing was started: {words}", remedy(found, max_gpu_hours))


class GpuTime:
    """What plans take of GPUs.

    Args:
        project: Opens the project; called when it is first needed.
    """

    def __init__(self, project: Callable[[], Project]) -> None:
        self._open = project

    def require(self, view: PlanView, max_gpu_hours: float | None = None) -> None:
        """Refuse a plan that takes more than these hours, else than the configured ones.

        Raises:
            RefusedError: It takes more, or may take more because nobody knows.
        """
        configured = self._open().settings.max_gpu_hours
        require(view, configured if max_gpu_hours is None else max_gpu_hours)


@dataclass
class DaemonBudget:
    """What a daemon starts of new specs. What it has let pass once goes on, also when more is learned about it.

    Args:
        max_gpu_hours: What the runs that are still to be started may take together; None for any.
    """

    max_gpu_hours: float | None
    held_back: str = ""
    """Why runs are held back, with the next step; empty where none are."""
    _passed: frozenset[Digest] = field(default_factory=frozenset)

    def hold(self, plan: Plan, desired: Desired) -> frozenset[str]:
        """Keys of the runs that are not to be started."""
        self.held_back = ""
        if self.max_gpu_hours is None:
            return frozenset()
        self._passed &= {want.digest for want in desired.runs}
        new = {each.digest: each.key for each in launches(plan) if each.digest not in self._passed}
        found = spending(plan, desired)
        words = doubt(found, self.max_gpu_hours) if new else ""
        if not words:
            self._passed |= new.keys()
            return frozenset()
        held = "1 run is" if len(new) == 1 else f"{len(new)} runs are"
        remedies = "raise project.max_gpu_hours and start the daemon again, make them shorter, or give them a `timeout`"
        self.held_back = f"{held} held back: {words}; {remedies}"
        return frozenset(new.values())
