"""Statuses without SQLAlchemy, whose import alone takes most of what `cosmos status` may take.

`read_board` answers None whenever it is not sure (another database, another schema, any error): the
caller then takes `SqlRecords.board`, which works or says what is wrong. It writes nothing, and works
while a writer is active.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from cosmos.state.board import COLUMNS, HOLDER, Board, board
from cosmos.state.migrations import HEAD

PREFIX = "sqlite:///"


def sqlite_path(url: str) -> Path | None:
    """The file that a URL names, or None where it names no SQLite file."""
    path = url.removeprefix(PREFIX)
    return Path(path) if path not in (url, "", ":memory:") else None


def may_be(path: Path, database: str) -> bool:
    """Whether a file is the database of this id; of one that cannot be read nobody knows."""
    try:
        if not path.exists():
            return False
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute("SELECT database FROM lease").fetchall() == [(database,)]
    except (sqlite3.Error, OSError):
        return True


def read_board(url: str, *, patience_s: float = 2.0) -> Board | None:
    """What the last look left, or None where only the slow way can tell."""
    path = sqlite_path(url)
    if path is None or not path.is_file():
        return None
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=patience_s)
        ) as connection:
            return _read(connection)
    except sqlite3.Error:
        return None


def _read(connection: sqlite3.Connection) -> Board | None:
    connection.isolation_level = None
    connection.execute("BEGIN")  # one moment for all four
    if connection.execute("SELECT version_num FROM alembic_version").fetchall() != [(HEAD,)]:
        return None
    columns = ", ".join(COLUMNS)
    rows = connection.execute(f"SELECT {columns} FROM runs WHERE NOT gone ORDER BY key")  # noqa: S608 - our own names
    held = connection.execute(f"SELECT {', '.join(HOLDER)} FROM lease WHERE held")  # noqa: S608 - as above
    return board(rows, connection.execute("SELECT name, value FROM notes"), held)
