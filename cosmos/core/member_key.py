"""Names of the members of a matrix: `name/axis-value_axis-value`, axes sorted.

A key is a path below outputs/ and the base of the run's id: it is made of `[a-z0-9.-]`, `_` and one `/`,
has no empty part and no `..`, and is at most 200 characters. `core.matrix` asks for the text of each axis
and value. A text depends on the value alone, except where two values of an axis would share one: then a
hash of the value tells them apart.
"""

import re
from collections import Counter
from collections.abc import Iterable

from cosmos.core.digest import canonical, sha256_hex
from cosmos.core.run import Scalar

KEY_MAX = 200
TEXT_MAX = 40

Target = tuple[str, ...]
"""Field that an axis sets: ("params", "seed"), ("controls", "edge", "weight"), ("prompt",)."""

Identity = tuple[str, Scalar]
"""What tells values apart: true is not 1, and 1 is 1.0."""

_OTHER = re.compile(r"[^a-z0-9.-]+")
_DOTS = re.compile(r"\.{2,}")


def identity(value: Scalar) -> Identity:
    return "text" if isinstance(value, str) else "bool" if isinstance(value, bool) else "number", value


def labels(targets: Iterable[Target]) -> dict[Target, str]:
    """Text of each axis: the last word of its field, or all of them where several axes share that."""
    short = {target: _last_word(target) for target in targets}
    often = Counter(_plain(word) for word in short.values())
    words = {target: word if often[_plain(word)] == 1 else "-".join(target) for target, word in short.items()}
    found = texts(words.values())
    return {target: found[identity(word)] for target, word in words.items()}


def texts(values: Iterable[Scalar]) -> dict[Identity, str]:
    """Text of each value of an axis, all different."""
    plain = {identity(value): _plain(value) for value in values}
    often = Counter(plain.values())
    not_text = {text for (sort, _), text in plain.items() if sort != "text"}
    found = {}
    for (sort, value), text in plain.items():
        is_first = sort != "text" or (text == value and text not in not_text)
        is_good = 0 < len(text) <= TEXT_MAX and (often[text] == 1 or is_first)
        found[sort, value] = text if is_good else _hashed(text, TEXT_MAX, value, 6)
    return found


def member_key(name: str, parts: Iterable[str]) -> str:
    """Key of the member of a run, from its `axis-value` parts in order."""
    key = f"{name}/{'_'.join(parts)}"
    return key if len(key) <= KEY_MAX else _hashed(key, KEY_MAX - 11, key, 10)


def _last_word(target: Target) -> str:
    """For a control `edge`, which is its weight, and `edge-preset`."""
    if target[0] == "controls":
        return target[1] if target[2] == "weight" else "-".join(target[1:])
    return target[-1]


def _plain(value: Scalar) -> str:
    """`0.6`, `1` for 1.0, `1e-05`, `true`; text in lower case with dashes for all that a path had better not have."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e16 else repr(value).replace("+", "")
    if isinstance(value, int):
        return str(value)
    return _DOTS.sub(".", _OTHER.sub("-", value.lower())).strip("-.")


def _hashed(text: str, length: int, value: Scalar, digits: int) -> str:
    digest = sha256_hex(canonical(value))[:digits]
    return f"{text[:length].rstrip('-._')}-{digest}".lstrip("-")
