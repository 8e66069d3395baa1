"""What the database says when it refuses, as a StateError that tells a person what to do next.

Told apart by SQLite's result code, never by its words. Servers get one answer for everything: their
own first line. Neither SQL nor values are repeated, so no secret gets into a message.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Dialect
from sqlalchemy.exc import DBAPIError, IntegrityError

from cosmos.errors import StateError

FULL = "free space on that disk, then run the same command again: what was not recorded was not begun"
LOCKED = "wait for the other cosmos to end, or close the program that has the file open, then try again"
PERMISSION = "make the file and its folder writable for this user, or set project.state to another folder"
DAMAGED = (
    "move it away (mv '{path}' '{path}.damaged') and put a backup in its place. Without one run cosmos again: work on "
    "hosts and results in outputs/ are adopted; only the history is lost (docs/operations.md)"
)
DISK = "look at the disk (dmesg, df), then run the same command again"
BUG = "nothing was written; this is a mistake in cosmos, please report it with this message"
SERVER = "see that the server runs and that database.url is right, then run the same command again"

_SQLITE = {
    sqlite3.SQLITE_BUSY: ("is locked by another process", LOCKED),
    sqlite3.SQLITE_LOCKED: ("is locked by another process", LOCKED),
    sqlite3.SQLITE_CORRUPT: ("is damaged", DAMAGED),
    sqlite3.SQLITE_NOTADB: ("is not a database, or is damaged", DAMAGED),
    sqlite3.SQLITE_READONLY: ("is read-only", PERMISSION),
    sqlite3.SQLITE_PERM: ("is not accessible", PERMISSION),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", PERMISSION),
    sqlite3.SQLITE_FULL: ("cannot grow: the disk is full", FULL),
    sqlite3.SQLITE_IOERR: ("cannot be read or written: the disk gave an error", DISK),
}


@contextmanager
def explained(name: str, path: Path | None, dialect: Dialect) -> Iterator[None]:
    """Turn errors of the driver into StateError.

    Args:
        name: The database, as a person knows it; without a password.
        path: Its file, for SQLite.
        dialect: Of its driver.
    """
    driver = dialect.loaded_dbapi
    try:
        yield
    except DBAPIError as error:
        raise _explain(error.orig or error, name, path, isinstance(error, IntegrityError)) from error
    except driver.Error as error:
        raise _explain(error, name, path, isinstance(error, driver.IntegrityError)) from error


def _explain(error: BaseException, name: str, path: Path | None, breaks_rule: bool) -> StateError:
    words = " ".join(str(error).split("\n", 1)[0].split())
    if breaks_rule:
        return StateError(f"the database {name} refused a row: {words}", BUG)
    if path is None:
        return StateError(f"the database {name} cannot be used: {words}", SERVER)
    if isinstance(error, sqlite3.Error):
        what, hint = _sqlite(error)
        explained = StateError(f"the database {name} {what} ({words})", hint.format(path=path))
        explained.retryable = hint is LOCKED
        return explained
    return StateError(f"the database {name} cannot be used: {words}", DISK)


def _sqlite(error: sqlite3.Error) -> tuple[str, str]:
    if isinstance(error, sqlite3.ProgrammingError):
        return "cannot be used", BUG
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # raised by the driver itself: text that is not UTF-8, or our own integrity check
        return "is damaged", DAMAGED
    return _SQLITE.get(code & 0xFF, ("cannot be used", BUG))
