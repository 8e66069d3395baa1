"""From the end of a program to its verified output, and the memory of `apply` for small and large files."""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import MB, Figure
from benchmarks.measure import COSMOS, Usage, usage
from benchmarks.projects import make_project

SMALL = 8
LARGE = 256
TIMES = 5

SPECS = """\
kind: Model
name: zeros
adapter: command
command:
  - sh
  - -c
  - 'head -c "$1"M /dev/zero >"$2" && date +%s.%N >"$3"'
  - zeros
  - "{params.megabytes}"
  - "{outputs.data}"
  - "{outputs.end}"
  - "{params.seed}"
outputs: {data: data.bin, end: end.txt}
params:
  megabytes: {type: int}
  seed: {type: int, default: 0}
"""
SWEEP = """\
---
kind: Run
name: zeros
model: zeros
params: {{megabytes: {megabytes}}}
matrix: {{params.seed: {seeds}}}
"""


def figures(folder: Path) -> Iterator[Figure]:
    tiny, _ = _apply(folder / "tiny", 0, TIMES)
    yield Figure(work="process exit -> verified output, small file", value=tiny, unit="s", budget=0.5)
    _, small = _apply(folder / "small", SMALL, 1)
    latency, large = _apply(folder / "large", LARGE, 1)
    yield Figure(
        work=f"process exit -> verified output, {LARGE} MB",
        value=latency,
        unit="s",
        peer="cp and sha256sum",
        peer_value=_copy_and_hash(folder / "large"),
    )
    yield Figure(work=f"apply, peak memory, {SMALL} MB output", value=small.peak_bytes, unit="MB")
    yield Figure(work=f"apply, peak memory, {LARGE} MB output", value=large.peak_bytes, unit="MB")
    growth = max(0.0, large.peak_bytes - small.peak_bytes)
    yield Figure(work="apply, growth of memory between the two", value=growth, unit="MB", budget=16 * MB)


def _apply(folder: Path, megabytes: int, times: int) -> tuple[float, Usage]:
    """Median seconds from each program's end to the appearance of its verified output; one run at a time."""
    sweep = SWEEP.format(megabytes=megabytes, seeds=list(range(times)))
    make_project(folder, SPECS + sweep)
    (folder / "cosmos.toml").write_text("[hosts.local]\nslots = 1\n")
    used = usage([*COSMOS, "apply", "--yes"], folder)
    ends = [_seconds_since_end(link) for link in folder.glob("outputs/zeros/*/latest")]
    if len(ends) != times:
        raise RuntimeError(f"{folder}: {len(ends)} outputs of {times}")
    return statistics.median(ends), used


def _seconds_since_end(link: Path) -> float:
    """`latest` is made when a result is published, which is after it was verified."""
    return link.lstat().st_ctime_ns / 1e9 - float((link / "end.txt").read_text())


def _copy_and_hash(folder: Path) -> float:
    source = next(folder.glob("outputs/zeros/*/latest/data.bin")).resolve()
    begin = time.perf_counter()
    usage(["cp", str(source), "copy.bin"], folder)
    usage(["sha256sum", "copy.bin"], folder)
    return time.perf_counter() - begin
