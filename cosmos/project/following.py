"""What a daemon follows: the specs of the working tree as they are, read again when they may have changed."""

from typing import Protocol

from cosmos.core.desired import Desired
from cosmos.project.wiring import Project, commit_words


class Following(Protocol):
    """Desired state that goes with its source."""

    follows: str
    """`commits` or `working tree`."""
    revision: str
    """The commit that is applied; empty where it is the working tree."""
    commit: str
    """As attempts record it."""
    held_back: str
    """Why the newest commit is not the one that is applied; empty where it is."""

    is_rewritten: bool
    """The history of that commit does not contain the one that was applied before."""
    before: Desired | None
    """What was asked for before this daemon began, where that can be told."""

    def desire(self, *, again: bool) -> Desired:
        """What is asked for now. `again`: something may have changed that cannot be told at a glance.

        Raises:
            CosmosError: Nothing can be read, and nothing was before.
        """


class TreeFollowing:
    """The working tree, commits or not."""

    follows = "working tree"
    revision = ""
    held_back = ""
    is_rewritten = False
    before: Desired | None = None

    def __init__(self, project: Project) -> None:
        self._project = project
        self._desired: Desired | None = None
        self.commit = project.world.commit

    def desire(self, *, again: bool) -> Desired:
        """The spec files are told apart by their names, sizes and times; inputs only by reading again."""
        tree = self._project.tree
        if self._desired is None or again or tree.fingerprint() != self._desired.fingerprint:
            self.commit = commit_words(tree.revision())
            self._desired = self._project.desire()
        return self._desired
