"""A world, what the specs ask for in it, and the controller that is stepped: what every schedule and story has."""

from cosmos.core.digest import Digest
from cosmos.core.plan import Phase
from cosmos.core.recorded import Request, Verb
from cosmos.engine.cycle import Engine, Report
from cosmos.errors import BusyError, CosmosError
from cosmos.hosts.memory.parts import RunDirectory
from cosmos.state.lease import STILL_S
from cosmos.state.process import Process
from tests.simulation.laws import LawBroken
from tests.simulation.scenes import OUTPUT, Scene, Shape, scene
from tests.simulation.seam import Crash, Scheduler
from tests.simulation.world import FOREIGN, PROJECT, Fixture, SimWorld

MOST_CYCLES = 40
"""Passes that calm may take to converge."""
STEP_S = 6.0
"""Time between two passes in calm, at least: longer than most programs."""


class Course:
    """What happens in one world.

    Args:
        fixture: Of this process.
        scheduler: Who interferes.
        hosts: By name, how many GPUs.
        shapes: The runs at first.
        containers: Whether hosts run containers.
    """

    def __init__(
        self,
        fixture: Fixture,
        scheduler: Scheduler,
        hosts: dict[str, int],
        shapes: tuple[Shape, ...],
        *,
        containers: bool,
    ) -> None:
        self.fixture = fixture
        self.containers = containers
        self.world = SimWorld(fixture, hosts, scheduler, containers=containers)
        self.cycles = 0
        self._machine = "machine-0"
        """Where the controller with the lease is."""
        self._takes_over = False
        self._overtaken: Engine | None = None
        self._controllers = 0
        self.shapes = shapes
        self.scene = self._use(shapes)
        self.engine = self.new_controller()

    # What people and machines do

    def one_pass(self) -> Report | None:
        """None when the controller ended in it; there is a new one then."""
        self._step_the_overtaken()
        self.cycles += 1
        engine = self.engine
        try:
            report = self.world.cycle(engine, self.scene)
        except (Crash, CosmosError) as end:
            self.world.trace.append(f"! the controller ends: {type(end).__name__}")
            if engine is self.engine:
                self.engine = self.new_controller()
            return None
        if engine is not self.engine:
            self._overtaken = engine
        return report

    def _step_the_overtaken(self) -> None:
        """One that has lost the lease, and does not know it yet, goes on for one pass."""
        engine, self._overtaken = self._overtaken, None
        if engine is None:
            return
        try:
            self.world.cycle(engine, self.scene)
        except (Crash, CosmosError) as end:
            self.world.trace.append(f"! the one that was overtaken ends: {type(end).__name__}")

    def new_controller(self) -> Engine:
        """The one before is gone: its machine says so. The lease is free at once."""
        self._controllers += 1
        process = _process(self._machine, f"boot-{self._controllers}")
        return self.world.controller(f"c{self._controllers}", process)

    def take_over(self) -> None:
        """Another controller, from another machine, while the one before is in the midst of an effect.

        Its beat has stood still. The next one does a pass, and the first goes on as if nothing had happened.
        """
        if self._takes_over:
            return
        self._takes_over = True
        self.world.clock.advance(STILL_S)
        self._controllers += 1
        machine = f"machine-{self._controllers}"
        try:
            self.engine = self.world.controller(f"c{self._controllers}", _process(machine, "boot"))
            self._machine = machine
            self.world.trace.append(f"* c{self._controllers} takes over from one that is alive")
            self.one_pass()
        except BusyError:  # the clock was set back meanwhile: the beat seems to be fresh
            self.world.trace.append("* the lease is not free")
        finally:
            self._takes_over = False

    def edit(self, shapes: tuple[Shape, ...]) -> None:
        self.shapes = shapes
        self.scene = self._use(shapes)
        self.world.trace.append("* the specs are edited")

    def ask(self, verb: Verb, digest: Digest) -> None:
        """Cosmos refuses what makes no sense; a host that answers to a person may be away when a controller looks."""
        number = self.world.laws.newest(digest)
        if verb is Verb.RETRY and not self.world.laws.may_retry(digest):
            return
        if verb is Verb.ASSUME_LOST and not self.world.laws.is_open(digest):
            return
        request = Request(digest=digest, verb=verb, after=number, at=self.world.clock.now())
        self.fixture.clean.records.request(request)
        self.world.trace.append(f"* {verb.value} {digest[:8]} after {number}")

    def forget(self) -> None:
        """The database is lost. The hosts answer: what one that does not has done could not be known."""
        self.world.trace.append("* the database is lost")
        for machine in self.world.machines.values():
            machine.is_up = True
        self.world.laws.forget()
        self.fixture.clean.reset()
        self._overtaken = None
        for machine in self.world.machines.values():
            machine.tree(PROJECT).owner = None  # cosmos hosts claim: the clock may have been set back since
        self.engine = self.new_controller()

    # Calm

    def settle(self) -> None:
        """It converges; the plan stays empty for a new controller; every run is as it should be."""
        report = self.converge()
        self.engine = self.new_controller()
        again = self._calm_pass()
        _law(again.plan.is_empty, f"L2: a new controller plans {_acts(again)}")
        failed = [s for s in report.plan.statuses if s.phase is Phase.FAILED and self._can_succeed(s.digest)]
        if failed:
            for status in failed:
                if status.digest is not None:
                    self.ask(Verb.RETRY, status.digest)
            report = self.converge()
        self._assert_ends(report)

    def converge(self) -> Report:
        self.engine = self.new_controller()
        for _ in range(MOST_CYCLES):
            report = self._calm_pass()
            if report.plan.is_empty and not report.live and not any(s.until for s in report.plan.statuses):
                return report
            self.world.clock.advance(max(STEP_S, self._rest_s(report)))
        raise LawBroken(f"L1: not converged after {MOST_CYCLES} passes: {_acts(report)}; {report.troubles}")

    def _rest_s(self, report: Report) -> float:
        """Until the next thing is due that only waits: a back-off, the rest of a host."""
        return (
            min((status.until for status in report.plan.statuses if status.until), default=0.0) - self.world.clock.now()
        )

    def _calm_pass(self) -> Report:
        report = self.one_pass()
        _law(report is not None, "L1: a pass fails in calm")
        assert report is not None
        return report

    def _can_succeed(self, digest: Digest | None) -> bool:
        return digest is not None and self.scene.expected[digest] is not None

    def _assert_ends(self, report: Report) -> None:
        for status in report.plan.statuses:
            if status.phase is Phase.SUCCEEDED:
                data = self.world.store.outputs.get(status.folder, {}).get(OUTPUT)
                right = data is not None and data == self.scene.expected[Digest(status.digest or "")]
                _law(right, f"L5: {status.key} has Succeeded with other bytes than it must have")
                continue
            asked = self.world.laws.verb(status.digest or "")
            fails = not self._can_succeed(status.digest)
            suspended = any(shape.key == status.key and shape.suspend for shape in self.shapes)
            blocked = (status.phase is Phase.WAITING and status.stuck) or self._shares(status.digest or "")
            explained = asked is Verb.CANCEL or fails or suspended or blocked
            _law(explained, f"L1: {status.key} ends as {status.phase.value}: {status.message}")
        laws = self.world.laws
        for name, machine in self.world.machines.items():
            tree = machine.tree(PROJECT)
            ours = {name: each for name, each in tree.directories.items() if name != FOREIGN}
            left = [name for name, each in ours.items() if not self._is_nobodys(each) and not laws.is_kept(name)]
            names = {work.directory.batch_id for work in tree.all()} - tree.directories.keys()
            left += names - laws.forgotten  # nor can anybody know of a container without a directory
            _law(not left, f"L3: left over on {name}: {' '.join(left)}")

    def _shares(self, digest: str) -> bool:
        """Another run with this digest tells how both stand."""
        return sum(want.digest == digest for want in self.scene.desired.runs) > 1

    def _is_nobodys(self, directory: RunDirectory) -> bool:
        """Without batch.json, and the database that knew of it is lost: nobody can say whose it is."""
        return not directory.is_whole and directory.batch_id in self.world.laws.forgotten

    def _use(self, shapes: tuple[Shape, ...]) -> Scene:
        found = scene(shapes, containers=self.containers)
        self.world.laws.expected.update(found.expected)
        return found


def _process(machine: str, boot: str) -> Process:
    return Process(machine=machine, boot=boot, namespace="", pid=1, started="", who="sim")


def _acts(report: Report) -> str:
    return ", ".join(f"{each.act.value} {each.batch_id or each.key}" for each in report.plan.operations)


def _law(holds: bool, words: str) -> None:
    if not holds:
        raise LawBroken(words)
