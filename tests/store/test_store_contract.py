"""The store on the disk and the one in memory, held to one contract."""

from pathlib import Path

import pytest

from cosmos.core.ports import BlobStore
from cosmos.store.blobs import LocalStore
from cosmos.store.memory import MemoryStore
from tests.contracts.store_contract import StoreContract


class DiskShelf:
    def __init__(self, store: LocalStore, outputs: Path) -> None:
        self.store: BlobStore = store
        self._outputs = outputs

    def published(self, folder: str, name: str) -> bytes | None:
        path = self._outputs / folder / name
        return path.read_bytes() if path.exists() else None

    def replace(self, folder: str, name: str, data: bytes | None) -> None:
        path = self._outputs / folder / name
        path.unlink(missing_ok=True)
        if data is not None:
            path.write_bytes(data)

    def lose_blob(self, sha256: str) -> None:
        self.store.path(sha256).unlink()


class MemoryShelf:
    def __init__(self, root: Path) -> None:
        self._memory = MemoryStore(root)
        self.store: BlobStore = self._memory

    def published(self, folder: str, name: str) -> bytes | None:
        return self._memory.outputs.get(folder, {}).get(name)

    def replace(self, folder: str, name: str, data: bytes | None) -> None:
        files = self._memory.outputs[folder]
        files.pop(name, None)
        if data is not None:
            files[name] = data

    def lose_blob(self, sha256: str) -> None:
        self.store.path(sha256).unlink()


class TestLocalStore(StoreContract):
    @pytest.fixture
    def shelf(self, store: LocalStore, outputs: Path) -> DiskShelf:
        return DiskShelf(store, outputs)


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def shelf(self, tmp_path: Path) -> MemoryShelf:
        return MemoryShelf(tmp_path)
