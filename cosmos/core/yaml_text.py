"""Values as YAML text, in the way a person would write them. What is made here is read again before it is used."""

import re
import textwrap
from collections.abc import Mapping, Sequence

from cosmos.core import yaml12
from cosmos.core.document import resolve

LINE_MAX = 100
"""A list or mapping that is longer is written over several lines."""

TEXT_MAX = 100
"""A text that is longer is folded over several lines."""

_PLAIN = re.compile(r"[^\W\d_][^\x00-\x1f]*")
"""It begins with a letter: no number, date or indicator does."""
_NOT_PLAIN = re.compile(r": |:$| #|\s$")
_NOT_IN_FLOW = re.compile(r"[,\[\]{}:]")
_OLD_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"})
"""Other readers of YAML, or people, take these for something else than text."""
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def key(name: str) -> str:
    return name if _KEY.fullmatch(name) and name.lower() not in _OLD_WORDS else _double(name)


def inline(value: object, *, in_flow: bool, style: str = "") -> str:
    """Any value on one line; a text in the style that it had, where that can hold it."""
    if isinstance(value, str):
        return _text(value, in_flow=in_flow, style=style)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key(name)}: {inline(each, in_flow=True)}" for name, each in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(inline(each, in_flow=True) for each in value) + "]"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return repr(value)


def after_key(value: object, indent: int) -> str:
    """What stands behind `key:`, with its space or line break; `indent` is the column of the key."""
    if isinstance(value, str) and (found := block(value, indent + 2)):
        return f" {found}"
    line = inline(value, in_flow=False)
    if len(line) + indent <= LINE_MAX or not isinstance(value, Mapping | list) or not value:
        return f" {line}"
    room = " " * (indent + 2)
    if isinstance(value, list):
        return "".join(f"\n{room}- {inline(each, in_flow=False)}" for each in value)
    return "".join(f"\n{room}{key(name)}:{after_key(each, indent + 2)}" for name, each in value.items())


def document(data: Mapping[str, object]) -> str:
    """A spec, a field a line."""
    return "".join(f"{key(name)}:{after_key(value, 0)}\n" for name, value in data.items())


def block(text: str, indent: int) -> str:
    """A text of several lines, or a long one, as a block scalar; empty where it is no such text."""
    if "\n" in text:
        return _if_it_reads(literal("|", text, indent), text)
    return _if_it_reads(folded(">", text, indent, ()), text) if len(text) > TEXT_MAX else ""


def literal(header: str, text: str, indent: int) -> str:
    """Line by line. `header` is `|`, and a comment perhaps."""
    lines = text.rstrip("\n").split("\n")
    return "\n".join([_chomped(header, text), *(" " * indent + line if line else "" for line in lines)])


def folded(header: str, text: str, indent: int, before: Sequence[str]) -> str:
    """Broken at spaces; lines of the text before stay as far as they are still right."""
    width = max(map(len, before)) if before else LINE_MAX - 12
    made: list[str] = []
    for paragraph in text.rstrip("\n").split("\n"):
        made += ["", *_wrapped(paragraph, before, max(width, 40))]
    return "\n".join([_chomped(header, text), *(" " * indent + line if line else "" for line in made[1:])])


def _wrapped(text: str, before: Sequence[str], width: int) -> list[str]:
    head: list[str] = []
    tail: list[str] = []
    old = list(before)
    while old and f"{text} ".startswith(f"{old[0]} "):
        head.append(old.pop(0))
        text = text[len(head[-1]) + 1 :]
    while old and f" {text}".endswith(f" {old[-1]}"):
        tail.insert(0, old.pop())
        text = text[: -len(tail[0]) - 1]
    middle = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False, drop_whitespace=True)
    return [*head, *middle, *tail]


def _chomped(header: str, text: str) -> str:
    """The header with the sign for how the text ends."""
    sign = "-" if not text.endswith("\n") else ""
    return header[0] + sign + header[1:]


def _if_it_reads(made: str, text: str) -> str:
    return made if reads_as(f"k: {made}\n", {"k": text}) else ""


def reads_as(text: str, data: object) -> bool:
    parsed = yaml12.parse("", text.encode("utf-8", "surrogatepass"))
    return not parsed.problems and [each.data for each in parsed.documents] == [data]


def _text(text: str, *, in_flow: bool, style: str) -> str:
    if not style and _is_plain(text, in_flow=in_flow):
        return text
    may_be_single = text.isprintable() and (style == "'" or (('"' in text or "\\" in text) and "'" not in text))
    if style != '"' and may_be_single:
        return "'" + text.replace("'", "''") + "'"
    return _double(text)


def _is_plain(text: str, *, in_flow: bool) -> bool:
    return bool(
        _PLAIN.fullmatch(text)
        and text.isprintable()
        and not _NOT_PLAIN.search(text)
        and not (in_flow and _NOT_IN_FLOW.search(text))
        and text.lower() not in _OLD_WORDS
        and resolve(text) == text
    )


def _double(text: str) -> str:
    return '"' + "".join(_escaped(letter) for letter in text) + '"'


def _escaped(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter.isprintable():
        return letter
    number = ord(letter)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}" if number < 65536 else f"\\U{number:08x}"
