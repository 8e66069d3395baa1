"""What it costs to ask for help, and where things stand."""

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.finished import finish_all
from benchmarks.measure import COSMOS, typical
from benchmarks.projects import make_sweeps

RUNS = 1000


def figures(folder: Path) -> Iterator[Figure]:
    project = make_sweeps(folder / "startup", RUNS)
    finish_all(project)
    bare = typical([sys.executable, "-c", "pass"], project).cpu_s
    for words, budget in ((["--help"], 0.2), (["status"], 0.5)):
        used = typical([*COSMOS, *words], project)
        yield Figure(
            work=f"cosmos {words[0]}, process time" + (f" ({RUNS:,} runs)" if words == ["status"] else ""),
            value=used.cpu_s,
            unit="s",
            budget=budget,
            peer="python -c pass",
            peer_value=bare,
        )
