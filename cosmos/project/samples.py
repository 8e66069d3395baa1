"""One run of an export: its files, and its line of JSON."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from cosmos.core.desired import DesiredRun
from cosmos.core.digest import SHORT
from cosmos.core.recorded import FileEntry, LedgerEntry
from cosmos.core.run import MediaFacts, Run
from cosmos.engine.provenance import PROVENANCE
from cosmos.errors import StorageError
from cosmos.project.wiring import Project
from cosmos.store.disk import disk_errors
from cosmos.store.giving import Gift

FORMAT_VERSION = 1
MAIN = ("video", "image")
"""Outputs that a run is made for. A run without these is made for all its videos, or else for all its files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """With what guided it, as links, as members of a tar file."""

    controls: bool
    link: bool
    in_tar: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """`name` is what its files in a tar file are called up to the first dot."""

    name: str
    line: dict[str, object]
    gifts: tuple[Gift, ...]


def sample(project: Project, want: DesiredRun, entry: LedgerEntry, how: How) -> Sample:
    key = want.run.key
    name = f"{want.run.id}-{want.digest[:SHORT]}"
    made = dict(made_of(want.run, entry))
    main = [role for role in main_roles(want.run) if role in made]
    parts: list[tuple[str, str, Gift]] = []
    for role in main:
        path = f"videos/{key}" if len(main) == 1 else f"videos/{key}/{role}"
        parts.append((role, "output", _of_store(project, key, path, made[role], how)))
    if how.controls:
        guides = [role for role in made if role not in main and want.run.outputs[role].video]
        for role in guides:
            gift = _of_store(project, key, f"controls/{key}/{role}", made[role], how)
            parts.append((role, "control", gift))
        parts += [(role, "input", gift) for role, gift in _inputs(project, want)]
    if how.in_tar:
        parts = [(role, kind, _member(name, role, kind, gift, alone=len(main) == 1)) for role, kind, gift in parts]
    files = [_file(project, role, kind, gift) for role, kind, gift in parts]
    line = {**_line(want, entry, provenance(project, entry)), "files": files}
    return Sample(name, line, tuple(gift for _, _, gift in parts))


def made_of(run: Run, entry: LedgerEntry) -> Iterator[tuple[str, FileEntry]]:
    """Outputs of a result by role."""
    files = {file.name: file for file in entry.manifest}
    for role, output in run.outputs.items():
        if output.path in files:
            yield role, files[output.path]


def main_roles(run: Run) -> list[str]:
    """Outputs that a run is made for."""
    outputs = run.outputs
    named = [role for role in MAIN if role in outputs]
    return named or [role for role, output in outputs.items() if output.video] or list(outputs)


def _of_store(project: Project, key: str, path: str, file: FileEntry, how: How) -> Gift:
    flaw = project.stock.flaw(file, read=False)
    if flaw is not None:
        raise StorageError(f"{file.name} of {key} {flaw[1]}", "cosmos verify --fix mends what can be mended")
    return Gift(
        name=f"{path}{PurePosixPath(file.name).suffix}",
        sha256=file.sha256,
        size=file.size,
        source=project.world.store.path(file.sha256),
        link=how.link,
    )


def _inputs(project: Project, want: DesiredRun) -> Iterator[tuple[str, Gift]]:
    """Always copies: a link would change with the render that somebody writes into the scene next."""
    for role, blob in want.blobs.items():
        path = project.settings.root / blob.path
        yield role, Gift(name=_as_input(blob.path), sha256=blob.sha256, size=blob.size, source=path)


def _as_input(path: str) -> str:
    return path if path.startswith("inputs/") else f"other/{path}"


def _member(name: str, role: str, kind: str, gift: Gift, *, alone: bool) -> Gift:
    """In a tar file all of one run has one name up to the first dot, which is how such files are read."""
    what = "" if kind == "output" and alone else f".{role}" if kind != "input" else f".input_{role}"
    suffix = PurePosixPath(gift.name).suffix
    return Gift(name=f"{name}{what}{suffix}", sha256=gift.sha256, size=gift.size, source=gift.source)


def _file(project: Project, role: str, kind: str, gift: Gift) -> dict[str, object]:
    found = {"role": role, "kind": kind, "path": gift.name, "sha256": gift.sha256, "size": gift.size}
    media = project.facts.media(gift.sha256)
    if isinstance(media, MediaFacts):
        found |= {"frames": media.frames, "width": media.width, "height": media.height, "fps": media.fps}
    return found


def _line(want: DesiredRun, entry: LedgerEntry, made: Mapping[str, Any]) -> dict[str, object]:
    run, review = want.run, want.review
    return {
        "format_version": FORMAT_VERSION,
        "run": run.key,
        "id": run.id,
        "digest": want.digest,
        "model": run.model.name,
        "prompt_name": run.prompt,
        "prompt": run.text,
        "negative": run.negative,
        "params": run.params,
        "weights": {name: control.weight for name, control in run.controls.items()},
        "controls": run.controls,
        "labels": run.labels,
        "rating": review.rating if review else None,
        "note": review.note if review else "",
        "tags": list(review.tags) if review else [],
        "inputs": {role: {"path": blob.path, "sha256": blob.sha256} for role, blob in want.blobs.items()},
        "source": {"run": run.source.key, "digest": want.source_digest} if run.source else None,
        "provenance": {
            **{name: made.get(name) for name in ("commit", "author", "committed_at", "host", "machine", "effective")},
            "image": run.model.image,
            "attempt": entry.attempt,
            "finished_at": entry.finished_at,
            "took_s": entry.duration_s,
            "versions": made.get("versions"),
        },
    }


def provenance(project: Project, entry: LedgerEntry) -> Mapping[str, Any]:
    """What is known of how a result was made; nothing of one that was brought back without its record."""
    file = next((file for file in entry.manifest if file.name == PROVENANCE), None)
    if file is None:
        return {}
    path = project.world.store.path(file.sha256)
    with disk_errors("read", path):
        found = json.loads(path.read_bytes())
    return found if isinstance(found, dict) else {}
