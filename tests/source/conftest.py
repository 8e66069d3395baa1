"""A repository with one spec, and a mirror of it."""

from pathlib import Path

import pytest

from cosmos.source.mirror import Mirror
from tests.repositories import Repo, new_repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = new_repo(tmp_path / "repo")
    made.write("specs/rain.yaml")
    made.commit("first")
    return made


@pytest.fixture
def mirror(repo: Repo, tmp_path: Path) -> Mirror:
    return repo.mirror(tmp_path / "state" / "specs.git")
