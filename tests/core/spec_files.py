"""Spec files out of a few words, read as the engine reads them."""

from collections.abc import Iterable

from cosmos.core.expand import Expanded, expand
from cosmos.core.load import Loaded, SourceFile, load
from cosmos.core.problem import Problem
from cosmos.core.spec_model import ModelSpec

BUILT_IN = {name: ModelSpec(kind="Model", name=name, adapter="preview") for name in ("preview", "upscale")}
"""Models that every spec here may name."""


def files(*texts: str) -> list[SourceFile]:
    """Files a.yaml, b.yaml, ... with these texts."""
    return [SourceFile(f"{chr(ord('a') + index)}.yaml", text.encode()) for index, text in enumerate(texts)]


def loaded(*texts: str) -> Loaded:
    return load(files(*texts))


def expanded(*texts: str) -> Expanded:
    """What becomes of files that `load` has nothing to say against."""
    found = loaded(*texts)
    assert not found.problems, said(found.problems)
    return expand(found, BUILT_IN, "test")


def run(name: str, *lines: str) -> str:
    """One run of the model `preview`; `lines` are further fields."""
    return "\n".join(["---", "kind: Run", f"name: {name}", "model: preview", *lines, ""])


def prompt(name: str, *lines: str) -> str:
    return "\n".join(["---", "kind: Prompt", f"name: {name}", f"text: a text about {name}", *lines, ""])


def said(problems: Iterable[Problem]) -> list[str]:
    return [str(problem) for problem in problems]
