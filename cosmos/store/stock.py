"""LocalStock: the local store as a place that is looked after: what it keeps, what is damaged, what goes.

Nothing here is called by the loop. A damaged blob is never deleted: it is moved aside under a name that says so.
"""

import os
import re
import stat
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from cosmos.core.files import FactCache
from cosmos.core.flaw import FlawKind
from cosmos.core.observed import OutputState
from cosmos.core.recorded import FileEntry, Manifest
from cosmos.core.stock import Stock, Stored
from cosmos.store.blobs import PARTIAL
from cosmos.store.content import blob_name, known_sha256, read_content
from cosmos.store.disk import disk_errors, move_aside
from cosmos.store.looking import Looking

_SHA256 = re.compile("[0-9a-f]{64}")
_ASIDE = re.compile(r"[0-9a-f]{64}\.damaged-[0-9]+")
_WRITABLE = 0o222


class LocalStock:
    """The blobs of a project, and the files of outputs/ that are copies of them.

    Args:
        root: Folder of the blobs.
        outputs: Folder in which results are published.
        cache: Remembers what files were hashed to.
    """

    def __init__(self, root: Path, outputs: Path, cache: FactCache) -> None:
        self._root = root
        self._outputs = outputs
        self._cache = cache

    # Looking ---------------------------------------------------------------------------------

    def stored(self) -> Stock:
        """All blobs, and what was cut off on its way to becoming one."""
        now = time.time()
        with disk_errors("look at", self._root):
            blobs = {path.name: _stored(found, now) for path, found in self._files() if _is_blob(path)}
            partial = self._root / PARTIAL
            leftovers = {f"{PARTIAL}/{path.name}": _stored(found, now) for path, found in _files_in(partial)}
        return Stock(blobs=blobs, leftovers=leftovers)

    def set_aside(self) -> list[tuple[Path, int]]:
        """Damaged blobs that were moved aside, with their sizes, for a person to look at."""
        with disk_errors("look at", self._root):
            return sorted((path, found.st_size) for path, found in self._files() if _ASIDE.fullmatch(path.name))

    def flaw(self, file: FileEntry, *, read: bool) -> tuple[FlawKind, str] | None:
        """What is wrong with the blob of a file, and in words; None where nothing is.

        Args:
            file: Of a manifest.
            read: Read its bytes. Without it only a blob that was touched since it was verified is read.
        """
        path = self._path(file.sha256)
        with disk_errors("look at", path):
            try:
                found = path.lstat()
            except FileNotFoundError:
                return FlawKind.BLOB_MISSING, "is not in the store"
            if not stat.S_ISREG(found.st_mode):
                return FlawKind.BLOB_DAMAGED, "is no regular file"
            if found.st_size != file.size:
                return FlawKind.BLOB_DAMAGED, f"has {found.st_size} bytes, and {file.size} belong there"
            sha256 = self._read(path) if read else known_sha256(path, blob_name(file.sha256), found, self._cache)
            if sha256 != file.sha256:
                return FlawKind.BLOB_DAMAGED, f"has other bytes (sha256 {str(sha256)[:12]})"
            if found.st_mode & _WRITABLE:
                return FlawKind.BLOB_WRITABLE, f"has mode {stat.S_IMODE(found.st_mode):04o}: an editor could change it"
        return None

    def _read(self, path: Path) -> str:
        """As the bytes are now. What is remembered stays: it is about another moment."""
        return read_content(path).sha256

    def output(self, folder: str, manifest: Manifest, *, read: bool) -> OutputState:
        """How published files compare with their manifest. Without `read` what has not been touched is believed."""
        with disk_errors("look at", self._outputs / folder):
            state = Looking(self._outputs, self._is_sound, self._cache).state(folder, manifest)
            if read and state is OutputState.PRESENT and not all(self._reads_well(folder, file) for file in manifest):
                return OutputState.CORRUPT
        return state

    def _is_sound(self, sha256: str) -> bool:
        path = self._path(sha256)
        try:
            return known_sha256(path, blob_name(sha256), path.lstat(), self._cache) == sha256
        except FileNotFoundError:
            return False

    def _reads_well(self, folder: str, file: FileEntry) -> bool:
        """A file that is a link into the store is read there."""
        path, blob = self._outputs / folder / file.name, self._path(file.sha256)
        return (blob.exists() and path.samefile(blob)) or self._read(path) == file.sha256

    def published(self, sizes: Collection[int]) -> Iterator[tuple[str, Path]]:
        """Files in outputs/ of these sizes: sha256 and path. Links into the store come as what they are now."""
        wanted = set(sizes)
        with disk_errors("look at", self._outputs):
            for path, found in _files_below(self._outputs):
                if found.st_size in wanted:
                    sha256 = known_sha256(path, str(path), found, self._cache)
                    if sha256 is not None:
                        yield sha256, path

    # Mending ---------------------------------------------------------------------------------

    def clear_way(self, folder: str, manifest: Manifest) -> None:
        """Move published files aside that read differently, also where they are remembered as whole."""
        for file in manifest:
            path = self._outputs / folder / file.name
            with disk_errors("move aside", path):
                if os.path.lexists(path) and (path.is_symlink() or not self._reads_well(folder, file)):
                    move_aside(path, "replaced")

    def protect(self, sha256: str) -> None:
        """Take away the right to write to a blob."""
        path = self._path(sha256)
        with disk_errors("protect", path):
            path.chmod(0o444)

    def put_aside(self, sha256: str) -> Path | None:
        """Move a damaged blob out of the way; returns its new path, or None where there is none."""
        path = self._path(sha256)
        with disk_errors("move aside", path):
            return move_aside(path, "damaged") if os.path.lexists(path) else None

    def discard(self, *, unused: Iterable[str] = (), leftovers: Iterable[str] = (), idle_s: float) -> frozenset[str]:
        """Remove blobs and leftovers of `stored`, each if it is still unused then; returns what was removed."""
        now = time.time()
        paths = {sha256: self._path(sha256) for sha256 in unused}
        paths |= {path: self._root / path for path in leftovers if path.startswith(f"{PARTIAL}/") and ".." not in path}
        removed = set()
        for name, path in paths.items():
            with disk_errors("remove", path):
                try:
                    found = _stored(path.lstat(), now)
                except FileNotFoundError:
                    continue
                if found.links == 1 and found.idle_s >= idle_s:
                    path.unlink()
                    removed.add(name)
        return frozenset(removed)

    def _path(self, sha256: str) -> Path:
        return self._root / sha256[:2] / sha256

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        if not os.path.lexists(self._root):
            return  # else, what is there and cannot be read is an error
        for folder in sorted(self._root.iterdir()):
            if len(folder.name) == 2 and folder.is_dir() and not folder.is_symlink():
                yield from _files_in(folder)


