"""Putting a manifest's files into outputs/<folder>. Called by `LocalStore.publish`.

A new folder is built out of sight and appears by rename, whole. Where a folder is already, only
what is missing or different is brought; what was there is kept under another name. Nothing is
fsynced here: the store is, and after a power cut the next look restores this view of it.
"""

import errno
import hashlib
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from cosmos.core.files import FactCache
from cosmos.core.recorded import FileEntry, Manifest
from cosmos.errors import StorageError
from cosmos.store.content import blob_name, known_sha256, stamp_of
from cosmos.store.disk import disk_errors, move_aside

logger = logging.getLogger(__name__)

LATEST = "latest"
HIDDEN = ".publishing-"
CHUNK = 1 << 20

_CANNOT_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS})
"""Another file system, one without hard links, or too many of them: bytes are copied then."""

_NOWHERE = frozenset({"", ".", ".."})

Blob = Callable[[FileEntry], Path]
"""The verified blob of an entry."""


def publish(outputs: Path, folder: str, manifest: Manifest, blob: Blob, cache: FactCache) -> None:
    """Make `outputs/<folder>` hold the manifest's files, and `latest` beside it point there.

    Raises:
        StorageError: A blob is not there, or the disk refuses; a folder that was not there is not half there.
    """
    target = outputs / checked_path(folder)
    for entry in manifest:
        checked_path(entry.name)
    with disk_errors("publish to", target):
        if os.path.lexists(target) and not target.is_dir():
            _set_aside(target)
        if target.is_dir():
            _fill(target, manifest, blob, cache)
        else:
            _build(outputs, target, manifest, blob)
        _point_latest(target)


def checked_path(name: str) -> str:
    """Manifests come from other machines, and this is joined to a folder."""
    if "\0" in name or not _NOWHERE.isdisjoint(name.split("/")):
        raise StorageError(f"{name[:200]!r} leads out of the outputs folder", "nothing was published; look at the host")
    return name


# A folder that is not there ----------------------------------------------------------------------


def _build(outputs: Path, target: Path, manifest: Manifest, blob: Blob) -> None:
    hidden = outputs / f"{HIDDEN}{hashlib.sha256(os.fsencode(target)).hexdigest()[:16]}"
    _remove(hidden)  # what a killed process left
    try:
        hidden.mkdir(parents=True)
        for entry in manifest:
            file = hidden / entry.name
            file.parent.mkdir(parents=True, exist_ok=True)
            _bring(blob(entry), file, entry)
        target.parent.mkdir(parents=True, exist_ok=True)
        hidden.rename(target)
    except BaseException:
        _remove(hidden)
        raise


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


# A folder that is there --------------------------------------------------------------------------


def _fill(target: Path, manifest: Manifest, blob: Blob, cache: FactCache) -> None:
    for entry in manifest:
        file = target / entry.name
        if os.path.lexists(file) and is_same(str(file), file.lstat(), entry, cache):
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        hidden = file.with_name(f"{HIDDEN}{file.name}")
        hidden.unlink(missing_ok=True)
        try:
            _bring(blob(entry), hidden, entry)
            if os.path.lexists(file):
                _set_aside(file)
            hidden.rename(file)
        finally:
            hidden.unlink(missing_ok=True)


def is_same(file: str, found: os.stat_result, entry: FileEntry, cache: FactCache) -> bool:
    """Whether a published file has its bytes. One that still is its blob's hard link is not read."""
    if found.st_size != entry.size:
        return False
    if cache.sha256(blob_name(entry.sha256), stamp_of(found)) == entry.sha256:
        return True
    return known_sha256(file, file, found, cache) == entry.sha256


def _set_aside(path: Path) -> None:
    logger.warning("%s is in the way of a result and has other bytes; kept as %s", path, move_aside(path, "replaced"))


# Both --------------------------------------------------------------------------------------------


def _bring(blob: Path, file: Path, entry: FileEntry) -> None:
    try:
        file.hardlink_to(blob)
    except OSError as error:
        if error.errno not in _CANNOT_LINK:
            raise
        _copy(blob, file, entry)


def _copy(blob: Path, file: Path, entry: FileEntry) -> None:
    """Hashed on the way, so that what is published was verified, however it came here."""
    digest = hashlib.sha256()
    with blob.open("rb") as source, file.open("xb") as out:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            out.write(chunk)
    if digest.hexdigest() != entry.sha256:
        raise StorageError(f"{blob} changed while it was copied", "run the same command again; it is checked first")
    file.chmod(0o444)


def _point_latest(target: Path) -> None:
    """By rename, so that there is no moment without it."""
    link = target.with_name(LATEST)
    if link.is_symlink() and str(link.readlink()) == target.name:
        return
    if os.path.lexists(link) and not link.is_symlink():
        _set_aside(link)
    hidden = target.with_name(f"{HIDDEN}{target.name}")
    hidden.unlink(missing_ok=True)
    hidden.symlink_to(target.name)
    hidden.replace(link)
