"""What a test may need besides Python: `@pytest.mark.needs("root")`.

A test whose need is missing skips and says why. Where COSMOS_MUST_RUN (names with commas between) has
the need's name, it fails instead, so that a green run there means that the test ran. To add a need,
add a probe to `NEEDS`. A name that is not in the table is refused, in a marker and in the variable.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

VARIABLE = "COSMOS_MUST_RUN"

Probe = Callable[[], str | None]
"""Why the need is missing, or None where it is met."""


def root() -> str | None:
    return None if os.geteuid() == 0 else "this is not the superuser"


def mount() -> str | None:
    """Containers often have a superuser that may not mount."""
    if reason := root():
        return reason
    with tempfile.TemporaryDirectory() as folder:
        words = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
        if not shutil.which("mount") or subprocess.run(words, check=False, capture_output=True).returncode:
            return "no file system can be mounted here"
        subprocess.run(["umount", folder], check=True)
    return None


def git() -> str | None:
    return None if shutil.which("git") else "the program git is not installed"


def docker() -> str | None:
    """A daemon is started by the first test that wants one; this is what it needs for that."""
    if reason := mount():
        return reason
    if missing := [name for name in ("docker", "dockerd", "setpriv") if not shutil.which(name)]:
        return f"not installed: {', '.join(missing)}"
    return None if any(Path("/sys/fs/cgroup").iterdir()) else "no control groups are mounted"


def ssh() -> str | None:
    """Tests start a server of their own, and users to log in as."""
    programs = ("sshd", "ssh", "ssh-keygen", "ssh-agent", "ssh-add")
    missing = [name for name in programs if not shutil.which(name, path=f"{os.defpath}:/usr/sbin:/sbin")]
    return f"not installed: {', '.join(missing)}" if missing else root()


def postgres() -> str | None:
    """Tests start a server of their own. Debian puts its programs where no shell looks."""
    found = shutil.which("initdb") or any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return None if found else "PostgreSQL's server is not installed"


def strace() -> str | None:
    """Containers often may not trace processes."""
    if not shutil.which("strace"):
        return "the program strace is not installed"
    done = subprocess.run(["strace", "-f", "-o", os.devnull, "true"], check=False, capture_output=True, text=True)
    return f"no process can be traced here: {done.stderr.strip()}" if done.returncode else None


def systemd() -> str | None:
    """Only to read units; none has to run."""
    return None if shutil.which("systemd-analyze") else "the program systemd-analyze is not installed"


def browser() -> str | None:
    """Playwright is a Python package of ours; the browser is Debian's."""
    return None if shutil.which("chromium") else "the program chromium is not installed"


NEEDS: dict[str, Probe] = {
    "root": root,
    "mount": mount,
    "git": git,
    "docker": docker,
    "ssh": ssh,
    "postgres": postgres,
    "strace": strace,
    "systemd": systemd,
    "browser": browser,
}


@cache
def why_missing(need: str) -> str | None:
    return NEEDS[need]()


def must_run() -> frozenset[str]:
    return frozenset(filter(None, (name.strip() for name in os.environ.get(VARIABLE, "").split(","))))


def pytest_configure() -> None:
    _refuse_unknown(must_run(), VARIABLE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        _refuse_unknown(_needs_of(item), item.nodeid)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for need in _needs_of(item):
        reason = why_missing(need)
        if reason and need in must_run():
            pytest.fail(f"{VARIABLE} names {need}, and {reason}", pytrace=False)
        elif reason:
            pytest.skip(f"needs {need}: {reason}")


def _needs_of(item: pytest.Item) -> list[str]:
    return [need for mark in item.iter_markers("needs") for need in mark.args]


def _refuse_unknown(names: "frozenset[str] | list[str]", where: str) -> None:
    if unknown := sorted(set(names) - NEEDS.keys()):
        raise pytest.UsageError(f"{where}: no need is called {', '.join(unknown)}; tests/needs.py has {sorted(NEEDS)}")
