from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.repositories import make_repository
from tests.results.shop import Clips


@pytest.fixture(scope="package")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clips]:
    """Made once: tests here only read it, or say what they change."""
    clips = Clips(tmp_path_factory.mktemp("results") / "clips")
    make_repository(clips.root)
    clips.made()
    with clips.api() as api:
        api.specs.save(api.specs.rate("city/word-low", 5, note="best puddles", tags=["hero"]))
        api.specs.save(api.specs.rate("hill", 2))
    yield clips
    clips.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "given"
