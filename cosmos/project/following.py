"""What a daemon follows: the commits of a repository, or the working tree as it is."""

import logging
import math
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from cosmos.core.desired import Desired
from cosmos.core.observed import NO_COMMIT, Origin, origin
from cosmos.errors import SourceError
from cosmos.project import handover
from cosmos.project.wiring import Project
from cosmos.source.mirror import Mirror, mirror_of

logger = logging.getLogger(__name__)


class Following(Protocol):
    """Desired state that goes with its source."""

    follows: str
    """`commits` or `working tree`."""
    revision: str
    """The commit that is applied; empty where it is the working tree."""
    held_back: str
    """Why the newest commit is not the one that is applied; empty where it is."""

    watched: tuple[tuple[Path, bool], ...]
    """Folders in which something changes with the specs, and whether what lies below counts."""
    poll_s: float
    """How often it has to be asked, as nothing wakes the daemon when it changes; infinite where something does."""
    is_rewritten: bool
    """The history of that commit does not contain the one that was applied before."""
    before: Desired | None
    """What was asked for before this daemon began, where that can be told."""

    @property
    def origin(self) -> Origin:
        """As attempts record it."""

    def desire(self, *, again: bool) -> Desired:
        """What is asked for now. `again`: something may have changed that cannot be told at a glance.

        Raises:
            CosmosError: Nothing can be read, and nothing was before.
        """

    def settle(self) -> None:
        """What was desired last is acted on, whole."""


class TreeFollowing:
    """The working tree, commits or not."""

    follows = "working tree"
    revision = ""
    held_back = ""
    poll_s = math.inf
    is_rewritten = False
    before: Desired | None = None

    def __init__(self, project: Project) -> None:
        self._project = project
        self._desired: Desired | None = None
        self.watched: tuple[tuple[Path, bool], ...] = ((project.settings.specs, True),)
        self.origin = NO_COMMIT

    def desire(self, *, again: bool) -> Desired:
        """The spec files are told apart by their names, sizes and times; inputs only by reading again."""
        tree = self._project.tree
        if self._desired is None or again or tree.fingerprint() != self._desired.fingerprint:
            self.origin = self._project.now_at()
            self._desired = self._project.desire()
        return self._desired

    def settle(self) -> None:
        """There is nothing to keep: what was there before cannot be read again."""


class CommitFollowing:
    """The newest commit of a repository that can be had and is to be trusted.

    Args:
        project: Whose specs.
        mirror: Of the repository.
        poll_s: How often a repository that is elsewhere is asked, unless somebody asks for it.
    """

    follows = "commits"

    def __init__(self, project: Project, mirror: Mirror, poll_s: float) -> None:
        self._project = project
        self._mirror = mirror
        self.watched: tuple[tuple[Path, bool], ...] = mirror.watched
        self.poll_s = math.inf if mirror.is_local else poll_s
        self._desired: Desired | None = None
        self._asked_at = 0.0
        self._pinned = ""
        self.revision = ""
        self.origin = NO_COMMIT
        self.held_back = ""
        self.is_rewritten = False
        self.before: Desired | None = None

    def desire(self, *, again: bool) -> Desired:
        """A commit that cannot be used is held back, and the last good one stays."""
        now = self._project.world.clock.monotonic()
        is_due = now - self._asked_at >= self.poll_s
        if self._desired is None:
            self._desired = self._begin()
        elif again or is_due:
            self._desired = self._renew()
        if again or is_due:
            self._asked_at = now
        return self._desired

    def _begin(self) -> Desired:
        """At first: the newest, held against the one that was applied before; or that one again."""
        pinned = self._pinned = self._mirror.pinned()
        try:
            newest = self._mirror.fetch()
            desired = self._take(newest)
        except SourceError as error:
            if not pinned:
                raise
            self._hold_back(error)
            return self._take(pinned)
        if pinned and pinned != newest:
            self.before = self._read_before(pinned)
        return desired

    def _renew(self) -> Desired:
        try:
            desired = self._take(self._mirror.fetch())
        except SourceError as error:
            self._hold_back(error)
            return self._take(self.revision)
        self.held_back = ""
        return desired

    def settle(self) -> None:
        """Keep the commit as the one that later ones are held against."""
        if self._desired is not None and not self._desired.problems and self._pinned != self.revision:
            try:
                self._mirror.pin(self.revision)
            except SourceError as error:  # the next pass tries again
                logger.warning("commit %s could not be pinned: %s", self.revision[:10], error.message)
                return
            self._pinned, self.is_rewritten = self.revision, False

    def _take(self, sha: str) -> Desired:
        """Read a commit; the inputs may have changed where the commit has not."""
        desired = self._read(sha)
        if sha != self.revision:
            self.is_rewritten = bool(self._pinned) and not self._mirror.is_ancestor(self._pinned, sha)
            commit = self._mirror.describe(sha)
            self.origin = origin(sha, commit.author, commit.at)
            logger.info("commit %s by %s: %s", sha[:10], commit.author, commit.subject)
        self.revision = sha
        return desired

    def _read(self, sha: str) -> Desired:
        files = self._mirror.specs(sha, self._project.tree.folder)
        return replace(self._project.judge(files), fingerprint=self._fingerprint(sha))

    def _fingerprint(self, sha: str) -> str:
        """That of the working tree where its specs are those of the commit, so that `status` sees that they differ."""
        tree = self._project.tree
        before = tree.fingerprint()
        here = tree.revision()
        return before if (here.commit, here.dirty) == (sha, False) else sha

    def _read_before(self, pinned: str) -> Desired | None:
        try:
            return self._read(pinned)
        except SourceError as error:
            logger.warning("what was applied before cannot be read: %s", error.message)
            return None

    def _hold_back(self, error: SourceError) -> None:
        self.held_back = f"the newest commit cannot be applied: {error}"


def acted_on(project: Project) -> Desired:
    """What a daemon acts on, where one is there; else what the files here ask for."""
    daemon = handover.present(project)
    if daemon is None or not daemon.revision:
        return project.desire()
    return project.judge(mirror_of(project.settings).specs(daemon.revision, project.tree.folder))
