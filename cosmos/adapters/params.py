"""Parameters: what a spec says against what a model declares. Shared by all adapters.

Each value comes out as its declared type or is refused with the field it stands in. Equal settings come
out as equal values, because they become part of a digest, where 5 and 5.0, or -0.0 and 0.0, would
otherwise be two runs.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from cosmos.adapters.fields import model_refusals, unknown
from cosmos.core.draft import Refusal
from cosmos.core.problem import did_you_mean
from cosmos.core.run import Model, ParamType, Scalar, Value

_EXACT = 2**53
"""Whole numbers up to this size are exact as a float."""

_KINDS = {"int": "a whole number", "float": "a number", "str": "text", "bool": "true or false"}


def typed_params(
    declared: Mapping[str, ParamType], given: Mapping[str, Value]
) -> tuple[dict[str, Value], list[Refusal]]:
    """Every declared parameter with its given or default value; unknown, wrong and missing ones refused."""
    params: dict[str, Value] = {}
    refusals = [unknown("parameter", name, ("params", name), declared) for name in given if name not in declared]
    for name, kind in declared.items():
        if name in given:
            params[name], wrong = checked(kind, given[name])
            if wrong:
                refusals.append(Refusal(path=("params", name), message=f'parameter "{name}" {wrong}'))
        elif kind.required:
            message = f'parameter "{name}" is missing: {describe(kind)}'
            refusals.append(Refusal(path=("params",), message=message, hint=f"write `params: {{{name}: ...}}`"))
        else:
            params[name] = None if kind.default is None else _typed(kind, kind.default)
    return params, refusals


def param_problems(declared: Mapping[str, ParamType]) -> list[Refusal]:
    """Declarations that contradict themselves. Paths are relative to the Model spec."""
    return [
        Refusal(path=("params", name, field), message=f'parameter "{name}": {wrong}')
        for name, kind in declared.items()
        for field, wrong in _contradictions(kind)
    ]


def declaration_refusals(declared: Mapping[str, ParamType], takes: Mapping[str, str]) -> Iterator[Refusal]:
    """Refusals of a Model spec whose parameters are not those of its program.

    Args:
        declared: What the spec declares.
        takes: Type by name of what the program takes.
    """
    for name in declared:
        if name not in takes:
            yield unknown("parameter", name, ("params", name), takes)
    for name, kind in takes.items():
        if name not in declared:
            yield Refusal(path=("params",), message=f'parameter "{name}" ({kind}) is not declared')
        elif declared[name].type != kind:
            yield Refusal(path=("params", name, "type"), message=f'"{name}" must be of type {kind}')


def program_problems(
    model: Model,
    takes: Mapping[str, str],
    *,
    paths: Iterable[str] = (),
    needs: Iterable[str] = (),
    server: bool = False,
) -> list[Refusal]:
    """What a Model spec lacks, or must not have, where the adapter knows the program: only that has inputs and outputs.

    Args:
        model: The model.
        takes: Type by name of the program's parameters.
        paths: Names of the paths that the adapter takes.
        needs: Those of them that must be there.
        server: It takes an endpoint.
    """
    own = ("command", "inputs", "outputs", *(() if server else ("endpoint",)))
    return [
        *param_problems(model.params),
        *declaration_refusals(model.params, takes),
        *model_refusals(model, own=own, paths=paths, needs=needs),
    ]


def checked(kind: ParamType, value: Value) -> tuple[Value, str]:
    """The value as its declared type, and what is wrong with it ("" for nothing)."""
    if value is None:
        optional = not kind.required and kind.default is None
        return None, "" if optional else "has no value; leave the line out to get the default"
    if isinstance(value, tuple):
        return value, "takes one value, not a list"
    if wrong := _wrong_kind(kind, value):
        return value, wrong
    typed = _typed(kind, value)
    if kind.choices and typed not in [_typed(kind, choice) for choice in kind.choices]:
        near = did_you_mean(str(typed), map(str, kind.choices))
        return typed, f"must be {describe(kind)}, not {_shown(typed)}" + (f"; {near}" if near else "")
    if isinstance(typed, int | float) and not _within(kind, typed):
        return typed, f"must be {describe(kind)}, not {_shown(typed)}"
    return typed, ""


def describe(kind: ParamType) -> str:
    """Type and range in words, as `a number from 1 to 15`."""
    if kind.choices:
        return f"one of {', '.join(map(_shown, kind.choices))}"
    low = "" if kind.minimum is None else f"from {kind.minimum:.15g}"
    high = "" if kind.maximum is None else f"to {kind.maximum:.15g}"
    return " ".join(filter(None, (_KINDS[kind.type], low, high)))


def _contradictions(kind: ParamType) -> Iterator[tuple[str, str]]:
    """Field and what is wrong with it."""
    if kind.minimum is not None and kind.maximum is not None and kind.minimum > kind.maximum:
        yield "min", "min is above max"
    for choice in kind.choices:
        if wrong := _wrong_kind(replace(kind, choices=()), choice):
            yield "choices", f"choice {wrong}"
    if kind.default is not None and (wrong := checked(kind, kind.default)[1]):
        yield "default", f"default {wrong}"


def _wrong_kind(kind: ParamType, value: Scalar) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    matches = is_number if kind.type == "float" else type(value).__name__ == kind.type
    if not matches:
        return f"must be {describe(kind)}, not {_shown(value)}"
    if isinstance(value, float) and not math.isfinite(value):
        return f"must be a finite number, not {value}"
    if kind.type == "float" and isinstance(value, int) and abs(value) > _EXACT:
        return "is too large for a number with decimals"
    if isinstance(value, str) and any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in value):
        return "contains NUL or half of a surrogate pair, which no program can be given"
    return ""


def _typed(kind: ParamType, value: Scalar) -> Scalar:
    return float(value) + 0.0 if kind.type == "float" else value


def _within(kind: ParamType, value: float) -> bool:
    low = kind.minimum is None or value >= kind.minimum
    return low and (kind.maximum is None or value <= kind.maximum)


def _shown(value: Scalar) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)
