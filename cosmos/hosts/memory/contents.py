"""Bytes on their way between a machine in memory and files here."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from cosmos.core.ports import Progress
from cosmos.core.recorded import FileEntry
from cosmos.errors import HostUnreachable, TransferError


def below(outputs: Mapping[str, bytes], folder: str) -> dict[str, bytes]:
    start = f"{folder}/"
    return {name.removeprefix(start): data for name, data in outputs.items() if name.startswith(start)}


def entry_of(name: str, data: bytes) -> FileEntry:
    return FileEntry(name=name, sha256=hashlib.sha256(data).hexdigest(), size=len(data))


def whole(sha256: str, path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TransferError(f"{path}: {error.strerror}", "put the file back, or take it out of the spec") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise TransferError(f"{path}: the bytes that arrived do not have sha256 {sha256[:12]}", "plan again")
    return data


def bring(data: bytes, entry: FileEntry, target: Path, progress: Progress) -> bool:
    """Bring the target to the bytes of the output, going on from what it has. Are they the right ones now?"""
    have = target.read_bytes() if target.exists() else b""
    if len(have) > entry.size:
        have = b""
    more = data[len(have) : entry.size]
    target.write_bytes(have + more)
    progress(len(have) + len(more))
    if len(have) + len(more) < entry.size:
        raise HostUnreachable(f"{entry.name} was cut off", "it is fetched on from where it is")
    return hashlib.sha256(have + more).hexdigest() == entry.sha256
