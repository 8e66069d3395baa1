"""One schedule: a world, a seed, faults for a while, then calm; what must be true then."""

import random
from dataclasses import dataclass, replace

from cosmos.core.plan import Act
from cosmos.core.recorded import Verb
from tests.simulation.course import Course
from tests.simulation.laws import LawBroken
from tests.simulation.scenes import Shape
from tests.simulation.swarm import Swarm
from tests.simulation.world import Fixture


@dataclass(frozen=True, slots=True)
class Size:
    """How large schedules are, to be chosen from with these odds."""

    runs: tuple[int, ...]
    passes: tuple[int, int]
    """With faults, at least and at most."""


SHORT = Size(runs=(1, 1, 1, 2), passes=(1, 3))
"""Most bugs need few runs and few faults, and of these many more can be tried."""
LONG = Size(runs=(1, 1, 2, 2, 3), passes=(2, 8))


class Schedule(Course):
    """What a seed leads to.

    Args:
        fixture: Of this process.
        seed: Leads to the same schedule every time.
        size: How large it is.
    """

    def __init__(self, fixture: Fixture, seed: int, size: Size = LONG) -> None:
        self.seed = seed
        self.size = size
        self.swarm = Swarm(seed)
        self.rng = rng = self.swarm.rng
        containers = rng.random() < 0.5
        gpus = rng.choice((0, 0, 1))
        hosts = {f"h{number}": gpus for number in range(rng.choice((1, 1, 2)))}
        shapes = _shapes(rng, size, gpus)
        sharing = random.Random(seed ^ 0x5A4ED)  # of its own, so that the faults of a seed stay the same
        if sharing.random() < SHARING:
            shapes = _shared(sharing, shapes, gpus)
        super().__init__(fixture, self.swarm, hosts, shapes, containers=containers)
        self.world.load_s = sharing.choice((None, 3.0, 100.0))
        self.swarm.world = self.world
        self.swarm.take_over = self.take_over

    def run(self) -> None:
        """Faults for a while, then calm.

        Raises:
            LawBroken: With the seed and the trace.
        """
        try:
            for _ in range(self.rng.randint(*self.size.passes)):
                self._person(self.rng.random())
                report = self.one_pass()
                if report is not None and all(each.act is not Act.ADOPT for each in report.plan.operations):
                    self.swarm.must_see = False
                self.world.clock.advance(self.rng.choice((0.5, 1.0, 2.0, 4.0)))
            self.swarm.heal()
            self.settle()
        except LawBroken as broken:
            raise LawBroken(
                f"seed {self.seed}{' --short' if self.size is SHORT else ''}: {broken}\n  "
                + "\n  ".join(self.world.trace)
            ) from broken

    def _person(self, chance: float) -> None:
        """Edits, requests, and what becomes of controllers, between passes."""
        if chance < 0.12:
            self.edit(_edited(self.rng, self.shapes))
        elif chance < 0.22:
            verb = self.rng.choice(list(Verb))
            self.ask(verb, self.rng.choice(sorted(self.scene.expected)))
        elif chance < 0.26:
            self.engine = self.new_controller()
            self.world.trace.append("* another controller is there, and the first one gone")
        elif chance < 0.30:
            self.swarm.must_see = True
            self.forget()


def _shapes(rng: random.Random, size: Size, gpus: int) -> tuple[Shape, ...]:
    shapes: list[Shape] = []
    for key in ("a", "b", "c")[: rng.choice(size.runs)]:
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


SHARING = 0.4
"""Of the schedules, those in which runs may share a load of their model."""


def _shared(rng: random.Random, shapes: tuple[Shape, ...], gpus: int) -> tuple[Shape, ...]:
    """What is there may share, and a few more runs do: each makes other bytes, so that none is taken for another."""
    more = [
        Shape(
            key=key,
            salt=salt,
            lasts=rng.choice((0, 1, 3)),
            code=int(rng.random() < 0.2),
            reads=rng.choice((("x",), ("x",), ("y",))),
            gpus=gpus,
            shares=True,
        )
        for salt, key in enumerate(("g", "h", "i", "j")[: rng.choice((2, 3, 3, 4))], 10)
    ]
    return (*(replace(shape, shares=rng.random() < 0.5) for shape in shapes), *more)


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
