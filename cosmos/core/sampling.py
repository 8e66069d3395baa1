"""Values of axes that are not written one by one: steps of a range, and draws that follow from a seed alone.

A draw depends on the seed, the axis and its number, and on nothing else: with a larger count the first ones stay what
they were, on any machine and in any version of Python.
"""

import math
from collections.abc import Sequence
from decimal import Decimal

from cosmos.core.digest import canonical, sha256_hex
from cosmos.core.run import Scalar
from cosmos.core.spec_matrix import RangeSpec

_DIGITS = 13
"""Hex digits of a hash that make a fraction; as many as a float can hold."""


def size(span: RangeSpec) -> int:
    """How many steps a range has; 0 where it has none, as any number in it may be drawn."""
    step = _step(span)
    return 0 if step is None else int((_exact(span.max) - _exact(span.min)) / step) + 1


def steps(span: RangeSpec) -> list[Scalar]:
    """`{min: 0.1, max: 0.5, step: 0.2}` as 0.1, 0.3, 0.5."""
    return [_at(span, number) for number in range(size(span))]


def draw(seed: int, axis: str, number: int, among: Sequence[Scalar] | RangeSpec) -> int | float:
    """A number for a list the position in it, for a range the value."""
    fraction = int(sha256_hex(canonical([seed, axis, number]))[:_DIGITS], 16) / 16**_DIGITS
    if not isinstance(among, RangeSpec):
        return int(fraction * len(among))
    if many := size(among):
        return _at(among, int(fraction * many))
    width = float(among.max - among.min)
    digits = 2 - math.floor(math.log10(width)) if width else 3
    value: float = round(float(among.min) + fraction * width, max(0, digits))
    return value


def _at(span: RangeSpec, number: int) -> int | float:
    step = _step(span) or Decimal(1)
    value = _exact(span.min) + number * step
    is_whole = isinstance(span.min, int) and (span.step is None or isinstance(span.step, int))
    return int(value) if is_whole else float(value)


def _step(span: RangeSpec) -> Decimal | None:
    if span.step is not None:
        return _exact(span.step)
    return Decimal(1) if isinstance(span.min, int) and isinstance(span.max, int) else None


def _exact(number: float) -> Decimal:
    return Decimal(repr(number))