def logs_in(folder: Path) -> Mapping[str, Stored]:
    """Kept logs by batch id, each with the file of its times."""
    now = time.time()
    found: dict[str, list[Stored]] = {}
    with disk_errors("look at", folder):
        for path, state in _files_in(folder):
            if path.suffix in LOG_SUFFIXES:
                found.setdefault(path.stem, []).append(_stored(state, now))
    return {
        batch_id: Stored(size=sum(part.size for part in parts), idle_s=min(part.idle_s for part in parts))
        for batch_id, parts in found.items()
    }


LOG_SUFFIXES = (".log", ".times", ".part")


def remove_log(folder: Path, batch_id: str) -> None:
    """Remove the files of one kept log."""
    for suffix in LOG_SUFFIXES:
        path = folder / f"{batch_id}{suffix}"
        with disk_errors("remove", path):
            path.unlink(missing_ok=True)


def _is_blob(path: Path) -> bool:
    return _SHA256.fullmatch(path.name) is not None and path.parent.name == path.name[:2]


def _stored(found: os.stat_result, now: float) -> Stored:
    """`st_ctime` moves with the bytes, the mode and the number of links, and nobody can set it back."""
    return Stored(size=found.st_size, idle_s=max(0.0, now - found.st_ctime), links=found.st_nlink)


def _files_in(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    if not os.path.lexists(folder):
        return
    for path in sorted(folder.iterdir()):
        found = path.lstat()
        if stat.S_ISREG(found.st_mode):
            yield path, found


def _files_below(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for top, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(top, name)
            found = path.lstat()
            if stat.S_ISREG(found.st_mode):
                yield path, found
