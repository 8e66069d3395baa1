"""What every answer is made with: streams, colours, columns, times, JSON.

stdout is data, stderr is talk. Text for a terminal is cut to its width and may have colour; text for
anything else is whole and plain. What people or programs wrote is shown without what a terminal obeys.
"""

import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TextIO

import typer

from cosmos.errors import StorageError

PIPE_CLOSED = 141
"""Exit code when nobody reads on, as a shell reports a process that SIGPIPE ended."""

MESSAGE_MIN = 24
"""Columns that a table keeps for its last column, by leaving out others."""

_CODES = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36", "dim": "2", "bold": "1"}
_UNITS = ((2 * 86400, 86400, "d"), (2 * 3600, 3600, "h"), (120, 60, "m"), (0, 1, "s"))


@dataclass(frozen=True, slots=True)
class Screen:
    """One stream. `width` is None when it is no terminal: nothing is cut then."""

    stream: TextIO
    width: int | None = None
    color: bool = False

    def paint(self, text: str, style: str) -> str:
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self.color and style and text else text

    def write(self, *lines: str) -> None:
        """Write lines, at once.

        Raises:
            StorageError: They cannot be written.
        """
        self.write_bytes("".join(f"{line}\n" for line in lines).encode(self.stream.encoding, "backslashreplace"))

    def write_bytes(self, data: bytes) -> None:
        """Write bytes as they are, at once."""
        try:
            self.stream.buffer.write(data)
            self.stream.flush()
        except BrokenPipeError:
            _silence(self.stream)
            raise typer.Exit(PIPE_CLOSED) from None
        except OSError as error:
            _silence(self.stream)
            raise StorageError(f"cannot write the answer: {error.strerror}") from None


def screen(stream: TextIO, *, color: bool = True) -> Screen:
    """What is known about a stream. NO_COLOR and TERM=dumb are heeded."""
    if not stream.isatty():
        return Screen(stream)
    plain = not color or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return Screen(stream, max(20, shutil.get_terminal_size().columns), not plain)


def out(*, color: bool = True) -> Screen:
    return screen(sys.stdout, color=color)


def err(*, color: bool = True) -> Screen:
    return screen(sys.stderr, color=color)


def answer(
    output: str,
    *,
    color: bool,
    text: Callable[[Screen], Iterable[str]],
    document: Callable[[], object],
    names: Iterable[str] = (),
    markdown: Callable[[], str] = str,
) -> None:
    """Write one answer to stdout, in the form that was asked for: text, json, name or markdown."""
    where = out(color=color)
    if output == "json":
        # ASCII, so that no terminal or locale changes it
        where.write(json.dumps(document(), indent=2))
    elif output == "markdown":
        where.write(markdown())
    else:
        where.write(*(names if output == "name" else text(where)))


def _silence(stream: TextIO) -> None:
    """What is still in its buffer must not fail again when Python ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())


def table(
    where: Screen,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    spare: Sequence[str] = (),
    styles: Mapping[str, str] | None = None,
) -> list[str]:
    """Aligned columns with their heads.

    Args:
        where: Where it will be written.
        heads: Names of the columns.
        rows: Cells.
        spare: Columns to leave out, in this order, where the terminal is too narrow for the last one.
        styles: Style of a cell by its text.
    """
    names, shown = list(heads), [[one_line(cell) for cell in row] for row in rows]
    if where.width is not None:
        _make_room(names, shown, spare, where.width)
    widths = _widths([names, *shown])
    lines = [where.paint(_line(where, names, widths, {}), "bold")]
    return [*lines, *(_line(where, row, widths, styles or {}) for row in shown)]


def _make_room(names: list[str], rows: list[list[str]], spare: Sequence[str], width: int) -> None:
    """Take columns away until the last one has room; it goes itself when it says nothing."""
    if not any(row[-1] for row in rows):
        _drop(-1, names, rows)
    for name in spare:
        widths = _widths([names, *rows])
        if sum(widths[:-1]) + 2 * len(names) + min(MESSAGE_MIN, widths[-1]) <= width:
            break
        if name in names:
            _drop(names.index(name), names, rows)


def _drop(place: int, names: list[str], rows: list[list[str]]) -> None:
    for row in (names, *rows):
        row.pop(place)


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(cells(row[place]) for row in rows) for place in range(len(rows[0]))]


def _line(where: Screen, row: Sequence[str], widths: Sequence[int], styles: Mapping[str, str]) -> str:
    left = None if where.width is None else max(8, where.width - sum(widths[:-1]) - 2 * (len(widths) - 1))
    texts = [*row[:-1], cut(row[-1], left)]
    padded = [text + " " * (width - cells(text)) for text, width in zip(texts, widths, strict=True)]
    painted = [where.paint(wide, styles.get(text, "")) for text, wide in zip(texts, padded, strict=True)]
    return "  ".join([*painted[:-1], where.paint(texts[-1], styles.get(texts[-1], ""))]).rstrip()


def cells(text: str) -> int:
    """Columns that a terminal uses for a text."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(x) else 2 if unicodedata.east_asian_width(x) in "WF" else 1 for x in text)


def cut(text: str, width: int | None) -> str:
    """The beginning of a text, with `...` where something is missing."""
    if width is None or cells(text) <= width:
        return text
    kept = text[: max(0, width - 3)]
    while kept and cells(kept) > width - 3:
        kept = kept[:-1]
    return f"{kept.rstrip()}..."


def one_line(text: str) -> str:
    """A text in one line."""
    return printable(" ".join(text.split()))


def printable(text: str) -> str:
    """A text without what a terminal would obey; its lines stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter == "\n" else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    return "    " if letter == "\t" else letter.encode("unicode_escape", "surrogatepass").decode("ascii")


def plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def age(seconds: float) -> str:
    """`95s`, `12m`, `5h`, `3d`: one unit, as tables have room for."""
    whole = max(0, int(seconds))
    return next(f"{whole // size}{unit}" for least, size, unit in _UNITS if whole >= least)


def timestamp(seconds: float | None) -> str | None:
    """Seconds since the epoch as RFC 3339 in UTC."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def local_time(seconds: float) -> str:
    """Seconds since the epoch for a person: date and time where they are."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")
