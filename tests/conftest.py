"""Fixtures that any test may use.

Not faked anywhere in these tests: files, processes, git, the database. A test gets a folder of its own
and leaves the machine as it was.
"""

import os
from pathlib import Path

import hypothesis
import pytest

from tests.media import write_scene
from tests.projects import Project, make_project

pytest.register_assert_rewrite("tests.core.scene")  # `expect` compares texts; pytest shows where they differ

pytest_plugins = (
    "tests.needs",
    "tests.services.dockerd",
    "tests.services.gpus",
    "tests.services.images",
    "tests.services.postgres",
    "tests.services.proxy",
    "tests.services.gpu_host",  # it imports the others, which must be loaded as plugins before
)

hypothesis.settings.register_profile("cosmos", deadline=None, print_blob=True)
hypothesis.settings.load_profile("cosmos")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have COSMOS_ variables of their own."""
    for name in os.environ:
        if name.startswith("COSMOS_") and name != "COSMOS_MUST_RUN":
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with color.mp4, depth.mp4 and segmentation.mp4, made once. Not to be written to."""
    return write_scene(tmp_path_factory.mktemp("scene"))


@pytest.fixture
def project(tmp_path: Path, scene: Path) -> Project:
    """A fresh project with the sample specs of tests/projects.py and the scene as `inputs/city`."""
    return make_project(tmp_path / "project", scene)
