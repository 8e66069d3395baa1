"""Runs as JSON text and back, for batch.json, the database and provenance; and JSON that people read."""

import json
from functools import cache
from json.encoder import encode_basestring_ascii
from typing import Any

from pydantic import TypeAdapter

from cosmos.core.digest import canonical, plain
from cosmos.core.run import Run


def run_to_json(run: Run) -> str:
    """Canonical JSON of a resolved run."""
    return canonical(run).decode("ascii")


def run_from_json(text: str) -> Run:
    """The run that `run_to_json` wrote.

    Raises:
        ValueError: The text is not such a run (another version wrote it, or it was damaged).
    """
    return _run_type().validate_json(text)


def indented(value: Any, margin: str = "\n") -> str:
    """What `json.dumps` writes with an indent of 2 and sorted keys, and faster; a dataclass is its fields."""
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    if value is None or isinstance(value, int | float):
        return json.dumps(value)
    inner = f"{margin}  "
    if isinstance(value, list | tuple):
        items = [indented(each, inner) for each in value]
        return f"[{inner}{f',{inner}'.join(items)}{margin}]" if items else "[]"
    pairs = value if isinstance(value, dict) else plain(value)
    items = [f"{encode_basestring_ascii(name)}: {indented(pairs[name], inner)}" for name in sorted(pairs)]
    return f"{{{inner}{f',{inner}'.join(items)}{margin}}}" if items else "{}"


@cache  # not at import: most commands read no run back, and all would pay for it
def _run_type() -> TypeAdapter[Run]:
    return TypeAdapter(Run)
