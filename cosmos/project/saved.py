"""Saved plans: a plan in a file, applied later exactly as it was shown, or refused as stale."""

import contextlib
import json
import os
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from cosmos.core.digest import canonical, sha256_hex
from cosmos.core.planned import Planned, differences, planned_operations, planned_runs
from cosmos.errors import NotFoundError, RefusedError, StaleError, StorageError
from cosmos.outcome import PlanView
from cosmos.project import plans
from cosmos.project.wiring import Project

FORMAT = "cosmos-plan"
FORMAT_VERSION = 1
BYTES_MAX = 256 << 20
NAMED = 10
"""Differences that a refusal names."""


def planned(project: Project, view: PlanView) -> Planned:
    """A plan as it is kept."""
    return Planned(
        project=project.settings.name,
        revision=view.revision,
        targets=view.targets,
        labels=view.labels,
        rerun=view.rerun,
        runs=planned_runs(view.desired, view.selected),
        held=tuple(sorted(view.desired.held)),
        operations=planned_operations(view.plan),
    )


def save(project: Project, view: PlanView, path: Path) -> None:
    """Write a plan to a file, at once or not at all. Only a file that holds a plan is replaced.

    Raises:
        RefusedError: Something else is there.
        StorageError: It cannot be written.
    """
    if path.exists() and not _is_plan(path):
        raise RefusedError(f"{path} is there and is no saved plan", "name another file")
    content = json.loads(canonical(asdict(planned(project, view))))
    document = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "made_by": f"cosmos {metadata.version('cosmos-gitops')}",
        "made_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "sha256": sha256_hex(canonical(content)),
        "plan": content,
    }
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(json.dumps(document, indent=1) + "\n", encoding="ascii")
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):  # of what may not be there: the first error is the one to tell
            beside.unlink(missing_ok=True)
        raise StorageError(f"cannot write {path}: {error.strerror}", "name a file that can be written") from None


def _is_plan(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return FORMAT.encode() in file.read(100)
    except OSError:
        return False


def read(path: Path) -> Planned:
    """The plan of a file.

    Raises:
        NotFoundError: There is no such file.
        RefusedError: It is no plan, is damaged, or was written by a newer cosmos.
    """
    document = _document(path)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise RefusedError(f"{path} is not a saved plan", "cosmos plan --out FILE writes one")
    version, content = document.get("format_version"), document.get("plan")
    if isinstance(version, int) and version > FORMAT_VERSION:
        made_by = str(document.get("made_by"))[:60]
        raise RefusedError(f"{path} was written by a newer program ({made_by})", "make a new plan, or upgrade cosmos")
    if version != FORMAT_VERSION or document.get("sha256") != sha256_hex(canonical(content)):
        raise _damaged(path)
    try:
        return TypeAdapter(Planned).validate_python(content)
    except ValidationError:
        raise _damaged(path) from None


def _document(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            data = file.read(BYTES_MAX + 1)
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {path}", "cosmos plan --out FILE writes one") from None
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror}") from None
    try:
        return json.loads(data, parse_constant=_no_number)
    except (ValueError, RecursionError):
        if FORMAT.encode() in data[:100]:
            raise _damaged(path) from None
        return None


def _no_number(word: str) -> object:
    raise ValueError(word)


def _damaged(path: Path) -> RefusedError:
    return RefusedError(f"{path} is damaged: it is not as it was written", "make a new plan: cosmos plan --out FILE")


def load(project: Project, path: Path) -> PlanView:
    """The plan of a file, made anew.

    Raises:
        StaleError: It would be another plan now.
    """
    before = read(path)
    if before.project != project.settings.name:
        raise RefusedError(
            f'{path} is a plan of the project "{before.project}", this is "{project.settings.name}"',
            "make a new plan here: cosmos plan --out FILE",
        )
    return again(project, before, str(path))


def again(project: Project, before: Planned, what: str) -> PlanView:
    """A plan made anew, if it is the same.

    Raises:
        StaleError: It is not.
    """
    try:
        view = plans.make(project, before.targets, before.labels, rerun=before.rerun)
    except (NotFoundError, RefusedError) as error:
        raise _stale(what, [error.message]) from None
    now = planned(project, view)
    found = list(differences(before, now))
    if found:
        known = before.revision and now.revision and before.revision != now.revision
        moved = [f"the plan was made at {before.revision[:8]}, the specs are at {now.revision[:8]}"] if known else []
        raise _stale(what, [*found[:NAMED], *_more(len(found) - NAMED), *moved])
    return replace(view, exact=True)


def _more(count: int) -> list[str]:
    return [f"and {count} more"] if count > 0 else []


def _stale(what: str, lines: list[str]) -> StaleError:
    said = "".join(f"\n  {line}" for line in lines)
    return StaleError(f"{what} is stale: it would be another plan now{said}", "nothing was done; look at a new plan")
