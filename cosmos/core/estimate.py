"""How long a run will take: from what like ones took, else from what the maker of its model published, else unknown.

`Timing` is what one batch took, `Learned` what follows from those. The first that there is counts: the same model,
shape and GPU; the same model and GPU, by chunks; the published time. Nothing is concluded from one GPU about another.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

LAST = 15
"""Newest timings of each kind that count: a host that became faster is believed after eight runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """How much there is to compute: `chunks` of one `shape` each.

    Runs of one model, shape and GPU take about as long for each chunk, so that the time of one tells that of another.
    `seconds` is what its maker published for one chunk, None where nothing is known.
    """

    chunks: int
    shape: str
    seconds: float | None = None


class Basis(StrEnum):
    """What an estimate rests on."""

    LEARNED = "learned"  # runs of this model, shape and GPU
    SCALED = "scaled"  # runs of this model and GPU in other shapes, by chunks
    PUBLISHED = "published"  # what the maker of the model says


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What a batch that succeeded took. `gpu` is the name of the model of its GPUs, empty where it had none.

    `load_s` is the time until its model was loaded, None where its log does not tell: then `run_s` has it, too.
    """

    model: str
    gpu: str
    shape: str
    chunks: int
    run_s: float
    load_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a run will take alone. `load_s` is what runs that share a load pay once; None: not known, and in `run_s`."""

    run_s: float
    basis: Basis
    load_s: float | None = None

    @property
    def total_s(self) -> float:
        return self.run_s + (self.load_s or 0.0)


@dataclass(frozen=True, slots=True)
class _Usual:
    """Medians: of loading, of one chunk, and of all chunks of a run."""

    load_s: float | None
    chunk_s: float
    run_s: float


_Kind = tuple[str, str | None, str | None]
"""Model, GPU and shape; None for any."""


class Learned:
    """What timings tell, of which the newest come first."""

    def __init__(self, timings: Iterable[Timing]) -> None:
        self._timings: dict[_Kind, list[Timing]] = {}
        self._usual: dict[_Kind, _Usual] = {}
        for each in timings:
            for gpu in (each.gpu, None) if each.gpu else (each.gpu,):
                for shape in (each.shape, None):
                    alike = self._timings.setdefault((each.model, gpu, shape), [])
                    if len(alike) < LAST:
                        alike.append(each)

    def estimate(self, model: str, work: Work | None, gpu: str | None) -> Estimate | None:
        """What a run will take, or None where nothing tells.

        Args:
            model: Its name.
            work: What its adapter says that there is to compute.
            gpu: Name of the model of its GPUs: empty where it has none, None where it may get one or another.
        """
        shape = work.shape if work is not None else ""
        for kind, basis in (((model, gpu, shape), Basis.LEARNED), ((model, gpu, None), Basis.SCALED)):
            usual = self._of(kind)
            if usual is not None:
                run_s = usual.run_s if work is None else usual.chunk_s * work.chunks
                return Estimate(load_s=usual.load_s, run_s=run_s, basis=basis)
        if work is not None and work.seconds is not None:
            return Estimate(run_s=work.seconds * work.chunks, basis=Basis.PUBLISHED)
        return None

    def _of(self, kind: _Kind) -> _Usual | None:
        if kind not in self._usual and kind in self._timings:
            self._usual[kind] = _usual(self._timings[kind])
        return self._usual.get(kind)


def _usual(timings: Iterable[Timing]) -> _Usual:
    """Where some tell what loading took, those that do not are left out: they would count it twice."""
    every = list(timings)
    known = [each for each in every if each.load_s is not None]
    loads = [each.load_s for each in known if each.load_s is not None]
    chosen = known or every
    return _Usual(
        load_s=median(loads) if loads else None,
        chunk_s=median(each.run_s / max(1, each.chunks) for each in chosen),
        run_s=median(each.run_s for each in chosen),
    )


PERCENT_TELLS = 5
"""Percent that a program must have done before anything is concluded from that alone."""


def left_s(takes_s: float | None, spent_s: float, percent: int | None) -> float | None:
    """How long a program that runs will run on; None where nothing tells.

    What it has done counts the more the further it is: percents of phases are no clock.

    Args:
        takes_s: How long it is expected to run in all.
        spent_s: For how long it has run.
        percent: How much of it is done, by its own words.
    """
    by_time = None if takes_s is None or spent_s >= takes_s else takes_s - spent_s
    if percent is None or percent <= 0:
        return by_time
    by_progress = spent_s * (100 - percent) / percent
    if takes_s is None:
        return by_progress if percent >= PERCENT_TELLS else None
    share = percent / 100
    return (1 - share) * (by_time or 0.0) + share * by_progress


SLOW_FACTOR, SLOW_FLOOR_S = 3.0, 900.0
"""A program is slow once it has run so many times as long as others did, and so much longer."""
LIMIT_FACTOR, LIMIT_S = 10.0, 86_400.0
"""One that was given no time limit is ended after so many times its estimate, and not before a day is over.

Healthy work is never ended by that; a program that hangs does not hold its GPUs for ever.
"""


def is_slow(estimate: Estimate, spent_s: float) -> bool:
    """Whether something may be wrong. Only what was learned here of the same work tells."""
    usual = estimate.total_s
    return estimate.basis is Basis.LEARNED and spent_s > max(SLOW_FACTOR * usual, usual + SLOW_FLOOR_S)


def limit_s(timeout_s: float | None, takes_s: float | None) -> float:
    """When a program is ended, in seconds from its begin: as asked for, else so late that it must hang."""
    return max(LIMIT_S, LIMIT_FACTOR * (takes_s or 0.0)) if timeout_s is None else timeout_s
