"""A daemon with nothing to do: what it takes of a core, and its memory."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import MB, Figure
from benchmarks.finished import finish_all
from benchmarks.measure import COSMOS
from benchmarks.projects import make_sweeps

RUNS = 1_000
SETTLING_S = 10.0
MEASURED_S = 120.0
"""Two of its looks at intervals."""
CPU_BUDGET = 0.01
MEMORY_BUDGET = 150 * MB


def figures(folder: Path) -> Iterator[Figure]:
    project = make_sweeps(folder / "idle", RUNS)
    finish_all(project)
    with (folder / "daemon.log").open("w") as log:
        daemon = subprocess.Popen([*COSMOS, "daemon", "--working-tree"], cwd=project, stderr=log)
        try:
            time.sleep(SETTLING_S)
            before, began = cpu_s(daemon.pid), time.monotonic()
            time.sleep(MEASURED_S)
            share = (cpu_s(daemon.pid) - before) / (time.monotonic() - began)
            resident = _resident_bytes(daemon.pid)
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(60)
    work = f"daemon idle, {RUNS:,} finished runs"
    yield Figure(work=f"{work}, of a core", value=share * 100, unit="%", budget=CPU_BUDGET * 100)
    yield Figure(work=f"{work}, memory", value=resident, unit="MB", budget=MEMORY_BUDGET)


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) * 1024
