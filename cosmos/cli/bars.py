"""Bars on a terminal for files that are made of frames: one for each. Beside `board` the only module with rich."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from cosmos.cli.render import Screen


@contextmanager
def bars(screen: Screen) -> Iterator[Callable[[str, int, int], None]]:
    """Something to tell how far each file is, from any thread, until the end of the block."""
    console = Console(
        stderr=True, color_system="auto" if screen.color else None, highlight=False, markup=False, width=screen.width
    )
    columns = (TextColumn("{task.description:<18}"), BarColumn(24), MofNCompleteColumn(), TimeRemainingColumn())
    shown: dict[str, TaskID] = {}
    with Progress(*columns, console=console, transient=True) as progress:

        def told(file: str, done: int, total: int) -> None:
            if file not in shown:
                shown[file] = progress.add_task(file, total=total)
            progress.update(shown[file], completed=done)

        yield told
