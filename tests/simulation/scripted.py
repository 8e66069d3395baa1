"""One story that has every act in it, told by the same calls each time, so that a crash can be put at each of them.

A render and a run that reads its output, one that fails and is tried again, a reboot, one that is cancelled, outputs
that are deleted, an edit that withdraws what waits, a database that is lost while work is alive, a rerun.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from cosmos.core.plan import Act
from cosmos.core.recorded import Verb
from cosmos.errors import CosmosError
from tests.simulation.course import Course
from tests.simulation.laws import LawBroken
from tests.simulation.scenes import OUTPUT, Shape
from tests.simulation.seam import Fate, Kind
from tests.simulation.world import Fixture

A, B, C = Shape(key="a", lasts=2, gpus=1), Shape(key="b", source="a", reads=()), Shape(key="c", salt=1, lasts=9, gpus=1)
D = Shape(key="d", salt=2, code=1, lasts=0)


@dataclass
class CrashAt:
    """A scheduler that is calm but for crashes at some effects, counted from 0."""

    crashes: dict[int, Fate]
    count: int = 0
    acts: set[str] = field(default_factory=set)

    def fate(self, kind: Kind, name: str, host: str) -> Fate:
        fate = self.crashes.get(self.count, Fate.DONE)
        self.count += 1
        return fate

    def is_late(self) -> bool:
        return False

    def refusal(self, kind: Kind) -> CosmosError:
        raise AssertionError("nothing is refused in this story")

    def later(self, host: str, act: Callable[[], object]) -> None:
        raise AssertionError("nothing is late in this story")

    def cut(self, host: str) -> None:
        raise AssertionError("nothing is cut off in this story")


class Story(Course):
    """The story, with crashes at some effects. `acts` are the acts that were planned."""

    def __init__(self, fixture: Fixture, crashes: dict[int, Fate], *, containers: bool) -> None:
        self.crasher = CrashAt(crashes)
        self.acts: set[Act] = set()
        super().__init__(fixture, self.crasher, {"h0": 1}, (A, B, C, D), containers=containers)

    def run(self) -> None:
        try:
            for step in self._steps():
                step()
                self._passes(2)
            self.crasher.crashes = {}
            self.settle()
        except LawBroken as broken:
            crashes = ", ".join(f"{fate.value} {place}" for place, fate in sorted(self.crasher.crashes.items()))
            raise LawBroken(f"{crashes}: {broken}\n  " + "\n  ".join(self.world.trace)) from broken

    def _passes(self, count: int) -> None:
        for _ in range(count):
            report = self.one_pass()
            if report is not None:
                self.acts |= {operation.act for operation in report.plan.operations}
            self.world.clock.advance(2.0)

    def _steps(self) -> Iterator[Callable[[], object]]:
        digests = {want.run.key: want.digest for want in self.scene.desired.runs}
        yield lambda: None
        yield lambda: self.ask(Verb.RETRY, digests["d"])
        yield self.world.machines["h0"].reboot
        yield lambda: self.ask(Verb.CANCEL, digests["c"])
        yield self._delete_outputs
        yield lambda: self.edit((A, B, Shape(key="e", salt=3, lasts=9, gpus=1), Shape(key="f", salt=4, gpus=1)))
        yield self.forget
        yield lambda: self.edit((A, B, Shape(key="e", salt=3, lasts=9, gpus=1)))
        yield lambda: self.ask(Verb.RERUN, digests["a"])

    def _delete_outputs(self) -> None:
        for files in self.world.store.outputs.values():
            files.pop(OUTPUT, None)


def pairs(count: int) -> Iterator[tuple[int, int]]:
    """Every pair of effects. After the first crash the story is another one, and about as long."""
    return ((first, second) for first in range(count) for second in range(first + 1, count))
