"""Work under faults for as long as is wanted, on real services: `python -m tests.faults.soak --minutes 30 --seed 7`.

A project grows while somebody has `cosmos apply` run again and again, and every few seconds something breaks. Then all
is mended, what is left is done, and the end is judged: each run has one result, and was started again only where a
fault had ended it. Not among the tests; it prints a table, and its exit code says whether all held.
"""

import argparse
import hashlib
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from cosmos.core.reasons import REASONS, Fault
from cosmos.core.recorded import Attempt
from tests.disks import small_disk
from tests.faults.estate import BY_HAND, ON_A_GPU, Estate, Launch
from tests.faults.nemesis import FAULTS, LOSS, Nemesis, Person
from tests.remote.site import NOTHING, PROJECT, model, runs
from tests.services.gpu_host import gpu_host_in
from tests.services.gpus import Gpu
from tests.services.proxy import Proxy

GPUS, DISK_MB = 4, 64
AHEAD, MORE = 8, 4
"""Runs that are not done are kept at as many; that many are added at a time."""
LAST_S = 300.0
"""How long everything may take to be done when nothing breaks any more."""
PEAK_MB = 300
LAG_S = 2.0
"""Between what docker did and when it is noted."""

PROGRAM = 'sleep $((1 + RANDOM % 4)); printf "%s %s" "$2" "$COSMOS_BATCH" >"$1"'


class Project:
    """The project that grows."""

    def __init__(self, estate: Estate) -> None:
        self.names: list[str] = []
        self._estate = estate
        (estate.root / "inputs").mkdir()
        (estate.root / "inputs" / "shared").write_bytes(bytes(range(256)) * 4000)
        more = "inputs: {file: {required: true}, shared: {required: true}}"
        estate.write(model(PROGRAM, more=more, args=("{inputs.file}", "{inputs.shared}")))

    def keep_ahead(self) -> None:
        if len(self.names) - len(self.done()) >= AHEAD:
            return
        for _ in range(MORE):
            name = f"run{len(self.names)}"
            (self._estate.root / "inputs" / name).write_text(f"scene {name} " * 500)
            inputs = f"inputs: {{file: inputs/{name}, shared: inputs/shared}}"
            text = runs(name, more=f"{ON_A_GPU}\n{inputs}\nretry: {{limit: 5}}")
            (self._estate.root / "specs" / f"{name}.yaml").write_text(text)
            self.names.append(name)

    def done(self) -> dict[str, tuple[str, str]]:
        """Word and batch of each result, by run."""
        files = {name: self._estate.root / "outputs" / name / "latest" / "out.txt" for name in self.names}
        words = {name: file.read_text().split() for name, file in files.items() if file.exists()}
        return {name: (found[0], found[1]) for name, found in words.items()}


def soak(folder: Path, minutes: float, seed: int) -> list[str]:
    """What is wrong at the end."""
    (folder / "host").mkdir()
    with (
        gpu_host_in(folder / "host") as host,
        small_disk(host.workdir, DISK_MB),
        Proxy(("127.0.0.1", host.sshd.port)) as proxy,
    ):
        host.gpus.set(*map(Gpu, range(GPUS)))
        estate = Estate(folder / "project", toml=host.toml(port=str(proxy.port)), gpu_host=host)
        project, person = Project(estate), Person(estate)
        nemesis = Nemesis(estate, proxy, person, random.Random(seed))
        with person:
            torment(project, nemesis, minutes * 60)
            proxy.heal()
        wrong = [*settled(estate), *judged(estate, project, nemesis)]
        wrong += [f"the controller took {person.peak_kb >> 10} MB"] if person.peak_kb >> 10 > PEAK_MB else []
        report(estate, project, nemesis, person, seed)
        estate.close()
        host.docker.remove_containers()
    return wrong


