"""Chance from a seed: which faults a schedule has, how often, and what each of them does to the world."""

import random
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from cosmos.errors import (
    CosmosError,
    Fenced,
    HostError,
    HostRefused,
    HostUnreachable,
    StateError,
    StorageError,
    TransferError,
)
from cosmos.hosts.memory.machine import Machine
from cosmos.hosts.memory.parts import Work
from tests.simulation.seam import Fate, Kind

if TYPE_CHECKING:
    from tests.simulation.world import SimWorld

CRASHES = (Fate.CRASH_BEFORE, Fate.CRASH_AFTER)
FATES: Mapping[Kind, tuple[Fate, ...]] = {
    Kind.LOOK: (*CRASHES, Fate.DROPPED),
    Kind.HOST: (*CRASHES, Fate.DROPPED, Fate.REPLY_LOST, Fate.REFUSED, Fate.TWICE, Fate.LATE, Fate.CUT),
    Kind.SEND: (*CRASHES, Fate.DROPPED, Fate.REPLY_LOST, Fate.REFUSED, Fate.TWICE, Fate.CUT),
    Kind.FETCH: (*CRASHES, Fate.DROPPED, Fate.REPLY_LOST, Fate.CUT, Fate.GARBLED),
    Kind.READ: CRASHES,
    Kind.RECORD: (*CRASHES, Fate.REFUSED),
    Kind.STORE: (*CRASHES, Fate.REFUSED),
}
"""What may befall an effect."""


class Calm:
    """A scheduler that lets everything be done."""

    def fate(self, kind: Kind, name: str, host: str) -> Fate:
        return Fate.DONE

    def is_late(self) -> bool:
        return False

    def refusal(self, kind: Kind) -> CosmosError:
        raise AssertionError("nothing is refused in calm")

    def later(self, host: str, act: Callable[[], object]) -> None:
        raise AssertionError("nothing is late in calm")

    def cut(self, host: str) -> None:
        raise AssertionError("nothing is cut off in calm")


