from collections.abc import Iterator
from pathlib import Path

import pytest

from cosmos.core.files import FactCache
from cosmos.state.database import open_database
from cosmos.state.facts import SqlFactCache
from cosmos.store.blobs import LocalStore


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[FactCache]:
    database = open_database(f"sqlite:///{tmp_path}/state.db")
    yield SqlFactCache(database)
    database.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "state" / "store"


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    return tmp_path / "outputs"


@pytest.fixture
def store(root: Path, outputs: Path, cache: FactCache) -> LocalStore:
    return LocalStore(root, outputs, cache)
