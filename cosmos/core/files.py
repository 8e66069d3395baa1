"""What is asked about files of this machine: what they are, and what is remembered of having read them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cosmos.core.run import MediaFacts

LFS_POINTER = b"version https://git-lfs.github.com/spec/v1"
"""How a file begins that stands for one which git-lfs has not fetched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFact:
    """An input file as found: sha256, size in bytes, and what decoding it found (None: not a video)."""

    sha256: str
    size: int
    media: MediaFacts | None
    media_error: str = ""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells a changed file from an unchanged one without reading it. Times in nanoseconds."""

    size: int
    mtime_ns: int
    inode: int


class FactCache(Protocol):
    """Remembers what reading files found. Safe for use from several threads."""

    def sha256(self, path: str, stamp: Stamp) -> str | None:
        """The hash remembered for a file at an absolute path, if its stamp is the same."""

    def remember_sha256(self, path: str, stamp: Stamp, sha256: str) -> None:
        """Remember a hash; the caller has made sure that the stamp was stable while reading."""

    def media(self, sha256: str) -> MediaFacts | str | None:
        """Facts, or why the bytes are no video, or None when not known."""

    def remember_media(self, sha256: str, media: MediaFacts | str) -> None:
        """Remember what decoding found."""

    def flush(self) -> None:
        """Write what was remembered since the last flush, in one transaction."""


class Inputs(Protocol):
    """The project's input files."""

    def roles(self, folder: str) -> Mapping[str, str]:
        """Files of an input folder by role, as project-relative paths.

        Raises:
            StorageError: The folder is missing or cannot be read.
        """

    def fact(self, path: str, *, decode: bool) -> FileFact:
        """sha256, size and, with `decode`, media facts of one file; cached by size, time and inode.

        Raises:
            StorageError: The file is missing, not a regular file, or cannot be read.
        """


class Probe(Protocol):
    """Decodes media on this machine."""

    def facts(self, path: Path) -> MediaFacts:
        """Decode the whole file.

        Raises:
            ValueError: It is not a video that decodes; the message is for a person.
        """

    def thumbnail(self, path: Path) -> bytes:
        """A JPEG of the middle frame, at most 320 pixels wide."""
