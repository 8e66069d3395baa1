import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.world import Fixture

SHARED_MEMORY = Path("/dev/shm")


@pytest.fixture(scope="session")
def fixture() -> Iterator[Fixture]:
    """A folder in memory and a database that every world of this process uses in turn."""
    folder = Path(tempfile.mkdtemp(prefix="cosmos-sim-", dir=SHARED_MEMORY if SHARED_MEMORY.is_dir() else None))
    made = Fixture(folder)
    yield made
    made.clean.close()
    shutil.rmtree(folder)
