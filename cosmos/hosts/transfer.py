"""FileTransferService: blobs to a host, outputs from it. Whole and verified, or not at all.

Uploads are hashed by the host as they arrive, downloads here, by a thread of their own; what has a blob's name is
whole. A cut upload leaves a part on the host, a cut download one here: the next try verifies it and goes on from its
end. Small blobs travel together. Memory is bounded by a few chunks, whatever the size of a file.
"""

import hashlib
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cosmos.core.ports import Progress
from cosmos.core.reasons import Reason
from cosmos.core.recorded import FileEntry
from cosmos.errors import HostRefused, HostUnreachable, StorageError, TransferError
from cosmos.hosts.bundle import bundle
from cosmos.hosts.layout import output_name
from cosmos.hosts.remote import RemoteCommandExecutor
from cosmos.hosts.scripts import BashScriptBuilder
from cosmos.hosts.transport import CHUNK

Upload = tuple[str, int, Path]
"""sha256, size in bytes, and where it is here."""

SMALL = 4 << 20
"""Bytes up to which blobs travel together, in one stream."""

_MOST_BEHIND = 4
"""Pieces that may wait to be hashed: what arrives faster than that is held up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a cut upload left on the host."""

    name: str
    size: int
    sha256: str


class FileTransferService:
    """Moves files between this machine and one host."""

    def __init__(self, executor: RemoteCommandExecutor, builder: BashScriptBuilder) -> None:
        self._executor = executor
        self._builder = builder

    def upload(self, blobs: Sequence[Upload], progress: Progress) -> None:
        """Upload what the host lacks: one round trip to ask, one for all small blobs, one for each large one.

        A file that cannot be sent as it should be does not keep the others from being sent: other runs read them.

        Raises:
            TransferError: The bytes that arrived do not have the sha256.
            HostRefused: The disk is full or not writable. Blobs that had arrived by then are kept.
        """
        missing, parts = self._missing(blobs)
        small: list[Upload] = []
        large: list[Upload] = []
        for blob in missing:
            (small if blob[1] <= SMALL and blob[0] not in parts else large).append(blob)
        wrong = self._send_small(small, progress)
        failed = [_is_other(blob) for blob in small if blob[0] in wrong]
        for blob in large:
            try:
                self._send_large(blob, parts.get(blob[0]), progress)
            except TransferError as error:
                failed.append(error)
        if failed:
            raise failed[0]

    def _missing(self, blobs: Sequence[Upload]) -> tuple[list[Upload], dict[str, Part]]:
        if not blobs:
            return [], {}
        answer = self._executor.run(self._builder.blobs(sha256 for sha256, _, _ in blobs))
        try:
            free, sizes, parts = _read_blobs(answer)
        except (ValueError, IndexError):
            words = "the host's answer about its blobs is not understood"
            raise HostUnreachable(words, "look again; if it stays so, see docs/operations.md") from None
        unique = {blob[0]: blob for blob in blobs}
        missing = [blob for blob in unique.values() if sizes.get(blob[0]) != blob[1]]
        needed = sum(size for _, size, _ in missing)
        if needed > free:
            raise HostRefused(
                f"the host's disk is full: {needed} bytes to upload, {free} free",
                "free space on the host",
                Reason.DISK_FULL.value,
            )
        return missing, parts

    def _send_small(self, blobs: Sequence[Upload], progress: Progress) -> frozenset[str]:
        """The sha256 of those that did not arrive as they should."""
        if not blobs:
            return frozenset()
        script = self._builder.receive_many(_nonce(), sum(size for _, size, _ in blobs))
        lines = self._executor.run(script, bundle(blobs, progress)).decode("utf-8", "replace").splitlines()
        return frozenset(line.removeprefix("bad ") for line in lines)

    def _send_large(self, blob: Upload, part: Part | None, progress: Progress) -> None:
        sha256, size, path = blob
        try:
            with path.open("rb", buffering=0) as file:
                begin = _verified(file, part, size, progress) if part is not None else ("", 0)
                script = self._builder.receive(sha256, size, f"{sha256}.{_nonce()}", begin)
                answer = self._executor.run(script, _chunks(file, size - begin[1], progress))
        except OSError as error:
            raise TransferError(f"{path}: {error.strerror}", "put the file back, or take it out of the spec") from error
        except HostRefused as error:
            if "was cut off" not in error.message:
                raise
            raise _is_other(blob) from error  # the file became shorter while it was read
        if answer:
            raise _is_other(blob)

    def download(self, batch_id: str, folder: str, files: Sequence[tuple[FileEntry, Path]], progress: Progress) -> None:
        """Bring each file to the bytes of an output, going on from those that it has. One round trip for all.

        What is there already is hashed, not trusted: a prefix that is wrong shows in the whole.

        Raises:
            TransferError: A whole does not have its sha256. That file is removed then; the others are kept.
            StorageError: This disk does not take a file.
        """
        for entry, _ in files:
            output_name(entry.name)
        try:
            with ExitStack() as stack:
                hashing = stack.enter_context(_Hashing())
                tails = [
                    _Tail(entry, stack.enter_context(target.open("a+b")), hashing, progress) for entry, target in files
                ]
                self._fill(batch_id, folder, [tail for tail in tails if tail.left])
            wrong = [(tail.entry, target) for tail, (_, target) in zip(tails, files, strict=True) if not tail.is_right]
            for _, target in wrong:
                target.unlink()
        except OSError as error:
            where = error.filename or files[0][1].parent
            raise StorageError(f"{where}: {error.strerror}", "free space, or see who owns the folder") from error
        if wrong:
            raise TransferError(
                f"{batch_id}: {wrong[0][0].name} did not arrive with the sha256 that the host listed",
                "it is fetched again from its start",
            )

    def _fill(self, batch_id: str, folder: str, tails: Sequence["_Tail"]) -> None:
        if not tails:
            return
        size = sum(tail.left for tail in tails)
        script = self._builder.send(batch_id, folder, [(tail.offset, tail.entry.name) for tail in tails], size)
        waiting = iter(tails)
        tail = next(waiting)
        for chunk in self._executor.stream(script):
            data = memoryview(chunk)
            while data:
                data = tail.take(data)
                if not tail.left:
                    following = next(waiting, None)
                    if following is None:
                        return  # what a host sends beyond that is not looked at
                    tail = following
        raise HostUnreachable(f"{batch_id}: {tail.entry.name} was cut off", "it is fetched on from where it is")


