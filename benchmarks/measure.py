"""Runs a command and tells what it used, by the kernel's own account.

Peak memory includes that of the process which starts the command, at the moment it does so. Hence nothing
in this package may import a large library: what needs one runs in a process of its own.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

COSMOS = (sys.executable, "-m", "cosmos")


@dataclass(frozen=True, slots=True)
class Usage:
    """Time in seconds; `cpu_s` is user and system time together, of all processes that the command waited for."""

    wall_s: float
    cpu_s: float
    peak_bytes: float


def usage(argv: Sequence[str], folder: Path) -> Usage:
    """Run a command that has to succeed.

    Raises:
        RuntimeError: It did not; with what it wrote to stderr.
    """
    with tempfile.TemporaryFile() as errors:
        begin = time.perf_counter()
        process = subprocess.Popen(
            argv, cwd=folder, env=_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
        )
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            raise RuntimeError(f"{' '.join(argv)}: exit code {process.returncode}\n{errors.read().decode()}")
    return Usage(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024.0)


def typical(argv: Sequence[str], folder: Path, times: int = 5) -> Usage:
    """The median of each figure, after one run that fills the caches."""
    return median(lambda: usage(argv, folder), times)


def median(measure: Callable[[], Usage], times: int) -> Usage:
    measure()
    found = [measure() for _ in range(times)]
    return Usage(*(statistics.median(getattr(one, field.name) for one in found) for field in fields(Usage)))


def _environment() -> dict[str, str]:
    """Own settings of whoever measures would change the figures; so would a Python that compiles at every start."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("COSMOS_", "PYTHON"))}
