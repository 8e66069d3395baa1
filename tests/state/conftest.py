from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from cosmos.state.database import Database, open_database
from cosmos.state.records import SqlRecords
from cosmos.state.tables import metadata
from tests.services.postgres import Postgres

pytest.register_assert_rewrite("tests.contracts.records_contract")

EMPTY = (
    f"TRUNCATE {', '.join(table.name for table in metadata.sorted_tables if table.name != 'lease')} RESTART IDENTITY; "
    "UPDATE lease SET epoch = 0, held = false"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database will be; its folder is not there yet."""
    return tmp_path / "project" / ".cosmos" / "state.db"


@pytest.fixture
def kind() -> str:
    """`tests.state.both.ON_BOTH` has each test that it marks done on a server, too."""
    return "sqlite"


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest) -> str:
    """Of a file that is not there yet, or of an empty database of a server."""
    if kind == "sqlite":
        return f"sqlite:///{request.getfixturevalue('path')}"
    server: Served = request.getfixturevalue("served")
    server.empty()
    return server.url


@pytest.fixture
def database(kind: str, url: str, request: pytest.FixtureRequest) -> Iterator[Database]:
    if kind == "postgres":
        server: Served = request.getfixturevalue("served")
        yield server.database
        return
    opened = open_database(url)
    yield opened
    opened.close()


@pytest.fixture
def records(database: Database) -> SqlRecords:
    return SqlRecords(database)


class Served:
    """One database of a server, which is emptied for each test: to make one takes ten times as long."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.database = open_database(url)

    def empty(self) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(EMPTY)


@pytest.fixture(scope="session")
def served(postgres: Postgres) -> Iterator[Served]:
    made = Served(postgres.url(postgres.new_database()))
    yield made
    made.database.close()
