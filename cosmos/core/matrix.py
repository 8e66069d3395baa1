"""A run spec -> its members: the product of axes, `zip` and `sample`, without `exclude`, with `include`.

`core.expand` calls `members`. Axes that go together, and members that are drawn, are rows: of a row all values are
taken, or none. As in CI systems, an entry of `exclude` leaves out every combination that
has all its values; an entry of `include` adds exactly one member, which keeps the spec's own value for
every axis that the entry does not name. Values are not judged here: `core.expand` does that, as if each
were written in its field.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, product
from math import prod

from cosmos.core.axes import HINT, Member, Pick, target_of
from cosmos.core.draft import Path
from cosmos.core.explain import shown
from cosmos.core.load import Located
from cosmos.core.member_key import Identity, Target, identity, labels, member_key, texts
from cosmos.core.problem import Code, Problem, did_you_mean, quoted
from cosmos.core.run import Scalar
from cosmos.core.sampling import draw, size, steps
from cosmos.core.spec import RunSpec
from cosmos.core.spec_matrix import Matrix, RangeSpec, SampleSpec, Values

MEMBERS_MAX = 10_000
"""Runs that one spec may make at the most, whatever the configuration says."""


def members(run: Located[RunSpec], most: int = MEMBERS_MAX) -> tuple[tuple[Member, ...], tuple[Problem, ...]]:
    """The members of a run spec, or else the problems of its matrix; more than `most` are one.

    Members come in the order of the axes' labels, values in the order of the file, included ones last.
    """
    matrix = run.spec.matrix
    if matrix is None:
        return (Member(run.spec.name),), ()
    checked = _Checked(run, matrix, most)
    found = [] if checked.problems else checked.members()
    return (() if checked.problems else tuple(found)), tuple(checked.problems)


class _Checked:
    """A matrix with its axes by the field that each sets; `problems` holds what is wrong with it."""

    def __init__(self, run: Located[RunSpec], matrix: Matrix, most: int) -> None:
        self.problems: list[Problem] = []
        self._run = run
        self._most = most
        self._axes: dict[Target, dict[Path, Identity]] = {}
        self._listed: dict[Target, set[Identity]] = {}
        self._included: list[dict[Target, Path]] = []
        self._values: dict[Target, dict[Path, Identity]] = {}
        self._excluded: dict[tuple[Target, ...], set[tuple[Identity, ...]]] = {}
        self._rows: list[list[dict[Target, Path]]] = []
        for name, values in matrix.axes.items():
            if target := self._add_axis(("matrix", name), name, values):
                self._axes[target] = dict(self._values[target])
        if matrix.zip is not None:
            self._zip(matrix.zip)
        if matrix.sample is not None:
            self._sample(matrix.sample)
        for index, entry in enumerate(matrix.include):
            self._include(("matrix", "include", index), entry)
        for index, entry in enumerate(matrix.exclude):
            self._exclude(("matrix", "exclude", index), entry)
        self._check_size()

    def members(self) -> list[Member]:
        """Members of a matrix that has no problems so far."""
        picks = self._picks()
        found = [self._member(combination) for combination in self._combinations(picks)]
        if (self._axes or self._rows) and not found:
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

    def _add_axis(self, at: Path, name: str, values: Values, *, is_row: bool = False) -> Target | None:
        """Note the values of an axis, each with its place; those of rows may repeat."""
        target = self._target(at, name)
        if target is None:
            return None
        if target in self._listed:
            self._refuse(at, f"axis {quoted(name)} sets what another axis sets", "keep one of them", at_key=True)
            return None
        if isinstance(values, RangeSpec):
            if not 0 < size(values) <= MEMBERS_MAX:
                many = f"more than {MEMBERS_MAX} values" if size(values) else "no steps"
                self._refuse(at, f"axis {quoted(name)} has {many}", "give it a step, as {min: 0, max: 1, step: 0.1}")
                return None
            values = steps(values)
        if not values:
            self._refuse(at, f"axis {quoted(name)} has no values", "list some, or remove the axis")
        axis = {(*at, index): identity(value) for index, value in enumerate(values)}
        seen: set[Identity] = set()
        for place, who in axis.items():
            if who in seen and not is_row:
                self._refuse(place, f"axis {quoted(name)} has {shown(who[1])} twice", "remove one of them")
            seen.add(who)
        self._listed[target] = seen
        self._values[target] = axis
        return target

    def _zip(self, axes: Mapping[str, Values]) -> None:
        """The first value of each axis makes the first row, and so on."""
        found = {
            name: target
            for name, values in axes.items()
            if (target := self._add_axis(("matrix", "zip", name), name, values, is_row=True))
        }
        lengths = {name: len(self._values[target]) for name, target in found.items()}
        if len(axes) < 2:
            self._refuse(("matrix", "zip"), "zip needs two axes or more", "write a single one beside it, not in it")
        elif len(set(lengths.values())) > 1:
            many = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            self._refuse(("matrix", "zip"), f"zip needs lists of one length: {many}", "first goes with first")
        elif found:
            columns = [[(target, at) for at in self._values[target]] for target in found.values()]
            self._add_rows(("matrix", "zip"), [dict(row) for row in zip(*columns, strict=True)], is_drawn=False)

    def _sample(self, sample: SampleSpec) -> None:
        targets: dict[str, Target] = {}
        for name, values in sample.axes.items():
            at: Path = ("matrix", "sample", "axes", name)
            target = self._target(at, name)
            if target is not None and (target in self._listed or target in targets.values()):
                self._refuse(at, f"axis {quoted(name)} sets what another axis sets", "keep one of them", at_key=True)
            elif values == []:
                self._refuse(at, f"axis {quoted(name)} has no values", "list some, or give a range")
            elif target is not None:
                targets[name] = target
                self._values[target], self._listed[target] = {}, set()
        if self.problems:
            return
        rows: list[dict[Target, Path]] = []
        seen: set[tuple[Identity, ...]] = set()
        for number in range(sample.count * 20 + 100):
            row = {target: self._draw(sample, name, target, number) for name, target in targets.items()}
            whos = tuple(self._values[target][at] for target, at in row.items())
            if whos not in seen:
                seen.add(whos)
                rows.append(row)
            if len(rows) == sample.count:
                break
        else:
            message = f"sample finds {len(rows)} different combinations, fewer than {sample.count}"
            self._refuse(("matrix", "sample", "count"), message, "ask for fewer, or give wider ranges")
        self._add_rows(("matrix", "sample"), rows, is_drawn=True)

    def _draw(self, sample: SampleSpec, name: str, target: Target, number: int) -> Path:
        """The place of a value that is drawn: in its list, or where its range is."""
        values, at = sample.axes[name], ("matrix", "sample", "axes", name)
        drawn = draw(sample.seed, name, number, values)
        value = drawn if isinstance(values, RangeSpec) else values[int(drawn)]
        place = (*at, number) if isinstance(values, RangeSpec) else (*at, int(drawn))
        self._values[target][place] = identity(value)
        self._listed[target].add(identity(value))
        return place

    def _add_rows(self, at: Path, rows: list[dict[Target, Path]], *, is_drawn: bool) -> None:
        whos = [tuple(self._values[target][place] for target, place in row.items()) for row in rows]
        if not is_drawn and len(set(whos)) < len(whos):
            self._refuse(at, "zip has the same values twice", "remove one of them")
        self._rows.append(rows)

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
            if target is None or target not in self._listed:
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
        sizes = [*map(len, self._axes.values()), *map(len, self._rows)]
        many = len(self._included) + (prod(sizes) if sizes else 0)
        if many > self._most:
            hint = too_many(self._most)
            self._refuse(("matrix",), f"makes {many} runs, more than {self._most}", hint)
        elif not sizes and not self._included and not self.problems:
            self._refuse(("matrix",), "has no axes", "write one as params.seed: [1, 2], or remove the matrix")

    def _target(self, at: Path, name: str) -> Target | None:
        target = target_of(name)
        if target is None:
            spec = self._run.spec
            fields = ["prompt", "model", *(f"params.{each}" for each in spec.params)]
            fields += [f"controls.{each}" for each in spec.controls]
            same = next((f'did you mean "{field}"?' for field in fields if field.endswith(f".{name}")), "")
            self._refuse(
                at, f"{quoted(name)} cannot be an axis", same or did_you_mean(name, fields) or HINT, at_key=True
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
        """The product of the axes and rows, less what is excluded."""
        axes = [[picks[target][at] for at in places] for target, places in self._axes.items()]
        axes.sort(key=lambda axis: axis[0].label)
        rows = [[tuple(picks[target][at] for target, at in row.items()) for row in group] for group in self._rows]
        labels = {pick.target: pick.label for each in (*axes, *(group[0] for group in rows)) for pick in each}
        order = {target: position for position, target in enumerate(sorted(labels, key=lambda each: labels[each]))}
        excluded = [([order[target] for target in targets], whos) for targets, whos in self._excluded.items()]
        for combination in _product(axes, rows) if labels else ():
            if not any(tuple(combination[n].who for n in positions) in whos for positions, whos in excluded):
                yield combination

    def _member(self, picks: tuple[Pick, ...]) -> Member:
        return Member(member_key(self._run.spec.name, [f"{pick.label}-{pick.text}" for pick in picks]), picks)

    def _refuse(self, at: Path, message: str, hint: str = "", *, at_key: bool = False) -> None:
        place = self._run.locate_key(at) if at_key else self._run.locate(at)
        subject = f"run {quoted(self._run.spec.name)}"
        self.problems.append(Problem(place, Code.MATRIX, f"matrix: {message}", subject, hint))


def too_many(most: int) -> str:
    """What to do about a spec that makes more runs."""
    if most < MEMBERS_MAX:
        return "if it is meant: `cosmos --max-runs N` for once, project.max_runs in cosmos.toml for good"
    return "split it into several runs"


def _product(axes: Sequence[Sequence[Pick]], rows: Sequence[Sequence[tuple[Pick, ...]]]) -> Iterator[tuple[Pick, ...]]:
    """Every combination, sorted by label; the axes are sorted so already."""
    if not rows:
        yield from product(*axes)
        return
    for combination in product(*([(pick,) for pick in axis] for axis in axes), *rows):
        yield tuple(sorted(chain.from_iterable(combination), key=lambda pick: pick.label))
