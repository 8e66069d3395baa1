"""What the soak does to a project, its host and the way between them: one function a fault, which mends it again."""

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.disks import fill
from tests.faults.estate import Controller, Estate
from tests.remote.site import PROJECT
from tests.services.proxy import Proxy

LOSS = "lose the database"


class Person:
    """Has `cosmos apply` run again and again, in a thread, and asks for a retry when runs have failed."""

    def __init__(self, estate: Estate) -> None:
        self.codes: Counter[int] = Counter()
        self.retries = 0
        self.peak_kb = 0
        self._estate = estate
        self._controller: Controller | None = None
        self._lock = threading.Lock()
        self._away = threading.Event()
        self._thread = threading.Thread(target=self._act)

    def __enter__(self) -> "Person":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """The last apply is waited for."""
        self._away.set()
        self._thread.join()

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """The controller is killed, and no other one is started meanwhile."""
        with self._lock:
            if self._controller is not None:
                self._controller.kill()
            yield

    def signal(self, number: signal.Signals) -> None:
        with self._lock, contextlib.suppress(ProcessLookupError):
            if self._controller is not None and not self._controller.has_ended():
                self._controller.signal(number)

    def _act(self) -> None:
        while not self._away.is_set():
            with self._lock:
                self._controller = controller = self._estate.controller()
            while not controller.has_ended():
                self.peak_kb = max(self.peak_kb, peak_kb(controller.pid))
                time.sleep(0.2)
            code = controller.ended()
            self.codes[code] += 1
            if code == 3:
                self.retries += 1
                self._estate.project.cosmos("retry", "*")
            self._away.wait(0.5)


def peak_kb(pid: int) -> int:
    """The most memory that a process has had."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0


@dataclass
class Nemesis:
    """Injects faults by chance; `injected` has each kind with when it began and ended."""

    estate: Estate
    proxy: Proxy
    person: Person
    chance: random.Random
    injected: list[tuple[str, float, float]] = field(default_factory=list)

    def strike(self) -> str:
        kinds = list(FAULTS)
        (kind,) = self.chance.choices(kinds, [FAULTS[kind].weight for kind in kinds])
        begin = time.time()
        FAULTS[kind].act(self)
        self.injected.append((kind, begin, time.time()))
        return kind

    def wait(self, least: float, most: float) -> None:
        time.sleep(self.chance.uniform(least, most))

    def one_of(self, found: Sequence[str]) -> list[str]:
        return [self.chance.choice(sorted(found))] if found else []

    def blobs(self) -> list[Path]:
        found = sorted((self.estate.gpu_host.workdir / PROJECT / "blobs").glob("??/*"))
        return [self.chance.choice(found)] if found else []


def _kill_controller(it: Nemesis) -> None:
    it.person.signal(signal.SIGKILL)


def _pause_controller(it: Nemesis) -> None:
    it.person.signal(signal.SIGSTOP)
    it.wait(1, 5)
    it.person.signal(signal.SIGCONT)


def _cut(it: Nemesis) -> None:
    it.proxy.cut()


def _cut_later(it: Nemesis) -> None:
    it.proxy.cut_after(it.chance.randrange(1, 20_000), it.chance.choice(("up", "down")))


def _black_hole(it: Nemesis) -> None:
    it.proxy.black_hole()
    it.wait(2, 15)
    it.proxy.heal()


def _refuse(it: Nemesis) -> None:
    it.proxy.refuse()
    it.proxy.cut()
    it.wait(2, 6)
    it.proxy.heal()


def _latency(it: Nemesis) -> None:
    it.proxy.latency = it.chance.uniform(0.05, 0.4)
    it.wait(3, 8)
    it.proxy.heal()


def _kill_sessions(it: Nemesis) -> None:
    for pid in it.estate.gpu_host.sshd.sessions():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _restart_sshd(it: Nemesis) -> None:
    it.estate.gpu_host.sshd.stop()
    it.wait(1, 4)
    it.estate.gpu_host.sshd.start()


def _freeze_sessions(it: Nemesis) -> None:
    pids = it.estate.gpu_host.sshd.sessions()
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if number is signal.SIGSTOP:
            it.wait(2, 8)


def _kill_dockerd(it: Nemesis) -> None:
    it.estate.docker.kill()
    it.wait(0, 5)
    it.estate.docker.start()


def _restart_dockerd(it: Nemesis) -> None:
    it.estate.docker.restart()


def _kill_container(it: Nemesis) -> None:
    for name in it.one_of(it.estate.live()):
        it.estate.docker.docker("kill", name, check=False)


def _remove_ended_container(it: Nemesis) -> None:
    for name in it.one_of([name for name in it.estate.containers() if name not in it.estate.live()]):
        it.estate.docker.docker("rm", name, check=False)  # docker refuses where it was started meanwhile


def _rot_blob(it: Nemesis) -> None:
    for blob in it.blobs():
        with contextlib.suppress(FileNotFoundError), blob.open("r+b") as file:
            file.seek(it.chance.randrange(blob.stat().st_size))
            file.write(b"\xff")


def _delete_blob(it: Nemesis) -> None:
    for blob in it.blobs():
        blob.unlink(missing_ok=True)


def _fill_disk(it: Nemesis) -> None:
    fill(it.estate.gpu_host.workdir)
    it.wait(2, 5)
    (it.estate.gpu_host.workdir / "ballast").unlink()


def _remove_output(it: Nemesis) -> None:
    for path in it.one_of([str(path) for path in (it.estate.root / "outputs").glob("*/latest/out.txt")]):
        Path(path).unlink(missing_ok=True)


def _lose_database(it: Nemesis) -> None:
    with it.person.stopped():
        for path in (it.estate.root / ".cosmos").glob("state.db*"):
            path.unlink()


@dataclass(frozen=True)
class Fault:
    """`ends` tells whether it may end work on the host, or make it start anew: others never cost an attempt."""

    act: Callable[[Nemesis], None]
    weight: int = 4
    ends: bool = False


FAULTS: dict[str, Fault] = {
    "kill the controller": Fault(_kill_controller, 12),
    "pause the controller": Fault(_pause_controller),
    "cut connections": Fault(_cut),
    "cut after some bytes": Fault(_cut_later),
    "black hole": Fault(_black_hole),
    "refuse connections": Fault(_refuse),
    "latency": Fault(_latency),
    "kill sessions of sshd": Fault(_kill_sessions),
    "restart sshd": Fault(_restart_sshd),
    "freeze sessions of sshd": Fault(_freeze_sessions),
    "kill dockerd": Fault(_kill_dockerd, 2, ends=True),
    "restart dockerd": Fault(_restart_dockerd, 2, ends=True),
    "docker kill": Fault(_kill_container, ends=True),
    "docker rm of an ended one": Fault(_remove_ended_container),
    "rot a blob": Fault(_rot_blob, ends=True),
    "delete a blob": Fault(_delete_blob, ends=True),
    "fill the disk": Fault(_fill_disk, 2, ends=True),
    "remove an output": Fault(_remove_output),
    LOSS: Fault(_lose_database, 1),
}
