"""Two outputs held against each other: settings, how they were made, and how alike their videos look."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from cosmos.core.codec import run_from_json
from cosmos.core.desired import Desired
from cosmos.core.digest import Digest
from cosmos.core.gallery import differing
from cosmos.core.recorded import LedgerEntry
from cosmos.core.run import Run, Similarity
from cosmos.core.select import one as the_one
from cosmos.errors import RefusedError, StorageError
from cosmos.project import plans, ratings, samples
from cosmos.project.wiring import Project
from cosmos.results import Compared, Side


def compare(project: Project, one: str, other: str) -> Compared:
    """Two runs, each as its name, or as `NAME@DIGEST` for an earlier output.

    Raises:
        NotFoundError: A name means no run, or a digest no output of it.
        RefusedError: Both are the same.
        StorageError: A video cannot be read.
    """
    desired = project.desire()
    first, second = side(project, desired, one), side(project, desired, other)
    if first.digest == second.digest:
        words = f"{first.key} and {second.key}" if first.key != second.key else "both names"
        raise RefusedError(f"{words} mean one output, {first.digest[:8]}", "RUN@DIGEST means an earlier one")
    names = [role for role in first.files if role in second.files]
    equal = tuple(role for role in names if first.files[role] == second.files[role])
    return Compared(
        one=first,
        other=second,
        settings=_settings(first, second),
        videos={role: alike(first.files[role], second.files[role]) for role in names if role not in equal},
        equal=equal,
    )


def side(project: Project, desired: Desired, name: str) -> Side:
    """One output of a run, or the run alone where it has none yet."""
    key, found = meant(project, desired, name)
    want = desired.by_key().get(key)
    entry = next(iter(project.records.results([found])), None)
    run = want.run if want is not None and want.digest == found else recorded(project, entry, key)
    material = dict(project.records.materials().values()).get(found, {})
    inputs = material.get("inputs") if want is None or want.digest != found else _hashes(desired, key)
    review = desired.reviews.of(key, found)
    return Side(
        key=key,
        digest=found,
        run=run,
        inputs=inputs if isinstance(inputs, dict) else {},
        rating=review.rating if review else None,
        **(_made(project, run, entry) if entry is not None else {}),
    )


def meant(project: Project, desired: Desired, name: str) -> tuple[str, Digest]:
    """Key and digest of what `NAME` or `NAME@DIGEST` means."""
    name, _, digest = name.partition("@")
    if digest:
        about = ratings.about(project, desired, name, digest)
        return about.key, Digest(about.digest)
    with plans.among_runs(desired, [name]):
        key = the_one(plans.named(desired), name)
    return key, desired.by_key()[key].digest


def _hashes(desired: Desired, key: str) -> dict[str, str]:
    return {role: blob.sha256 for role, blob in desired.by_key()[key].blobs.items()}


def recorded(project: Project, entry: LedgerEntry | None, key: str) -> Run:
    """The run as it was launched, which its batch keeps."""
    meta = project.records.meta(entry.batch_id) if entry is not None else None
    members = meta.members if meta is not None else ()
    text = next((member.run for member in members if entry is not None and member.digest == entry.digest), "")
    with suppress(ValueError):  # another version wrote it
        return run_from_json(text)
    raise RefusedError(f"of this output of {key} it is not known how it was made", "cosmos history has what is known")


def _made(project: Project, run: Run, entry: LedgerEntry) -> dict[str, Any]:
    record = samples.provenance(project, entry)
    machine = record.get("machine")
    gpus = machine.get("gpus", ()) if isinstance(machine, Mapping) else ()
    return {
        "is_made": True,
        "files": videos(project, run, entry),
        "took_s": entry.duration_s,
        "finished_at": entry.finished_at,
        "attempt": entry.attempt,
        "host": str(record.get("host", "")),
        "gpus": tuple(str(gpu.get("name", "")) for gpu in gpus),
        "commit": str(record.get("commit", "")),
    }


def videos(project: Project, run: Run, entry: LedgerEntry) -> dict[str, Path]:
    """What a result was made for, by role, in the store."""
    made = dict(samples.made_of(run, entry))
    roles = [role for role in samples.main_roles(run) if role in made and run.outputs[role].video]
    return {role: project.world.store.path(made[role].sha256) for role in roles}


def _settings(one: Side, other: Side) -> dict[str, tuple[str, str]]:
    """Inputs differ by their bytes, whatever their paths."""
    found = {name: (first, second) for name, (first, second) in differing([one.run, other.run]).items()}
    found = {name: values for name, values in found.items() if not name.startswith("inputs.")}
    for role in sorted({*one.run.inputs, *other.run.inputs}):
        first, second = _input(one, role), _input(other, role)
        if one.inputs.get(role) != other.inputs.get(role) or not (role in one.inputs and role in other.inputs):
            found[f"inputs.{role}"] = (first, second)
    return found


def _input(side: Side, role: str) -> str:
    if role not in side.run.inputs:
        return "-"
    return f"{side.run.inputs[role]} ({side.inputs[role][:8] if role in side.inputs else 'bytes not known'})"


def alike(one: Path, other: Path) -> Similarity:
    """How alike two videos look.

    Raises:
        StorageError: One cannot be read.
    """
    from cosmos.local_ai import similarity

    try:
        return similarity.similarity(one, other)
    except (ValueError, OSError) as error:
        raise StorageError(
            f"a video cannot be compared: {error}", "cosmos verify --fix mends what can be mended"
        ) from None
