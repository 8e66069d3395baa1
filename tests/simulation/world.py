"""A simulated world: machines, a store, a database, a clock, and the controllers that act on them."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from cosmos.core.case import Policy
from cosmos.core.desired import DesiredRun
from cosmos.core.estimate import Basis, Estimate
from cosmos.core.observed import Gpu, HostView
from cosmos.core.placement import HostConfig
from cosmos.core.run import MediaFacts
from cosmos.engine.cycle import Engine, Report
from cosmos.engine.provenance import PROVENANCE
from cosmos.engine.workers import InlineWorkers
from cosmos.engine.world import World
from cosmos.hosts.memory.host import MemoryHost
from cosmos.hosts.memory.machine import Machine
from cosmos.hosts.memory.parts import RunDirectory
from cosmos.hosts.ownership import Owner
from cosmos.state.lease import STILL_S, Lease
from cosmos.state.process import Process
from cosmos.store.memory import MemoryStore
from tests.simulation.database import CleanDatabase
from tests.simulation.laws import Laws
from tests.simulation.scenes import RenderAdapter, Scene, render, write_inputs
from tests.simulation.seam import Scheduler, Seam, SeamHost, SeamRecords, SeamStore

PROJECT = "sim"
FOREIGN = "not-ours"
START = 1_700_000_000.0
POLICY = Policy(backoff_base_s=1.0, backoff_cap_s=4.0)


@dataclass
class FakeClock:
    """Two clocks that move when they are told to. A jump moves only the one that people read."""

    wall: float = START
    since: float = 1000.0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.since

    def advance(self, seconds: float) -> None:
        self.wall += seconds
        self.since += seconds

    def jump(self, seconds: float) -> None:
        self.wall += seconds


class NoProbe:
    """There are no videos here."""

    def facts(self, path: Path) -> MediaFacts:
        raise AssertionError(f"{path} is no video")

    def thumbnail(self, path: Path) -> bytes:
        raise AssertionError(f"{path} is no video")


class InlineLookers:
    """One look after the other, in the caller's thread. `late` says which ones come in only at the next look."""

    def __init__(self, late: Callable[[], bool] = lambda: False) -> None:
        self._late = late
        self._new: list[tuple[Future[HostView], HostView]] = []
        self._old: list[tuple[Future[HostView], HostView]] = []

    def submit(self, look: Callable[[], HostView]) -> Future[HostView]:
        future: Future[HostView] = Future()
        seen = look()
        if self._late():
            self._new.append((future, seen))
        else:
            future.set_result(seen)
        return future

    def wait(self, looks: Iterable[Future[HostView]], timeout_s: float | None) -> None:
        """What was late at the last pass comes in now, with what it saw then."""
        due, self._old, self._new = self._old, self._new, []
        if timeout_s is None:
            due, self._old = due + self._old, []
        for future, seen in due:
            future.set_result(seen)

    def close(self) -> None:
        pass


@dataclass
class Fixture:
    """What a process makes once and all its worlds use in turn: the database, and a folder in memory."""

    folder: Path
    clean: CleanDatabase = field(init=False)

    def __post_init__(self) -> None:
        self.clean = CleanDatabase(self.folder)
        for name in ("root", "store", "logs"):
            (self.folder / name).mkdir()
        write_inputs(self.folder / "root")

    def wipe(self) -> None:
        for name in ("store", "logs"):
            for path in (self.folder / name).iterdir():
                path.unlink()
        self.clean.reset()


class SimWorld:
    """One world, wiped when the next one is made.

    Args:
        fixture: Of this process.
        hosts: By name, how many GPUs.
        containers: All hosts run containers, or processes.
        scheduler: Who interferes.
    """

    def __init__(self, fixture: Fixture, hosts: dict[str, int], scheduler: Scheduler, *, containers: bool) -> None:
        fixture.wipe()
        self.fixture = fixture
        self.scheduler = scheduler
        self.clock = FakeClock()
        self.trace: list[str] = []
        self.load_s: float | None = None
        """How long a load of the model is expected to take."""
        self.machines = {
            name: Machine(self.clock, render, containers, tuple(_gpu(name, index) for index in range(gpus)))
            for name, gpus in hosts.items()
        }
        self.store = MemoryStore(fixture.folder / "store")
        self.laws = Laws(PROJECT, self.machines, self.store, fixture.clean.raw)
        for machine in self.machines.values():
            machine.on_begin = self.laws.on_begin
            machine.tree(PROJECT).directories[FOREIGN] = RunDirectory(FOREIGN)
        self.configs = tuple(HostConfig(name=name, slots=2, containers=containers) for name in hosts)

    def _expect(self, want: DesiredRun, host: str) -> Estimate:
        lasts = want.run.params["lasts"]
        return Estimate(load_s=self.load_s, run_s=float(str(lasts)), basis=Basis.LEARNED)

    def controller(self, who: str, process: Process) -> Engine:
        """A new controller process, with the lease. Nothing but the world and the database is known to it.

        Raises:
            BusyError: Another one has the lease, and may be alive.
        """
        lease = Lease(self.fixture.clean.database, process, self.clock, pause=lambda _: self.clock.advance(STILL_S))
        hold = lease._take(True, self.trace.append, lambda: False)  # its beat is no thread here: it stands still
        seam = Seam(who, self.scheduler, self.trace)
        owner = Owner(database="sim", place="m:/sim.db", epoch=hold.epoch, who=who, since=hold.since)
        hosts = {name: MemoryHost(name, machine, PROJECT, owner=owner) for name, machine in self.machines.items()}
        records = self.fixture.clean.records.under(hold)
        folder = self.fixture.folder
        world = World(
            project=PROJECT,
            root=folder / "root",
            logs=folder / "logs",
            hosts={name: SeamHost(host, seam, self.laws, hold.epoch) for name, host in hosts.items()},
            host_configs=self.configs,
            keep_failed=frozenset(),
            records=SeamRecords(records, seam, self.laws, hold.epoch),
            store=SeamStore(self.store, seam, self.laws),
            probe=NoProbe(),
            adapters={"command": RenderAdapter()},
            batch_runs=3,
            batch_s=12.0,
            expect=self._expect,
            clock=self.clock,
            owner=who,
            provenance=lambda folder: self.store.outputs.get(folder, {}).get(PROVENANCE),
        )
        return Engine(world=world, workers=InlineWorkers(), lookers=InlineLookers(self.scheduler.is_late))

    def cycle(self, engine: Engine, scene: Scene) -> Report:
        self.laws.before_cycle()
        report = engine.cycle(scene.desired, POLICY)
        self.laws.after_cycle(report)
        return report


def _gpu(host: str, index: int) -> Gpu:
    return Gpu(id=f"GPU-{host}-{index}", name="H100", index=index, memory_total_mib=1000)
