"""Conditions over runs: `rating >= 4 and labels.scene == "city"`. A small part of Python's expressions, and no more.

What is written is held against a list of what may stand in a condition before simpleeval evaluates it: names,
constants, comparisons, `in`, `and`, `or`, `not`, and a field of a mapping after a dot. So there is nothing to call,
nothing to reach into, and nothing that takes long. What is not there is `none`: every comparison with it is false but
`==`, `!=` and `in`.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import simpleeval

from cosmos.core.problem import did_you_mean, quoted
from cosmos.core.reviews import Review
from cosmos.core.run import Run

LENGTH_MAX = 500
DEPTH_MAX = 20

REVIEWED = frozenset({"rating", "note", "tags"})
MAPPINGS = frozenset({"labels", "params", "controls"})
NAMES = frozenset({"key", "name", "prompt", "model", *REVIEWED, *MAPPINGS})
CONSTANTS = {"true": True, "false": False, "none": None, "null": None}

_MAY_STAND = (
    *(ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.Compare, ast.Load),
    *(ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Is, ast.IsNot),
    *(ast.Name, ast.Constant, ast.Attribute, ast.List, ast.Tuple, ast.Subscript),
)
_HINT = "as in: rating >= 4 and labels.scene == 'city'"


class ConditionError(ValueError):
    """A condition that cannot be read, or not be judged of a run. `hint` is the next step."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class _Facts(dict[str, object]):
    """Labels, parameters or weights; those that are not there are none."""

    def __missing__(self, name: str) -> None:
        return None


def _ordered(compare: Callable[[Any, Any], object]) -> Callable[[object, object], bool]:
    return lambda one, two: one is not None and two is not None and bool(compare(one, two))


def _contains(one: object, two: object) -> bool:
    return two is not None and operator.contains(two, one)  # type: ignore[arg-type]


_OPERATORS = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Is: operator.eq,
    ast.IsNot: operator.ne,
    ast.Lt: _ordered(operator.lt),
    ast.LtE: _ordered(operator.le),
    ast.Gt: _ordered(operator.gt),
    ast.GtE: _ordered(operator.ge),
    ast.In: _contains,
    ast.NotIn: lambda one, two: not _contains(one, two),
    ast.Not: operator.not_,
    ast.USub: operator.neg,
}


@dataclass(frozen=True)
class Condition:
    """A condition that can be read."""

    text: str

    @cached_property
    def _tree(self) -> ast.expr:
        return _checked(self.text)

    @cached_property
    def names(self) -> frozenset[str]:
        """What it is about."""
        return frozenset(node.id for node in ast.walk(self._tree) if isinstance(node, ast.Name))

    def holds(self, facts: Mapping[str, object]) -> bool:
        """Whether a run fulfils it.

        Raises:
            ConditionError: Values are compared that cannot be.
        """
        judge = simpleeval.EvalWithCompoundTypes(operators=_OPERATORS, functions={}, names={**CONSTANTS, **facts})
        try:
            return bool(judge.eval(self.text, previously_parsed=self._tree))
        except (TypeError, simpleeval.InvalidExpression) as error:
            words = "values that cannot be compared" if isinstance(error, TypeError) else str(error)
            raise ConditionError(f"cannot be judged: {words} in {quoted(self.text)}", _HINT) from None


def condition(text: str) -> Condition:
    """A condition from its text.

    Raises:
        ConditionError: It is none; the message says where.
    """
    made = Condition(text)
    _ = made.names
    return made


def facts(run: Run, review: Review | None) -> dict[str, object]:
    """What conditions know of a run."""
    return {
        "key": run.key,
        "name": run.name,
        "prompt": run.prompt,
        "model": run.model.name,
        "labels": _Facts(run.labels),
        "params": _Facts(run.params),
        "controls": _Facts({role: control.weight for role, control in run.controls.items()}),
        "rating": review.rating if review else None,
        "note": review.note if review else "",
        "tags": list(review.tags) if review else [],
    }


def _checked(text: str) -> ast.expr:
    if len(text) > LENGTH_MAX:
        raise ConditionError(f"is longer than {LENGTH_MAX} letters", "make several runs of it")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        at = getattr(error, "offset", None)
        where = f" at letter {at}" if at else ""
        raise ConditionError(f"cannot be read{where}: {quoted(text)}", _HINT) from None
    _check(tree, 0)
    return ast.fix_missing_locations(_Dotted().visit(tree)).body  # type: ignore[no-any-return]


def _check(node: ast.AST, depth: int) -> None:
    """Go on only with what may stand in a condition."""
    at = f"at letter {getattr(node, 'col_offset', 0) + 1}"
    if depth > DEPTH_MAX:
        raise ConditionError("is nested too deep", "make several runs of it")
    if not isinstance(node, _MAY_STAND):
        raise ConditionError(f"has something {at} that cannot stand in a condition", _HINT)
    if isinstance(node, ast.Constant) and not isinstance(node.value, str | int | float | bool | None):
        raise ConditionError(f"has something {at} that cannot stand in a condition", _HINT)
    if isinstance(node, ast.Name) and node.id not in NAMES | CONSTANTS.keys():
        hint = did_you_mean(node.id, NAMES) or f"it knows {', '.join(sorted(NAMES))}; a text is in quotes"
        raise ConditionError(f"knows no {quoted(node.id)} {at}", hint)
    if isinstance(node, ast.Attribute | ast.Subscript):
        inside = isinstance(node.value, ast.Name) and node.value.id in MAPPINGS
        is_text = isinstance(node, ast.Attribute) or (
            isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)
        )
        if not inside or not is_text:
            words = f"only {', '.join(sorted(MAPPINGS))} have fields, as labels.scene or labels['my.label']"
            raise ConditionError(f"has something {at} that has no fields", words)
    for child in ast.iter_child_nodes(node):
        _check(child, depth + 1)


class _Dotted(ast.NodeTransformer):
    """`labels.scene` as `labels["scene"]`: what stands behind a dot is never asked of an object."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return ast.Subscript(value=node.value, slice=ast.Constant(node.attr), ctx=node.ctx)
