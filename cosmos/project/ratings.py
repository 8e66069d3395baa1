"""Reviews being written: which output one is about, what it says, and where it is kept."""

from collections.abc import Mapping
from dataclasses import dataclass

from cosmos.core.desired import Desired, DesiredRun
from cosmos.core.digest import SHORT
from cosmos.core.reviews import Review
from cosmos.core.select import one
from cosmos.errors import NotFoundError, RefusedError
from cosmos.project import plans, versions
from cosmos.project.wiring import Project

FIELDS = ("rating", "note", "tags")


@dataclass(frozen=True, slots=True)
class About:
    """An output of a run."""

    key: str
    digest: str


def about(project: Project, desired: Desired, run: str, digest: str) -> About:
    """The output that is meant.

    Raises:
        NotFoundError: No run, or no output of it, is called so.
        RefusedError: The run has no output yet.
    """
    want = None if len(digest) < SHORT else _present(desired, run)
    if digest and (want is None or not want.digest.startswith(digest)):
        rows = [row for row in versions.versions(project, run) if row.digest.startswith(digest) and row.is_made]
        if len(digest) < SHORT or len(rows) != 1:
            raise NotFoundError(f'{run} has no output "{digest}"', f"cosmos history {run} shows them")
        return About(rows[0].key, rows[0].digest)
    with plans.among_runs(desired, [run]):
        key = one(plans.named(desired), run)
    want = desired.by_key()[key]
    if want.digest not in project.records.load({key: want.digest}).ledger:
        hint = f"cosmos status has where it is; --digest names an earlier output, as cosmos history {key} shows them"
        raise RefusedError(f"{key} has no output yet that could be rated", hint)
    return About(key, want.digest)


def _present(desired: Desired, run: str) -> DesiredRun | None:
    """The run of the specs that a name means, if it means one."""
    try:
        return desired.by_key()[one(plans.named(desired), run)]
    except NotFoundError:
        return None


def merged(there: Review | None, fields: Mapping[str, object]) -> dict[str, object]:
    """What a review says after a change: what is None is taken away where it is the rating, and else stays."""
    said: dict[str, object] = {}
    if there is not None:
        said = {"rating": there.rating, "note": there.note, "tags": list(there.tags)}
    for name, value in fields.items():
        if name == "rating" or value is not None:
            said[name] = list(value) if isinstance(value, list | tuple) else value
    return {name: said[name] for name in FIELDS if said.get(name) not in (None, "", [])}


def document(about: About, said: Mapping[str, object]) -> dict[str, object]:
    return {"kind": "Review", "run": about.key, "digest": about.digest[:SHORT], **said}


def path(folder: str, key: str) -> str:
    """A file for each run: two people who rate different runs never touch the same one."""
    return f"{folder}/reviews/{key}.yaml"


def subject(key: str, fields: Mapping[str, object]) -> str:
    """`Rate city/seed-1 5`, in the words of a commit."""
    if "rating" not in fields:
        return f"Annotate {key}"
    return f"Rate {key} {fields['rating']}" if fields["rating"] is not None else f"Clear the rating of {key}"
