"""Input files: which there are, and what is in them, when somebody may be rendering into them."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cosmos.core.files import FactCache
from cosmos.core.run import MediaFacts
from cosmos.errors import StorageError
from cosmos.store.content import RACY_NS
from cosmos.store.inputs import ProjectInputs
from tests.makers import a_digest

FACTS = MediaFacts(frames=24, width=1280, height=704, fps=24.0)


class CountingProbe:
    """Calls "video..." a video; remembers what it was asked about, and can act while it decodes."""

    def __init__(self) -> None:
        self.decoded: list[str] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def facts(self, path: Path) -> MediaFacts:
        self.decoded.append(path.name)
        self.meanwhile()
        if not path.read_bytes().startswith(b"video"):
            raise ValueError("no video stream")
        return FACTS

    def thumbnail(self, path: Path) -> bytes:
        return path.read_bytes()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "inputs/city").mkdir(parents=True)
    return folder


@pytest.fixture
def probe() -> CountingProbe:
    return CountingProbe()


@pytest.fixture
def inputs(root: Path, cache: FactCache, probe: CountingProbe) -> ProjectInputs:
    return ProjectInputs(root, cache, probe)


def write(path: Path, data: bytes = b"video", *, age_s: float = 10) -> Path:
    """A file that was last written some time ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    then = time.time_ns() - int(age_s * 1e9)
    os.utime(path, ns=(then, then))
    return path


# Roles --------------------------------------------------------------------------------------------


def test_files_have_their_roles_by_name(inputs: ProjectInputs, root: Path) -> None:
    for name in ("color.mp4", "depth.mov", "segmentation.mkv", "edge.webm", "vis.MP4", "notes.txt", "colour.mp4"):
        write(root / "inputs/city" / name)
    assert inputs.roles("inputs/city") == {
        "color": "inputs/city/color.mp4",
        "depth": "inputs/city/depth.mov",
        "segmentation": "inputs/city/segmentation.mkv",
        "edge": "inputs/city/edge.webm",
        "vis": "inputs/city/vis.MP4",
    }


def test_an_empty_folder_has_no_roles(inputs: ProjectInputs) -> None:
    assert inputs.roles("inputs/city") == {}


def test_two_files_for_one_role_are_refused(inputs: ProjectInputs, root: Path) -> None:
    write(root / "inputs/city/depth.mov")
    write(root / "inputs/city/depth.mp4")
    with pytest.raises(StorageError, match=r"two files for the role depth: .*depth\.mov and .*depth\.mp4") as caught:
        inputs.roles("inputs/city")
    assert caught.value.hint == "keep one"


def test_a_missing_folder_says_what_belongs_there(inputs: ProjectInputs) -> None:
    with pytest.raises(StorageError, match="inputs/lake is not there") as caught:
        inputs.roles("inputs/lake")
    assert "color.mp4" in caught.value.hint


def test_a_file_is_no_folder_of_inputs(inputs: ProjectInputs, root: Path) -> None:
    write(root / "inputs/lake")
    with pytest.raises(StorageError, match="inputs/lake: a part of the path is not a folder"):
        inputs.roles("inputs/lake")


# Facts --------------------------------------------------------------------------------------------


def test_a_file_is_known_by_its_bytes(inputs: ProjectInputs, root: Path) -> None:
    write(root / "inputs/city/color.mp4", b"video of a city")
    fact = inputs.fact("inputs/city/color.mp4", decode=True)
    assert (fact.sha256, fact.size, fact.media, fact.media_error) == (a_digest("video of a city"), 15, FACTS, "")


def test_what_is_no_video_says_why(inputs: ProjectInputs, root: Path) -> None:
    write(root / "inputs/city/color.mp4", b"text")
    fact = inputs.fact("inputs/city/color.mp4", decode=True)
    assert (fact.media, fact.media_error) == (None, "no video stream")


def test_a_git_lfs_pointer_is_no_file_of_weights(inputs: ProjectInputs, root: Path) -> None:
    (root / "inputs/edge.pt").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")
    with pytest.raises(StorageError, match="is a Git LFS pointer") as caught:
        inputs.fact("inputs/edge.pt", decode=False)
    assert caught.value.hint == "run `git lfs pull`"


def test_nothing_is_decoded_unasked(inputs: ProjectInputs, root: Path, probe: CountingProbe) -> None:
    write(root / "inputs/style.txt", b"text")
    fact = inputs.fact("inputs/style.txt", decode=False)
    assert (fact.media, fact.media_error, probe.decoded) == (None, "", [])


@pytest.mark.parametrize("data", [b"video", b"no"])
def test_equal_bytes_are_decoded_once(inputs: ProjectInputs, root: Path, probe: CountingProbe, data: bytes) -> None:
    write(root / "inputs/city/color.mp4", data)
    write(root / "inputs/city/depth.mp4", data)
    facts = [inputs.fact(f"inputs/city/{name}.mp4", decode=True) for name in ("color", "depth", "color")]
    assert facts[0] == facts[1] == facts[2]
    assert probe.decoded == ["color.mp4"]


def test_a_settled_file_is_not_read_again(inputs: ProjectInputs, root: Path) -> None:
    """Shown by a change that nothing but reading could find."""
    path = write(root / "inputs/city/color.mp4", b"video 1")
    before = inputs.fact("inputs/city/color.mp4", decode=False)
    rewrite_unseen(path, b"video 2")
    assert inputs.fact("inputs/city/color.mp4", decode=False) == before


