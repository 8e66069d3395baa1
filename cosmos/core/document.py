"""One YAML document as plain data with the place of every key and value, built from a stream of events.

`core.yaml12` turns libyaml's events into calls of `Builder`; nothing here knows libyaml or recurses, so
depth, nodes and aliases are counted before they cost anything. Scalars follow the core schema of YAML 1.2:
`no`, `on`, `1:30` and dates are text, `012` is twelve, `1e-5` is a number. Keys are text as written.
Anchors, aliases and `<<` work; tags, duplicate keys, keys that are no scalars, and numbers that are not
finite or need more than 64 bits are refused.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from cosmos.core.draft import Path
from cosmos.core.problem import Code, Location, Problem, quoted

DEPTH_MAX = 64
NODES_MAX = 50_000
"""Nodes of a file, those repeated by aliases included."""

_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_MAYBE_SPECIAL = frozenset("-+.0123456789~nNtTfF")
_CONSTANTS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT64 = 1 << 63


@dataclass(slots=True)
class Place:
    """Where a node and its key are, counted from 1, and the same for what is in it."""

    line: int
    column: int
    children: "Mapping[str | int, Place] | None" = None
    key_line: int = 0
    key_column: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One YAML document: dicts with text keys, lists, and scalars."""

    file: str
    data: object
    place: Place

    def locate(self, path: Path) -> Location:
        """Place of the value at `path`, or of the nearest thing around it."""
        place = self._nearest(path)
        return Location(self.file, place.line, place.column)

    def locate_key(self, path: Path) -> Location:
        """Place of the key at `path`, or of the nearest thing around it."""
        place = self._nearest(path)
        return Location(self.file, place.key_line or place.line, place.key_column or place.column)

    def _nearest(self, path: Path) -> Place:
        place = self.place
        for part in path:
            if place.children is None or part not in place.children:
                break
            place = place.children[part]
        return place


