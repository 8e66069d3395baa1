"""Looking at a change before it is made: saved plans, specs of another commit, going back, taking back a removal."""

from collections.abc import Callable
from pathlib import Path

from cosmos.core.comparison import Comparison
from cosmos.edits import GoBack, TakeBack
from cosmos.outcome import PlanView
from cosmos.project import comparing, going_back, saved, taking_back
from cosmos.project.wiring import Project

WITHIN_S = 86400.0
"""A removal that is older is hardly a slip."""


class Review:
    """Of one project.

    Args:
        project: Opens the project; called when it is first needed.
    """

    def __init__(self, project: Callable[[], Project]) -> None:
        self._open = project

    def save(self, view: PlanView, path: Path) -> None:
        """Write a plan to a file, for `saved`.

        Raises:
            RefusedError: There is something that is no saved plan.
        """
        saved.save(self._open(), view, path)

    def saved(self, path: Path) -> PlanView:
        """The plan of a file, made anew; `CosmosAPI.apply` does it only while it is still the same.

        Raises:
            StaleError: It would be another plan now.
        """
        return saved.load(self._open(), path)

    def compare(self, base: str) -> Comparison:
        """The runs that differ between the specs of a commit and those of the working tree. Looks at no host.

        Raises:
            SourceError: There is no such commit.
        """
        return comparing.against(self._open(), base)

    def go_back(self, name: str, version: str = "") -> GoBack:
        """What would make the specs ask again for an earlier version of a run. Changes nothing.

        Args:
            name: One run; it may be gone from the specs.
            version: Its number in `upkeep.versions`, or a digest; by default the one before the present with a result.

        Raises:
            RefusedError: It was not made from a commit, or the specs alone do not make it again.
        """
        return going_back.prepare(self._open(), name, version)

    def carry_out(self, plan: GoBack, *, commit: bool = True) -> str:
        """Change the spec files, and commit them; `apply` does the rest. Returns the commit, empty without one.

        Raises:
            RefusedError: A file has changes that are not committed.
            SourceError: git did not commit; the files are as they were.
        """
        return going_back.carry_out(self._open(), plan, commit=commit)

    def removed(self, within_s: float = WITHIN_S) -> TakeBack:
        """What would bring back the specs that were removed last, from the files or by a commit. Changes nothing.

        Args:
            within_s: A commit that is older is left alone.

        Raises:
            RefusedError: Nothing was removed, or it cannot be put back without touching what is beside it.
        """
        return taking_back.prepare(self._open(), within_s)

    def plan(self, found: TakeBack) -> PlanView | None:
        """What apply would then do for the runs that come back; None where none do. Looks at the hosts."""
        return taking_back.plan(self._open(), found)

    def take_back(self, found: TakeBack, *, commit: bool = True) -> str:
        """Change the spec files, and commit those that a commit had removed. Returns the commit, empty without one.

        Raises:
            SpecError: The specs would have new problems.
            RefusedError: A file has changed since, or has changes that are not committed.
            SourceError: git did not commit; the files are as they were.
        """
        return taking_back.carry_out(self._open(), found, commit=commit)
