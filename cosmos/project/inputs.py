"""The scenes of a project: what is in `inputs/`, and bringing renders in."""

import fcntl
import os
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

from cosmos.core.desired import Desired
from cosmos.core.spec_fields import NAME
from cosmos.errors import BusyError, NotFoundError, RefusedError, StorageError
from cosmos.project import scenery
from cosmos.project.scenery import FOLDER, POSTER
from cosmos.project.wiring import Project
from cosmos.scenes import Listener, Prepared, SceneRow
from cosmos.store.disk import disk_errors
from cosmos.store.inputs import ROLES

METADATA = "metadata.json"
RUNS_SHOWN = 5


class Inputs:
    """Of one project.

    Args:
        project: Opens the project; called when it is first needed.
    """

    def __init__(self, project: Callable[[], Project]) -> None:
        self._open = project

    def scenes(self) -> list[SceneRow]:
        """By name. Each file is decoded once, and remembered; what cannot be read is a warning of its scene."""
        project = self._open()
        used = scenery.uses(project.desire(), scenery.prompts_of(project))
        rows = [scenery.row(project, name, used) for name in scenery.names(project.settings.root / FOLDER)]
        project.facts.flush()
        return rows

    def read(self, name: str) -> SceneRow:
        """One scene, each of its files decoded.

        Raises:
            NotFoundError: There is none of this name.
        """
        if name not in scenery.names(self._open().settings.root / FOLDER):
            raise NotFoundError(f"there is no scene {FOLDER}/{name}", "cosmos inputs lists those there are")
        return self._one(name)

    def prepare(
        self,
        paths: Sequence[Path],
        *,
        name: str = "",
        fps: Fraction | None = None,
        near: float | None = None,
        far: float | None = None,
        replace: bool = False,
        listener: Listener = lambda file, done, total: None,
    ) -> Prepared:
        """Make a scene of a render: sequences of PNG files or videos, anywhere below `paths`.

        All of it or nothing; where the scene is there already, made of just this, nothing is done.

        Args:
            paths: Folders, or files.
            name: Of the scene; default: from the folder's.
            fps: Frames a second; default: those of the videos, else 24.
            near: Value of the depth's files that becomes white; default: their greatest, where they have 16 bits.
            far: The one that becomes black.
            replace: Put it in the place of another scene of this name.
            listener: Told of each frame.

        Raises:
            RefusedError: The files do not fit together, or a scene of this name is there; says what and where.
            NotFoundError: There is no such folder.
            BusyError: Another prepare makes this scene now.
            StorageError: Something cannot be read or written.
        """
        from cosmos.local_ai import scene, sequences

        project = self._open()
        paths = [_existing(path) for path in paths]
        name = _checked(name) if name else _name_of(paths)
        target = project.settings.root / FOLDER / name
        settings = scene.Settings(fps=fps, near=near, far=far)
        with disk_errors("read", paths[0]):
            render = scene.examine(sequences.find(paths), settings)
        with _held(target) as staging:
            if scene.is_made(render, target):
                return Prepared(scene=self._one(name), is_new=False, notes=render.notes)
            there = os.path.lexists(target)
            if there and not replace:
                raise RefusedError(_in_the_way(name, self._users(name)), "cosmos prepare --replace, or another --name")
            if there:
                _require_ours(target)
            before = _digests(project.desire()) if there else {}
            with disk_errors("write", staging):
                scene.make(render, staging, listener)
                _publish(staging, target)
            after = project.desire()
        again = tuple(sorted(key for key, digest in before.items() if _digests(after).get(key, digest) != digest))
        return Prepared(scene=self._one(name), is_new=True, notes=render.notes, again=again)

    def _one(self, name: str) -> SceneRow:
        project = self._open()
        row = scenery.row(project, name, scenery.uses(project.desire(), scenery.prompts_of(project)))
        project.facts.flush()
        return row

    def _users(self, name: str) -> tuple[str, ...]:
        project = self._open()
        return scenery.uses(project.desire(), {}).runs.get(f"{FOLDER}/{name}", ())


def _digests(desired: Desired) -> dict[str, str]:
    return {want.run.key: want.digest for want in desired.runs}


def _existing(path: Path) -> Path:
    path = path.expanduser()
    if not path.exists():
        raise NotFoundError(f"{path} is not there", "name the folder that the render was written to")
    return path.resolve()


def _name_of(paths: Sequence[Path]) -> str:
    """`City V2 (final)` -> `city-v2-final`; of several folders the one that has them all."""
    folders = [path if path.is_dir() else path.parent for path in paths]
    shared = folders[0] if len(set(folders)) == 1 else Path(os.path.commonpath(folders))
    letters = unicodedata.normalize("NFKD", shared.name.casefold()).encode("ascii", "ignore").decode()
    name = re.sub("[^a-z0-9]+", "-", letters).strip("-")[:63].strip("-")
    if not name:
        raise RefusedError(f'no name can be made of "{shared.name}"', "say one: cosmos prepare DIR --name city")
    return name


def _checked(name: str) -> str:
    if not re.fullmatch(NAME, name):
        raise RefusedError(f'"{name}" is no name of a scene', "use small letters, digits and dashes, as city-v2")
    return name


def _in_the_way(name: str, users: Sequence[str]) -> str:
    shown = ", ".join(users[:RUNS_SHOWN]) + (f" and {len(users) - RUNS_SHOWN} more" if len(users) > RUNS_SHOWN else "")
    who = f"; these runs use it, and would run again: {shown}" if users else "; no run uses it"
    return f"{FOLDER}/{name} is there and was made of something else{who}"


@contextmanager
def _held(target: Path) -> Iterator[Path]:
    """An empty folder beside the scene, which nobody else writes to; gone at the end, whatever happens."""
    staging = target.with_name(f".{target.name}.part")
    with disk_errors("write", staging):
        staging.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(staging, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(descriptor, staging, target.name)
        try:
            _put_back(target)
            with disk_errors("clear", staging):
                for left in staging.iterdir():  # of a prepare that was killed
                    left.unlink()
            yield staging
        finally:
            if staging.exists():
                shutil.rmtree(staging, ignore_errors=True)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, staging: Path, name: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_ours = staging.exists() and os.path.samestat(os.fstat(descriptor), staging.stat())
    except BlockingIOError:
        is_ours = False
    if not is_ours:
        raise BusyError(f"another cosmos prepare makes {name} now", "wait until it is done")


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def _put_back(target: Path) -> None:
    """After a crash between the two renames of `_publish`."""
    old = _old(target)
    with disk_errors("move", old):
        if old.exists() and not os.path.lexists(target):
            old.rename(target)


def _require_ours(target: Path) -> None:
    """Nothing goes with a scene that is replaced but what a scene is made of."""
    if not target.is_dir() or target.is_symlink():
        raise StorageError(f"{FOLDER}/{target.name} is not a folder", "move it away, or say another --name")
    usual = {METADATA, POSTER, *(f"{role}.mp4" for role in ROLES)}
    others = sorted(entry.name for entry in target.iterdir() if entry.name not in usual)
    if others:
        words = f"{FOLDER}/{target.name} has other files too: {', '.join(others[:RUNS_SHOWN])}"
        raise RefusedError(words, "move them away, or say another --name")


def _publish(staging: Path, target: Path) -> None:
    if not os.path.lexists(target):
        staging.rename(target)
        return
    old = _old(target)
    shutil.rmtree(old, ignore_errors=True)
    target.rename(old)
    staging.rename(target)
    shutil.rmtree(old)