class LimitError(ValueError):
    """The file is beyond a limit; reading it ends here."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class _Anchored:
    """A finished node that aliases may name, with what repeating it costs."""

    value: object
    place: Place
    nodes: int
    height: int


_MISSING = _Anchored(None, Place(1, 1), 1, 0)


@dataclass(slots=True)
class _Frame:
    """A collection that is still open: a mapping unless `mapping` is None.

    A mapping by turns awaits a key and a value; without a `key` that value is dropped, its key being refused.
    """

    mapping: dict[str, object] | None
    place: Place
    anchor: str | None
    nodes_before: int
    is_key: bool
    items: list[object] = field(default_factory=list)
    children: dict[str | int, Place] = field(default_factory=dict)
    key: str | None = None
    key_at: tuple[int, int] = (0, 0)
    merging: bool = False
    merges: list[tuple[object, Place]] = field(default_factory=list)
    height: int = 0
    awaits_key: bool = False


class Builder:
    """Takes the events of a file. Finished documents and problems collect in `documents` and `problems`.

    Lines and columns count from 1. Only a limit raises, and always `LimitError`.
    """

    def __init__(self, file: str) -> None:
        self.documents: list[Document] = []
        self.problems: list[Problem] = []
        self._file = file
        self._stack: list[_Frame] = []
        self._anchors: dict[str, _Anchored] = {}
        self._nodes = 0

    def begin(self) -> None:
        """Start a document, forgetting one that was cut off by a syntax error."""
        self._stack.clear()
        self._anchors.clear()

    def scalar(self, text: str, anchor: str | None, line: int, column: int, *, plain: bool) -> None:
        """Text as written between its quotes; without any, `plain`."""
        self._nodes += 1
        if self._nodes > NODES_MAX:
            self._too_many(line, column)
        if "\x00" in text:
            self._refuse(line, column, "contains NUL, which no program can be given", code=Code.WRONG_VALUE)
        value: object = text
        if self._stack and self._stack[-1].awaits_key:
            self._key(self._stack[-1], text, line, column, plain=plain)
        else:
            if plain and (not text or text[0] in _MAYBE_SPECIAL):
                value = self._resolve(text, line, column)
            self._attach(value, Place(line, column), 0)
        if anchor is not None:
            self._anchors[anchor] = _Anchored(value, Place(line, column), 1, 0)

    def open(self, anchor: str | None, line: int, column: int, *, is_mapping: bool) -> None:
        """Start a mapping or a list."""
        self._count(1, line, column)
        self._check_depth(len(self._stack) + 1, line, column)
        is_key = bool(self._stack) and self._stack[-1].awaits_key
        if is_key:
            self._refuse(line, column, "a key must be a word or text, not a list or a mapping")
        mapping: dict[str, object] | None = {} if is_mapping else None
        place = Place(line, column)
        self._stack.append(_Frame(mapping, place, anchor, self._nodes - 1, is_key, awaits_key=is_mapping))

    def close(self) -> None:
        """End the innermost mapping or list."""
        frame = self._stack.pop()
        if frame.merges:
            self._merge(frame)
        frame.place.children = frame.children
        value = frame.items if frame.mapping is None else frame.mapping
        height = frame.height + 1
        if frame.anchor is not None:
            self._anchors[frame.anchor] = _Anchored(value, frame.place, self._nodes - frame.nodes_before, height)
        if frame.is_key:
            self._stack[-1].awaits_key = False
        else:
            self._attach(value, frame.place, height)

    def alias(self, name: str, line: int, column: int) -> None:
        if any(frame.anchor == name for frame in self._stack):
            self._stop(line, column, f"alias {quoted(name)} stands inside of what it names")
        found = self._anchors.get(name, _MISSING)
        if found is _MISSING:
            self._refuse(line, column, f"alias {quoted(name)} has no anchor before it in this document")
        self._count(found.nodes, line, column)
        self._check_depth(len(self._stack) + found.height, line, column)
        if self._stack and self._stack[-1].awaits_key:
            self._refuse(line, column, "a key must not be an alias", hint="write it out")
            self._stack[-1].awaits_key = False
        else:
            self._attach(found.value, Place(line, column, found.place.children), found.height)

    def tag(self, name: str, line: int, column: int) -> None:
        """A node has an explicit tag."""
        self._refuse(line, column, f"tag {quoted(name)} is not supported", hint="remove it; quotes make a value text")

    def too_deep(self, line: int, column: int) -> NoReturn:
        """What is read goes deeper than anybody means."""
        self._stop(line, column, f"nested more than {DEPTH_MAX} deep")

    def _key(self, frame: _Frame, text: str, line: int, column: int, *, plain: bool) -> None:
        frame.awaits_key = False
        frame.merging = plain and text == "<<"
        if text in frame.children and not frame.merging:
            message = f"{quoted(text)} is already set in line {frame.children[text].key_line}"
            self._refuse(line, column, message, code=Code.DUPLICATE_KEY, hint="keep one of them")
        else:
            frame.key = text
            frame.key_at = (line, column)

    def _attach(self, value: object, place: Place, height: int) -> None:
        """Put a finished node where it belongs."""
        if not self._stack:
            self.documents.append(Document(file=self._file, data=value, place=place))
            return
        frame = self._stack[-1]
        frame.height = max(frame.height, height)
        if frame.mapping is None:
            frame.children[len(frame.items)] = place
            frame.items.append(value)
            return
        key, frame.key, frame.awaits_key = frame.key, None, True
        if key is not None:
            place.key_line, place.key_column = frame.key_at
            if frame.merging:
                frame.merges.append((value, place))
            else:
                frame.mapping[key] = value
                frame.children[key] = place

    def _merge(self, frame: _Frame) -> None:
        """Add what `<<` brings: keys of the mapping itself win, then those of earlier mappings."""
        for value, place in frame.merges:
            sources = value if isinstance(value, list) else [value]
            places = list((place.children or {}).values()) if isinstance(value, list) else [place]
            for source, origin in zip(sources, places, strict=True):
                if not isinstance(source, dict) or frame.mapping is None:
                    self._refuse(origin.line, origin.column, '"<<" takes a mapping or a list of mappings')
                    continue
                frame.mapping.update({key: source[key] for key in source if key not in frame.mapping})
                frame.children.update(
                    {key: at for key, at in (origin.children or {}).items() if key not in frame.children}
                )

    def _resolve(self, text: str, line: int, column: int) -> object:
        try:
            return resolve(text)
        except ValueError as error:
            hint = "quote it if it is meant as text"
            self._refuse(line, column, f"{quoted(text)} {error}", code=Code.WRONG_VALUE, hint=hint)
            return None

    def _count(self, nodes: int, line: int, column: int) -> None:
        self._nodes += nodes
        if self._nodes > NODES_MAX:
            self._too_many(line, column)

    def _too_many(self, line: int, column: int) -> NoReturn:
        self._stop(line, column, f"more than {NODES_MAX} values in one file, aliases counted each time")

    def _check_depth(self, depth: int, line: int, column: int) -> None:
        if depth > DEPTH_MAX:
            self.too_deep(line, column)

    def _stop(self, line: int, column: int, message: str) -> NoReturn:
        raise LimitError(Problem(Location(self._file, line, column), Code.TOO_LARGE, message))

    def _refuse(self, line: int, column: int, message: str, *, code: Code = Code.SYNTAX, hint: str = "") -> None:
        self.problems.append(Problem(Location(self._file, line, column), code, message, hint=hint))


def resolve(text: str) -> object:
    """Value of a plain scalar by the core schema of YAML 1.2.

    Raises:
        ValueError: A number that JSON, SQLite or a model could not be given as it stands.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if not math.isfinite(number):
            raise ValueError("is beyond the range of numbers")
        return number
    if _NOT_FINITE.fullmatch(text):
        raise ValueError("is not a finite number")
    return text


def _integer(text: str) -> int:
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    # The length is looked at first: Python refuses to convert some thousands of digits.
    number = int(text, base) if len(text) <= 70 else _INT64
    if not -_INT64 <= number < _INT64:
        raise ValueError("is a number of more than 64 bits")
    return number
