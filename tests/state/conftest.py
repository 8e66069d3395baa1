from collections.abc import Iterator
from pathlib import Path

import pytest

from cosmos.state.database import Database, open_database
from cosmos.state.records import SqlRecords

pytest.register_assert_rewrite("tests.contracts.records_contract")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database will be; its folder is not there yet."""
    return tmp_path / "project" / ".cosmos" / "state.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = open_database(url)
    yield opened
    opened.close()


@pytest.fixture
def records(database: Database) -> SqlRecords:
    return SqlRecords(database)
