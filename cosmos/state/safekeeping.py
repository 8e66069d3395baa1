"""Whether the database is whole, and a copy of it that can be relied on.

A file copy of an SQLite database lacks what is in its `-wal` file, or has half of a transaction; VACUUM INTO writes one
moment of it, while others go on reading and writing.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from cosmos.errors import RefusedError, StateError
from cosmos.state.database import PATIENCE_S, Database

SHOWN = 20
"""Faults that are named."""


def faults(database: Database, *, thorough: bool) -> list[str]:
    """What is damaged in an SQLite file, in SQLite's words; of a server's database nothing is asked.

    Args:
        database: The open database.
        thorough: Compare indexes with their tables too, which reads the file several times.
    """
    if database.path is None:
        return []
    check = "integrity_check" if thorough else "quick_check"
    with database.outside_transactions() as raw:
        try:
            found = [str(row[0]) for row in raw.execute(f"PRAGMA {check}({SHOWN})").fetchall()]
            broken = raw.execute("PRAGMA foreign_key_check").fetchmany(SHOWN)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise  # busy, no memory: not what is asked about
            return [str(error)]
    words = [f"row {row} of {table} refers to a row of {parent} that is not there" for table, row, parent, _ in broken]
    return [*(line for line in found if line != "ok"), *words]


def back_up(database: Database, target: Path) -> int:
    """Write a whole copy of an SQLite database to a new file, verified and on the disk; returns its size in bytes.

    Raises:
        RefusedError: The database is a server's, the file is there already, or its folder is not.
        StateError: It cannot be written, or the copy is damaged.
    """
    if database.path is None:
        raise RefusedError("the database is a server's, which has its own backups", "pg_dump writes one of PostgreSQL")
    if os.path.lexists(target):
        raise RefusedError(f"{target} is there already", "name a file that is not; nothing was written")
    if not target.parent.is_dir():
        raise RefusedError(f"there is no folder {target.parent}", "make it, or name another place")
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        partial.unlink(missing_ok=True)
        with closing(sqlite3.connect(database.path, timeout=PATIENCE_S)) as source:
            source.execute("VACUUM INTO ?", (str(partial),))
        _make_sure(partial)
        partial.rename(target)
        _to_disk(target.parent)
        return target.stat().st_size
    except (OSError, sqlite3.Error) as error:
        raise StateError(
            f"cannot write the backup {target}: {error}", "free space there, or name another place"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _make_sure(copy: Path) -> None:
    _to_disk(copy)
    with closing(sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise StateError(f"the backup came out damaged: {found}", "look at the disk; cosmos verify checks the database")


def _to_disk(path: Path) -> None:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
