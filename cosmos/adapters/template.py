"""The argv template of a command model: `{text}`, `{inputs.video}`, `--size={params.size}`.

A brace that is meant as such is written twice. There is no shell and there is no quoting: an element of
the template becomes one argument, whatever its values contain. An element that names an optional input
or parameter which a run does not have is left out, so write `--mask={inputs.mask}` as one element.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from cosmos.core.run import Value

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


@dataclass(frozen=True, slots=True)
class Name:
    """A placeholder, as `inputs.video`."""

    value: str


Piece = str | Name


class TemplateError(ValueError):
    """An element of a template that cannot be read; the message is for a person."""


@lru_cache(maxsize=1024)  # a sweep asks for the same few elements thousands of times
def parse(element: str) -> tuple[Piece, ...]:
    """Literal text and names, in order.

    Raises:
        TemplateError: A single brace.
    """
    pieces: list[Piece] = []
    end = 0
    for token in _TOKEN.finditer(element):
        pieces.append(element[end : token.start()])
        end = token.end()
        if token[1] is not None:
            pieces.append(Name(token[1]))
        elif len(token[0]) == 2:
            pieces.append(token[0][0])
        else:
            raise TemplateError(f'a single "{token[0]}" in "{element}"')
    pieces.append(element[end:])
    return tuple(piece for piece in pieces if piece != "")


@lru_cache(maxsize=256)
def names(elements: tuple[str, ...]) -> frozenset[str]:
    """Every placeholder of a template; elements that cannot be read have none."""
    found: set[str] = set()
    for element in elements:
        try:
            found.update(piece.value for piece in parse(element) if isinstance(piece, Name))
        except TemplateError:
            continue
    return frozenset(found)


def render(elements: Sequence[str], values: Mapping[str, str | None]) -> tuple[str, ...]:
    """The argv. An element with a name whose value is None is left out."""
    argv = []
    for element in elements:
        texts = [values[piece.value] if isinstance(piece, Name) else piece for piece in parse(element)]
        if None not in texts:
            argv.append("".join(text for text in texts if text is not None))
    return tuple(argv)


def argument(value: Value) -> str:
    """A parameter as one argument: numbers as Python writes them, `true` and `false`, text as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)
