"""A run spec -> its members: the product of the axes, without `exclude`, with `include`.

`core.expand` calls `members`. As in CI systems, an entry of `exclude` leaves out every combination that
has all its values; an entry of `include` adds exactly one member, which keeps the spec's own value for
every axis that the entry does not name. Values are not judged here: `core.expand` does that, as if each
were written in its field.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from cosmos.core.draft import Path
from cosmos.core.explain import shown
from cosmos.core.load import Located
from cosmos.core.member_key import Identity, Target, identity, labels, member_key, texts
from cosmos.core.problem import Code, Problem, did_you_mean, quoted
from cosmos.core.run import Scalar
from cosmos.core.spec import Matrix, RunSpec

MEMBERS_MAX = 10_000
"""Runs that one spec may make; more is taken for a slip."""

_AXES_HINT = "an axis is params.NAME, controls.ROLE, prompt or model"


@dataclass(frozen=True, slots=True)
class Pick:
    """One value of one axis: what it sets, where it is written, and how it appears in keys."""

    target: Target
    value: Scalar
    at: Path
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Member:
    """One run of a spec. `picks` is sorted by label; without a matrix it is empty."""

    key: str
    picks: tuple[Pick, ...] = ()


def members(run: Located[RunSpec]) -> tuple[tuple[Member, ...], tuple[Problem, ...]]:
    """The members of a run spec, or else the problems of its matrix.

    Members come in the order of the axes' labels, values in the order of the file, included ones last.
    """
    matrix = run.spec.matrix
    if matrix is None:
        return (Member(run.spec.name),), ()
    checked = _Checked(run, matrix)
    if checked.problems:
        return (), tuple(checked.problems)
    found = tuple(Member(member_key(run.spec.name, map(_part, picks)), picks) for picks in checked.combinations())
    repeated = tuple(checked.repeated(found))
    return (() if repeated else found), repeated


def _part(pick: Pick) -> str:
    return f"{pick.label}-{pick.text}"


@dataclass(frozen=True, slots=True)
class _Value:
    value: Scalar
    at: Path


class _Checked:
    """A matrix with its axes by the field that each sets; `problems` holds what is wrong with it."""

    def __init__(self, run: Located[RunSpec], matrix: Matrix) -> None:
        self.problems: list[Problem] = []
        self._run = run
        self._known = [f"params.{name}" for name in run.spec.params] + [f"controls.{role}" for role in run.spec.controls]
        self._axes: dict[Target, list[_Value]] = {}
        for name, values in matrix.axes.items():
            self._add_axis(name, values)
        self._included = [self._include(("matrix", "include", at), each) for at, each in enumerate(matrix.include)]
        self._excluded: dict[tuple[Target, ...], set[tuple[Identity, ...]]] = {}
        for index, entry in enumerate(matrix.exclude):
            self._exclude(("matrix", "exclude", index), entry)
        self._check_size()

    def combinations(self) -> Iterator[tuple[Pick, ...]]:
        """Picks of each member, those of `exclude` left out."""
        values: dict[Target, list[_Value]] = {target: list(there) for target, there in self._axes.items()}
        for entry in self._included:
            for target, value in entry.items():
                values.setdefault(target, []).append(value)
        names = labels(values)
        picks = {target: _picks(target, names[target], there) for target, there in values.items()}
        order = sorted(self._axes, key=names.__getitem__)
        if order:
            axes = [picks[target][: len(self._axes[target])] for target in order]
            yield from (combination for combination in product(*axes) if not self._is_excluded(order, combination))
        for entry in self._included:
            chosen = [next(pick for pick in picks[target] if pick.at == value.at) for target, value in entry.items()]
            yield tuple(sorted(chosen, key=lambda pick: pick.label))
