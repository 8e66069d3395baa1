from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.console import Console
from tests.engine.workshop import Workshop


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "workshop")


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    console = Console(tmp_path / "console")
    yield console
    console.close()
