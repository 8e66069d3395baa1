"""Runs as JSON text and back, for batch.json, the database and provenance."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache

from pydantic import TypeAdapter

from cosmos.core.digest import canonical
from cosmos.core.run import Run


def run_to_json(run: Run) -> str:
    """Canonical JSON of a resolved run."""
    return canonical(_plain(run)).decode("ascii")


def _plain(value: object) -> object:
    """`dataclasses.asdict` without its copies of every leaf, which took most of the time of a launch's records."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    return value


def run_from_json(text: str) -> Run:
    """The run that `run_to_json` wrote.

    Raises:
        ValueError: The text is not such a run (another version wrote it, or it was damaged).
    """
    return _run_type().validate_json(text)


@cache  # not at import: most commands read no run back, and all would pay for it
def _run_type() -> TypeAdapter[Run]:
    return TypeAdapter(Run)
