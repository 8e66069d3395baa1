"""MemoryStore: the `BlobStore` port without its outputs folder, for tests and the simulated world.

Blobs are files, because programs and hosts read them; what is published is kept as bytes.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from cosmos.core.observed import OutputState
from cosmos.core.recorded import FileEntry, Manifest
from cosmos.errors import StorageError
from cosmos.store.content import checked_sha256
from cosmos.store.publishing import checked_path


class MemoryStore:
    """A store in one flat folder, which need not last: nothing is forced to the disk.

    Args:
        root: Folder of the blobs; it exists.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._paths: dict[str, Path] = {}
        self.outputs: dict[str, dict[str, bytes]] = {}
        """By folder and name. Bytes that were in the way of a result are kept under another name."""
        self.latest: dict[str, str] = {}

    def partial(self, sha256: str) -> Path:
        return self.path(sha256).with_suffix(".part")

    def path(self, sha256: str) -> Path:
        if (found := self._paths.get(sha256)) is None:
            found = self._paths[sha256] = self._root / checked_sha256(sha256)
        return found

    def commit(self, sha256: str, size: int) -> None:
        partial = self.partial(sha256)
        try:
            data = partial.read_bytes()
        except FileNotFoundError:
            if self._sound(sha256) is not None:
                return
            raise StorageError(f"{partial} cannot be stored: it is not there", "the same command brings it") from None
        if hashlib.sha256(data).hexdigest() != sha256 or len(data) != size:
            partial.unlink()
            raise StorageError(
                f"the bytes for blob {sha256} are damaged: {len(data)} of {size} bytes",
                "they were removed; the same command brings them again",
            )
        partial.replace(self.path(sha256))

    def put(self, data: bytes) -> FileEntry:
        entry = FileEntry(name="", sha256=hashlib.sha256(data).hexdigest(), size=len(data))
        self.path(entry.sha256).write_bytes(data)
        return entry

    def publish(self, folder: str, manifest: Manifest) -> None:
        checked_path(folder)
        there = self.outputs.get(folder, {})
        lacking = [entry for entry in manifest if not _is_same(there.get(checked_path(entry.name)), entry)]
        blobs = {entry.name: self._blob(entry) for entry in lacking}
        there = self.outputs.setdefault(folder, {})
        for name, data in blobs.items():
            if name in there:
                there[_free_name(name, there)] = there[name]
            there[name] = data
        above, _, name = folder.rpartition("/")
        self.latest[above] = name

    def look(self, published: Iterable[tuple[str, Manifest]]) -> Mapping[str, OutputState]:
        return {folder: self._state(folder, manifest) for folder, manifest in published}

    def _state(self, folder: str, manifest: Manifest) -> OutputState:
        there = self.outputs.get(checked_path(folder), {})
        state = OutputState.PRESENT
        for entry in manifest:
            data = there.get(entry.name)
            if _is_same(data, entry):
                continue
            if self._sound(entry.sha256) is None:
                return OutputState.LOST
            if data is not None:
                state = OutputState.CORRUPT
            elif state is OutputState.PRESENT:
                state = OutputState.MISSING
        above, _, name = folder.rpartition("/")
        if state is OutputState.PRESENT and self.latest.get(above) != name:
            return OutputState.SUPERSEDED
        return state

    def _sound(self, sha256: str) -> bytes | None:
        """The bytes of a blob, if they are there and are its own; others are put aside."""
        try:
            data = self.path(sha256).read_bytes()
        except FileNotFoundError:
            return None
        if hashlib.sha256(data).hexdigest() == sha256:
            return data
        self.path(sha256).replace(self._root / f"{sha256}.damaged")
        return None

    def _blob(self, entry: FileEntry) -> bytes:
        data = self._sound(entry.sha256)
        if data is None:
            raise StorageError(f"{entry.name} cannot be published: its blob {entry.sha256} is not in {self._root}")
        return data


def _is_same(data: bytes | None, entry: FileEntry) -> bool:
    return data is not None and hashlib.sha256(data).hexdigest() == entry.sha256


def _free_name(name: str, there: Mapping[str, bytes]) -> str:
    number = 1
    while (free := f"{name}.replaced-{number}") in there:
        number += 1
    return free
