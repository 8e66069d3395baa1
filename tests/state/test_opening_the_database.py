"""Opening: what it sets up, and what it says when the database cannot be used."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from cosmos.core.recorded import AttemptState
from cosmos.errors import StateError
from cosmos.state.database import Database, open_database
from cosmos.state.migrations import HEAD
from cosmos.state.records import SqlRecords
from cosmos.state.transaction import Statement
from tests.makers import a_batch_meta, a_digest, an_attempt


def intend(records: SqlRecords, key: str = "city") -> bool:
    attempt = an_attempt(key, state=AttemptState.INTENDED)
    return records.intend(attempt, {}, a_batch_meta(key))


def other_connection(path: Path, timeout_s: float = 0) -> "closing[sqlite3.Connection]":
    return closing(sqlite3.connect(path, timeout=timeout_s, isolation_level=None))


def test_writes_are_durable_and_rules_are_enforced(database: Database) -> None:
    with database.reading() as transaction:
        settings = {
            name: transaction.value(Statement(text(f"PRAGMA {name}")))
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}


def test_a_write_is_alone_from_its_start(database: Database, path: Path) -> None:
    with database.writing() as transaction, other_connection(path) as other:
        transaction.row(Statement(text("SELECT count(*) FROM runs")))
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")


def test_a_read_hinders_no_writer_and_sees_one_moment(database: Database) -> None:
    records = SqlRecords(database)
    with database.reading() as transaction:
        count = Statement(text("SELECT count(*) FROM attempts"))
        assert transaction.value(count) == 0
        assert intend(records)
        assert transaction.value(count) == 0


def test_an_exception_undoes_the_whole_write(database: Database) -> None:
    with pytest.raises(StateError, match="refused a row"), database.writing() as transaction:
        transaction.change(Statement(text("INSERT INTO notes VALUES ('a', 'b'), ('a', 'c')")))
    with database.reading() as transaction:
        assert transaction.value(Statement(text("SELECT count(*) FROM notes"))) == 0


def test_opening_a_current_database_does_not_import_alembic(database: Database, url: str) -> None:
    program = "import sys; from cosmos.state.database import open_database; open_database(sys.argv[1]).close()"
    checked = f"{program}; sys.exit('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", checked, url], check=False).returncode == 0


def test_a_path_is_taken_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "what? 100% #1" / "state.db"
    open_database(f"sqlite:///{path}").close()
    assert path.is_file()


# What cannot be used ------------------------------------------------------------------------------


def test_a_locked_database_says_so_and_may_be_tried_again(database: Database, url: str, path: Path) -> None:
    with closing(open_database(url, patience_s=0.05)) as impatient, other_connection(path) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateError, match=r"state\.db is locked by another process") as caught:
            intend(SqlRecords(impatient))
        assert caught.value.retryable
        assert "try again" in caught.value.hint
        other.execute("ROLLBACK")
        assert intend(SqlRecords(impatient))


def test_a_file_that_is_no_database_is_refused_and_kept(url: str, path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("these are my notes\n" * 100)
    with pytest.raises(StateError, match="is not a database") as caught:
        open_database(url)
    assert f"mv '{path}' '{path}.damaged'" in caught.value.hint
    assert "adopted" in caught.value.hint
    assert path.read_text() == "these are my notes\n" * 100


def test_a_damaged_database_is_found_at_opening(url: str, path: Path) -> None:
    with closing(open_database(url)) as database:
        records = SqlRecords(database)
        for number in range(50):
            intend(records, f"city-{number}")
    with other_connection(path) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek(4096 + 100)
        file.write(b"\xff" * (path.stat().st_size - 2 * 4096))
    with pytest.raises(StateError, match="is damaged") as caught:
        open_database(url)
    assert "move it away" in caught.value.hint


def test_a_moved_away_database_can_be_begun_anew(url: str, path: Path) -> None:
    """As the message for a damaged one says, with its companions left where they are."""
    with closing(open_database(url)) as database:
        intend(SqlRecords(database))
        path.rename(path.with_name("state.db.damaged"))
    with closing(open_database(url)) as database:
        assert SqlRecords(database).load({}).attempts == {}


def test_a_newer_schema_is_refused_and_not_touched(database: Database, url: str, path: Path) -> None:
    with database.writing() as transaction:
        transaction.change(Statement(text("UPDATE alembic_version SET version_num = '9999'")))
        transaction.change(Statement(text("DROP TABLE notes")))
    with pytest.raises(StateError, match=f"has schema 9999, and this cosmos knows schemas up to {HEAD}") as caught:
        open_database(url)
    assert "pip install -U" in caught.value.hint
    with other_connection(path) as other:
        assert other.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]
        assert other.execute("SELECT name FROM sqlite_master WHERE name = 'notes'").fetchall() == []


def test_a_database_of_another_program_is_refused(url: str, path: Path) -> None:
    path.parent.mkdir(parents=True)
    with other_connection(path) as other:
        other.execute("CREATE TABLE bookmarks (address)")
    with pytest.raises(StateError, match=r"belongs to another program .*bookmarks"):
        open_database(url)
    with other_connection(path) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=r"cannot make the folder of the database, .*file/state"):
        open_database(f"sqlite:///{tmp_path}/file/state/state.db")


def test_a_folder_in_the_place_of_the_file_is_named(url: str, path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StateError, match=r"state\.db cannot be opened"):
        open_database(url)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///"])
def test_a_state_that_would_be_forgotten_is_refused(url: str) -> None:
    with pytest.raises(StateError, match="names no file"):
        open_database(url)


@pytest.mark.parametrize("url", ["oracle9://x/y", "me:SECRET at db", "mysql://me:SECRET@host/db"])
def test_an_unusable_url_is_refused(url: str) -> None:
    with pytest.raises(StateError, match=r"database\.url cannot be used") as caught:
        open_database(url)
    assert "write it as postgresql://user@host/name" in caught.value.hint
    assert "SECRET" not in str(caught.value)


# Disks --------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.needs("mount")
def test_a_full_disk_loses_nothing_and_is_survived(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    with closing(open_database(f"sqlite:///{small_disk}/state.db")) as database:
        records = SqlRecords(database)
        intend(records, "before")
        fill(ballast)
        with pytest.raises(StateError, match="the disk is full") as caught:
            intend_many(records)
        assert "free space" in caught.value.hint
        kept = len(records.load({}).attempts)
        ballast.unlink()
        assert intend(records, "after")
        assert len(records.load({}).attempts) == kept + 1
        assert a_digest("before") in records.load({}).attempts
        with database.reading() as transaction:
            assert transaction.value(Statement(text("PRAGMA integrity_check"))) == "ok"


def intend_many(records: SqlRecords) -> None:
    for number in range(1000):
        intend(records, f"city-{number}")


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            return


@pytest.mark.needs("mount")
def test_a_read_only_disk_is_named(small_disk: Path) -> None:
    url = f"sqlite:///{small_disk}/state.db"
    open_database(url).close()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(StateError, match=r"state\.db (is read-only|cannot be opened)") as caught:
        open_database(url)
    assert "writable" in caught.value.hint
