"""What pydantic found wrong with a spec, as problems in plain words at the place to correct.

`core.load` calls this for a document, `core.expand` for a value that comes from a matrix. Pydantic
reports every branch of a union that did not fit; here that is one problem: the branch that fits in type
is the one that was meant, and without such a branch all that would fit is named.
"""

import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from cosmos.core.draft import Path
from cosmos.core.problem import Code, Location, Problem, did_you_mean, quoted
from cosmos.core.spec_fields import NAME, NAME_HELP
from cosmos.core.spec_review import DIGEST_HELP, KEY_HELP, TAG_HELP

_TYPES = {
    "float_type": "a number",
    "int_type": "an integer",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
"""Errors about the type of a value, in the order in which the types are named."""

_LIMITS = {
    "greater_than_equal": ("at least", "ge"),
    "less_than_equal": ("at most", "le"),
    "greater_than": ("more than", "gt"),
}
_BEST_SAID = {
    "timeout": "a duration such as 2h, 90m or 45s, or a number of seconds",
    "stall": "a duration such as 20m or 90s, or a number of seconds",
    "controls.*": "a weight from 0 to 1, or a mapping with weight, input, preset",
    "matrix.include": "a list of mappings",
    "matrix.exclude": "a list of mappings",
    "matrix.*": "a list of values",
}
_WORDS = {
    "labels": "lower-case letters, digits and inner . _ / -",
    "env": "upper-case letters, digits and underscores, beginning with a letter",
    "run": KEY_HELP,
    "digest": DIGEST_HELP,
    "tags": TAG_HELP,
}
_ROLE_HELP = "lower-case letters, digits and underscores, beginning with a letter"

FINDINGS_MAX = 100
"""Problems named in one spec; somebody who sees a hundred has mistaken the format."""

Places = Callable[[Path], Location]


class _Finding:
    """One error of pydantic and the part of the document that it is about."""

    def __init__(self, error: ErrorDetails, data: object) -> None:
        self.type = error["type"]
        self.input: object = error["input"]
        self.limits: Mapping[str, object] = error.get("ctx") or {}
        self.message = error["msg"]
        self.about_key = error["loc"][-1:] == ("[key]",)
        self.field = str(error["loc"][-1]) if self.type == "missing" else ""
        self.path = _within(data, error["loc"][:-1] if self.field else error["loc"])


def problems(
    error: ValidationError, kind: type[BaseModel], data: object, value_at: Places, key_at: Places, subject: str
) -> list[Problem]:
    """Everything that is wrong with one spec.

    Args:
        error: What validation of `data` as `kind` raised.
        kind: The class of the spec.
        data: The document as it was validated.
        value_at: Place of the value at a path.
        key_at: Place of the key at a path.
        subject: The spec, as `run "teaser"`.
    """
    found = [_Finding(item, data) for item in error.errors(include_url=False)[:FINDINGS_MAX]]
    wrong_types = [
        Problem(value_at(path), Code.WRONG_VALUE, *_wrong_type(path, there, subject))
        for path, there in _types_by_path(found).items()
    ]
    others = [finding for finding in found if finding.type not in _TYPES]
    return wrong_types + [_problem(finding, kind, value_at, key_at, subject) for finding in others]


def _within(data: object, loc: Iterable[str | int]) -> Path:
    """The path of an error in the data: what pydantic puts between the parts is left out."""
    path: list[str | int] = []
    for part in loc:
        if (isinstance(data, dict) and part in data) or (isinstance(data, list) and isinstance(part, int)):
            data = data[part]  # type: ignore[index]  # a list is asked for an int
            path.append(part)
    return tuple(path)


def _types_by_path(found: list[_Finding]) -> dict[Path, list[_Finding]]:
    """Type errors by place, without those that a closer look at another branch replaces."""
    looked_into = {finding.path[:end] for finding in found for end in range(len(finding.path))}
    looked_into |= {finding.path for finding in found if finding.type not in _TYPES}
    by_path: dict[Path, list[_Finding]] = {}
    for finding in found:
        if finding.type in _TYPES and finding.path not in looked_into:
            by_path.setdefault(finding.path, []).append(finding)
    return by_path


def _wrong_type(path: Path, found: list[_Finding], subject: str) -> tuple[str, str, str]:
    value = found[0].input
    wanted = [words for type_, words in _TYPES.items() if any(finding.type == type_ for finding in found)]
    if "a number" in wanted and "an integer" in wanted:
        wanted.remove("an integer")
    said = _BEST_SAID.get(dotted(path)) or _BEST_SAID.get(f"{path[0]}.*" if len(path) == 2 else "")
    expected = said or _either(wanted)
    return f"{dotted(path)} must be {expected}, is {shown(value)}", subject, _type_hint(value, expected)


def _either(wanted: list[str]) -> str:
    """`a number, text, true, false or a list`."""
    words = ", ".join(dict.fromkeys(wanted)).replace("true or false", "true, false")
    head, _, last = words.rpartition(", ")
    return f"{head} or {last}" if head else last


def _type_hint(value: object, expected: str) -> str:
    if expected == "true or false":
        return "write true or false, without quotes"
    if expected == "text" and isinstance(value, bool | int | float):
        return "put it in quotes"
    if expected in ("a list", "a list of values") and isinstance(value, bool | int | float | str):
        is_short = len(str(value)) < 30 and str(value).isprintable()
        return f"write [{value}]" if is_short else "put it in brackets"
    is_number = isinstance(value, str) and value.replace(".", "", 1).lstrip("-").isdecimal()
    return "remove the quotes" if is_number and expected in ("a number", "an integer") else ""


def _problem(finding: _Finding, kind: type[BaseModel], value_at: Places, key_at: Places, subject: str) -> Problem:
    path, at = finding.path, value_at(finding.path)
    name, value = dotted(path), shown(finding.input)
    if finding.type == "missing":
        where = f" in {name}" if path else ""
        return Problem(at, Code.MISSING_FIELD, f'missing field "{finding.field}"{where}', subject)
    if finding.type == "extra_forbidden":
        where = f" in {dotted(path[:-1])}" if path[:-1] else ""
        message = f"unknown field {quoted(path[-1])}{where}"
        return Problem(key_at(path), Code.UNKNOWN_FIELD, message, subject, _field_hint(kind, path))
    if finding.type == "string_pattern_mismatch":
        help_ = NAME_HELP if finding.limits.get("pattern") == NAME else _WORDS.get(str(path[0]), _ROLE_HELP)
        if finding.about_key:
            return Problem(key_at(path), Code.NAME, f"{value} cannot be a name in {dotted(path[:-1])}", subject, help_)
        return Problem(at, Code.NAME, f"{name} cannot be {value}", subject, help_)
    if finding.type in _LIMITS:
        words, limit = _LIMITS[finding.type]
        message = f"{name} must be {words} {shown(finding.limits.get(limit))}, is {value}"
    elif finding.type == "literal_error":
        expected = str(finding.limits.get("expected")).replace("'", "")
        message = f"{name} must be {expected}, is {value}"
    elif finding.type == "string_too_short":
        message = f"{name} must not be empty"
    else:
        what = "" if isinstance(finding.input, dict) else f", is {value}"
        message = f"{name} {finding.message.removeprefix('Value error, ')}{what}"
    return Problem(at, Code.WRONG_VALUE, message, subject, str(finding.limits.get("hint", "")))


def dotted(path: Path) -> str:
    """A path as people write it: `controls.edge.weight`, `needs[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{quoted(part)[1:-1]}"
    return text.removeprefix(".") or "a spec"


def shown(value: object) -> str:
    """A value of a spec in the words of a message."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return "empty" if value is None else str(value)


def _field_hint(kind: type[BaseModel], path: Path) -> str:
    annotations: list[Any] = [kind]
    for part in path[:-1]:
        annotations = [inner for annotation in annotations for inner in _inside(annotation, part)]
    fields = [
        name
        for inner in annotations
        if isinstance(inner, type) and issubclass(inner, BaseModel)
        for name in inner.model_fields
    ]
    near = did_you_mean(str(path[-1]), fields)
    if near or not fields:
        return near
    if len(path) == 1 and "params" in fields:
        return "a parameter of the model goes below params"
    return f"it takes {', '.join(fields)}"


def _inside(annotation: Any, part: str | int) -> Iterator[Any]:
    """Types of what is at `part` of a value of this type, unions taken apart."""
    arguments = get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(str(part))
        yield from _alternatives(field.annotation) if field else ()
    elif get_origin(annotation) in (dict, list):
        yield from _alternatives(arguments[-1])


def _alternatives(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        yield from _alternatives(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, types.UnionType):
        for alternative in get_args(annotation):
            yield from _alternatives(alternative)
    else:
        yield annotation
