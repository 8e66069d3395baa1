"""What every `core.ports.BlobStore` keeps, as tests to inherit, with a fixture `shelf` that gives a `StoreWorld`."""

import hashlib
from dataclasses import replace
from typing import Protocol

import pytest

from cosmos.core.observed import OutputState
from cosmos.core.ports import BlobStore
from cosmos.core.recorded import FileEntry, Manifest
from cosmos.errors import StorageError

DATA = b"a video" * 100
SHA256 = hashlib.sha256(DATA).hexdigest()
FOLDER = "city/3fa9c1d2"


class StoreWorld(Protocol):
    """A store, and what may befall what it has published and kept."""

    store: BlobStore

    def published(self, folder: str, name: str) -> bytes | None:
        """The bytes of a published file; None where it is not there."""

    def replace(self, folder: str, name: str, data: bytes | None) -> None:
        """Put another file in the place of a published one, or none."""

    def lose_blob(self, sha256: str) -> None:
        """It is gone from the store."""


def result(store: BlobStore) -> Manifest:
    return (replace(store.put(b"log"), name="run.log"), replace(store.put(DATA), name="video.mp4"))


def look(store: BlobStore, manifest: Manifest, folder: str = FOLDER) -> OutputState:
    return store.look([(folder, manifest)])[folder]


class StoreContract:
    """Holds for every store."""

    def test_bytes_become_a_blob_when_they_are_whole(self, shelf: StoreWorld) -> None:
        shelf.store.partial(SHA256).write_bytes(DATA)
        assert not shelf.store.path(SHA256).exists()
        shelf.store.commit(SHA256, len(DATA))
        shelf.store.commit(SHA256, len(DATA))
        assert shelf.store.path(SHA256).read_bytes() == DATA

    @pytest.mark.parametrize("arrived", [DATA[:-1], DATA + b"x", b"X" + DATA[1:]])
    def test_wrong_bytes_become_no_blob_and_are_removed(self, shelf: StoreWorld, arrived: bytes) -> None:
        shelf.store.partial(SHA256).write_bytes(arrived)
        with pytest.raises(StorageError, match="damaged"):
            shelf.store.commit(SHA256, len(DATA))
        assert not shelf.store.path(SHA256).exists()
        assert not shelf.store.partial(SHA256).exists()

    def test_committing_what_never_arrived_is_an_error(self, shelf: StoreWorld) -> None:
        with pytest.raises(StorageError):
            shelf.store.commit(SHA256, len(DATA))

    def test_put_bytes_are_found_by_their_hash(self, shelf: StoreWorld) -> None:
        assert shelf.store.put(DATA) == FileEntry(name="", sha256=SHA256, size=len(DATA))
        assert shelf.store.path(SHA256).read_bytes() == DATA

    def test_a_published_result_is_present_until_something_befalls_it(self, shelf: StoreWorld) -> None:
        manifest = result(shelf.store)
        assert look(shelf.store, manifest) is OutputState.MISSING
        shelf.store.publish(FOLDER, manifest)
        assert look(shelf.store, manifest) is OutputState.PRESENT
        shelf.replace(FOLDER, "run.log", None)
        assert look(shelf.store, manifest) is OutputState.MISSING
        shelf.replace(FOLDER, "video.mp4", b"mine")
        assert look(shelf.store, manifest) is OutputState.CORRUPT

    def test_what_is_in_the_way_is_kept_under_another_name(self, shelf: StoreWorld) -> None:
        manifest = result(shelf.store)
        shelf.store.publish(FOLDER, manifest)
        shelf.replace(FOLDER, "video.mp4", b"mine")
        shelf.store.publish(FOLDER, manifest)
        assert shelf.published(FOLDER, "video.mp4") == DATA
        assert shelf.published(FOLDER, "video.mp4.replaced-1") == b"mine"
        assert look(shelf.store, manifest) is OutputState.PRESENT

    def test_a_later_result_beside_it_supersedes_it(self, shelf: StoreWorld) -> None:
        manifest = result(shelf.store)
        shelf.store.publish(FOLDER, manifest)
        shelf.store.publish("city/bbbbbbbb", manifest)
        assert look(shelf.store, manifest) is OutputState.SUPERSEDED
        shelf.store.publish(FOLDER, manifest)
        assert look(shelf.store, manifest) is OutputState.PRESENT

    def test_what_neither_outputs_nor_the_store_have_is_lost(self, shelf: StoreWorld) -> None:
        manifest = result(shelf.store)
        shelf.store.publish(FOLDER, manifest)
        shelf.lose_blob(SHA256)
        assert look(shelf.store, manifest) is OutputState.PRESENT
        shelf.replace(FOLDER, "video.mp4", None)
        assert look(shelf.store, manifest) is OutputState.LOST

    def test_a_result_without_its_blobs_is_not_published(self, shelf: StoreWorld) -> None:
        manifest = result(shelf.store)
        shelf.lose_blob(SHA256)
        with pytest.raises(StorageError):
            shelf.store.publish(FOLDER, manifest)
        assert shelf.published(FOLDER, "run.log") is None

    @pytest.mark.parametrize("name", ["../x", "/x", "a//b", "a/./b"])
    def test_a_name_that_leaves_the_folder_is_refused(self, shelf: StoreWorld, name: str) -> None:
        entry = replace(shelf.store.put(DATA), name=name)
        with pytest.raises(StorageError):
            shelf.store.publish(FOLDER, (entry,))

    @pytest.mark.parametrize("sha256", ["../../etc/passwd", "", "A" * 64])
    def test_what_is_no_hash_becomes_no_path(self, shelf: StoreWorld, sha256: str) -> None:
        for place in (shelf.store.path, shelf.store.partial):
            with pytest.raises(StorageError):
                place(sha256)
