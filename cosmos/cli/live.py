"""How far an apply or a wait is: a live table on a terminal, a line for each change elsewhere.

Both forms are listeners of CosmosAPI and write to stderr. They are told of each pass, every few seconds
while anything runs. The table, and with it rich, is in `board`.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from cosmos.cli.render import Screen, one_line
from cosmos.cli.status_page import left, why
from cosmos.core.plan import Phase, Plan, RunStatus
from cosmos.core.plan_text import duration, size
from cosmos.outcome import Doing, Progress, queue_of

HEARTBEAT_S = 30.0
"""Longest silence of the line form while something is under way."""

WORKING = frozenset({Phase.STAGING, Phase.STARTING, Phase.RUNNING, Phase.COLLECTING})


class Watcher(Protocol):
    """Shows passes, and what else is to be said meanwhile."""

    def __call__(self, progress: Progress) -> None: ...

    def say(self, text: str) -> None: ...


@contextmanager
def watching(screen: Screen, before: Iterable[RunStatus], *, table: bool) -> Iterator[Watcher]:
    """A listener for one call.

    Args:
        screen: stderr.
        before: Where the runs stood, so that only changes are told.
        table: Prefer the table, if the screen is a terminal.
    """
    changes = Changes(before)
    if not table or screen.width is None:
        yield Lines(screen, changes)
        return
    from cosmos.cli.board import board

    with board(screen, changes) as watcher:
        yield watcher


class Changes:
    """What is new since the last pass."""

    def __init__(self, before: Iterable[RunStatus]) -> None:
        self._phases = {status.key: status.phase for status in before}
        self._told: set[str] = set()

    def of(self, progress: Progress) -> list[tuple[Phase, RunStatus]]:
        """The phase before, and the status now, of each run whose phase is another."""
        found = []
        for status in progress.plan.statuses:
            before = self._phases.get(status.key, Phase.PENDING)
            self._phases[status.key] = status.phase
            if before is not status.phase:
                found.append((before, status))
        return found

    def troubles(self, progress: Progress) -> list[str]:
        """Those that were not told yet, in one line each."""
        new = [trouble for trouble in progress.troubles if trouble not in self._told]
        self._told.update(new)
        return [f"{one_line('; '.join(trouble.splitlines()))} (tried again by itself)" for trouble in new]


class Lines:
    """A line for each change of phase, and one now and then while nothing changes."""

    def __init__(self, screen: Screen, changes: Changes) -> None:
        self._screen = screen
        self._changes = changes
        self._spoken_at = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        if progress.waits:
            self.say(progress.waits)
        for before, status in self._changes.of(progress):
            self.say(f"{status.key} {before.value} -> {status.phase.value}{ending(status)}")
        for trouble in self._changes.troubles(progress):
            self.say(trouble)
        if time.monotonic() - self._spoken_at >= HEARTBEAT_S:
            self.say(_heartbeat(progress))

    def say(self, text: str) -> None:
        self._spoken_at = time.monotonic()
        self._screen.write(f"{time.strftime('%H:%M:%S')} {text}")


def ending(status: RunStatus) -> str:
    """What is worth saying about a phase beside its name."""
    if status.phase is Phase.SUCCEEDED:
        return f"   {status.folder}" if status.folder else ""
    return f"   {why(status)}" if why(status) else ""


def _heartbeat(progress: Progress) -> str:
    doing = [
        f"{status.key} {words(progress.doing.get(status.key, Doing()))}{_left(status)}".strip()
        for status in working(progress.plan.statuses)[:3]
    ]
    return f"{totals(progress)}{': ' if doing else ''}{'; '.join(doing)}"


def _left(status: RunStatus) -> str:
    return "" if status.ends_at is None else f" ({left(status, time.time())} left)"


def working(statuses: Iterable[RunStatus]) -> list[RunStatus]:
    """Runs that are on their way on a host."""
    return [status for status in statuses if status.phase in WORKING]


def words(doing: Doing) -> str:
    """`40% frame 8 of 20`."""
    percent = "" if doing.percent is None else f"{doing.percent}%"
    return f"{percent} {one_line(doing.words)}".strip()


def totals(progress: Progress) -> str:
    """`2 running, 3 queued, 5 succeeded; 29.0 MB moved`."""
    phases = [status.phase for status in progress.plan.statuses]
    parts = [f"{phases.count(phase)} {phase.value.lower()}" for phase in Phase if phase in phases]
    moved = f"; {size(progress.moved)} moved" if progress.moved else ""
    return f"{', '.join(parts)}{_done_in(progress.plan)}{moved}"


def _done_in(plan: Plan) -> str:
    """When all is done of which it is known how long it takes; others may take longer."""
    now = time.time()
    ends_at = queue_of(plan, now).ends_at
    return "" if ends_at is None or ends_at <= now else f"; done in ~{duration(ends_at - now)}"
