"""One schedule: a world, a seed, faults for a while, then calm; what must be true then."""

import random
from dataclasses import dataclass, field, replace

from cosmos.core.digest import Digest
from cosmos.core.plan import Act, Phase
from cosmos.core.recorded import Request, Verb
from cosmos.engine.cycle import Engine, Report
from cosmos.errors import CosmosError
from cosmos.hosts.memory.machine import RunDirectory
from tests.simulation.laws import LawBroken
from tests.simulation.scenes import OUTPUT, Scene, Shape, scene
from tests.simulation.seam import Crash
from tests.simulation.swarm import Swarm
from tests.simulation.world import FOREIGN, PROJECT, Fixture, SimWorld

MOST_CYCLES = 40
"""Passes that calm may take to converge."""
STEP_S = 6.0
"""Time between two passes in calm: longer than any pause between attempts, or any program."""


@dataclass
class Schedule:
    """What a seed leads to."""

    fixture: Fixture
    seed: int
    world: SimWorld = field(init=False)
    cycles: int = 0

    def __post_init__(self) -> None:
        self.swarm = Swarm(self.seed)
        self.rng = rng = self.swarm.rng
        self.containers = rng.random() < 0.5
        gpus = rng.choice((0, 0, 1))
        hosts = {f"h{number}": gpus for number in range(rng.choice((1, 1, 2)))}
        self.world = SimWorld(self.fixture, hosts, self.swarm, containers=self.containers)
        self.swarm.world = self.world
        self.shapes = _shapes(rng, gpus)
        self._scenes: list[Scene] = []
        self.scene = self._use(self.shapes)
        self.names = 0
        self.engines = [self._engine()]

    def run(self) -> None:
        """Faults for a while, then calm.

        Raises:
            LawBroken: With the seed and the trace.
        """
        try:
            for _ in range(self.rng.randint(2, 8)):
                self._faulty_pass()
                if not self.swarm.active:
                    break
            self.swarm.heal()
            self.settle()
        except LawBroken as broken:
            raise LawBroken(f"seed {self.seed}: {broken}\n  " + "\n  ".join(self.world.trace)) from broken

    # Faults

    def _faulty_pass(self) -> None:
        rng = self.rng
        self._person(rng.random())
        place = rng.randrange(len(self.engines))
        self._pass(place)
        self.world.clock.advance(rng.choice((0.5, 1.0, 2.0, 4.0)))

    def _pass(self, place: int) -> Report | None:
        self.cycles += 1
        try:
            report = self.world.cycle(self.engines[place], self.scene)
            self.swarm.must_see &= any(each.act is Act.ADOPT for each in report.plan.operations)
            return report
        except (Crash, CosmosError) as end:
            self.world.trace.append(f"! controller {place} ends: {type(end).__name__}")
            self.engines[place] = self._engine()
            return None

    def _person(self, chance: float) -> None:
        """Edits, requests, and what becomes of controllers, between passes."""
        if chance < 0.12:
            self.shapes = _edited(self.rng, self.shapes)
            self.scene = self._use(self.shapes)
            self.world.trace.append("* the specs are edited")
        elif chance < 0.22:
            self._ask(self.rng.choice(list(Verb)))
        elif chance < 0.26:
            # Two that act at once need the lease: until it is there, the older one is gone.
            self.engines = [self._engine()]
            self.world.trace.append("* another controller is there, and the first one gone")
        elif chance < 0.28:
            self._forget()

    def _ask(self, verb: Verb) -> None:
        digest = self.rng.choice(sorted(self.scene.expected))
        self.ask(verb, digest)

    def ask(self, verb: Verb, digest: Digest) -> None:
        number = self.world.laws.newest(digest)
        if verb is Verb.RETRY and not self.world.laws.may_retry(digest):
            return
        request = Request(digest=digest, verb=verb, after=number, at=self.world.clock.now())
        self.fixture.clean.records.request(request)
        self.world.trace.append(f"* {verb.value} {digest[:8]} after {number}")

    def _forget(self) -> None:
        self.world.trace.append("* the database is lost")
        self.swarm.must_see = True
        for machine in self.world.machines.values():
            machine.is_up = True
        self.engines = [self._engine()]
        self.world.laws.forget()
        self.fixture.clean.reset()

    # Calm

    def settle(self) -> None:
        """It converges; the plan stays empty for a new controller; every run is as it should be."""
        report = self.converge()
        self.engines = [self._engine()]
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
        self.engines = [self._engine()]
        for _ in range(MOST_CYCLES):
            report = self._calm_pass()
            if report.plan.is_empty and not report.live and not any(s.until for s in report.plan.statuses):
                return report
            self.world.clock.advance(STEP_S)
        raise LawBroken(f"L1: not converged after {MOST_CYCLES} passes: {_acts(report)}; {report.troubles}")

    def _calm_pass(self) -> Report:
        report = self._pass(0)
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
            blocked = status.phase is Phase.WAITING and status.stuck
            explained = asked is Verb.CANCEL or fails or suspended or blocked
            _law(explained, f"L1: {status.key} ends as {status.phase.value}: {status.message}")
        for name, machine in self.world.machines.items():
            tree = machine.tree(PROJECT)
            left = [name for name, each in tree.directories.items() if name != FOREIGN and not self._is_nobodys(each)]
            left += tree.works
            _law(not left, f"L3: left over on {name}: {' '.join(left)}")

    def _is_nobodys(self, directory: RunDirectory) -> bool:
        """Without batch.json, and the database that knew of it is lost: nobody can say whose it is."""
        return not directory.is_whole and directory.batch_id in self.world.laws.forgotten

    # Parts

    def _engine(self) -> Engine:
        self.names += 1
        return self.world.controller(f"c{self.names}")

    def _use(self, shapes: tuple[Shape, ...]) -> Scene:
        found = scene(shapes, containers=self.containers)
        self.world.laws.expected.update(found.expected)
        return found


def _shapes(rng: random.Random, gpus: int) -> tuple[Shape, ...]:
    shapes: list[Shape] = []
    for key in ("a", "b", "c")[: rng.choice((1, 1, 2, 2, 3))]:
        source = "a" if shapes and rng.random() < 0.25 else ""
        shapes.append(
            Shape(
                key=key,
                salt=rng.choice((0, 0, 1)),  # two runs may have one digest
                lasts=rng.choice((0, 2, 5)),
                code=int(rng.random() < 0.1),
                reads=rng.choice((("x",), ("x",), ("x", "y"))),
                source=source,
                gpus=gpus if rng.random() < 0.7 else 0,
            )
        )
    return tuple(shapes)


def _edited(rng: random.Random, shapes: tuple[Shape, ...]) -> tuple[Shape, ...]:
    place = rng.randrange(len(shapes))
    shape = shapes[place]
    way = rng.random()
    if way < 0.5:
        new = [replace(shape, salt=rng.choice((0, 1)))]
    elif way < 0.7:
        new = [replace(shape, suspend=not shape.suspend)]
    elif way < 0.85:
        is_read = any(other.source == shape.key for other in shapes)
        new = [shape] if is_read or len(shapes) == 1 else []
    else:
        free = [key for key in ("a", "b", "c", "d", "e", "f") if all(key != other.key for other in shapes)]
        new = [shape, *(Shape(key=key, salt=rng.choice((0, 1))) for key in free[:1])]
    return (*shapes[:place], *new, *shapes[place + 1 :])


def _acts(report: Report) -> str:
    return ", ".join(f"{each.act.value} {each.batch_id or each.key}" for each in report.plan.operations)


def _law(holds: bool, words: str) -> None:
    if not holds:
        raise LawBroken(words)
