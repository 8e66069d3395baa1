"""Which settings win: mean ratings by the values of each setting in which runs differ. Pure."""

from collections.abc import Iterable
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
    """The settings that differ among runs of which some are rated; first those that matter most to the ratings."""
    by_name: dict[str, dict[str, list[int | None]]] = {}
    known = [(item.rating, settings(item.run)) for item in items if item.run is not None]
    names = sorted({name for _, table in known for name in table} - NOT_TOLD)
    for name in names:
        for rating, table in known:
            by_name.setdefault(name, {}).setdefault(table.get(name, "-"), []).append(rating)
    found = [_setting(name, values) for name, values in by_name.items() if len(values) > 1]
    return tuple(sorted((one for one in found if _is_told(one)), key=lambda one: (-one.spread, one.name)))


def _is_told(setting: Setting) -> bool:
    return any(value.rated for value in setting.values)


def _setting(name: str, ratings: dict[str, list[int | None]]) -> Setting:
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
