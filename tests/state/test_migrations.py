"""Schema versions: each way to the newest one ends at the tables of `cosmos.state.tables`."""

import io
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from cosmos.core.observed import Origin
from cosmos.state import migrations
from cosmos.state.database import Database, open_database
from cosmos.state.lease import database_id
from cosmos.state.records import SqlRecords
from cosmos.state.tables import metadata
from cosmos.state.transaction import Statement

OPEN_AND_CLOSE = """
import sys
from cosmos.state.database import open_database
open_database(sys.argv[1]).close()
"""

DIE_AT_STATEMENT = """
import os, signal, sys
from sqlalchemy import Engine, event
from cosmos.state.database import open_database
left = int(sys.argv[2])

@event.listens_for(Engine, "after_cursor_execute")
def count(*_: object) -> None:
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

open_database(sys.argv[1]).close()
"""


def schema(path: Path) -> dict[str, str]:
    """What SQLite was told to create, by name."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {name: " ".join(sql.replace('"', "").split()) for name, sql in rows if name != "alembic_version"}


def test_the_history_is_that_of_the_scripts() -> None:
    scripts = ScriptDirectory.from_config(migrations.configuration())
    assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == migrations.HISTORY
    assert scripts.get_current_head() == migrations.HEAD


def test_a_migrated_schema_has_the_tables_that_the_code_uses(database: Database) -> None:
    with database.schema() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_migrated_schema_has_every_rule_and_index(database: Database, path: Path, tmp_path: Path) -> None:
    """Alembic compares neither checks nor the conditions of indexes."""
    assert "attempts_one_open" in schema(path)
    engine = create_engine(f"sqlite:///{tmp_path}/created.db")
    metadata.create_all(engine)
    engine.dispose()
    assert schema(path) == schema(tmp_path / "created.db")


def test_on_a_server_too_one_attempt_of_a_digest_is_open() -> None:
    """The words that a server would be sent; `cosmos.state.tables` names the condition for SQLite alone."""
    words = io.StringIO()
    options = {"as_sql": True, "output_buffer": words}
    with Operations.context(MigrationContext.configure(dialect_name="postgresql", opts=options)):
        for script in ScriptDirectory.from_config(migrations.configuration()).walk_revisions():
            script.module.upgrade()
    assert "CREATE UNIQUE INDEX attempts_one_open ON attempts (digest) WHERE state IN ('intended'" in words.getvalue()


def test_upgrading_a_current_schema_changes_nothing(database: Database, path: Path) -> None:
    before = schema(path)
    with database.schema(changes=True) as connection:
        migrations.upgrade(connection)
    assert schema(path) == before


@pytest.mark.parametrize("statement", [3, 8, 12, 25])
def test_a_first_opening_that_is_killed_is_completed_by_the_next(url: str, path: Path, statement: int) -> None:
    words = [sys.executable, "-c", DIE_AT_STATEMENT, url, str(statement)]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
    assert schema(path) == {}
    open_database(url).close()
    assert "attempts_one_open" in schema(path)


def test_processes_that_open_a_new_database_together_all_succeed(url: str, path: Path) -> None:
    words = [sys.executable, "-W", "error", "-c", OPEN_AND_CLOSE, url]
    processes = [subprocess.Popen(words, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0, 0], errors
    assert "attempts_one_open" in schema(path)


def test_what_was_asked_before_there_were_suspensions_is_kept(url: str, path: Path) -> None:
    path.parent.mkdir(parents=True)
    engine = create_engine(url)
    with engine.begin() as connection:
        config = migrations.configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        row = "(7, 'd', 'cancel', 3, 5.0, 'ann', 'wrong camera')"
        connection.execute(text(f"INSERT INTO requests VALUES {row}"))
    engine.dispose()
    open_database(url).close()
    with closing(sqlite3.connect(path)) as connection:
        assert [str(found) for found in connection.execute("SELECT * FROM requests")] == [row]
        connection.execute("INSERT INTO requests VALUES (8, 'd', 'assume_lost', 3, 6.0, 'ann', '')")
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("INSERT INTO requests VALUES (9, 'd', 'dance', 3, 6.0, 'ann', '')")


def make_database(url: str, path: Path, version: str, statement: str) -> None:
    """A database as an earlier version left it, with a row."""
    path.parent.mkdir(parents=True)
    engine = create_engine(url)
    with engine.begin() as connection:
        config = migrations.configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, version)
        connection.execute(text(statement))
    engine.dispose()


def test_a_database_of_the_first_version_gets_its_lease_and_keeps_what_it_has(url: str, path: Path) -> None:
    make_database(url, path, "0001", "INSERT INTO notes VALUES ('specs', 'as they were')")
    with closing(open_database(url)) as database, database.reading() as transaction:
        assert transaction.row(Statement(text("SELECT value FROM notes"))) == ("as they were",)
        assert transaction.row(Statement(text("SELECT id, epoch, held FROM lease"))) == (1, 0, 0)
        assert len(database_id(transaction)) == 32


def test_a_batch_of_before_there_were_authors_is_kept_and_has_none(url: str, path: Path) -> None:
    make_database(url, path, "0003", "INSERT INTO batches VALUES ('b', 'local', 'films', 1, 1, 'abc', 'ann', 5.0, 0)")
    with closing(open_database(url)) as database:
        records = SqlRecords(database)
        assert records.origins() == {"b": ("ann", Origin(commit="abc"))}
        meta = records.meta("b")
    assert meta is not None
    assert (meta.origin, meta.created_at) == (Origin(commit="abc"), 5.0)


def test_no_two_databases_have_one_id(tmp_path: Path) -> None:
    ids = set()
    for name in ("a.db", "b.db"):
        with closing(open_database(f"sqlite:///{tmp_path}/{name}")) as database, database.reading() as transaction:
            ids.add(database_id(transaction))
    assert len(ids) == 2
