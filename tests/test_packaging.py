"""What an installation has that is not a checkout: everything the program reads is in the wheel."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "cosmos"
MADE_BY_PYTHON = {"__pycache__"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("wheel"))


def build(source: Path, target: Path, kind: str = "wheel") -> Path:
    """With the hatchling of this environment, so that nothing is downloaded."""
    words = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(target)]
    done = subprocess.run(words, cwd=source, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    return names_in(wheel)


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which Python finds the wheel's files and not those of this checkout."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COSMOS_")}
    return {**kept, "PYTHONPATH": str(folder)}


def files_below(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not MADE_BY_PYTHON.intersection(path.parts)
    }


def test_every_file_of_the_package_is_in_the_wheel(names: set[str]) -> None:
    of_package = {f"cosmos/{name}" for name in files_below(PACKAGE)}
    assert {"cosmos/models/preview.yaml", "cosmos/state/migrations/env.py", "cosmos/py.typed"} <= of_package
    assert of_package - names == set()


def test_the_sample_project_is_in_the_wheel(names: set[str]) -> None:
    sample = {f"cosmos/demo/{folder}/{name}" for folder in ("specs", "inputs") for name in files_below(ROOT / folder)}
    assert "cosmos/demo/inputs/city/color.mp4" in sample
    assert sample - names == set()


def test_nothing_else_is_in_the_wheel(names: set[str]) -> None:
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"cosmos"}
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_what_a_daemon_is_installed_with_is_in_the_source_archive(tmp_path: Path) -> None:
    with tarfile.open(build(ROOT, tmp_path, "sdist")) as archive:
        within = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"packaging/{name}" for name in files_below(ROOT / "packaging")} <= within
    assert {"packaging/cosmos.service", "packaging/Containerfile.dockerignore", "docs/daemon.md"} <= within


def test_the_wheel_has_the_command(wheel: Path, names: set[str]) -> None:
    (entry_points,) = (name for name in names if name.endswith("/entry_points.txt"))
    with zipfile.ZipFile(wheel) as archive:
        assert "cosmos = cosmos.cli.main:main" in archive.read(entry_points).decode()


def test_an_installed_cosmos_makes_the_sample_project(installed: dict[str, str], tmp_path: Path) -> None:
    def cosmos(folder: Path, *words: str) -> str:
        command = [sys.executable, "-m", "cosmos", *words]
        done = subprocess.run(
            command, cwd=folder, env=installed, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    cosmos(tmp_path, "init", "mine", "--demo")
    assert files_below(ROOT / "specs") == files_below(tmp_path / "mine" / "specs")
    cosmos(tmp_path / "mine", "validate")
    assert "to run" in cosmos(tmp_path / "mine", "plan")


@pytest.mark.parametrize("recipe", ["images/preview/Dockerfile", "packaging/Containerfile"])
def test_images_are_built_from_all_that_the_wheel_is_made_of(names: set[str], tmp_path: Path, recipe: str) -> None:
    dockerfile = ROOT / recipe
    copies = [line.split()[1:] for line in dockerfile.read_text().splitlines() if re.match("COPY (?!--)", line)]
    allowed = dockerfile.with_name(f"{dockerfile.name}.dockerignore").read_text().splitlines()
    for *sources, target in copies:
        for source in sources:
            assert f"!{source}" in allowed
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, tmp_path / target, ignore=shutil.ignore_patterns(*MADE_BY_PYTHON))
            else:
                shutil.copy(ROOT / source, tmp_path / target)
    assert names_in(build(tmp_path, tmp_path / "dist")) == names
