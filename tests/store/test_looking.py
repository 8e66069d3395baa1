"""What a look says about published files, whatever happened to them, and what it costs."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cosmos.core.files import FactCache
from cosmos.core.observed import OutputState
from cosmos.core.recorded import Manifest
from cosmos.errors import StorageError
from cosmos.store.blobs import LocalStore
from tests.store.results import FILES, FOLDER, edit_in_place, published, touch, tree


def look(store: LocalStore, manifest: Manifest, folder: str = FOLDER) -> OutputState:
    return store.look([(folder, manifest)])[folder]


def test_a_published_result_is_present(store: LocalStore) -> None:
    assert look(store, published(store)) is OutputState.PRESENT


def test_every_result_gets_its_own_answer(store: LocalStore, outputs: Path) -> None:
    manifest = published(store, "city/aaaaaaaa")
    published(store, "lake/aaaaaaaa")
    (outputs / "lake/aaaaaaaa/video.mp4").unlink()
    assert store.look([("city/aaaaaaaa", manifest), ("lake/aaaaaaaa", manifest), ("hill/aaaaaaaa", manifest)]) == {
        "city/aaaaaaaa": OutputState.PRESENT,
        "lake/aaaaaaaa": OutputState.MISSING,
        "hill/aaaaaaaa": OutputState.MISSING,
    }


@pytest.mark.parametrize("name", FILES)
def test_a_deleted_file_is_missing(store: LocalStore, outputs: Path, name: str) -> None:
    manifest = published(store)
    (outputs / FOLDER / name).unlink()
    assert look(store, manifest) is OutputState.MISSING


def test_a_deleted_outputs_folder_is_missing(store: LocalStore, outputs: Path) -> None:
    manifest = published(store)
    subprocess.run(["rm", "-rf", outputs], check=True)
    assert look(store, manifest) is OutputState.MISSING


def test_a_replaced_file_is_corrupt_and_the_store_still_has_it(store: LocalStore, outputs: Path) -> None:
    manifest = published(store)
    video = outputs / FOLDER / "video.mp4"
    video.unlink()
    video.write_bytes(b"A video" * 1000)
    assert look(store, manifest) is OutputState.CORRUPT
    store.publish(FOLDER, manifest)
    assert look(store, manifest) is OutputState.PRESENT


def test_corrupt_outweighs_missing(store: LocalStore, outputs: Path) -> None:
    manifest = published(store)
    (outputs / FOLDER / "frames/0001.png").unlink()
    (outputs / FOLDER / "video.mp4").unlink()
    (outputs / FOLDER / "video.mp4").write_text("mine")
    assert look(store, manifest) is OutputState.CORRUPT


@pytest.mark.parametrize("data", [b"A", b"a longer one" * 1000])
def test_an_edit_in_place_is_found_though_it_changed_the_store_too(
    store: LocalStore, outputs: Path, data: bytes
) -> None:
    manifest = published(store)
    video = outputs / FOLDER / "video.mp4"
    blob = store.path(manifest[-1].sha256)
    edit_in_place(video, data)
    assert look(store, manifest) is OutputState.LOST
    assert not blob.exists()
    assert blob.with_name(f"{blob.name}.damaged-1").samefile(video)
    assert look(store, manifest) is OutputState.LOST


def test_a_lost_result_is_present_again_once_its_bytes_are_back(store: LocalStore, outputs: Path) -> None:
    manifest = published(store)
    edit_in_place(outputs / FOLDER / "video.mp4", b"A")
    assert look(store, manifest) is OutputState.LOST
    store.put(FILES["video.mp4"])
    assert look(store, manifest) is OutputState.CORRUPT
    store.publish(FOLDER, manifest)
    assert look(store, manifest) is OutputState.PRESENT
    assert tree(outputs / FOLDER)["video.mp4.replaced-1"].startswith(b"A video")


def test_missing_from_outputs_and_damaged_in_the_store_is_lost(store: LocalStore, outputs: Path) -> None:
    manifest = published(store)
    (outputs / FOLDER / "video.mp4").unlink()
    edit_in_place(store.path(manifest[-1].sha256), b"A")
    assert look(store, manifest) is OutputState.LOST


def test_a_result_without_a_store_is_still_present(store: LocalStore, root: Path) -> None:
    manifest = published(store)
    subprocess.run(["rm", "-rf", root], check=True)
    assert look(store, manifest) is OutputState.PRESENT


@pytest.mark.parametrize("point", [lambda latest: latest.unlink(), lambda latest: repoint(latest, "elsewhere")])
def test_a_result_that_latest_does_not_point_at_is_superseded(
    store: LocalStore, outputs: Path, point: Callable[[Path], None]
) -> None:
    manifest = published(store)
    point((outputs / FOLDER).with_name("latest"))
    assert look(store, manifest) is OutputState.SUPERSEDED
    store.publish(FOLDER, manifest)
    assert look(store, manifest) is OutputState.PRESENT


def repoint(latest: Path, name: str) -> None:
    latest.unlink()
    latest.symlink_to(name)


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_what_is_not_a_file_is_corrupt(store: LocalStore, outputs: Path, tmp_path: Path, kind: str) -> None:
    manifest = published(store)
    video = outputs / FOLDER / "video.mp4"
    video.unlink()
    if kind == "link":
        (tmp_path / "elsewhere").write_bytes(FILES["video.mp4"])
        video.symlink_to(tmp_path / "elsewhere")
    elif kind == "folder":
        video.mkdir()
    else:
        os.mkfifo(video)
    assert look(store, manifest) is OutputState.CORRUPT


def test_a_file_in_the_place_of_a_folder_is_missing(store: LocalStore, outputs: Path) -> None:
    manifest = published(store)
    subprocess.run(["rm", "-r", outputs / FOLDER], check=True)
    (outputs / FOLDER).write_text("mine")
    assert look(store, manifest) is OutputState.MISSING
    store.publish(FOLDER, manifest)
    assert look(store, manifest) is OutputState.PRESENT


def test_a_folder_from_elsewhere_is_not_looked_at(store: LocalStore) -> None:
    with pytest.raises(StorageError, match="leads out of"):
        look(store, published(store), "../elsewhere")


# What it costs ------------------------------------------------------------------------------------

LOOK = """
import sys
from pathlib import Path
from cosmos.state.database import open_database
from cosmos.state.facts import SqlFactCache
from cosmos.store.blobs import LocalStore
from tests.store.results import FOLDER, a_manifest

