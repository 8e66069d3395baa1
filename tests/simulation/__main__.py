"""Replay seeds: `python -m tests.simulation SEED...` prints the trace of each. `--first N --count M` runs many seeds.

`--pairs` tells the scripted story with a crash at each pair of its effects, or at M of all pairs from N on. `--mutants`
looks for the first seed that notices each planted bug.
"""

import argparse
import gc
import logging
import shutil
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from tests.simulation.gate import search
from tests.simulation.laws import LawBroken
from tests.simulation.schedule import LONG, SHORT, Schedule, Size
from tests.simulation.scripted import Story, pairs
from tests.simulation.seam import Fate
from tests.simulation.world import Fixture


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    words.add_argument("seeds", nargs="*", type=int)
    words.add_argument("--first", type=int, default=0)
    words.add_argument("--count", type=int, default=0)
    words.add_argument("--most", type=int, default=5, help="failures after which it stops")
    words.add_argument("--short", action="store_true", help="few runs and few faults each")
    words.add_argument("--pairs", action="store_true")
    words.add_argument("--mutants", action="store_true")
    given = words.parse_args()
    logging.disable(logging.WARNING)
    gc.set_threshold(200_000)
    folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    try:
        if given.pairs:
            return crash_twice(Fixture(folder), given.first, given.count, given.most)
        if given.mutants:
            return int(search(Fixture(folder), partial(print, flush=True)) > 0)
        many = range(given.first, given.first + given.count)
        return replay(Fixture(folder), given.seeds, many, given.most, SHORT if given.short else LONG)
    finally:
        shutil.rmtree(folder)


def replay(fixture: Fixture, seeds: list[int], many: range, most: int, size: Size) -> int:
    failures = cycles = 0
    began, cpu = time.monotonic(), time.process_time()
    for seed in (*seeds, *many):
        schedule = Schedule(fixture, seed, size)
        try:
            schedule.run()
        except LawBroken as broken:
            failures += 1
            print(broken if seeds else str(broken).splitlines()[0])
        else:
            if seeds:
                print(f"seed {seed}: every law holds", *schedule.world.trace, sep="\n  ")
        cycles += schedule.cycles
        if failures >= most:
            break
    if many:
        took, used = time.monotonic() - began, time.process_time() - cpu
        done = seed - many.start + 1
        print(f"{done} schedules, {cycles} passes: {done / took:.1f}/s, {done / used:.1f} per second of CPU")
    return int(failures > 0)


def crash_twice(fixture: Fixture, first: int, count: int, most: int) -> int:
    """`count` pairs from the `first` on; all that there are from there on when it is 0."""
    story = Story(fixture, {}, containers=True)
    story.run()
    every = list(pairs(story.crasher.count))
    chosen = every[first : first + count] if count else every[first:]
    done = failures = 0
    cpu = time.process_time()
    for one, other in chosen:
        try:
            Story(fixture, {one: Fate.CRASH_AFTER, other: Fate.CRASH_AFTER}, containers=True).run()
        except LawBroken as broken:
            failures += 1
            print(str(broken).splitlines()[0])
        done += 1
        if failures >= most:
            break
    print(
        f"{story.crasher.count} effects, {done} of {len(every)} pairs of crashes from {first} on: "
        f"{failures} broke a law ({time.process_time() - cpu:.0f} s of CPU)"
    )
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
