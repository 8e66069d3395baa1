"""A plan that finds everything done, and the memory that it takes."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.figure import MB, Figure
from benchmarks.finished import finish_all
from benchmarks.measure import COSMOS, typical
from benchmarks.projects import make_documents, make_sweeps
from tests.services.sshd import Sshd, sshd

NO_CHANGE = ("plan", "--detailed-exitcode")
"""Exits with 2, which is an error here, when there is something to do."""

BUDGETS = {1_000: 1.0, 10_000: 5.0}
MEMORY_BUDGET = 300 * MB

HOST = """\
[hosts.{name}]
address = "127.0.0.1"
port = {server.port}
user = "root"
key = "{server.key}"
host_key = "{server.fingerprint}"
workdir = "{folder}"
"""


def figures(folder: Path) -> Iterator[Figure]:
    for runs in BUDGETS:
        yield from _no_op(folder, runs, "runs of sweeps", make_sweeps)
        yield from _no_op(folder, runs, "run documents", make_documents)
    yield from _on_hosts(folder, 1_000)


def _no_op(folder: Path, runs: int, what: str, make: Callable[[Path, int], Path]) -> Iterator[Figure]:
    project = make(folder / f"plan-{runs}-{make.__name__}", runs)
    finish_all(project)
    used = typical([*COSMOS, *NO_CHANGE], project, times=3)
    work = f"no-op plan, {runs:,} {what}"
    yield Figure(
        work=work, value=used.wall_s, unit="s", budget=BUDGETS[runs], peer="make -q", peer_value=_make(project)
    )
    yield Figure(work=f"{work}, process time", value=used.cpu_s, unit="s")
    yield Figure(work=f"{work}, peak memory", value=used.peak_bytes, unit="MB", budget=MEMORY_BUDGET)


def _on_hosts(folder: Path, runs: int) -> Iterator[Figure]:
    """The same where two machines are asked over SSH: private servers on loopback."""
    project = make_sweeps(folder / "plan-on-hosts", runs)
    finish_all(project)
    with sshd() as one, sshd() as two:
        hosts = (_host(folder, name, server) for name, server in (("one", one), ("two", two)))
        (project / "cosmos.toml").write_text("".join(hosts), encoding="utf-8")
        used = typical([*COSMOS, *NO_CHANGE], project)
    work = f"no-op plan, {runs:,} runs, 2 hosts over SSH"
    yield Figure(work=work, value=used.wall_s, unit="s", budget=BUDGETS[runs])
    yield Figure(work=f"{work}, process time", value=used.cpu_s, unit="s")


def _host(folder: Path, name: str, server: Sshd) -> str:
    return HOST.format(name=name, server=server, folder=folder / name)


def _make(project: Path) -> float | None:
    """The same question to make: are these files up to date with that input?"""
    if not shutil.which("make"):
        return None
    targets = " ".join(str(path.relative_to(project)) for path in project.glob("outputs/**/latest/out.mp4"))
    (project / "Makefile").write_text(f"all: {targets}\n{targets}: inputs/city/color.mp4\n\tfalse\n")
    return typical(["make", "-q", "all"], project, times=3).wall_s
