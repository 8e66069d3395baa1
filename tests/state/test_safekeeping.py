"""Damage of the database is found, and a copy of it is whole whoever writes meanwhile."""

import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from cosmos.errors import RefusedError, StateError
from cosmos.state.database import Database, open_database
from cosmos.state.records import SqlRecords
from cosmos.state.safekeeping import back_up, faults
from tests.makers import NOW, a_batch_meta, a_material, an_attempt


def test_a_whole_database_has_no_faults(database: Database) -> None:
    assert faults(database, thorough=False) == []
    assert faults(database, thorough=True) == []


def test_a_row_that_refers_to_nothing_is_named(database: Database, path: Path) -> None:
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("INSERT INTO members VALUES ('gone', 0, 'rs_1', 'city', 'd', '', NULL, NULL)")
        raw.commit()
    assert faults(database, thorough=False) == ["row 1 of members refers to a row of batches that is not there"]


def test_damaged_pages_are_named_in_sqlites_words(database: Database, records: SqlRecords, path: Path) -> None:
    for number in range(300):
        records.event("Normal", f"run-{number}", "Started", "x" * 100, NOW)
    with database.outside_transactions() as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'events_subject'").fetchone()
        (size,) = raw.execute("PRAGMA page_size").fetchone()
    database.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 200)
    assert faults(database, thorough=True) != []


def test_a_backup_has_everything_that_was_committed(database: Database, records: SqlRecords, tmp_path: Path) -> None:
    assert records.intend(an_attempt(), a_material(), a_batch_meta())
    target = tmp_path / "backup.db"
    assert back_up(database, target) == target.stat().st_size > 0
    assert [path.name for path in tmp_path.iterdir() if "backup" in path.name] == ["backup.db"]
    copy = open_database(f"sqlite:///{target}")
    assert SqlRecords(copy).attempts_of(an_attempt().run_id) == records.attempts_of(an_attempt().run_id)
    copy.close()


def test_a_copy_of_the_file_alone_lacks_what_a_backup_has(
    database: Database, records: SqlRecords, path: Path, tmp_path: Path
) -> None:
    """Why there is a command for it."""
    records.event("Normal", "city", "Started", "on local", NOW)
    shutil.copy(path, tmp_path / "copied.db")
    back_up(database, tmp_path / "backup.db")

    def count(file: Path) -> int:
        with closing(sqlite3.connect(file)) as raw:
            try:
                return int(raw.execute("SELECT count(*) FROM events").fetchone()[0])
            except sqlite3.OperationalError:
                return -1

    assert count(tmp_path / "backup.db") == 1
    assert count(tmp_path / "copied.db") < 1


def test_backups_are_whole_while_others_write(database: Database, records: SqlRecords, tmp_path: Path) -> None:
    done = threading.Event()

    def write() -> None:
        number = 0
        while not done.is_set():
            number += 1
            records.event("Normal", f"run-{number}", "Started", "on local", NOW)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            back_up(database, tmp_path / f"{number}.db")
    finally:
        done.set()
        writer.join()
    for number in range(5):
        with closing(sqlite3.connect(tmp_path / f"{number}.db")) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_file_that_is_there_is_not_written_over(database: Database, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_bytes(b"mine")
    with pytest.raises(RefusedError, match="is there already"):
        back_up(database, target)
    assert target.read_bytes() == b"mine"


def test_a_folder_that_is_not_there_is_named(database: Database, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="no folder"):
        back_up(database, tmp_path / "absent" / "backup.db")


@pytest.mark.needs("mount")
def test_a_full_disk_leaves_no_half_of_a_backup(database: Database, tmp_path: Path) -> None:
    from tests.disks import fill, small_disk

    with small_disk(tmp_path / "small", 1) as folder:
        fill(folder)
        with pytest.raises(StateError, match="cannot write the backup"):
            back_up(database, folder / "backup.db")
        assert [path.name for path in folder.iterdir()] == ["ballast"]
