"""Opening the database, and the two ways into it: `reading()` and `writing()`; a third one is for its schema.

SQLite is told what its defaults do not do: WAL, FULL, foreign keys, and BEGIN IMMEDIATE for writes,
because a transaction that reads first and writes later fails at once when another writer came
between, whatever the busy timeout says. Other databases take none of these paths.

What goes wrong is a StateError with the next step (`cosmos.state.trouble`).
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, Engine, PoolProxiedConnection, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from cosmos.errors import StateError
from cosmos.state import migrations
from cosmos.state.quick import sqlite_path
from cosmos.state.tables import metadata
from cosmos.state.transaction import Transaction
from cosmos.state.trouble import explained

PATIENCE_S = 5.0
"""How long a write waits for other writers."""

URLS = "write it as postgresql://user@host/name, or leave it out to use SQLite (docs/operations.md)"

OWN = {"attempts", "batches", "ledger"}
"""Tables that only a database of cosmos has all of, of whatever version."""

CHECKED_BYTES = 16 << 20
"""Up to this size a file is checked as a whole at opening: that takes some 20 ms."""

IDLE_KEPT = 4
"""Connections to a file that are kept for the next transactions."""

_NO_TURN = nullcontext()


class Database:
    """An open database. Safe for use from several threads."""

    def __init__(self, engine: Engine, name: str, path: Path | None) -> None:
        self._engine = engine
        self._name = name
        self._path = path
        self._turn = threading.Lock()
        self._idle: list[PoolProxiedConnection] = []

    @property
    def path(self) -> Path | None:
        """The file of an SQLite database; None of a server's."""
        return self._path

    def reading(self) -> AbstractContextManager[Transaction]:
        """One transaction that sees one moment and takes no lock that a writer minds."""
        begin = "BEGIN" if self._path else "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
        return self._transaction(begin, _NO_TURN)

    def writing(self) -> AbstractContextManager[Transaction]:
        """One transaction; an exception undoes all of it. On SQLite it is alone among writers from its start."""
        # SQLite polls for its lock, up to 100 ms apart; among our own threads this one is handed over at once.
        return self._transaction("BEGIN IMMEDIATE" if self._path else "", self._turn)

    @contextmanager
    def _transaction(self, begin: str, turn: AbstractContextManager[object]) -> Iterator[Transaction]:
        """The pool rolls back what comes back to it without a commit. Drivers of servers begin by themselves."""
        with turn, explained(self._name, self._path, self._engine.dialect):
            pooled = self._taken()
            try:
                connection: Any = pooled.dbapi_connection
                if begin:
                    connection.cursor().execute(begin)
                yield Transaction(connection, self._engine.dialect)
                connection.commit()
            except self._broken as error:  # there is nothing to roll back; the pool would complain of that
                pooled.invalidate(error)
                raise
            except BaseException:
                pooled.close()
                raise
            if self._path and len(self._idle) < IDLE_KEPT:
                self._idle.append(pooled)
            else:
                pooled.close()

    def _taken(self) -> PoolProxiedConnection:
        """To take one from the pool and give it back costs more than most transactions on a file."""
        try:
            return self._idle.pop()
        except IndexError:
            return self._engine.raw_connection()

    @property
    def _broken(self) -> tuple[type[Exception], ...]:
        """What a connection to a server raises that is of no more use."""
        return () if self._path else (self._engine.dialect.loaded_dbapi.OperationalError,)

    @contextmanager
    def schema(self, *, changes: bool = False) -> Iterator[Connection]:
        """The same through SQLAlchemy, whose tools look at the schema and change it."""
        with explained(self._name, self._path, self._engine.dialect), self._engine.begin() as connection:
            if self._path:
                connection.exec_driver_sql("BEGIN IMMEDIATE" if changes else "BEGIN")
            yield connection

    @contextmanager
    def outside_transactions(self) -> Iterator[sqlite3.Cursor]:
        """SQLite only: for what cannot be done within a transaction."""
        with explained(self._name, self._path, self._engine.dialect), closing(self._taken()) as pooled:
            yield cast("sqlite3.Cursor", pooled.cursor())

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()
        self._engine.dispose()