def torment(project: Project, nemesis: Nemesis, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        project.keep_ahead()
        nemesis.wait(0.5, 4)
        print(f"{time.strftime('%H:%M:%S')} {nemesis.strike()}; {len(project.done())} of {len(project.names)}")


def settled(estate: Estate) -> Iterator[str]:
    """Apply until all is done, as a person does, with nothing that breaks."""
    end = time.monotonic() + LAST_S
    while code := estate.controller().ended(LAST_S):
        if code == 3:
            estate.project.cosmos("retry", "*")
        if time.monotonic() > end:
            yield f"apply still ends with {code}: {estate.controllers[-1].log.read_text()[-2000:]}"
            return
        time.sleep(1)


def judged(estate: Estate, project: Project, nemesis: Nemesis) -> Iterator[str]:
    done = project.done()
    for name in project.names:
        if done.get(name, ("", ""))[0] != name:
            yield f"{name} has no result: {done.get(name)}"
            continue
        yield from results(estate, name, done[name][1])
    yield from attempts(estate, project, nemesis)
    for what, found, wanted in (
        ("the plan", estate.plan_text(), NOTHING),
        ("containers", estate.containers(), []),
        ("run directories", [path.name for path in estate.gpu_host.batches(PROJECT)], [BY_HAND]),
    ):
        if found != wanted:
            yield f"{what}: {found}"
    if "Traceback" in (log := estate.controllers[-1].log.read_text()):
        yield f"a traceback: {log[log.index('Traceback') :][:3000]}"


def results(estate: Estate, name: str, batch: str) -> Iterator[str]:
    """One result, with the bytes that its record names, of the last start."""
    folders = [path for path in (estate.root / "outputs" / name).iterdir() if not path.is_symlink()]
    if len(folders) != 1:
        yield f"{name} has {folders}"
    record = json.loads((folders[0] / "provenance.json").read_text())
    sha256 = {entry["name"]: entry["sha256"] for entry in record["files"]}["out.txt"]
    if record["batch"] != batch or sha256 != hashlib.sha256((folders[0] / "out.txt").read_bytes()).hexdigest():
        yield f"{name}: {record['batch']} is recorded, {batch} is there"
    started = estate.batches_started()[batch.rpartition("-a")[0]]
    if started[-1] != batch:
        yield f"{name}: {batch} is published, and these were started: {started}"


def attempts(estate: Estate, project: Project, nemesis: Nemesis) -> Iterator[str]:
    """Each container was started once, and another one for its run only after a fault that ends work.

    With a lost database the failures of a run are forgotten, and its next attempt has the number of the first again.
    """
    losses = [begin for kind, begin, _ in nemesis.injected if kind == LOSS]
    deadly = [(kind, begin, end) for kind, begin, end in nemesis.injected if FAULTS[kind].ends]
    by_work: dict[str, list[Launch]] = {}
    for launch in estate.started:
        by_work.setdefault(launch.work, []).append(launch)
    for launches in by_work.values():
        for before, after in pairwise(launches):
            if before.batch == after.batch and not any(before.at < loss < after.at for loss in losses):
                yield f"{after.batch} was started at {before.at} and at {after.at}"
            if not any(begin < after.at and end + LAG_S > before.at for _, begin, end in deadly):
                yield f"{after.batch} was started at {after.at}, and nothing had ended {before.batch} of {before.at}"
    for attempt in tried(estate):
        if attempt.reason is not None and REASONS[attempt.reason].fault is not Fault.INFRA:
            yield f"{attempt.batch_id} failed by {attempt.reason}: {attempt.message}"


def tried(estate: Estate) -> list[Attempt]:
    """Every attempt that is recorded, in one reading."""
    with estate.api() as api:
        recorded = api._project.records.everything()
    return [attempt for attempts in recorded.attempts.values() for attempt in attempts]


def report(estate: Estate, project: Project, nemesis: Nemesis, person: Person, seed: int) -> None:
    injected = Counter(kind for kind, _, _ in nemesis.injected)
    recorded = tried(estate)
    rows = [
        *((f"fault: {kind}", count) for kind, count in sorted(injected.items())),
        ("faults", sum(injected.values())),
        *((f"apply ended with {code}", count) for code, count in sorted(person.codes.items())),
        ("retries by hand", person.retries),
        ("runs", len(project.names)),
        ("results", len(project.done())),
        ("containers started", len(estate.started)),
        ("attempts known at the end", len(recorded)),
        *((f"failed: {reason}", n) for reason, n in Counter(a.reason for a in recorded if a.reason).items()),
        ("peak of a controller, MB", person.peak_kb >> 10),
        ("seed", seed),
    ]
    print("\n".join(f"{name:34} {count:>8}" for name, count in rows))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak")
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = parser.parse_args()
    print(f"seed {given.seed}")
    folder = Path(tempfile.mkdtemp(prefix="cosmos-soak-"))
    wrong = soak(folder, given.minutes, given.seed)
    print(*(f"WRONG: {one}" for one in wrong), "All held." if not wrong else f"What there was is in {folder}", sep="\n")
    if not wrong:
        shutil.rmtree(folder)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
