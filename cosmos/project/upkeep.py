"""Looking after what there is: verify, clear away, back up; and what happened."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cosmos.core.flaw import Verified
from cosmos.core.garbage import Cleared, Scope
from cosmos.outcome import CommitRow
from cosmos.project import commits, gc, handover, past, verify, versions
from cosmos.project.machines import Machines
from cosmos.project.wiring import Project
from cosmos.state import safekeeping
from cosmos.views import EventRow, PastRow, VersionRow

Say = Callable[[str], None]
"""Told what is being done, for a person who waits."""


def _quietly(words: str) -> None:
    del words


class Upkeep:
    """The upkeep of one project.

    Args:
        project: Opens the project; called when it is first needed.
    """

    def __init__(self, project: Callable[[], Project]) -> None:
        self._open = project

    def verify(
        self, hosts: Sequence[str] = (), *, read: bool = False, fix: bool = False, say: Say = _quietly
    ) -> Verified:
        """Hold ledger, store, outputs and hosts against each other. Without `fix` nothing is changed.

        Args:
            hosts: Hosts to look at, or globs over their names; none for all.
            read: Read every byte that is kept again, here and on the hosts.
            fix: Mend what can be mended.
            say: Told what is being checked.

        Raises:
            BusyError: With `fix`, another controller acts on this project.
        """
        names = Machines(self._open).named(hosts)
        if not fix:
            return verify.verify(self._open(), names, read=read, fix=False, say=say)
        with handover.turn(self._open(), say) as hold:
            return verify.verify(self._open().under(hold), names, read=read, fix=True, say=say)

    def garbage(self, scope: Scope) -> Cleared:
        """What `clear` would remove. Changes nothing.

        Raises:
            NotFoundError: A host of the scope is not configured.
        """
        return gc.find(self._open(), self._named(scope))

    def clear(self, scope: Scope, *, say: Say = _quietly) -> Cleared:
        """Remove what neither results nor live work nor specs refer to.

        Raises:
            BusyError: Another controller acts on this project.
            NotFoundError: A host of the scope is not configured.
        """
        named = self._named(scope)
        with handover.turn(self._open(), say) as hold:
            project = self._open().under(hold)
            return gc.remove(project, gc.find(project, named), named, say)

    def _named(self, scope: Scope) -> Scope:
        return scope.on(Machines(self._open).named(scope.hosts)) if scope.hosts else scope

    def back_up(self, target: Path) -> int:
        """Write a whole copy of the database to a new file, while others work on; returns its size in bytes.

        Raises:
            RefusedError: The file is there already, or the database is a server's.
            StateError: It cannot be written.
        """
        return safekeeping.back_up(self._open().database, target)

    def events(self, *, name: str = "", since: float = 0.0, kind: str = "") -> list[EventRow]:
        """What happened since a time (seconds since the epoch), oldest first.

        Args:
            name: About runs of this name only; they may be gone from the specs.
            since: Of what happened several times, the last time counts.
            kind: `Normal` or `Warning` only.
        """
        return past.events(self._open(), name=name, since=since, kind=kind)

    def watch(self, *, name: str = "", since: float = 0.0, kind: str = "") -> Iterator[EventRow]:
        """The same, then each event as it comes, without end."""
        return past.watch(self._open(), name=name, since=since, kind=kind, wait=time.sleep)

    def versions(self, name: str) -> list[VersionRow]:
        """Every digest that a run, or each run of a sweep, had, oldest first; by run."""
        return versions.versions(self._open(), name)

    def commits(self, since: float = 0.0) -> list[CommitRow]:
        """The commits that changed the specs since a time, and those that runs were begun from since; newest first."""
        return commits.rows(self._open(), since)

    def history(self, name: str) -> list[PastRow]:
        """Attempts, results, requests and events of a run or sweep, over all its digests; newest last."""
        return past.history(self._open(), name)
