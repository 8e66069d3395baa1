"""The live table of an apply on a terminal: a line for each run that works, and one for all together.

Runs that end scroll away above it. Beside `bars` the only module that imports rich.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cosmos.cli.live import Changes, ending, totals, words, working
from cosmos.cli.render import Screen
from cosmos.cli.status_page import STYLES, left
from cosmos.core.plan import ENDED, Phase, RunStatus
from cosmos.core.plan_text import duration
from cosmos.outcome import Doing, Progress

BAR_WIDTH = 16
REFRESH_PER_S = 4
LINES_LEFT = 4
"""Lines of the terminal that the table does not use."""


@contextmanager
def board(screen: Screen, changes: Changes) -> Iterator["Board"]:
    """A table at the foot of the terminal, until the end of the block."""
    colors: Literal["auto"] | None = "auto" if screen.color else None
    console = Console(stderr=True, color_system=colors, highlight=False, markup=False, emoji=False, width=screen.width)
    shown = Board(console, changes)
    with Live(shown, console=console, refresh_per_second=REFRESH_PER_S, transient=True):
        yield shown


class Board:
    """Shows the newest pass, with clocks that go on between passes."""

    def __init__(self, console: Console, changes: Changes) -> None:
        self._console = console
        self._changes = changes
        self._progress: Progress | None = None
        self._began = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        if progress.waits:
            self.say(progress.waits)
        for _, status in self._changes.of(progress):
            if status.phase in ENDED:
                self._above(_ended(status))
        for trouble in self._changes.troubles(progress):
            self._above(Text(f"! {trouble}", style="yellow"))
        self._progress = progress

    def say(self, text: str) -> None:
        self._above(Text(text, style="bold"))

    def _above(self, text: Text) -> None:
        self._console.print(text, no_wrap=True, overflow="ellipsis")

    def __rich__(self) -> Group:
        elapsed = duration(time.monotonic() - self._began)
        if self._progress is None:
            return Group(Text(f"looking   {elapsed}", style="dim"))
        rows = working(self._progress.plan.statuses)
        room = max(1, self._console.height - LINES_LEFT)
        more = [Text(f"and {len(rows) - room} more", style="dim")] if len(rows) > room else []
        last = Text(f"{totals(self._progress)}   {elapsed}", style="dim", no_wrap=True, overflow="ellipsis")
        return Group(self._table(rows[:room], self._progress), *more, last)

    def _table(self, rows: Sequence[RunStatus], progress: Progress) -> Table:
        table = Table.grid(padding=(0, 1))
        for _ in range(6):
            table.add_column(no_wrap=True, overflow="ellipsis")
        now = time.time()
        for status in rows:
            doing = progress.doing.get(status.key, Doing())
            known = doing.percent is not None
            table.add_row(
                status.key,
                Text(status.phase.value, style=STYLES[status.phase.value]),
                "" if status.since is None else duration(now - status.since),
                ProgressBar(total=100, completed=doing.percent or 0, width=BAR_WIDTH) if known else "",
                f"{left(status, now)} left" if status.ends_at is not None else "",
                words(doing),
            )
        return table


def _ended(status: RunStatus) -> Text:
    style = STYLES.get(status.phase.value, "")
    said = "" if status.phase is Phase.SUCCEEDED else ending(status)
    return Text.assemble((f"{status.phase.value:9}", style), f" {status.key}", (said, "dim"))
