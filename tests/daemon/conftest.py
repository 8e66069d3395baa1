"""A project whose commands are typed, with nothing left of it after a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.console import Console


@pytest.fixture
def toml() -> str:
    return '[hosts.local]\nslots = 2\n[daemon]\nresync = "3s"\n'


@pytest.fixture
def console(tmp_path: Path, toml: str) -> Iterator[Console]:
    made = Console(tmp_path / "console", toml=toml)
    yield made
    made.close()