class Swarm:
    """Each seed enables some faults, at rates of its own: many have few faults and see them often."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.active = True
        self.world: SimWorld | None = None
        rng = self.rng
        chosen = [fate for fate in Fate if fate is not Fate.DONE and rng.random() < 0.4]
        self._fates = {kind: [fate for fate in fates if fate in chosen] for kind, fates in FATES.items()}
        self._fate_rate = rng.choice((0.01, 0.03, 0.1, 0.25)) if chosen else 0.0
        self._events = [event for event in EVENTS if rng.random() < 0.35]
        self._event_rate = rng.choice((0.005, 0.02, 0.05, 0.1)) if self._events else 0.0
        self._late_rate = rng.choice((0.0, 0.0, 0.1, 0.4))
        self._chance = random.Random(seed ^ 0x1EA5E)
        """Of its own, so that the other faults of a seed stay the same."""
        self._takeover_rate = self._chance.choice((0.0, 0.0, 0.01, 0.03))
        self.take_over: Callable[[], None] = lambda: None
        """Another controller, while this one is alive."""
        self.must_see = False
        """Every host answers: who has lost the database and cannot see all hosts cannot know what was done."""
        self._late: list[tuple[str, Callable[[], object]]] = []

    def fate(self, kind: Kind, name: str, host: str) -> Fate:
        if not self.active:
            return Fate.DONE
        self._uncut()
        rng = self.rng
        if self._late and rng.random() < 0.3:
            self._land()
        if self._takeover_rate and not self.must_see and self._chance.random() < self._takeover_rate:
            self.take_over()
        if rng.random() < self._event_rate:
            self.befall(rng.choice(self._events))
        if rng.random() >= self._fate_rate:
            return Fate.DONE
        fates = () if self.must_see and kind is Kind.LOOK else self._fates[kind]
        return rng.choice(fates) if fates else Fate.DONE

    def is_late(self) -> bool:
        return self.active and not self.must_see and self._late_rate > 0 and self.rng.random() < self._late_rate

    def refusal(self, kind: Kind) -> CosmosError:
        if kind is Kind.RECORD:
            return StateError("the database cannot grow: the disk is full", "free space")
        if kind is Kind.STORE:
            return StorageError("the store's disk is full", "free space")
        if kind is Kind.SEND and self.rng.random() < 0.5:
            return TransferError("the bytes that arrived do not have their sha256", "plan again")
        return HostRefused("the host said no", "", "HostRefused")

    def later(self, host: str, act: Callable[[], object]) -> None:
        self._late.append((host, act))

    def cut(self, host: str) -> None:
        steps = self.rng.randint(1, 3)

        def count(step: str) -> None:
            nonlocal steps
            steps -= 1
            if steps <= 0:
                self._uncut()
                raise HostUnreachable(f"{host}: was cut off at {step}", "look again")

        self._world.machines[host].on_step = count

    def heal(self) -> None:
        """No more faults; what was on its way arrives."""
        while self._late:
            self._land()
        self.active = False
        self._uncut()
        for machine in self._world.machines.values():
            machine.is_up, machine.is_full = True, False

    def befall(self, event: "Event") -> None:
        """Let something happen in the world."""
        if self.must_see and event is go_down:
            return
        happened = event(self._world, self.rng)
        if happened:
            self._world.trace.append(f"* {happened}")

    @property
    def _world(self) -> "SimWorld":
        assert self.world is not None
        return self.world

    def _uncut(self) -> None:
        for machine in self._world.machines.values():
            machine.on_step = _nothing

    def _land(self) -> None:
        host, act = self._late.pop(self.rng.randrange(len(self._late)))
        self._world.trace.append(f"* what was late arrives on {host}")
        try:
            act()
        except (HostError, Fenced):
            return  # nobody waits for the answer


def _nothing(step: str) -> None:
    pass


Event = Callable[["SimWorld", random.Random], str]
"""Something that happens in a world, and what to say about it; empty where there was nothing for it to happen to."""


def _machine(world: "SimWorld", rng: random.Random) -> tuple[str, Machine]:
    return rng.choice(list(world.machines.items()))


def _work(world: "SimWorld", rng: random.Random) -> tuple[Machine, Work] | None:
    found = [(machine, work) for machine in world.machines.values() for work in machine.trees["sim"].all()]
    found = [(machine, work) for machine, work in found if work.lives]
    return rng.choice(found) if found else None


def reboot(world: "SimWorld", rng: random.Random) -> str:
    name, machine = _machine(world, rng)
    machine.reboot()
    return f"{name} reboots"


def restart_daemon(world: "SimWorld", rng: random.Random) -> str:
    name, machine = _machine(world, rng)
    machine.restart_daemon()
    return f"the daemon of {name} restarts"


def kill_containers(world: "SimWorld", rng: random.Random) -> str:
    name, machine = _machine(world, rng)
    for work in machine.trees["sim"].all():
        if work.is_container and work.lives:
            machine.kill(work)
    return f"the containers of {name} are killed"


def kill_runner(world: "SimWorld", rng: random.Random) -> str:
    if not (found := _work(world, rng)):
        return ""
    machine, work = found
    machine.kill_runner(work)
    return f"run.sh of {work.directory.batch_id} is killed"


def kill(world: "SimWorld", rng: random.Random) -> str:
    if not (found := _work(world, rng)):
        return ""
    machine, work = found
    machine.kill(work, oom=rng.random() < 0.3)
    return f"{work.directory.batch_id} is killed"


def rot(world: "SimWorld", rng: random.Random) -> str:
    name, machine = _machine(world, rng)
    blobs = sorted(machine.trees["sim"].blobs)
    if not blobs:
        return ""
    sha256 = rng.choice(blobs)
    machine.rot(sha256)
    return f"blob {sha256[:6]} on {name} rots"


def delete_blob(world: "SimWorld", rng: random.Random) -> str:
    name, machine = _machine(world, rng)
    blobs = sorted(machine.trees["sim"].blobs)
    if not blobs:
        return ""
    sha256 = rng.choice(blobs)
    del machine.trees["sim"].blobs[sha256]
    return f"blob {sha256[:6]} on {name} is deleted"


def fill(world: "SimWorld", rng: random.Random) -> str:
    name, machine = _machine(world, rng)
    machine.is_full = not machine.is_full
    return f"the disk of {name} is {'full' if machine.is_full else 'free again'}"


def go_down(world: "SimWorld", rng: random.Random) -> str:
    name, machine = _machine(world, rng)
    machine.is_up = not machine.is_up
    return f"{name} is {'up' if machine.is_up else 'down'}"


def remove_container(world: "SimWorld", rng: random.Random) -> str:
    name, machine = _machine(world, rng)
    works = sorted(machine.trees["sim"].works)
    if not works or not machine.containers:
        return ""
    batch_id = rng.choice(works)
    machine.forget_container(machine.trees["sim"], batch_id)
    return f"the container of {batch_id} on {name} is removed"


def remove_directory(world: "SimWorld", rng: random.Random) -> str:
    name, machine = _machine(world, rng)
    directories = sorted(machine.trees["sim"].directories.keys() - {"not-ours"})
    if not directories:
        return ""
    batch_id = rng.choice(directories)
    del machine.trees["sim"].directories[batch_id]
    world.laws.removed(batch_id)
    return f"the run directory of {batch_id} on {name} is removed"


def jump(world: "SimWorld", rng: random.Random) -> str:
    seconds = rng.choice((-3600.0, -30.0, 30.0, 90_000.0))
    world.clock.jump(seconds)
    return f"the clock jumps by {seconds:.0f} s"


def skew(world: "SimWorld", rng: random.Random) -> str:
    name, machine = _machine(world, rng)
    machine.skew_s = rng.choice((-5000.0, -2.0, 0.0, 2.0, 5000.0))
    return f"the clock of {name} is {machine.skew_s:.0f} s ahead"


def damage_output(world: "SimWorld", rng: random.Random) -> str:
    folders = sorted(folder for folder, files in world.store.outputs.items() if files)
    if not folders:
        return ""
    files = world.store.outputs[folder := rng.choice(folders)]
    name = rng.choice(sorted(files))
    if rng.random() < 0.5:
        del files[name]
    else:
        files[name] = b"edited"
    return f"{folder}/{name} is damaged"


def pass_time(world: "SimWorld", rng: random.Random) -> str:
    world.clock.advance(rng.choice((0.5, 2.0, 10.0)))
    return "time passes"


EVENTS: tuple[Event, ...] = (
    reboot,
    restart_daemon,
    kill_containers,
    kill_runner,
    kill,
    rot,
    delete_blob,
    fill,
    go_down,
    remove_container,
    remove_directory,
    jump,
    skew,
    damage_output,
    pass_time,
)
