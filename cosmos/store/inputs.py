"""ProjectInputs: the `Inputs` port on the project's folder. Files are hashed and decoded once, then remembered.

A person may be rendering into these files at this moment. A file that changes while it is read is
refused, not guessed at, and a hash is remembered only once the file's stamp can be trusted.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from cosmos.core.files import LFS_POINTER, FactCache, FileFact, Probe
from cosmos.core.run import MediaFacts
from cosmos.errors import StorageError
from cosmos.store.content import read_content, stamp_of
from cosmos.store.disk import disk_errors

ROLES = frozenset({"color", "depth", "segmentation", "edge", "vis", "keypoint"})
"""A file's role is its name without the ending."""

SUFFIXES = (".mp4", ".mov", ".mkv", ".webm")

POINTER_MAX = 1024
"""Bytes of a Git LFS pointer at most."""

BUSY = "wait until the program that writes it is done, then run the same command again"


class ProjectInputs:
    """Input files below the project's folder. Safe for use from several threads.

    Args:
        root: The project's folder.
        cache: Remembers what files were hashed to and decoded as.
        probe: Decodes.
    """

    def __init__(self, root: Path, cache: FactCache, probe: Probe) -> None:
        self._root = root.resolve()
        self._cache = cache
        self._probe = probe

    def roles(self, folder: str) -> Mapping[str, str]:
        path = self._resolve(folder, "make the folder, with color.mp4, depth.mp4 and so on, or correct `inputs`")
        with disk_errors("read the folder", path):
            names = sorted(entry.name for entry in path.iterdir())
        found: dict[str, str] = {}
        for name in names:
            stem, suffix = os.path.splitext(name)  # noqa: PTH122 - a name, not a path
            role = stem if stem in ROLES and suffix.lower() in SUFFIXES else None
            if role in found:
                raise StorageError(f"{folder} has two files for the role {role}: {found[role]} and {name}", "keep one")
            if role is not None:
                found[role] = f"{folder}/{name}"
        return found

    def fact(self, path: str, *, decode: bool) -> FileFact:
        file = self._resolve(path, "put the file there, or correct the path in the spec")
        with disk_errors("read", file):
            found = file.stat()
            if not stat.S_ISREG(found.st_mode):
                raise StorageError(f"{path} is {_kind(found.st_mode)}, not a file", "name a file, or a folder of them")
            sha256 = self._sha256(file, path, found)
            if not decode and found.st_size <= POINTER_MAX and file.read_bytes().startswith(LFS_POINTER):
                raise StorageError(f"{path} is a Git LFS pointer, not the file itself", "run `git lfs pull`")
            media = self._media(file, path, sha256, found) if decode else None
        return _as_fact(sha256, found.st_size, media)

    def known(self, path: str) -> FileFact | None:
        """What is remembered of a file as it is now; None where nobody has read and decoded it yet."""
        file = self._resolve(path, "put the file there")
        with disk_errors("read", file):
            found = file.stat()
        sha256 = self._cache.sha256(str(file), stamp_of(found))
        media = self._cache.media(sha256) if sha256 is not None else None
        if sha256 is None or media is None:
            return None
        return _as_fact(sha256, found.st_size, media)

    def _resolve(self, path: str, hint: str) -> Path:
        """The real path of something in the project: links may lead anywhere within it."""
        with disk_errors("find", self._root / path):
            real = Path(os.path.realpath(self._root / path))  # Path.resolve has an error of its own for loops
            if not real.is_relative_to(self._root):
                raise StorageError(f"{path} leads out of the project, to {real}", "copy the file into the project")
            if not os.path.lexists(real):
                raise StorageError(f"{path} is not there", hint)
        return real

    def _sha256(self, file: Path, path: str, found: os.stat_result) -> str:
        remembered = self._cache.sha256(str(file), stamp_of(found))
        if remembered is not None:
            return remembered
        content = read_content(file)
        if content.changed or content.stamp != stamp_of(found):
            raise StorageError(f"{path} changed while it was read", BUSY)
        if content.settled:
            self._cache.remember_sha256(str(file), content.stamp, content.sha256)
        return content.sha256

    def _media(self, file: Path, path: str, sha256: str, found: os.stat_result) -> MediaFacts | str:
        known = self._cache.media(sha256)
        if known is not None:
            return known
        try:
            media: MediaFacts | str = self._probe.facts(file)
        except ValueError as error:
            media = str(error)
        if stamp_of(file.stat()) != stamp_of(found):
            raise StorageError(f"{path} changed while it was decoded", BUSY)
        self._cache.remember_media(sha256, media)
        return media


def _as_fact(sha256: str, size: int, media: MediaFacts | str | None) -> FileFact:
    if isinstance(media, str):
        return FileFact(sha256=sha256, size=size, media=None, media_error=media)
    return FileFact(sha256=sha256, size=size, media=media)


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a pipe" if stat.S_ISFIFO(mode) else "a device or socket"
