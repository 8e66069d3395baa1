"""Hashing files so that a remembered hash can be trusted.

A hash may be remembered for a file's stamp only if the file could not have changed, with the stamp
staying the same, during or just before the reading: clocks of file systems tick in milliseconds.
Used by the store for blobs and published files, and by `inputs`.
"""

import errno
import hashlib
import os
import re
import stat
import time
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from cosmos.core.files import FactCache, Stamp
from cosmos.errors import StorageError

RACY_NS = 50_000_000
"""A file written this close to its hashing may be written again without its stamp showing it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What reading a whole file found. `settled` is False when the hash must not be remembered."""

    sha256: str
    stamp: Stamp
    settled: bool
    changed: bool
    """The file was written to while it was read, so the hash is of no version of it."""


_SHA256 = re.compile("[0-9a-f]{64}")


def checked_sha256(sha256: str) -> str:
    """Manifests come from other machines, and this becomes a path."""
    if not _SHA256.fullmatch(sha256):
        raise StorageError(f"{sha256[:80]!r} is no sha256", "the manifest that says so is damaged; look again")
    return sha256


def blob_name(sha256: str) -> str:
    """Under which a blob's stamp is remembered: without its folder, so that a project can be moved."""
    return f"blob {sha256}"


def stamp_of(found: os.stat_result) -> Stamp:
    return Stamp(size=found.st_size, mtime_ns=found.st_mtime_ns, inode=found.st_ino)


def read_content(path: Path | str) -> Content:
    """Hash a regular file in constant memory. Raises OSError; a symbolic link is not followed."""
    with _open(path) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        before = stamp_of(found)
        start = time.time_ns()
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        end = time.time_ns()
        after = stamp_of(os.fstat(file.fileno()))
    racy = start - RACY_NS <= after.mtime_ns <= end + RACY_NS
    return Content(sha256=sha256, stamp=after, settled=before == after and not racy, changed=before != after)


def _open(path: Path | str) -> BufferedReader:
    """Without waiting for the other end of a pipe that took the file's place."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")


def known_sha256(path: Path | str, name: str, found: os.stat_result, cache: FactCache) -> str | None:
    """The hash of a file's bytes: remembered, or read now; None for what is not a regular file.

    Args:
        path: The file.
        name: Under which its hash is remembered.
        found: Its lstat.
        cache: Where hashes are remembered.
    """
    if not stat.S_ISREG(found.st_mode):
        return None
    remembered = cache.sha256(name, stamp_of(found))
    if remembered is not None:
        return remembered
    content = read_content(path)
    if content.settled:
        cache.remember_sha256(name, content.stamp, content.sha256)
    return content.sha256
