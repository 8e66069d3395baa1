"""A result appears whole, and nothing that was there is overwritten."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cosmos.core.files import FactCache
from cosmos.core.recorded import FileEntry
from cosmos.errors import StorageError
from cosmos.store.blobs import LocalStore
from tests.store.results import FILES, FOLDER, a_result, edit_in_place, published, touch, tree


def test_a_result_is_published_with_its_names(store: LocalStore, outputs: Path) -> None:
    published(store)
    assert tree(outputs) == {f"{FOLDER}/{name}": data for name, data in FILES.items()}


def test_published_files_are_links_to_blobs_and_read_only(store: LocalStore, outputs: Path) -> None:
    for entry in published(store):
        file = outputs / FOLDER / entry.name
        assert file.samefile(store.path(entry.sha256))
        assert file.stat().st_mode & 0o777 == 0o444


def test_latest_points_at_the_newest_result(store: LocalStore, outputs: Path) -> None:
    published(store, "city/aaaaaaaa")
    published(store, "city/bbbbbbbb")
    assert str((outputs / "city/latest").readlink()) == "bbbbbbbb"
    published(store, "city/aaaaaaaa")
    assert (outputs / "city/latest/video.mp4").read_bytes() == FILES["video.mp4"]
    assert str((outputs / "city/latest").readlink()) == "aaaaaaaa"


def test_publishing_twice_changes_nothing(store: LocalStore, outputs: Path) -> None:
    manifest = published(store)
    before = {path: path.lstat() for path in sorted(outputs.rglob("*"))}
    store.publish(FOLDER, manifest)
    after = {path: path.lstat() for path in sorted(outputs.rglob("*"))}
    assert {path: (found.st_ino, found.st_ctime_ns) for path, found in after.items()} == {
        path: (found.st_ino, found.st_ctime_ns) for path, found in before.items()
    }


def test_missing_files_are_brought_back(store: LocalStore, outputs: Path) -> None:
    manifest = published(store)
    (outputs / FOLDER / "video.mp4").unlink()
    (outputs / FOLDER / "frames/0001.png").unlink()
    (outputs / FOLDER / "frames").rmdir()
    store.publish(FOLDER, manifest)
    assert tree(outputs / FOLDER) == FILES


def test_a_file_with_other_bytes_is_kept_under_another_name(store: LocalStore, outputs: Path) -> None:
    manifest = published(store)
    video = outputs / FOLDER / "video.mp4"
    for mine in (b"first edit", b"second edit"):
        video.unlink()
        video.write_bytes(mine)
        store.publish(FOLDER, manifest)
    assert tree(outputs / FOLDER) == {
        **FILES,
        "video.mp4.replaced-1": b"first edit",
        "video.mp4.replaced-2": b"second edit",
    }


def test_a_file_of_the_same_bytes_is_left_alone(store: LocalStore, outputs: Path) -> None:
    manifest = published(store)
    video = outputs / FOLDER / "video.mp4"
    video.unlink()
    video.write_bytes(FILES["video.mp4"])
    inode = video.stat().st_ino
    store.publish(FOLDER, manifest)
    assert video.stat().st_ino == inode


def test_files_that_are_not_ours_stay(store: LocalStore, outputs: Path) -> None:
    manifest = published(store)
    (outputs / FOLDER / "notes.txt").write_text("mine")
    (outputs / FOLDER / "video.mp4").unlink()
    store.publish(FOLDER, manifest)
    assert tree(outputs / FOLDER) == {**FILES, "notes.txt": b"mine"}


def test_a_folder_in_the_place_of_a_file_is_kept_under_another_name(store: LocalStore, outputs: Path) -> None:
    manifest = published(store)
    video = outputs / FOLDER / "video.mp4"
    video.unlink()
    video.mkdir()
    (video / "mine").write_text("mine")
    store.publish(FOLDER, manifest)
    assert tree(outputs / FOLDER) == {**FILES, "video.mp4.replaced-1/mine": b"mine"}


def test_a_link_in_the_place_of_a_file_is_not_followed(store: LocalStore, outputs: Path, tmp_path: Path) -> None:
    manifest = published(store)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(FILES["video.mp4"])
    video = outputs / FOLDER / "video.mp4"
    video.unlink()
    video.symlink_to(elsewhere)
    store.publish(FOLDER, manifest)
    assert not video.is_symlink()
    assert video.with_name("video.mp4.replaced-1").readlink() == elsewhere


@pytest.mark.parametrize("what", ["file", "dangling link"])
def test_a_file_in_the_place_of_the_folder_is_kept_under_another_name(
    store: LocalStore, outputs: Path, what: str
) -> None:
    target = outputs / FOLDER
    target.parent.mkdir(parents=True)
    if what == "file":
        target.write_text("mine")
    else:
        target.symlink_to("/nowhere/at/all")
    published(store)
    assert tree(target) == FILES
    assert os.path.lexists(f"{target}.replaced-1")


def test_a_folder_that_was_moved_to_a_bigger_disk_and_linked_is_used(
    store: LocalStore, outputs: Path, tmp_path: Path
) -> None:
    manifest = published(store)
    (outputs / FOLDER).rename(tmp_path / "bigger")
    (outputs / FOLDER).symlink_to(tmp_path / "bigger")
    (tmp_path / "bigger" / "video.mp4").unlink()
    store.publish(FOLDER, manifest)
    assert tree(tmp_path / "bigger") == FILES


def test_a_file_called_latest_is_kept_under_another_name(store: LocalStore, outputs: Path) -> None:
    latest = (outputs / FOLDER).with_name("latest")
    latest.parent.mkdir(parents=True)
    latest.write_text("mine")
    published(store)
    assert str(latest.readlink()) == "3fa9c1d2"
    assert latest.with_name("latest.replaced-1").read_text() == "mine"


@pytest.mark.parametrize("path", ["../escape", "/etc/cron.d/x", "a/../../b", "a//b", "./a", "", "a/", "nul\0"])
def test_nothing_is_published_outside(store: LocalStore, outputs: Path, tmp_path: Path, path: str) -> None:
    good = a_result(store)
    bad = (FileEntry(name=path, sha256=good[0].sha256, size=good[0].size),)
    with pytest.raises(StorageError, match="leads out of"):
        store.publish(FOLDER, (*good, *bad))
    with pytest.raises(StorageError, match="leads out of"):
        store.publish(path, good)
    assert not outputs.exists()
    assert not (tmp_path / "escape").exists()


def test_without_its_blob_nothing_is_published(store: LocalStore, outputs: Path) -> None:
    manifest = a_result(store)
    store.path(manifest[-1].sha256).unlink()
    with pytest.raises(StorageError, match=r"video\.mp4 cannot be published: its blob") as caught:
        store.publish(FOLDER, manifest)
    assert "--rerun" in caught.value.hint
    assert tree(outputs) == {}
    assert list(outputs.iterdir()) == []


def test_a_blob_that_was_edited_is_never_published(store: LocalStore, outputs: Path) -> None:
    manifest = a_result(store)
    edit_in_place(store.path(manifest[-1].sha256), b"other")
    with pytest.raises(StorageError, match="cannot be published"):
        store.publish(FOLDER, manifest)
    assert tree(outputs) == {}


def test_what_cannot_be_brought_back_leaves_what_is_there(store: LocalStore, outputs: Path) -> None:
    manifest = published(store)
    video = outputs / FOLDER / "video.mp4"
    video.unlink()
    video.write_text("mine")
    store.path(manifest[-1].sha256).unlink()
    with pytest.raises(StorageError, match="cannot be published"):
        store.publish(FOLDER, manifest)
    assert video.read_text() == "mine"


PUBLISH_AND_DIE = """
import os, signal, sys
from pathlib import Path
from cosmos.state.database import open_database
from cosmos.state.facts import SqlFactCache
from cosmos.store.blobs import LocalStore
from tests.store.results import FOLDER, a_result

