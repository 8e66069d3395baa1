"""A daemon through many commits: `python -m tests.daemon.soak --minutes 10`.

Somebody commits every second or so: words that change and change back, runs that come and go, mistakes, other people's
files, words typed beside the daemon. At the end every word that was ever asked for was made once, the plan is empty,
and the memory of the daemon is what it was after the first tenth of the time.
"""

import argparse
import random
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.cli.console import Console, wait_until
from tests.daemon.daemons import Process
from tests.engine.workshop import runs
from tests.repositories import Repo, new_repo

GROWTH = 1.10
NAMES = [f"run-{number}" for number in range(8)]


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m tests.daemon.soak", description=__doc__)
    words.add_argument("--minutes", type=float, default=10)
    words.add_argument("--seed", type=int, default=0)
    given = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="cosmos-soak-") as folder:
        console = Console(Path(folder) / "project")
        try:
            return _soak(console, random.Random(given.seed), given.minutes * 60)
        finally:
            console.close()


def _soak(console: Console, rng: random.Random, lasts_s: float) -> int:
    repo = new_repo(console.root)
    repo.write(".gitignore", ".cosmos/\noutputs/\nlaunches\ngo\n")
    wanted = dict.fromkeys(NAMES, "0")
    asked = _commit(console, repo, wanted)
    log = console.root.with_name("log")  # not a pipe, that would be full some day
    with log.open("w") as file:
        process = console.start("daemon", stderr=file)
    wait_until(lambda: console.daemon() is not None)
    began, commits, sizes = time.monotonic(), 1, [_resident_mb(process)]
    while (passed := time.monotonic() - began) < lasts_s:
        asked |= _change(console, repo, rng, wanted)
        commits += 1
        sizes.append(_resident_mb(process))
        if commits % 60 == 0:
            print(
                f"{passed:4.0f} s: {commits} commits, {len(console.launches)} launches, {sizes[-1]:.0f} MB", flush=True
            )
        time.sleep(rng.uniform(0.2, 2.0))
    asked |= _commit(console, repo, wanted)
    console.cosmos("reconcile")
    wait_until(lambda: console.cosmos("plan", "--detailed-exitcode").returncode == 0)
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    return _judge(console, asked, sizes, commits, log.read_text())


def _change(console: Console, repo: Repo, rng: random.Random, wanted: dict[str, str]) -> set[str]:
    """One commit, or words beside the daemon; returns the words that may be launched for it."""
    chance, name = rng.random(), rng.choice(NAMES)
    if chance < 0.5:
        wanted[name] = str(rng.randrange(10))
    elif chance < 0.65:
        wanted.pop(name, None)
    elif chance < 0.75:
        repo.write("notes.txt", str(rng.random()))
        repo.commit("notes")
        return set()
    elif chance < 0.85:
        repo.write("specs/broken.yaml", "kind: Run\nname: broken\nprompt: nobody\nmodel: echo\n")
    else:
        (repo.root / "specs" / "broken.yaml").unlink(missing_ok=True)
        console.cosmos(*rng.choice([("status",), ("reconcile",), ("apply", "--yes", "--timeout", "20s")]))
    return _commit(console, repo, wanted)


def _commit(console: Console, repo: Repo, wanted: dict[str, str]) -> set[str]:
    words = {name: f"{name}-{version}" for name, version in wanted.items()}
    console.specs("".join(runs(name).replace(f"word: {name}", f"word: {word}") for name, word in words.items()))
    repo.commit()
    return set(words.values())


def _resident_mb(process: Process) -> float:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def _judge(console: Console, asked: set[str], sizes: list[float], commits: int, log: str) -> int:
    launches = console.launches
    twice = {word for word in launches if launches.count(word) > 1}
    tenth = max(1, len(sizes) // 10)
    before, after = statistics.median(sizes[tenth : 3 * tenth] or sizes), statistics.median(sizes[-2 * tenth :])
    wrong = [
        *([f"made twice: {sorted(twice)}"] if twice else []),
        *([f"never asked for: {sorted(set(launches) - asked)}"] if set(launches) - asked else []),
        *([f"memory went from {before:.0f} to {after:.0f} MB"] if after > before * GROWTH else []),
        *(["a fault in the log"] if "Traceback" in log else []),
    ]
    print(f"{commits} commits, {len(launches)} launches of {len(asked)} words, {before:.0f} -> {after:.0f} MB")
    print(*(f"WRONG: {line}" for line in wrong), sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
