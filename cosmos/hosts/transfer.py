"""FileTransferService: blobs to a host, outputs from it. Whole and verified, or not at all.

A blob is written under another name, checked against its sha256 and then renamed, so that what has a
blob's name is whole. Memory is bounded by one chunk, whatever the size of a file.
"""

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from cosmos.core.ports import Progress
from cosmos.core.reasons import Reason
from cosmos.core.recorded import FileEntry
from cosmos.errors import HostRefused, StorageError, TransferError
from cosmos.hosts.layout import OUTPUTS, Layout, output_name, plain
from cosmos.hosts.remote import RemoteCommandExecutor
from cosmos.hosts.scripts import BashScriptBuilder
from cosmos.hosts.transport import CHUNK, Transport

Upload = tuple[str, int, Path]
"""sha256, size in bytes, and where it is here."""


class FileTransferService:
    """Moves files between this machine and one host."""

    def __init__(
        self, transport: Transport, executor: RemoteCommandExecutor, layout: Layout, builder: BashScriptBuilder
    ) -> None:
        self._transport = transport
        self._executor = executor
        self._layout = layout
        self._builder = builder

    def upload(self, blobs: Sequence[Upload], progress: Progress) -> None:
        """Upload what the host lacks: two round trips and one for each missing blob.

        A file that cannot be sent as it should be does not keep the others from being sent: other runs read them.

        Raises:
            TransferError: The bytes that arrived do not have the sha256.
            HostRefused: The disk is full or not writable. Blobs that had arrived by then are kept.
        """
        missing = self._missing(blobs)
        arrived: dict[str, str] = {}
        wrong: list[TransferError] = []
        try:
            for sha256, _, path in missing:
                try:
                    arrived[self._send(sha256, path, progress)] = sha256
                except TransferError as error:
                    wrong.append(error)
        finally:
            if arrived:
                self._executor.run(self._builder.publish(arrived))
        if wrong:
            raise wrong[0]

    def download(self, batch_id: str, folder: str, entry: FileEntry, target: Path, progress: Progress) -> None:
        """Bring `target` to the bytes of one output, going on from those that it has.

        What is there already is hashed, not trusted: a prefix that is wrong shows in the whole.

        Raises:
            TransferError: The whole does not have the sha256. `target` is removed then.
            StorageError: This disk does not take the file.
        """
        name = f"{OUTPUTS}/{plain(folder)}/{output_name(entry.name)}"
        try:
            with target.open("a+b") as file:
                found = self._complete(file, self._layout.batch(batch_id), name, entry.size, progress)
            if found == entry.sha256:
                return
            target.unlink()
        except OSError as error:
            raise StorageError(f"{target}: {error.strerror}", "free space, or see who owns the folder") from error
        raise TransferError(
            f"{batch_id}: {name} arrived with sha256 {found[:12]}, and the host listed {entry.sha256[:12]}",
            "it is fetched again from its start",
        )

    def _complete(self, file: IO[bytes], base: str, name: str, size: int, progress: Progress) -> str:
        """Append what `file` lacks; the sha256 of all of it."""
        if file.tell() > size:
            file.truncate(0)
        file.seek(0)
        digest = hashlib.sha256()
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            progress(len(chunk))
        left = size - file.tell()
        for arrived in self._transport.get(base, name, file.tell()) if left else ():
            chunk = arrived[:left]
            file.write(chunk)
            digest.update(chunk)
            progress(len(chunk))
            left -= len(chunk)
            if not left:
                break
        return digest.hexdigest()

    def _missing(self, blobs: Sequence[Upload]) -> list[Upload]:
        if not blobs:
            return []
        first, *rest = self._executor.run(self._builder.blobs(sha256 for sha256, _, _ in blobs)).decode().splitlines()
        there = {line.rpartition("/")[2]: int(line.partition(" ")[0]) for line in rest}
        unique = {sha256: (sha256, size, path) for sha256, size, path in blobs}
        missing = [blob for blob in unique.values() if there.get(blob[0]) != blob[1]]
        needed, free = sum(size for _, size, _ in missing), int(first)
        if needed > free:
            raise HostRefused(
                f"the host's disk is full: {needed} bytes to upload, {free} free",
                "free space on the host",
                Reason.DISK_FULL.value,
            )
        return missing

    def _send(self, sha256: str, path: Path, progress: Progress) -> str:
        name = f"{sha256}.{os.getpid()}-{time.time_ns()}"
        found = self._transport.put(self._layout.part(name), _chunks(path, progress))
        if found == sha256:
            return name
        self._executor.run(self._builder.discard(name))
        raise TransferError(
            f"{path}: the bytes that arrived have sha256 {found[:12]}, not {sha256[:12]}: "
            "the file was changed, or damaged on the way",
            "plan again: a changed file is a changed input",
        )


def _chunks(path: Path, progress: Progress) -> Iterator[bytes]:
    try:
        with path.open("rb", buffering=0) as file:
            while chunk := file.read(CHUNK):
                yield chunk
                progress(len(chunk))
    except OSError as error:
        raise TransferError(f"{path}: {error.strerror}", "put the file back, or take it out of the spec") from error
