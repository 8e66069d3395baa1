"""Which settings win: mean ratings by the values of each setting in which runs differ. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cosmos.core.gallery import Item, settings
from cosmos.core.reviews import average

VALUES = 12
"""Values of a setting that are told, at most: those that the most ratings speak of."""
NOT_TOLD = frozenset({"text", "negative"})
"""Of a prompt, its name is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of a setting: the mean rating of the `rated` ones among its runs, None where none is."""

    value: str
    mean: float | None
    rated: int
    runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting by its values, best first. `spread` is how far the best and the worst mean are apart."""

    name: str
    values: tuple[Value, ...]
    spread: float
    more: int = 0
    """Values that are not told."""


def winning(items: Iterable[Item]) -> tuple[Setting, ...]:
    """The settings of which at least two values have ratings; first those that matter most to them.

    Of settings that always differ together one is told. Where each value has one rating at most, as of seeds that were
    drawn, chance decides: such settings come last.
    """
    known = [(item.rating, settings(item.run)) for item in items if item.run is not None]
    names = sorted({name for _, table in known for name in table} - NOT_TOLD, key=_order)
    told: dict[tuple[int, ...], str] = {}
    for name in names:
        values = [table.get(name, "-") for _, table in known]
        first = {value: number for number, value in reversed(list(enumerate(values)))}
        told.setdefault(tuple(first[value] for value in values), name)
    found = [_setting(name, known) for name in told.values()]
    some = (one for one in found if sum(value.rated > 0 for value in one.values) > 1)
    return tuple(sorted(some, key=lambda one: (all(value.rated < 2 for value in one.values), -one.spread, one.name)))


def _order(name: str) -> tuple[int, str]:
    """What people set on purpose stands for what comes with it."""
    return _FIRST.index(found) if (found := name.partition(".")[0]) in _FIRST else len(_FIRST), name


_FIRST = ("params", "controls", "prompt", "model")


def _setting(name: str, known: Iterable[tuple[int | None, Mapping[str, str]]]) -> Setting:
    ratings: dict[str, list[int | None]] = {}
    for rating, table in known:
        ratings.setdefault(table.get(name, "-"), []).append(rating)
    values = [_value(value, given) for value, given in ratings.items()]
    shown = sorted(values, key=lambda one: (-one.rated, -one.runs, one.value))[:VALUES]
    means = [one.mean for one in shown if one.mean is not None]
    return Setting(
        name=name,
        values=tuple(sorted(shown, key=lambda one: (-(one.mean or 0.0), one.value))),
        spread=max(means) - min(means) if means else 0.0,
        more=len(values) - len(shown),
    )


def _value(value: str, ratings: list[int | None]) -> Value:
    mean, rated = average(ratings)
    return Value(value=value, mean=mean, rated=rated, runs=len(ratings))