def _read_blobs(answer: bytes) -> tuple[int, dict[str, int], dict[str, Part]]:
    """Free bytes, sizes by sha256, and parts by the sha256 of their whole; ValueError or IndexError where it is odd."""
    free, *lines = answer.decode("utf-8", "replace").splitlines()
    sizes: dict[str, int] = {}
    parts: dict[str, Part] = {}
    for line in lines:
        size, kind, sha256, *name = line.split(" ")
        if kind == "blob":
            sizes[sha256] = int(size)
        else:
            parts[name[0].partition(".")[0]] = Part(name=name[0], size=int(size), sha256=sha256)
    return int(free), sizes, parts


class _Hashing:
    """Hashes in a thread of its own, in the order of the calls: hashlib lets both run at once."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "hashing")
        self._behind: deque[Future[None]] = deque()

    def __enter__(self) -> "_Hashing":
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()

    def update(self, digest: "hashlib._Hash", data: memoryview) -> None:
        self._behind.append(self._thread.submit(digest.update, data))
        if len(self._behind) > _MOST_BEHIND:
            self._behind.popleft().result()


class _Tail:
    """A file being brought to the bytes of an output: hashed as far as it is there, then appended to."""

    def __init__(self, entry: FileEntry, file: IO[bytes], hashing: _Hashing, progress: Progress) -> None:
        self.entry = entry
        self._file = file
        self._hashing = hashing
        self._progress = progress
        self._digest = hashlib.sha256()
        if file.tell() > entry.size:
            file.truncate(0)
        file.seek(0)
        while chunk := file.read(CHUNK):
            self._digest.update(chunk)
            progress(len(chunk))
        self.offset = file.tell()
        self.left = entry.size - self.offset

    def take(self, data: memoryview) -> memoryview:
        """Append what belongs to this file; the rest belongs to the next."""
        own = data[: self.left]
        self._file.write(own)
        self._hashing.update(self._digest, own)
        self._progress(len(own))
        self.left -= len(own)
        return data[len(own) :]

    @property
    def is_right(self) -> bool:
        return self._digest.hexdigest() == self.entry.sha256


def _is_other(blob: Upload) -> TransferError:
    sha256, _, path = blob
    return TransferError(
        f"{path}: the bytes that arrived do not have sha256 {sha256[:12]}: the file was changed, or damaged on the way",
        "plan again: a changed file is a changed input",
    )


def _verified(file: IO[bytes], part: Part, size: int, progress: Progress) -> tuple[str, int]:
    """The part, when it is the beginning of our file; the file is then read up to its end."""
    if part.size <= size:
        digest = hashlib.sha256()
        for chunk in _chunks(file, part.size, lambda _: None):
            digest.update(chunk)
        if digest.hexdigest() == part.sha256:
            progress(part.size)
            return part.name, part.size
        file.seek(0)
    return "", 0


def _chunks(file: IO[bytes], size: int, progress: Progress) -> Iterator[bytes]:
    while size > 0 and (chunk := file.read(min(CHUNK, size))):
        size -= len(chunk)
        yield chunk
        progress(len(chunk))


def _nonce() -> str:
    return f"{os.getpid()}-{time.time_ns()}"