def test_a_file_written_just_now_is_read_again(inputs: ProjectInputs, root: Path) -> None:
    """Its next version may well have the same size and time: clocks of file systems tick slowly."""
    took_ns = RACY_NS
    while took_ns >= RACY_NS:  # a busy machine may take longer, and is then right to remember
        path = write(root / "inputs/city/color.mp4", b"video 1", age_s=0)
        before = inputs.fact("inputs/city/color.mp4", decode=False)
        took_ns = time.time_ns() - path.stat().st_mtime_ns
    rewrite_unseen(path, b"video 2")
    assert inputs.fact("inputs/city/color.mp4", decode=False) != before


def rewrite_unseen(path: Path, data: bytes) -> None:
    found = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


@pytest.mark.parametrize("data", [b"video 2", b"video, longer"])
def test_a_rendered_file_is_seen(inputs: ProjectInputs, root: Path, data: bytes) -> None:
    write(root / "inputs/city/color.mp4", b"video 1", age_s=20)
    inputs.fact("inputs/city/color.mp4", decode=True)
    write(root / "inputs/city/color.mp4", data, age_s=10)
    assert inputs.fact("inputs/city/color.mp4", decode=True).sha256 == a_digest(data.decode())


def test_a_file_that_grows_while_it_is_read_is_refused(inputs: ProjectInputs, root: Path) -> None:
    path = write(root / "inputs/city/color.mp4", b"video" * 4_000_000)
    begun, done = threading.Event(), threading.Event()

    def render() -> None:
        with path.open("ab", buffering=0) as file:
            while not done.is_set():
                file.write(b"frame")
                begun.set()

    renderer = threading.Thread(target=render)
    renderer.start()
    begun.wait()
    try:
        with pytest.raises(StorageError, match=r"color\.mp4 changed while it was read") as caught:
            inputs.fact("inputs/city/color.mp4", decode=False)
    finally:
        done.set()
        renderer.join()
    assert "wait until the program that writes it is done" in caught.value.hint


def test_a_file_that_changes_while_it_is_decoded_is_refused(
    inputs: ProjectInputs, root: Path, probe: CountingProbe, cache: FactCache
) -> None:
    path = write(root / "inputs/city/color.mp4", b"video 1")
    probe.meanwhile = lambda: write(path, b"video, longer", age_s=0)
    with pytest.raises(StorageError, match=r"color\.mp4 changed while it was decoded"):
        inputs.fact("inputs/city/color.mp4", decode=True)
    assert cache.media(a_digest("video 1")) is None


# What is refused ----------------------------------------------------------------------------------


def test_a_missing_file_says_where_it_belongs(inputs: ProjectInputs) -> None:
    with pytest.raises(StorageError, match=r"inputs/city/color\.mp4 is not there") as caught:
        inputs.fact("inputs/city/color.mp4", decode=True)
    assert "put the file there" in caught.value.hint


def test_a_dangling_link_is_a_missing_file(inputs: ProjectInputs, root: Path) -> None:
    (root / "inputs/city/color.mp4").symlink_to("gone.mp4")
    with pytest.raises(StorageError, match="is not there"):
        inputs.fact("inputs/city/color.mp4", decode=True)


def test_a_link_within_the_project_is_followed(inputs: ProjectInputs, root: Path) -> None:
    write(root / "renders/v2.mp4", b"video 2")
    (root / "inputs/city/color.mp4").symlink_to("../../renders/v2.mp4")
    assert inputs.fact("inputs/city/color.mp4", decode=True).sha256 == a_digest("video 2")


@pytest.mark.parametrize("link", ["inputs/city/color.mp4", "inputs/lake"])
def test_a_link_that_leaves_the_project_is_refused(
    inputs: ProjectInputs, root: Path, tmp_path: Path, link: str
) -> None:
    write(tmp_path / "elsewhere/color.mp4")
    target = tmp_path / "elsewhere"
    (root / link).symlink_to(target / "color.mp4" if link.endswith(".mp4") else target)
    path = link if link.endswith(".mp4") else f"{link}/color.mp4"
    with pytest.raises(StorageError, match=r"leads out of the project, to .*elsewhere/color\.mp4") as caught:
        inputs.fact(path, decode=False)
    assert "copy the file into the project" in caught.value.hint


@pytest.mark.parametrize("path", ["../secret", "inputs/../../secret", "/etc/passwd"])
def test_a_path_that_leaves_the_project_is_refused(inputs: ProjectInputs, tmp_path: Path, path: str) -> None:
    write(tmp_path / "secret")
    with pytest.raises(StorageError, match="leads out of the project"):
        inputs.fact(path, decode=False)
    with pytest.raises(StorageError, match="leads out of the project"):
        inputs.roles(path)


def test_a_project_that_is_reached_through_a_link_is_one(root: Path, cache: FactCache, tmp_path: Path) -> None:
    write(root / "inputs/city/color.mp4", b"video")
    (tmp_path / "link").symlink_to(root)
    inputs = ProjectInputs(tmp_path / "link", cache, CountingProbe())
    assert inputs.fact("inputs/city/color.mp4", decode=True).media == FACTS


def test_a_link_that_points_at_itself_is_refused(inputs: ProjectInputs, root: Path) -> None:
    (root / "inputs/city/color.mp4").symlink_to("color.mp4")
    with pytest.raises(StorageError, match=r"color\.mp4"):
        inputs.fact("inputs/city/color.mp4", decode=False)


@pytest.mark.timeout(20)
def test_a_pipe_is_refused_without_waiting_for_its_other_end(inputs: ProjectInputs, root: Path) -> None:
    os.mkfifo(root / "inputs/city/color.mp4")
    with pytest.raises(StorageError, match=r"color\.mp4 is a pipe, not a file"):
        inputs.fact("inputs/city/color.mp4", decode=True)


def test_a_folder_is_no_file(inputs: ProjectInputs) -> None:
    with pytest.raises(StorageError, match="inputs/city is a folder, not a file"):
        inputs.fact("inputs/city", decode=True)
