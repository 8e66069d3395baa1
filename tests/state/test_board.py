"""Where runs stood: what is kept of a plan, and that both ways of reading it agree."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from cosmos.core.digest import Digest
from cosmos.core.plan import Cause, Phase, Plan, RunStatus, Sync
from cosmos.core.problem import Location
from cosmos.core.reasons import Reason
from cosmos.state.board import Board, pack, unpack
from cosmos.state.database import Database, open_database
from cosmos.state.quick import read_board
from cosmos.state.records import SqlRecords
from cosmos.state.transaction import Statement
from tests.makers import NOW, a_digest

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
TIMES = st.none() | st.floats(0, 4e9)

STATUSES = st.builds(
    RunStatus,
    key=WORDS,
    run_id=WORDS,
    digest=st.none() | st.text("0123456789abcdef", min_size=64, max_size=64).map(Digest),
    sync=st.sampled_from(Sync),
    phase=st.sampled_from(Phase),
    at=st.builds(Location, WORDS, st.integers(1, 9999), st.integers(1, 999)),
    cause=st.none() | st.sampled_from(Cause),
    reason=st.none() | st.sampled_from(Reason),
    message=WORDS,
    host=WORDS,
    gpus=st.lists(st.from_regex(r"GPU-[0-9a-f]{4}|[0-9]", fullmatch=True), max_size=3).map(tuple),
    attempt=st.integers(0, 99),
    folder=WORDS,
    since=TIMES,
    until=TIMES,
    stuck=st.booleans(),
)


def a_status(key: str = "city", **fields: object) -> RunStatus:
    status = RunStatus(
        key=key,
        run_id=f"rs_{key}",
        digest=a_digest(key),
        sync=Sync.SYNCED,
        phase=Phase.SUCCEEDED,
        at=Location("specs/city.yaml", 8, 3),
    )
    return replace(status, **fields)  # type: ignore[arg-type]


def save(records: SqlRecords, *statuses: RunStatus, held: tuple[str, ...] = (), at: float = NOW) -> None:
    records.save_statuses(Plan(statuses=statuses), at, lambda key: key in held)


def keys(board: Board) -> list[str]:
    return [status.key for status in board.statuses]


@settings(max_examples=50)
@given(STATUSES)
def test_a_status_is_read_as_it_was_written(status: RunStatus) -> None:
    assert unpack(pack(status)) == status


def test_both_ways_of_reading_agree(records: SqlRecords, url: str) -> None:
    failed = a_status(
        "lake",
        sync=Sync.OUT_OF_SYNC,
        phase=Phase.FAILED,
        cause=Cause.ATTEMPT_FAILED,
        reason=Reason.TIMEOUT,
        message="too slow",
        host="lambda",
        gpus=("0", "1"),
        attempt=3,
        since=NOW,
        until=NOW + 5.5,
        stuck=True,
    )
    save(records, failed, a_status("city", digest=None))
    records.note("commit", "3fa9c1d2")
    board = records.board()
    assert board == Board(statuses=(a_status("city", digest=None), failed), looked_at=NOW, notes={"commit": "3fa9c1d2"})
    assert read_board(url) == board


def test_before_the_first_look_there_is_no_time_of_it(records: SqlRecords, url: str) -> None:
    assert records.board() == Board(statuses=(), looked_at=None, notes={}) == read_board(url)


def test_only_rows_that_differ_are_written(records: SqlRecords, database: Database) -> None:
    save(records, *(a_status(f"city-{number}") for number in range(10)))
    with database.writing() as transaction:
        transaction.change(Statement(text("CREATE TABLE touched (key TEXT)")))
        for change in ("INSERT", "UPDATE"):
            trigger = f"AFTER {change} ON runs BEGIN INSERT INTO touched VALUES (new.key); END"
            transaction.change(Statement(text(f"CREATE TRIGGER on_{change} {trigger}")))
    save(records, *(a_status(f"city-{number}", attempt=number // 9) for number in range(11)), at=NOW + 1)
    with database.reading() as transaction:
        touched = {key for (key,) in transaction.rows(Statement(text("SELECT key FROM touched")))}
    assert touched == {"city-9", "city-10"}
    assert records.board().looked_at == NOW + 1


def test_a_run_that_left_the_specs_is_shown_no_more_and_still_known(records: SqlRecords, url: str) -> None:
    save(records, a_status("city"), a_status("lake"))
    save(records, a_status("lake"))
    assert keys(records.board()) == ["lake"]
    assert read_board(url) == records.board()
    assert records.find_keys("city") == ("city",)


def test_a_run_that_comes_back_is_shown_again(records: SqlRecords) -> None:
    save(records, a_status("city"))
    save(records)
    save(records, a_status("city"))
    assert keys(records.board()) == ["city"]


def test_a_held_run_keeps_what_it_has_and_nobody_knows_if_that_is_right(records: SqlRecords) -> None:
    save(records, a_status("city", host="lambda"), a_status("lake"))
    save(records, a_status("lake"), held=("city", "never-seen"))
    assert records.board().statuses == (a_status("city", host="lambda", sync=Sync.UNKNOWN), a_status("lake"))


def test_a_run_that_left_the_specs_stays_gone_while_a_broken_file_may_bring_it_back(records: SqlRecords) -> None:
    save(records, a_status("city"))
    save(records)
    save(records, held=("city",))
    assert keys(records.board()) == []
    save(records, a_status("city"))
    assert keys(records.board()) == ["city"]


def test_words_of_a_newer_program_read_as_none(records: SqlRecords, database: Database, url: str) -> None:
    save(records, a_status("city", cause=Cause.FORCED, reason=Reason.TIMEOUT))
    with database.writing() as transaction:
        transaction.change(
            Statement(text("UPDATE runs SET cause = 'moonlight', reason = 'MoonFull', phase = 'Dreaming'"))
        )
    (status,) = records.board().statuses
    assert (status.cause, status.reason, status.phase) == (None, None, Phase.PENDING)
    assert read_board(url) == records.board()


# The quick way ------------------------------------------------------------------------------------


def test_the_quick_way_imports_no_library(records: SqlRecords, url: str) -> None:
    save(records, a_status("city"))
    program = (
        "import sys; from cosmos.state.quick import read_board; assert read_board(sys.argv[1]).statuses;"
        "sys.exit(bool({'sqlalchemy', 'alembic', 'pydantic'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", program, url], check=False).returncode == 0


def test_the_quick_way_works_while_a_writer_is_active(records: SqlRecords, database: Database, url: str) -> None:
    save(records, a_status("city"))
    with database.writing() as transaction:
        transaction.change(Statement(text("UPDATE runs SET host = 'half-way'")))
        board = read_board(url, patience_s=0)
    assert board is not None
    assert board.statuses == (a_status("city"),)


def test_the_quick_way_works_with_nobody_else_there(url: str) -> None:
    with closing(open_database(url)) as database:
        save(SqlRecords(database), a_status("city"))
    board = read_board(url)
    assert board is not None
    assert keys(board) == ["city"]


def test_the_quick_way_writes_nothing(records: SqlRecords, path: Path, url: str) -> None:
    save(records, a_status("city"))
    before = {file.name: file.read_bytes() for file in path.parent.iterdir() if file.suffix != ".db-shm"}
    read_board(url)
    assert {file.name: file.read_bytes() for file in path.parent.iterdir() if file.suffix != ".db-shm"} == before


@pytest.mark.parametrize("url", ["postgresql://host/db", "sqlite://", "sqlite:////nowhere/at/all.db", ""])
def test_the_quick_way_leaves_what_it_does_not_know(url: str) -> None:
    assert read_board(url) is None


@pytest.mark.parametrize("version", ["0000", "9999"])
def test_the_quick_way_leaves_other_schemas(database: Database, url: str, version: str) -> None:
    with database.writing() as transaction:
        transaction.change(Statement(text("UPDATE alembic_version SET version_num = :version")), version=version)
    assert read_board(url) is None


def test_the_quick_way_leaves_damaged_files(path: Path, url: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("no database" * 1000)
    assert read_board(url) is None
    path.unlink()
    sqlite3.connect(path).close()
    path.touch()
    assert read_board(url) is None