root = Path(sys.argv[1])
store = LocalStore(root / "state/store", root / "outputs", SqlFactCache(open_database(f"sqlite:///{root}/state.db")))
manifest = a_result(store)
left = int(sys.argv[2])

def count(event: str, arguments: tuple[object, ...]) -> None:
    global left
    if event in {"os.link", "os.rename", "os.mkdir", "os.symlink"}:
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
store.publish(FOLDER, manifest)
"""


@pytest.mark.parametrize("effects", range(12))
def test_a_process_killed_while_publishing_leaves_all_or_nothing(
    store: LocalStore, outputs: Path, tmp_path: Path, effects: int
) -> None:
    words = [sys.executable, "-c", PUBLISH_AND_DIE, str(tmp_path), str(effects)]
    died = subprocess.run(words, check=False).returncode
    assert died in (0, -signal.SIGKILL)
    seen = {name: data for name, data in tree(outputs).items() if not name.startswith(".")} if outputs.exists() else {}
    assert seen in ({}, {f"{FOLDER}/{name}": data for name, data in FILES.items()})
    published(store)
    assert tree(outputs) == {f"{FOLDER}/{name}": data for name, data in FILES.items()}
    assert [path.name for path in outputs.rglob(".*")] == []
    if died == 0:
        assert effects >= 9, "every effect before the last was cut off once"


# Other file systems -------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.needs("mount")
def test_on_another_file_system_bytes_are_copied(root: Path, small_disk: Path, cache: FactCache) -> None:
    store = LocalStore(root, small_disk / "outputs", cache)
    manifest = published(store)
    assert tree(small_disk / "outputs" / FOLDER) == FILES
    (small_disk / "outputs" / FOLDER / "video.mp4").unlink()
    store.publish(FOLDER, manifest)
    video = small_disk / "outputs" / FOLDER / "video.mp4"
    assert video.read_bytes() == FILES["video.mp4"]
    assert video.stat().st_mode & 0o777 == 0o444
    assert not video.samefile(store.path(manifest[-1].sha256))


@pytest.mark.needs("mount")
@pytest.mark.parametrize("is_there", [False, True])
def test_a_full_disk_leaves_nothing_half_published(
    root: Path, small_disk: Path, cache: FactCache, is_there: bool
) -> None:
    store = LocalStore(root, small_disk / "outputs", cache)
    manifest = a_result(store, {"a.txt": b"small", "video.mp4": os.urandom(2 << 20)})
    if is_there:
        (small_disk / "outputs" / FOLDER).mkdir(parents=True)
        (small_disk / "outputs" / FOLDER / "video.mp4").write_text("mine")
    with pytest.raises(StorageError, match="the disk is full") as caught:
        store.publish(FOLDER, manifest)
    assert "free space" in caught.value.hint
    left = {f"{FOLDER}/a.txt": b"small", f"{FOLDER}/video.mp4": b"mine"} if is_there else {}
    assert tree(small_disk / "outputs") == left
    subprocess.run(["mount", "-o", "remount,size=8m", small_disk], check=True)
    store.publish(FOLDER, manifest)
    assert (small_disk / "outputs" / FOLDER / "video.mp4").stat().st_size == 2 << 20


@pytest.mark.needs("mount")
def test_a_full_store_takes_no_half_blob(small_disk: Path, cache: FactCache) -> None:
    store = LocalStore(small_disk / "store", small_disk / "outputs", cache)
    with pytest.raises(StorageError, match="the disk is full"):
        store.put(os.urandom(2 << 20))
    assert tree(small_disk) == {}


@pytest.mark.needs("mount")
def test_a_read_only_outputs_folder_is_named(root: Path, small_disk: Path, cache: FactCache) -> None:
    store = LocalStore(root, small_disk / "outputs", cache)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(StorageError, match=r"cannot publish to .*: the file system is read-only") as caught:
        published(store)
    assert "cosmos.toml" in caught.value.hint


def test_too_many_links_to_one_blob_are_copied(
    store: LocalStore, outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system's limit, 65,000 on ext4; an empty log is in every result."""

    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EMLINK, os.strerror(errno.EMLINK), str(self), None, str(target))

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    published(store)
    assert tree(outputs / FOLDER) == FILES


def test_a_touched_file_is_left_alone(store: LocalStore, outputs: Path) -> None:
    manifest = published(store)
    touch(outputs / FOLDER / "video.mp4", 5)
    store.publish(FOLDER, manifest)
    assert tree(outputs / FOLDER) == FILES
