"""What only a server does: it is made ready by several at once, ends, comes back, and sorts words in its own way."""

import subprocess
import sys
from contextlib import ExitStack, closing

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text

from cosmos.core.recorded import AttemptState
from cosmos.errors import BusyError, StateError
from cosmos.state import migrations
from cosmos.state.database import Database, open_database
from cosmos.state.records import SqlRecords
from cosmos.state.tables import metadata
from cosmos.state.transaction import Statement
from tests.makers import NOW, a_batch_meta, an_attempt
from tests.services.postgres import Postgres
from tests.state.both import ON_SERVER
from tests.state.test_history import save
from tests.state.test_lease import real
from tests.state.test_migrations import OPEN_AND_CLOSE

pytestmark = pytest.mark.needs("postgres")


@pytest.fixture
def own(postgres: Postgres) -> str:
    """The URL of a new database, without tables."""
    return postgres.url(postgres.new_database())


def made_with(url: str, version: str, *statements: str) -> None:
    """The database as an earlier version left it."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        if version:
            config = migrations.configuration()
            config.attributes["connection"] = connection
            command.upgrade(config, version)
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_processes_that_open_a_new_database_together_all_succeed(own: str) -> None:
    words = [sys.executable, "-W", "error", "-c", OPEN_AND_CLOSE, own]
    processes = [subprocess.Popen(words, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    with closing(open_database(own)) as database, database.schema() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_database_of_the_first_version_is_upgraded_and_keeps_what_it_has(own: str) -> None:
    made_with(
        own,
        "0001",
        "INSERT INTO requests VALUES (7, 'd', 'cancel', 3, 5.0, 'ann', 'wrong camera')",
        "INSERT INTO batches VALUES ('b', 'local', 'films', 1, 1, 'abc', 'ann', 5.0, false)",
    )
    with closing(open_database(own)) as database:
        assert list(SqlRecords(database).origins()) == ["b"]
        with database.schema() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []
            words = "INSERT INTO requests VALUES (8, 'd', 'assume_lost', 3, 6.0, 'ann', '')"
            connection.execute(text(words))
        with pytest.raises(StateError, match="refused a row"), database.schema() as connection:
            connection.execute(text(words.replace("8", "9").replace("assume_lost", "dance")))


@pytest.mark.parametrize("table", ["runs", "Batches of flour"])
def test_a_database_of_another_program_is_refused_where_a_name_is_taken(own: str, table: str) -> None:
    made_with(own, "", f'CREATE TABLE "{table}" (address text)')
    if table == "runs":
        with pytest.raises(StateError, match=r"belongs to another program .*table runs\)") as caught:
            open_database(own)
        assert "of its own" in caught.value.hint
    else:
        open_database(own).close()


@ON_SERVER
def test_keys_come_in_the_order_that_python_has(records: SqlRecords) -> None:
    keys = ["city/seed-10", "city/seed-1_steps-2", "city/seed-1", "city/mode-a", "city/mode-B"]
    save(records, *keys)
    assert [status.key for status in records.board().statuses] == sorted(keys)
    assert list(records.find_keys("city/")) == sorted(keys)


def test_a_server_that_is_away_is_named_and_used_again_when_it_is_back(postgres: Postgres, own: str) -> None:
    with closing(open_database(own.replace("cosmos@", "cosmos:SECRET@"))) as database:
        assert begin(database, "before")
        with postgres.away():
            for _ in range(2):
                with pytest.raises(StateError, match=r"cosmos:\*\*\*@.* cannot be used: ") as caught:
                    begin(database, "meanwhile")
                assert "see that the server runs" in caught.value.hint
                assert "SECRET" not in str(caught.value)
        assert begin(database, "after")
        known = SqlRecords(database).load({}).attempts
        assert sorted(tried[0].key for tried in known.values()) == ["after", "before"]


def test_a_transaction_that_the_end_of_the_server_cuts_is_undone_and_said_once(
    postgres: Postgres, own: str, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(open_database(own)) as database:
        with pytest.raises(StateError, match="cannot be used"):
            write_across_a_restart(database, postgres)
        assert SqlRecords(database).noted("a") == ""
    assert [record.getMessage() for record in caplog.records if record.name.startswith("sqlalchemy")] == []


def write_across_a_restart(database: Database, postgres: Postgres) -> None:
    with database.writing() as transaction:
        transaction.change(Statement(text("INSERT INTO notes VALUES ('a', 'b')")))
        with postgres.away():
            pass
        transaction.value(Statement(text("SELECT 1")))


def test_a_lease_that_could_not_be_given_back_is_taken_again_at_once(postgres: Postgres, own: str) -> None:
    with closing(open_database(own)) as database:
        lease, another = real(database), real(database)
        with ExitStack() as later, lease.held():
            later.enter_context(postgres.away())
        with pytest.raises(BusyError), another.held(watch=False):
            pass
        with lease.held(watch=False):
            pass
        with another.held(watch=False):
            pass


def begin(database: Database, key: str) -> bool:
    attempt = an_attempt(key, state=AttemptState.INTENDED, intended_at=NOW)
    return SqlRecords(database).intend(attempt, {}, a_batch_meta(key))
