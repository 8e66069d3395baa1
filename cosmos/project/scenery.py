"""The scenes as they are: what is in their files, what is odd about them, and what uses them."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath

from cosmos.core.desired import Desired
from cosmos.core.load import load
from cosmos.core.run import MediaFacts
from cosmos.core.spec import PromptSpec
from cosmos.errors import StorageError
from cosmos.project.wiring import Project
from cosmos.scenes import SceneRow, remarks
from cosmos.store.inputs import ROLES, SUFFIXES

FOLDER = "inputs"
POSTER = "poster.jpg"


@dataclass(frozen=True, slots=True)
class Uses:
    """Names of prompts and keys of runs, by a folder that they read from, at any depth."""

    prompts: Mapping[str, tuple[str, ...]]
    runs: Mapping[str, tuple[str, ...]]


def uses(desired: Desired, prompts: Mapping[str, PromptSpec]) -> Uses:
    return Uses(
        prompts=_by_folder((name, paths_of(spec)) for name, spec in prompts.items()),
        runs=_by_folder((want.run.key, want.run.inputs.values()) for want in desired.runs),
    )


def paths_of(spec: PromptSpec) -> tuple[str, ...]:
    """Folders and files that a prompt names."""
    return (spec.inputs,) if isinstance(spec.inputs, str) else tuple((spec.inputs or {}).values())


def _by_folder(users: Iterable[tuple[str, Iterable[str]]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for name, paths in users:
        for path in paths:
            for folder in chain([path], map(str, PurePosixPath(path).parents)):
                found.setdefault(folder, {})[name] = None
    return {folder: tuple(names) for folder, names in found.items()}


def prompts_of(project: Project) -> dict[str, PromptSpec]:
    found = sorted(load(project.read()).prompts.items())
    return {name: located.spec for name, located in found if isinstance(located.spec, PromptSpec)}


def names(folder: Path) -> Iterator[str]:
    """Folders at any depth that have a file with a role."""
    for path, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if path != str(folder) and any(Path(name).stem in ROLES for name in files):
            yield Path(path).relative_to(folder).as_posix()


def is_part(path: str) -> bool:
    """Whether a path in the project is that of a file that scenes are made of."""
    file = PurePosixPath(path)
    is_role = file.stem in ROLES and file.suffix.lower() in SUFFIXES
    is_inside = len(file.parts) > 2 and file.parts[0] == FOLDER and not any(part.startswith(".") for part in file.parts)
    return is_inside and (is_role or file.name == POSTER)


def stamp(folder: Path) -> str:
    """Another text once a file has come to a scene or left one; asked often, so cheap."""
    return str(sum(os.stat(path).st_mtime_ns for path, _, _ in os.walk(folder) if os.path.lexists(path)))  # noqa: PTH116


def row(project: Project, name: str, used: Uses, *, read: bool = True) -> SceneRow:
    """One scene. Without `read` only what is remembered of its files, and which nobody has read yet."""
    folder = f"{FOLDER}/{name}"
    files: dict[str, str] = {}
    facts: dict[str, MediaFacts] = {}
    sizes: dict[str, int] = {}
    unread: list[str] = []
    warnings: list[str] = []
    changed_at = 0.0
    try:
        files = dict(sorted(project.inputs.roles(folder).items(), key=lambda item: (item[0] != "color", item[0])))
        warnings += [] if "color" in files else ["there is no color.mp4"]
        for role, path in files.items():
            changed_at = max(changed_at, (project.settings.root / path).stat().st_mtime)
            fact = project.inputs.fact(path, decode=True) if read else project.inputs.known(path)
            if fact is None:
                unread.append(role)
                continue
            sizes[role] = fact.size
            if fact.media is None:
                warnings.append(f"{PurePosixPath(path).name} {fact.media_error}")
            else:
                facts[role] = fact.media
    except StorageError as error:  # of one scene, while the others can be listed
        warnings.append(error.message)
    except OSError as error:
        warnings.append(f"{folder}: {error.strerror}")
    return SceneRow(
        name=name,
        folder=folder,
        files=files,
        color=facts.get("color"),
        warnings=(*warnings, *remarks(facts)),
        prompts=used.prompts.get(folder, ()),
        runs=used.runs.get(folder, ()),
        poster=f"{folder}/{POSTER}" if (project.settings.root / folder / POSTER).is_file() else "",
        facts=facts,
        sizes=sizes,
        unread=tuple(unread),
        changed_at=changed_at,
    )