root = Path(sys.argv[1])
cache = SqlFactCache(open_database(f"sqlite:///{root}/state.db"))
store = LocalStore(root / "state/store", root / "outputs", cache)
manifest = a_manifest()
opened = []
sys.addaudithook(lambda event, arguments: opened.append(str(arguments[0])) if event == "open" else None)
state = store.look([(FOLDER, manifest)])[FOLDER]
read = [path.rpartition("/")[2] for path in opened if "outputs" in path or "store/" in path]
cache.flush()
print(state, *read)
"""


def look_elsewhere(root: Path) -> list[str]:
    """The state, and the names of the files that were opened for it, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", LOOK, str(root)], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_nothing_is_read_that_has_not_changed(store: LocalStore, cache: FactCache, tmp_path: Path) -> None:
    published(store)
    cache.flush()
    assert look_elsewhere(tmp_path) == ["present"]


def test_a_touched_file_is_read_once(store: LocalStore, cache: FactCache, outputs: Path, tmp_path: Path) -> None:
    published(store)
    cache.flush()
    touch(outputs / FOLDER / "video.mp4", -5)
    assert look_elsewhere(tmp_path)[:2] == ["present", "video.mp4"]
    assert look_elsewhere(tmp_path) == ["present"]


def test_a_moved_project_is_not_read_again(store: LocalStore, cache: FactCache, outputs: Path, tmp_path: Path) -> None:
    published(store)
    cache.flush()
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("outputs", "state"):
        (tmp_path / name).rename(moved / name)
    for file in tmp_path.glob("state.db*"):
        file.rename(moved / file.name)
    assert look_elsewhere(moved) == ["present"]


# Anything at all ----------------------------------------------------------------------------------

NAMES = sorted(FILES)
HARM = ("delete", "replace", "edit in place", "touch", "delete blob")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(harms=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(HARM)))
def test_present_means_the_bytes_of_the_manifest(
    tmp_path_factory: pytest.TempPathFactory, cache: FactCache, harms: dict[str, str]
) -> None:
    root = tmp_path_factory.mktemp("project")
    store = LocalStore(root / "store", root / "outputs", cache)
    manifest = published(store)
    sha256 = {entry.name: entry.sha256 for entry in manifest}
    for name, harm in harms.items():
        do(harm, root / "outputs" / FOLDER / name, store.path(sha256[name]))
    state = look(store, manifest)
    assert (state is OutputState.PRESENT) == (tree(root / "outputs" / FOLDER) == FILES)
    if state is OutputState.LOST:
        with pytest.raises(StorageError):
            store.publish(FOLDER, manifest)
    else:
        store.publish(FOLDER, manifest)
        assert look(store, manifest) is OutputState.PRESENT
        assert tree(root / "outputs" / FOLDER).items() >= FILES.items()


def do(harm: str, file: Path, blob: Path) -> None:
    if harm == "delete":
        file.unlink()
    elif harm == "replace":
        size = file.stat().st_size
        file.unlink()
        file.write_bytes(b"x" * max(size, 1))
    elif harm == "edit in place":
        edit_in_place(file, b"xyz")
    elif harm == "touch":
        touch(file, 3)
    else:
        blob.unlink()
