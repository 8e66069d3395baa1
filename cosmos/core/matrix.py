"""A run spec -> its members: the product of the axes, without `exclude`, with `include`.

`core.expand` calls `members`. As in CI systems, an entry of `exclude` leaves out every combination that
has all its values; an entry of `include` adds exactly one member, which keeps the spec's own value for
every axis that the entry does not name. Values are not judged here: `core.expand` does that, as if each
were written in its field.
"""

import re
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

AXIS = r"^(?:(prompt|model)|params\.(.+)|controls\.([a-z][a-z0-9_]{0,31})(?:\.(weight|preset))?)$"
"""What can be an axis, as a regular expression that editors understand too."""

_AXIS = re.compile(AXIS)
_HINT = "an axis is params.NAME, controls.ROLE, prompt or model"


@dataclass(frozen=True, slots=True)
class Pick:
    """One value of one axis: what it sets, where it is written, and how it appears in keys."""

    target: Target
    who: Identity
    at: Path
    label: str
    text: str

    @property
    def value(self) -> Scalar:
        return self.who[1]


@dataclass(frozen=True, slots=True)
class Member:
    """One run of a spec. `picks` is sorted by label; without a matrix it is empty.

    `source` is the key of the run that it reads, where the spec follows several.
    """

    key: str
    picks: tuple[Pick, ...] = ()
    source: str = ""


def members(run: Located[RunSpec]) -> tuple[tuple[Member, ...], tuple[Problem, ...]]:
    """The members of a run spec, or else the problems of its matrix.

    Members come in the order of the axes' labels, values in the order of the file, included ones last.
    """
    matrix = run.spec.matrix
    if matrix is None:
        return (Member(run.spec.name),), ()
    checked = _Checked(run, matrix)
    found = [] if checked.problems else checked.members()
    return (() if checked.problems else tuple(found)), tuple(checked.problems)


