"""The local store as a place that is looked after: real files, damaged as disks and people do it."""

import os
from pathlib import Path

import pytest

from cosmos.core.files import FactCache
from cosmos.core.flaw import FlawKind
from cosmos.core.observed import OutputState
from cosmos.errors import StorageError
from cosmos.store.blobs import LocalStore
from cosmos.store.stock import LocalStock, logs_in, remove_log
from tests.store.results import FOLDER, a_result, edit_in_place, published, tree


@pytest.fixture
def stock(root: Path, outputs: Path, cache: FactCache) -> LocalStock:
    return LocalStock(root, outputs, cache)


def rot(path: Path) -> None:
    """Change one byte, as a disk does: no time and no mode tells of it."""
    found = path.stat()
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.write(b"\xff")
    path.chmod(0o444)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def test_a_store_that_is_not_there_yet_keeps_nothing(stock: LocalStock) -> None:
    assert (stock.stored().blobs, stock.stored().leftovers, stock.set_aside()) == ({}, {}, [])
    assert stock.discard(unused=["0" * 64], leftovers=["partial/x"], idle_s=0) == frozenset()


def test_blobs_are_listed_with_size_and_links(stock: LocalStock, store: LocalStore) -> None:
    loose = store.put(b"loose")
    manifest = published(store)
    found = stock.stored()
    assert found.blobs.keys() == {loose.sha256, *(file.sha256 for file in manifest)}
    assert (found.blobs[loose.sha256].size, found.blobs[loose.sha256].links) == (5, 1)
    assert all(found.blobs[file.sha256].links == 2 for file in manifest)


def test_a_whole_blob_has_no_flaw(stock: LocalStock, store: LocalStore) -> None:
    for file in published(store):
        assert stock.flaw(file, read=True) is None


@pytest.mark.parametrize("read", [False, True])
def test_what_is_wrong_with_a_blob_is_named_and_nothing_is_changed(
    stock: LocalStock, store: LocalStore, root: Path, *, read: bool
) -> None:
    frame, log, video = a_result(store)
    store.path(frame.sha256).unlink()
    store.path(log.sha256).chmod(0o644)
    edit_in_place(store.path(video.sha256), b"X")
    store.path(video.sha256).chmod(0o444)
    before = tree(root)
    kinds = [found[0] if (found := stock.flaw(file, read=read)) else None for file in (frame, log, video)]
    assert kinds == [FlawKind.BLOB_MISSING, FlawKind.BLOB_WRITABLE, FlawKind.BLOB_DAMAGED]
    assert tree(root) == before


def test_what_no_time_tells_of_is_found_by_reading_only(stock: LocalStock, store: LocalStore) -> None:
    *_, video = a_result(store)
    rot(store.path(video.sha256))
    assert stock.flaw(video, read=False) is None
    found = stock.flaw(video, read=True)
    assert found is not None
    assert found[0] is FlawKind.BLOB_DAMAGED


def test_a_blob_that_became_shorter_or_a_link_is_damaged(stock: LocalStock, store: LocalStore, outputs: Path) -> None:
    frame, _, video = a_result(store)
    os.truncate(store.path(frame.sha256), 3)
    target = store.path(video.sha256).rename(store.path(video.sha256).with_name("elsewhere"))
    store.path(video.sha256).symlink_to(target)
    for file in (frame, video):
        found = stock.flaw(file, read=True)
        assert found is not None
        assert found[0] is FlawKind.BLOB_DAMAGED


def test_a_damaged_blob_is_moved_aside_and_listed(stock: LocalStock, store: LocalStore) -> None:
    blob = store.put(b"damaged")
    aside = stock.put_aside(blob.sha256)
    assert aside is not None
    assert aside.read_bytes() == b"damaged"
    assert stock.set_aside() == [(aside, 7)]
    assert stock.stored().blobs == {}
    assert stock.put_aside(blob.sha256) is None


def test_only_unused_blobs_are_discarded(stock: LocalStock, store: LocalStore, outputs: Path) -> None:
    loose = store.put(b"loose")
    manifest = published(store)
    names = [loose.sha256, *(file.sha256 for file in manifest)]
    assert stock.discard(unused=names, idle_s=3600) == frozenset()
    assert stock.discard(unused=names, idle_s=0) == {loose.sha256}
    assert all(store.path(file.sha256).exists() for file in manifest)


def test_leftovers_are_transfers_that_were_cut_off(stock: LocalStock, store: LocalStore, root: Path) -> None:
    blob = store.put(b"kept")
    partial = store.partial("ab" * 32)
    partial.write_bytes(b"half")
    name = f"partial/{'ab' * 32}"
    assert stock.stored().leftovers.keys() == {name}
    inside = f"{blob.sha256[:2]}/{blob.sha256}"
    assert stock.discard(leftovers=[name, inside, f"partial/../{inside}"], idle_s=0) == {name}
    assert store.path(blob.sha256).read_bytes() == b"kept"


def test_published_files_are_compared_by_reading_on_request(
    stock: LocalStock, store: LocalStore, outputs: Path
) -> None:
    manifest = published(store)
    assert stock.output(FOLDER, manifest, read=True) is OutputState.PRESENT
    copy = outputs / FOLDER / "video.mp4"
    data = copy.read_bytes()
    copy.unlink()
    copy.write_bytes(data)
    assert stock.output(FOLDER, manifest, read=False) is OutputState.PRESENT
    rot(copy)
    edited = stock.output(FOLDER, manifest, read=True)
    assert edited is OutputState.CORRUPT


def test_looking_at_outputs_moves_nothing_aside(stock: LocalStock, store: LocalStore, root: Path) -> None:
    manifest = published(store)
    edit_in_place(store.path(manifest[-1].sha256), b"X")
    before = tree(root)
    assert stock.output(FOLDER, manifest, read=False) is OutputState.LOST
    assert tree(root) == before


def test_copies_in_outputs_are_found_by_size(stock: LocalStock, store: LocalStore, outputs: Path) -> None:
    manifest = published(store)
    (outputs / "notes.txt").write_bytes(b"mine, and long")
    sizes = {file.size for file in manifest}
    assert {sha256 for sha256, _ in stock.published(sizes)} == {file.sha256 for file in manifest}
    assert list(stock.published(())) == []


def test_kept_logs_are_one_thing_with_their_times(tmp_path: Path) -> None:
    for name, data in (("a-1.log", b"x" * 10), ("a-1.times", b"yy"), ("README.md", b"mine")):
        (tmp_path / name).write_bytes(data)
    assert {name: kept.size for name, kept in logs_in(tmp_path).items()} == {"a-1": 12}
    remove_log(tmp_path, "a-1")
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    assert logs_in(tmp_path / "absent") == {}


def test_a_store_that_cannot_be_read_is_an_error(stock: LocalStock, store: LocalStore, root: Path) -> None:
    store.put(b"kept")
    root.rename(root.with_name("elsewhere"))
    root.symlink_to(root.name)
    with pytest.raises(StorageError):
        stock.stored()
