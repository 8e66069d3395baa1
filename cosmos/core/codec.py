"""Runs as JSON text and back, for batch.json, the database and provenance."""

from functools import cache

from pydantic import TypeAdapter

from cosmos.core.digest import canonical
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


@cache  # not at import: most commands read no run back, and all would pay for it
def _run_type() -> TypeAdapter[Run]:
    return TypeAdapter(Run)