class _Checked:
    """A matrix with its axes by the field that each sets; `problems` holds what is wrong with it."""

    def __init__(self, run: Located[RunSpec], matrix: Matrix) -> None:
        self.problems: list[Problem] = []
        self._run = run
        self._axes: dict[Target, dict[Path, Identity]] = {}
        self._listed: dict[Target, set[Identity]] = {}
        self._included: list[dict[Target, Path]] = []
        self._values: dict[Target, dict[Path, Identity]] = {}
        self._excluded: dict[tuple[Target, ...], set[tuple[Identity, ...]]] = {}
        for name, values in matrix.axes.items():
            self._add_axis(name, values)
        for index, entry in enumerate(matrix.include):
            self._include(("matrix", "include", index), entry)
        for index, entry in enumerate(matrix.exclude):
            self._exclude(("matrix", "exclude", index), entry)
        self._check_size()

    def members(self) -> list[Member]:
        """Members of a matrix that has no problems so far."""
        picks = self._picks()
        found = [self._member(combination) for combination in self._combinations(picks)]
        if self._axes and not found:
            self._refuse(("matrix", "exclude"), "every combination is excluded", "remove an entry")
        keys = {member.key for member in found}
        for index, entry in enumerate(self._included):
            chosen = (picks[target][at] for target, at in entry.items())
            member = self._member(tuple(sorted(chosen, key=lambda pick: pick.label)))
            if member.key in keys:
                self._refuse(("matrix", "include", index), f"adds {quoted(member.key, 200)} again", "remove the entry")
            keys.add(member.key)
            found.append(member)
        return found

    def _add_axis(self, name: str, values: Sequence[Scalar]) -> None:
        at: Path = ("matrix", name)
        target = self._target(at, name)
        if target is None:
            return
        if target in self._axes:
            self._refuse(at, f"axis {quoted(name)} sets what another axis sets", "keep one of them", at_key=True)
        if not values:
            self._refuse(at, f"axis {quoted(name)} has no values", "list some, or remove the axis")
        axis = {(*at, index): identity(value) for index, value in enumerate(values)}
        seen: set[Identity] = set()
        for place, who in axis.items():
            if who in seen:
                self._refuse(place, f"axis {quoted(name)} has {shown(who[1])} twice", "remove one of them")
            seen.add(who)
        self._axes[target] = axis
        self._listed[target] = seen
        self._values[target] = dict(axis)

    def _include(self, at: Path, entry: Mapping[str, Scalar]) -> None:
        member: dict[Target, Path] = {}
        for name, value in entry.items():
            target = self._target((*at, name), name)
            if target is not None and target in member:
                self._refuse((*at, name), f"{quoted(name)} sets what the entry sets already", at_key=True)
            elif target is not None:
                member[target] = (*at, name)
                self._values.setdefault(target, {})[*at, name] = identity(value)
        if not entry:
            self._refuse(at, "the entry names no axis", "write it as {params.seed: 7}")
        self._included.append(member)

    def _exclude(self, at: Path, entry: Mapping[str, Scalar]) -> None:
        """Remember a combination; one that could match nothing is a slip."""
        found: dict[Target, Identity] = {}
        for name, value in entry.items():
            target, who = target_of(name), identity(value)
            if target is None or target not in self._axes:
                hint = did_you_mean(name, self._run.spec.matrix.axes if self._run.spec.matrix else ())
                self._refuse((*at, name), f"{quoted(name)} is not an axis of this matrix", hint, at_key=True)
            elif who not in self._listed[target]:
                self._refuse((*at, name), f"axis {quoted(name)} has no value {shown(value)}", "remove the entry")
            else:
                found[target] = who
        if not entry:
            self._refuse(at, "the entry names no axis", "write it as {params.seed: 7}")
        self._excluded.setdefault(tuple(found), set()).add(tuple(found.values()))

    def _check_size(self) -> None:
        size = len(self._included) + (prod(map(len, self._axes.values())) if self._axes else 0)
        if size > MEMBERS_MAX:
            self._refuse(("matrix",), f"makes {size} runs, more than {MEMBERS_MAX}", "split it into several runs")
        elif not self._axes and not self._included and not self.problems:
            self._refuse(("matrix",), "has no axes", "write one as params.seed: [1, 2], or remove the matrix")

    def _target(self, at: Path, name: str) -> Target | None:
        target = target_of(name)
        if target is None:
            spec = self._run.spec
            fields = ["prompt", "model", *(f"params.{each}" for each in spec.params)]
            fields += [f"controls.{each}" for each in spec.controls]
            same = next((f'did you mean "{field}"?' for field in fields if field.endswith(f".{name}")), "")
            self._refuse(
                at, f"{quoted(name)} cannot be an axis", same or did_you_mean(name, fields) or _HINT, at_key=True
            )
        return target

    def _picks(self) -> dict[Target, dict[Path, Pick]]:
        """By field and place, every value that an axis or an included member has."""
        names = labels(self._values)
        picks = {}
        for target, values in self._values.items():
            shown_as = texts(value for _, value in values.values())
            picks[target] = {at: Pick(target, who, at, names[target], shown_as[who]) for at, who in values.items()}
        return picks

    def _combinations(self, picks: Mapping[Target, Mapping[Path, Pick]]) -> Iterator[tuple[Pick, ...]]:
        """The product of the axes, less what is excluded."""
        axes = [[picks[target][at] for at in places] for target, places in self._axes.items()]
        axes.sort(key=lambda axis: axis[0].label)
        order = {axis[0].target: position for position, axis in enumerate(axes)}
        excluded = [([order[target] for target in targets], whos) for targets, whos in self._excluded.items()]
        for combination in product(*axes) if axes else ():
            if not any(tuple(combination[n].who for n in positions) in whos for positions, whos in excluded):
                yield combination

    def _member(self, picks: tuple[Pick, ...]) -> Member:
        return Member(member_key(self._run.spec.name, [f"{pick.label}-{pick.text}" for pick in picks]), picks)

    def _refuse(self, at: Path, message: str, hint: str = "", *, at_key: bool = False) -> None:
        place = self._run.locate_key(at) if at_key else self._run.locate(at)
        subject = f"run {quoted(self._run.spec.name)}"
        self.problems.append(Problem(place, Code.MATRIX, f"matrix: {message}", subject, hint))


def target_of(axis: str) -> Target | None:
    """The field that an axis sets, or None for what no matrix may vary."""
    match = _AXIS.fullmatch(axis)
    if match is None:
        return None
    name, param, role, field = match.groups()
    if name is not None:
        return (name,)
    return ("params", param) if param is not None else ("controls", role, field or "weight")
