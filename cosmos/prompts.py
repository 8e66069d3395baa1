"""Rows about prompts: the texts of the specs, what is made from them, and what people think of that."""

from collections.abc import Mapping
from dataclasses import dataclass

from cosmos.core.gallery import Item
from cosmos.core.problem import Location, Problem
from cosmos.core.recorded import LedgerEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptRow:
    """One prompt; `runs` counts the runs made from it, `rating` is the mean of the `rated` ones among them."""

    name: str
    id: str
    text: str
    negative: str
    inputs: str
    labels: Mapping[str, str]
    at: Location
    runs: int
    rating: float | None = None
    rated: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """All prompts. `folders` has the scenes that each reads from, `phases` counts its runs, by name of a prompt.

    `problems` are those of the specs, of which some keep a prompt from being among the rows.
    """

    rows: tuple[PromptRow, ...]
    folders: Mapping[str, tuple[str, ...]]
    phases: Mapping[str, Mapping[str, int]]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptRuns:
    """The runs of one prompt. `texts` are those that made a text which can be accepted, with what they made."""

    runs: tuple[Item, ...]
    texts: tuple[tuple[Item, LedgerEntry], ...]
