"""The set-up that scripts/demo and scripts/test share, and what .ci/run promises."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.needs import NEEDS

ROOT = Path(__file__).parent.parent
OLD_PYTHON = """\
#!/bin/sh
case "$2" in
    *version_info*) exit 1 ;;
    *) echo 3.9.2 ;;
esac
"""


def shell(folder: Path, script: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run bash with the functions of scripts/environment.sh in a folder that looks like a checkout."""
    (folder / "pyproject.toml").touch()
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f". {ROOT}/scripts/environment.sh\n{script}"],
        cwd=folder,
        env={"PATH": f"{folder}/bin:/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the Python of an environment and no stamp."""
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    return tmp_path


def stamp(checkout: Path, what: str) -> None:
    assert shell(checkout, f'stamp_text {what} >"$STAMP"').returncode == 0


def test_an_environment_that_was_never_finished_is_made_anew(checkout: Path) -> None:
    assert shell(checkout, "is_installed runtime").returncode == 1
    assert shell(checkout, "is_usable").returncode == 1


def test_an_environment_for_the_tests_serves_the_demo_and_not_the_other_way(checkout: Path) -> None:
    stamp(checkout, "dev")
    assert shell(checkout, "is_installed runtime").returncode == 0
    stamp(checkout, "runtime")
    assert shell(checkout, "is_installed runtime").returncode == 0
    assert shell(checkout, "is_installed dev").returncode == 1


def test_changed_dependencies_are_installed_into_the_same_environment(checkout: Path) -> None:
    stamp(checkout, "dev")
    (checkout / "pyproject.toml").write_text("# changed\n")
    assert shell(checkout, "is_installed dev").returncode == 1
    assert shell(checkout, "is_usable").returncode == 0


def test_a_checkout_that_was_moved_gets_a_new_environment(checkout: Path) -> None:
    stamp(checkout, "dev")
    moved = checkout.rename(checkout.with_name("moved"))
    assert shell(moved, "is_usable").returncode == 1


def test_a_python_that_is_too_old_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    old = tmp_path / "bin" / "python3"
    old.write_text(OLD_PYTHON)
    old.chmod(0o755)
    done = shell(tmp_path, "find_python", PYTHON="python3")
    assert done.returncode == 1
    assert "cosmos needs Python 3.11 or newer; python3 is 3.9.2." in done.stderr
    assert "PYTHON=python3.12" in done.stderr


def test_the_first_python_that_is_new_enough_is_taken(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "old").write_text(OLD_PYTHON)
    (tmp_path / "bin" / "old").chmod(0o755)
    assert shell(tmp_path, "find_python", PYTHON=f"absent old {sys.executable} python3").stdout == sys.executable


def test_a_python_that_is_absent_is_named(tmp_path: Path) -> None:
    done = shell(tmp_path, "find_python", PYTHON="python9")
    assert done.returncode == 1
    assert "no python9 was found" in done.stderr


def test_output_of_a_command_appears_only_when_it_fails(tmp_path: Path) -> None:
    assert shell(tmp_path, "loudly_when_it_fails echo words").stderr == ""
    done = shell(tmp_path, "loudly_when_it_fails sh -c 'echo words; exit 3'")
    assert (done.returncode, done.stderr) == (3, "words\n")


def test_ci_lets_no_need_go_missing_and_the_readme_names_them_all() -> None:
    named = re.search(r"COSMOS_MUST_RUN=(\S+)", (ROOT / ".ci" / "run").read_text())
    assert named
    assert set(named[1].split(",")) == NEEDS.keys()
    assert set(re.findall(r"^\| `(\w+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE)) == NEEDS.keys()
