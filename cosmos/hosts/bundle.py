"""Many small blobs as one stream: a tar whose names are ours and whose content is checked where it is unpacked."""

import tarfile
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from cosmos.core.ports import Progress

BLOCK = tarfile.BLOCKSIZE
_NAME = len("ab/") + 64


def bundle(blobs: Iterable[tuple[str, int, Path]], progress: Progress) -> Iterator[bytes]:
    """The tar in pieces, a blob (sha256, size, path) a piece.

    A file that cannot be read, or that is shorter or longer than it was, goes out with the size that it should have
    and other bytes: its sha256 tells, and the others are not held up.
    """
    for sha256, size, path in blobs:
        data = _read(path, size).ljust(size, b"\0")
        yield b"".join((_header(sha256, size), data, bytes(-size % BLOCK)))
        progress(size)
    yield bytes(2 * BLOCK)


def _header(sha256: str, size: int) -> bytes:
    """As TarInfo.tobuf makes it, in a tenth of the time: of 2,000 of them the name differs, and so the checksum."""
    before, sums, after = _pattern(size)
    name = f"{sha256[:2]}/{sha256}".encode("ascii")
    return b"%s%s%06o\0%s" % (name, before, sums + sum(name), after)


@lru_cache(1024)
def _pattern(size: int) -> tuple[bytes, int, bytes]:
    """What follows a name up to the checksum, the checksum without the name, what follows it."""
    header = tarfile.TarInfo("x" * _NAME)
    header.size, header.mode = size, 0o444
    data = header.tobuf(tarfile.USTAR_FORMAT)
    return data[_NAME:148], int(data[148:154], 8) - _NAME * ord("x"), data[155:]


def _read(path: Path, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(size + 1)
    except OSError:
        return b""
    return data if len(data) <= size else b""
