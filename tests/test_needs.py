"""The promise behind a green run: a test that should have run did run, or the run is red."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

CONFTEST = """\
from tests.needs import NEEDS

NEEDS["horse"] = lambda: None
NEEDS["unicorn"] = lambda: "there are none"
"""

TESTS = """\
import pytest

@pytest.mark.needs("horse")
def test_with_a_horse() -> None: ...

@pytest.mark.needs("horse", "unicorn")
def test_with_a_unicorn() -> None: ...
"""


def run_pytest(folder: Path, tests: str, must_run: str) -> "subprocess.CompletedProcess[str]":
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_sample.py").write_text(tests)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.needs", "-p", "no:cacheprovider", "-rs", "--rootdir", ".", "."],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COSMOS_MUST_RUN": must_run, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_missing_need_skips_and_says_why(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, TESTS, "")
    assert done.returncode == 0, done.stdout
    assert "1 passed, 1 skipped" in done.stdout
    assert "needs unicorn: there are none" in done.stdout


def test_a_missing_need_that_must_run_fails(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, TESTS, "horse, unicorn")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "COSMOS_MUST_RUN names unicorn, and there are none" in done.stdout
    assert "1 passed" in done.stdout


@pytest.mark.parametrize(("tests", "must_run"), [("", "ghost"), (TESTS.replace('"horse", ', '"ghost", '), "")])
def test_a_need_that_nobody_defined_is_refused(tmp_path: Path, tests: str, must_run: str) -> None:
    done = run_pytest(tmp_path, tests, must_run)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR, done.stdout + done.stderr
    assert "no need is called ghost" in done.stdout + done.stderr
