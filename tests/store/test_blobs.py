"""A blob is there whole, verified and read-only, or not at all."""

import hashlib
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cosmos.core.files import FactCache
from cosmos.core.recorded import FileEntry
from cosmos.errors import StorageError
from cosmos.store.blobs import LocalStore
from tests.store.results import edit_in_place, tree

DATA = b"a video" * 10_000
SHA256 = hashlib.sha256(DATA).hexdigest()


def test_committed_bytes_are_a_read_only_blob(store: LocalStore, root: Path) -> None:
    store.partial(SHA256).write_bytes(DATA)
    store.commit(SHA256, len(DATA))
    assert store.path(SHA256) == root / SHA256[:2] / SHA256
    assert tree(root) == {f"{SHA256[:2]}/{SHA256}": DATA}
    assert stat.S_IMODE(store.path(SHA256).stat().st_mode) == 0o444


def test_a_partial_file_keeps_what_has_arrived(store: LocalStore) -> None:
    store.partial(SHA256).write_bytes(DATA[:100])
    assert store.partial(SHA256).read_bytes() == DATA[:100]
    assert not store.path(SHA256).exists()


@pytest.mark.parametrize("arrived", [DATA[:-1], DATA + b"x", b"", b"X" + DATA[1:]])
def test_wrong_bytes_become_no_blob_and_are_removed(store: LocalStore, root: Path, arrived: bytes) -> None:
    store.partial(SHA256).write_bytes(arrived)
    with pytest.raises(StorageError, match=rf"{SHA256} are damaged: {len(arrived)} of {len(DATA)} bytes"):
        store.commit(SHA256, len(DATA))
    assert tree(root) == {}


def test_a_wrong_size_is_refused_even_with_the_right_hash(store: LocalStore) -> None:
    store.partial(SHA256).write_bytes(DATA)
    with pytest.raises(StorageError, match="damaged"):
        store.commit(SHA256, len(DATA) + 1)


def test_committing_twice_is_committing_once(store: LocalStore, root: Path) -> None:
    store.partial(SHA256).write_bytes(DATA)
    store.commit(SHA256, len(DATA))
    inode = store.path(SHA256).stat().st_ino
    store.commit(SHA256, len(DATA))
    store.partial(SHA256).write_bytes(DATA)
    store.commit(SHA256, len(DATA))
    assert store.path(SHA256).stat().st_ino == inode
    assert tree(root) == {f"{SHA256[:2]}/{SHA256}": DATA}


def test_committing_what_never_arrived_is_an_error(store: LocalStore) -> None:
    with pytest.raises(StorageError, match="it is not there"):
        store.commit(SHA256, len(DATA))


def test_a_damaged_blob_is_replaced_by_good_bytes_and_kept(store: LocalStore, root: Path) -> None:
    store.put(DATA)
    edit_in_place(store.path(SHA256), b"edited")
    store.partial(SHA256).write_bytes(DATA)
    store.commit(SHA256, len(DATA))
    assert store.path(SHA256).read_bytes() == DATA
    assert tree(root)[f"{SHA256[:2]}/{SHA256}.damaged-1"].startswith(b"edited")


def test_a_log_that_is_linked_in_becomes_a_blob(store: LocalStore, tmp_path: Path) -> None:
    log = tmp_path / "batch.log"
    log.write_bytes(DATA)
    store.partial(SHA256).hardlink_to(log)
    store.commit(SHA256, len(DATA))
    log.unlink()
    assert store.path(SHA256).read_bytes() == DATA


def test_put_bytes_are_found_by_their_hash(store: LocalStore, root: Path) -> None:
    assert store.put(DATA) == FileEntry(name="", sha256=SHA256, size=len(DATA))
    assert store.put(DATA) == FileEntry(name="", sha256=SHA256, size=len(DATA))
    assert tree(root) == {f"{SHA256[:2]}/{SHA256}": DATA}


def test_threads_may_put_equal_bytes(store: LocalStore, root: Path) -> None:
    threads = [threading.Thread(target=store.put, args=(DATA,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tree(root) == {f"{SHA256[:2]}/{SHA256}": DATA}


@pytest.mark.parametrize("sha256", ["../../etc/passwd", "", "a" * 63, "A" * 64, "g" * 64, "a" * 65, f"{'a' * 64}\n"])
def test_what_is_no_hash_becomes_no_path(store: LocalStore, sha256: str) -> None:
    for place in (store.path, store.partial):
        with pytest.raises(StorageError, match="is no sha256"):
            place(sha256)


def test_a_blob_survives_a_new_cache(store: LocalStore, root: Path, outputs: Path, cache: FactCache) -> None:
    """Nothing is remembered about it: its bytes are asked."""
    path = root / SHA256[:2] / SHA256
    path.parent.mkdir(parents=True)
    path.write_bytes(DATA)
    inode = path.stat().st_ino
    store.put(DATA)
    assert path.stat().st_ino == inode


PUT_FOR_EVER = """
import sys
from pathlib import Path
from cosmos.state.database import open_database
from cosmos.state.facts import SqlFactCache
from cosmos.store.blobs import LocalStore

root = Path(sys.argv[1])
store = LocalStore(root / "store", root / "outputs", SqlFactCache(open_database(f"sqlite:///{root}/state.db")))
for number in range(1_000_000):
    print(store.put(number.to_bytes(8, "big") * 20_000).sha256, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 5, 30])
def test_a_process_killed_while_storing_leaves_only_whole_blobs(tmp_path: Path, lines: int) -> None:
    words = [sys.executable, "-c", PUT_FOR_EVER, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [writer.stdout.readline().strip() for _ in range(lines)]
        writer.send_signal(signal.SIGKILL)
    blobs = {path.name: path for path in (tmp_path / "store").glob("??/*")}
    assert set(told) <= blobs.keys()
    assert {hashlib.sha256(path.read_bytes()).hexdigest() for path in blobs.values()} == blobs.keys()


def test_a_store_that_cannot_be_written_names_the_place(tmp_path: Path, cache: FactCache) -> None:
    (tmp_path / "file").write_text("")
    store = LocalStore(tmp_path / "file" / "store", tmp_path / "outputs", cache)
    with pytest.raises(StorageError, match=r"file/store/partial: a part of the path is not a folder") as caught:
        store.put(DATA)
    assert "move that file away" in caught.value.hint


def test_reading_is_not_fooled_by_a_link(store: LocalStore, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(DATA)
    store.partial(SHA256).symlink_to(secret)
    with pytest.raises(StorageError):
        store.commit(SHA256, len(DATA))
    assert not store.path(SHA256).exists()
