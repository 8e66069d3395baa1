"""Giving files away into a folder of somebody else: whole and verified under their names, or not there at all.

What is there with the same bytes is left; other bytes are replaced only on request. A file that is being written is
hidden, and appears by rename.
"""

import errno
import fcntl
import hashlib
import io
import os
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cosmos.core.digest import sha256_hex
from cosmos.core.files import FactCache
from cosmos.errors import BusyError, StorageError
from cosmos.store.content import known_sha256, read_content
from cosmos.store.disk import disk_errors
from cosmos.store.publishing import checked_path

CHUNK = 1 << 20

_CANNOT_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS})


class Done(StrEnum):
    KEPT = "kept"
    COPIED = "copied"
    LINKED = "linked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gift:
    """A file to give: `name` below the folder, where its bytes are, and what they must be. Bytes of our own: `data`."""

    name: str
    sha256: str
    size: int
    source: Path | None = None
    data: bytes = b""
    link: bool = False
    """A hard link will do."""


def of_bytes(name: str, data: bytes) -> Gift:
    return Gift(name=name, sha256=sha256_hex(data), size=len(data), data=data)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Only one gives into a folder at a time. It is made where there is none.

    Raises:
        BusyError: Another one does.
    """
    with disk_errors("make the folder", folder):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(f"another cosmos export writes to {folder} now", "wait until it is done") from None
        yield
    finally:
        os.close(descriptor)


def is_there(folder: Path, gift: Gift, cache: FactCache) -> bool | None:
    """Whether the file is there with its bytes; None where nothing has its name."""
    file = folder / checked_path(gift.name)
    with disk_errors("look at", file):
        if not os.path.lexists(file):
            return None
        found = file.lstat()
        return found.st_size == gift.size and known_sha256(file, str(file), found, cache) == gift.sha256


def give(folder: Path, gift: Gift) -> Done:
    """Put the file there, in the place of whatever has its name.

    Raises:
        StorageError: The source has other bytes by now, or the disk refuses; nothing is there under the name then.
    """
    file = folder / checked_path(gift.name)
    hidden = _hidden(file)
    with disk_errors("write", file):
        if file.is_dir() and not file.is_symlink():
            raise StorageError(f"{file} is a folder", "move it away, or name another folder")
        file.parent.mkdir(parents=True, exist_ok=True)
        hidden.unlink(missing_ok=True)  # what a killed process left
        try:
            done = _bring(gift, hidden)
            hidden.replace(file)
        finally:
            hidden.unlink(missing_ok=True)
    return done


def _hidden(file: Path) -> Path:
    return file.with_name(f".{file.name}.part")


def _bring(gift: Gift, hidden: Path) -> Done:
    if gift.link and gift.source is not None:
        try:
            hidden.hardlink_to(gift.source)
            return Done.LINKED
        except OSError as error:
            if error.errno not in _CANNOT_LINK:
                raise
    with _reading(gift) as source, hidden.open("xb") as out:
        while chunk := source.read(CHUNK):
            out.write(chunk)
        source.require_right()
    return Done.COPIED


class _Verified(io.RawIOBase):
    """Reads the bytes of a gift, and hashes them on the way."""

    def __init__(self, gift: Gift, file: io.BufferedIOBase) -> None:
        super().__init__()
        self._gift, self._file, self._digest = gift, file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(size)
        self._digest.update(chunk)
        return chunk

    def require_right(self) -> None:
        if self._digest.hexdigest() != self._gift.sha256:
            words = f"{self._gift.source} has other bytes than it had"
            raise StorageError(words, "cosmos verify --read-data finds out why; then run the same command again")


@contextmanager
def _reading(gift: Gift) -> Iterator[_Verified]:
    with gift.source.open("rb") if gift.source is not None else io.BytesIO(gift.data) as file:
        yield _Verified(gift, file)


# Shards ------------------------------------------------------------------------------------------


@contextmanager
def shard(folder: Path, name: str, members: Sequence[Gift]) -> Iterator[Gift]:
    """A tar file of these members, made out of sight: a gift as long as the block lasts. Equal members, equal bytes."""
    hidden = _hidden(folder / checked_path(f"{name}.new"))
    with disk_errors("write", hidden):
        try:
            with tarfile.open(hidden, "w", format=tarfile.USTAR_FORMAT) as tar:
                for member in members:
                    info = tarfile.TarInfo(member.name)
                    info.size = member.size
                    with _reading(member) as source:
                        tar.addfile(info, source)
                        source.require_right()
            content = read_content(hidden)
            yield Gift(name=name, sha256=content.sha256, size=content.stamp.size, source=hidden, link=True)
        finally:
            hidden.unlink(missing_ok=True)
