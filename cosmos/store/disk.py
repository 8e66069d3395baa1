"""What the local disk says when it refuses, as a StorageError that tells a person what to do next."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from cosmos.errors import StorageError

_WHY = {
    errno.ENOSPC: ("the disk is full", "free space there, then run the same command again: nothing is half done"),
    errno.EDQUOT: ("the quota is used up", "free space there, then run the same command again: nothing is half done"),
    errno.EROFS: ("the file system is read-only", "mount it writable, or set its folder elsewhere in cosmos.toml"),
    errno.EACCES: ("permission denied", "make it accessible to this user (ls -ld shows whose it is)"),
    errno.EPERM: ("not permitted", "make it accessible to this user (lsattr and ls -ld show what is in the way)"),
    errno.ENOENT: ("it is not there", "see that nothing else moves or deletes files there, then run it again"),
    errno.EEXIST: ("a file is in the way", "move it away, then run the same command again"),
    errno.ENOTDIR: ("a part of the path is not a folder", "move that file away, then run the same command again"),
    errno.ELOOP: ("a symbolic link points at itself", "remove the link, then run the same command again"),
    errno.ENAMETOOLONG: ("the path is too long", "use shorter names, or a project folder nearer to the root"),
    errno.EIO: ("the disk gave an error", "look at the disk (dmesg), then run the same command again"),
}


@contextmanager
def disk_errors(doing: str, path: Path) -> Iterator[None]:
    """Turn OSError into StorageError.

    Args:
        doing: What is being done, to follow "cannot": `store a blob in`.
        path: To what; the path in the error, where it has one, is more exact and is used instead.
    """
    try:
        yield
    except OSError as error:
        why, hint = _WHY.get(error.errno or 0, (error.strerror or str(error), "correct that, then run it again"))
        raise StorageError(f"cannot {doing} {error.filename2 or error.filename or path}: {why}", hint) from error


def move_aside(path: Path, why: str) -> Path:
    """Rename to `<name>.<why>-<n>` with the first free n; returns the new path."""
    for number in count(1):
        aside = path.with_name(f"{path.name}.{why}-{number}")
        if not os.path.lexists(aside):
            path.rename(aside)
            return aside
    raise AssertionError("count() does not end")
