"""A new project: a configuration to edit, a first spec, folders; on request the sample project.

Called by `CosmosAPI.init`. Nothing that exists is overwritten: it is kept and named. The configuration
file is made from `cosmos.settings`, so it has every key, each commented out with its default.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import BaseModel

from cosmos.config import FILE
from cosmos.errors import RefusedError, StorageError
from cosmos.settings import (
    BatchSettings,
    DaemonSettings,
    DatabaseSettings,
    GitSettings,
    NotifySettings,
    ProjectSettings,
    UiSettings,
)
from cosmos.settings_host import HostSettings

IGNORED = (".cosmos/", "outputs/")
"""What git should not have: the state and the results."""

DEMO = ("specs", "inputs/city")
"""Folders of the sample project."""

_HEAD = """\
# The configuration of this project. Every line is optional: what is commented out shows the default.
# Each key has an environment variable: hosts.local.slots is COSMOS_HOSTS__LOCAL__SLOTS.
"""

_EXAMPLE = """\
# Specs say what you want to have. Any number of documents, in any number of files below specs/.
# `cosmos schema` prints all fields; `cosmos list models` shows what can make videos.
kind: Prompt
name: first
text: >-
  Heavy rain over a collapsed avenue, wet concrete, overcast light
# To make something of it, put a scene into inputs/first (color.mp4, and depth.mp4 and segmentation.mp4
# if there are), and take the "# " away from the lines below.
# inputs: inputs/first
# ---
# kind: Run
# name: first-look
# prompt: first
# model: preview                 # on this machine's CPU: shows framing, lengths and weights
# controls: {edge: 0.4}
# matrix:                        # one run for each value, or combination of values
#   controls.edge: [0.2, 0.6]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaffold:
    """What became of a folder. Paths are relative to `root`; `ignored` are lines added to .gitignore."""

    root: Path
    made: tuple[str, ...]
    kept: tuple[str, ...]
    ignored: tuple[str, ...]


def make(root: Path, *, demo: bool) -> Scaffold:
    """Make a project of a folder.

    Raises:
        RefusedError: It is not a folder, or this installation has no sample project.
        StorageError: Something cannot be written.
    """
    root = root.expanduser().resolve()
    if root.exists() and not root.is_dir():
        raise RefusedError(f"{root} is not a folder", "name a folder, or one that is not there yet")
    files = {FILE: configuration().encode(), **(_sample() if demo else {"specs/example.yaml": _EXAMPLE.encode()})}
    try:
        (root / "inputs").mkdir(parents=True, exist_ok=True)
        (root / "outputs").mkdir(exist_ok=True)
        made = {path: _write_new(root / path, data) for path, data in files.items()}
        ignored = _ignore(root / ".gitignore")
    except OSError as error:
        raise StorageError(
            f"cannot make {error.filename or root}: {error.strerror}", "choose a folder that you may write to"
        ) from None
    return Scaffold(
        root=root,
        made=tuple(path for path, is_new in made.items() if is_new),
        kept=tuple(path for path, is_new in made.items() if not is_new),
        ignored=ignored,
    )


def configuration() -> str:
    """A cosmos.toml that changes nothing, with every key."""
    tables = (
        ("project", ProjectSettings),
        ("database", DatabaseSettings),
        ("hosts.local", HostSettings),
        ("git", GitSettings),
        ("batches", BatchSettings),
        ("daemon", DaemonSettings),
        ("notify", NotifySettings),
        ("ui", UiSettings),
    )
    return _HEAD + "".join(f"\n[{name}]\n{''.join(_keys(section))}" for name, section in tables)


def _keys(section: type[BaseModel]) -> Iterator[str]:
    for name, field in section.model_fields.items():
        value = field.default if field.default is not None or not field.examples else field.examples[0]
        yield f"# {f'{name} = {_toml(value)}'.ljust(24)} # {field.description}\n"


def _toml(value: object) -> str:
    return "{}" if value == {} else json.dumps(value)


def _sample() -> dict[str, bytes]:
    """The sample project: beside the package in a checkout, inside it in an installation."""
    package = resources.files("cosmos")
    inside = package / "demo"
    root = inside if inside.is_dir() else Path(str(package)).parent
    found = {path: file.read_bytes() for folder in DEMO for path, file in _files(root / folder, folder)}
    if not found:
        raise RefusedError("this installation has no sample project", "leave --demo out, or install cosmos again")
    return found


def _files(folder: Traversable, name: str) -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name) if folder.is_dir() else ():
        path = f"{name}/{entry.name}"
        if entry.is_dir():
            yield from _files(entry, path)
        else:
            yield path, entry


def _write_new(path: Path, data: bytes) -> bool:
    """False when something of this name is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError:
        return False
    return True


def _ignore(path: Path) -> tuple[str, ...]:
    """Add what is missing at the end."""
    there = path.read_text(encoding="utf-8", errors="surrogateescape") if path.exists() else ""
    known = {line.strip().strip("/*") for line in there.splitlines()}
    missing = tuple(line for line in IGNORED if line.strip("/") not in known)
    if missing:
        with path.open("a", encoding="utf-8") as file:
            file.write(("\n" if there and not there.endswith("\n") else "") + "".join(f"{line}\n" for line in missing))
    return missing