def open_database(url: str, *, patience_s: float = PATIENCE_S) -> Database:
    """Open, creating or upgrading the schema where needed.

    Args:
        url: SQLAlchemy URL. What follows `sqlite:///` is a path as it stands.
        patience_s: How long to wait for a lock that another process holds.

    Raises:
        StateError: Not usable, with the next step; a schema newer than this program is refused untouched.
    """
    path = sqlite_path(url)
    engine, name = _server_engine(url) if path is None else _sqlite_engine(path, patience_s)
    database = Database(engine, name, path)
    try:
        if path is not None:
            _use_wal(database, path, patience_s)
        _check_schema(database, name)
    except BaseException:
        database.close()
        raise
    return database


def _server_engine(url: str) -> tuple[Engine, str]:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            raise StateError(
                f"database.url is {url}, which names no file to keep the state in",
                "write it as sqlite:////absolute/path.db, or leave database.url out",
            )
        name = parsed.render_as_string(hide_password=True)
        if parsed.drivername in ("postgres", "postgresql"):  # as libpq takes it; the driver is ours to choose
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.drivername != "postgresql+psycopg":
            raise StateError(f"database.url cannot be used: {parsed.drivername} is not known here", URLS)
        return create_engine(parsed, pool_pre_ping=True), name
    except ArgumentError:  # which repeats the URL, and with it a password
        raise StateError("database.url cannot be used: it is not a URL", URLS) from None
    except ModuleNotFoundError as error:
        raise StateError(
            f"database.url cannot be used: {error}", "install the driver: pip install 'cosmos-gitops[postgres]'"
        ) from None


# SQLite ------------------------------------------------------------------------------------------


def _sqlite_engine(path: Path, patience_s: float) -> tuple[Engine, str]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(
            f"cannot make the folder of the database, {path.parent}: {error.strerror}",
            "make it writable for this user, or set project.state in cosmos.toml to another folder",
        ) from None
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, connect_args={"timeout": patience_s}, max_overflow=-1)  # no thread waits for another
    event.listen(engine, "connect", _set_up)
    return engine, str(path)


def _set_up(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself; `Database` does
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA synchronous=FULL")


def _use_wal(database: Database, path: Path, patience_s: float) -> None:
    """Kept in the file: only the first opening changes anything."""
    with database.outside_transactions() as raw:
        mode = _switch_to_wal(raw, time.monotonic() + patience_s)
        small = path.stat().st_size <= CHECKED_BYTES
        found = raw.execute("PRAGMA quick_check(1)").fetchone()[0] if small else "ok"
        if found != "ok":
            raise sqlite3.DatabaseError(found)
    if mode != "wal":
        raise StateError(
            f"the database {path} lies on a file system that cannot share it safely (journal mode {mode})",
            "set project.state in cosmos.toml to a folder on a local disk",
        )


def _switch_to_wal(raw: sqlite3.Cursor, deadline: float) -> str:
    """SQLite does not wait for others here, whatever the busy timeout."""
    while True:
        try:
            return str(raw.execute("PRAGMA journal_mode=WAL").fetchone()[0])
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


# Schema ------------------------------------------------------------------------------------------


def _check_schema(database: Database, name: str) -> None:
    with database.schema() as connection:
        version = _version(connection, name)
    if version == migrations.HEAD:
        return
    if version is not None and version not in migrations.HISTORY:
        raise StateError(
            f"the database {name} has schema {version}, and this cosmos knows schemas up to {migrations.HEAD}",
            "use the newer cosmos that wrote it (pip install -U cosmos-gitops); nothing was changed",
        )
    with database.schema(changes=True) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('cosmos schema'))"))
        migrations.upgrade(connection)


def _version(connection: Connection, name: str) -> str | None:
    """The schema's version; None for a database without tables, and on a server for one without tables of our names."""
    tables = inspect(connection).get_table_names()
    version: str | None = None
    if "alembic_version" in tables:
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if version in migrations.HISTORY or (version and OWN.issubset(tables)):
        return version
    taken = tables if version or connection.dialect.name == "sqlite" else sorted(metadata.tables.keys() & tables)
    if taken:
        raise StateError(
            f"the database {name} belongs to another program (it has a table {taken[0]})",
            "set database.url or project.state to a place of its own",
        )
    return None
