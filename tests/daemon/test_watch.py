"""Files that change wake once for each burst, whatever becomes of their folders."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cosmos.daemon.watch import BURST_S, QUIET_S, FileWatch
from tests.cli.console import wait_until
from tests.daemon.daemons import deaf


class Wakes:
    """How often it was woken."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1

    def settle(self) -> int:
        """The count, once no burst can be under way any more."""
        before = -1
        while before != self.count:
            before = self.count
            time.sleep(QUIET_S + 0.7)
        return self.count


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    folder = tmp_path / "project" / "specs"
    folder.mkdir(parents=True)
    (folder / "a.yaml").write_text("a")
    return folder


@pytest.fixture
def wakes() -> Wakes:
    return Wakes()


@pytest.fixture
def watch(specs: Path, wakes: Wakes) -> Iterator[FileWatch]:
    with FileWatch([(specs, True), (specs.parent, False)], wakes) as made:
        yield made


def test_a_burst_of_5000_files_wakes_a_few_times(specs: Path, wakes: Wakes, watch: FileWatch) -> None:
    began = time.monotonic()
    for number in range(5000):
        (specs / f"{number}.yaml").write_text("kind: Prompt")
    bursts = (time.monotonic() - began) / BURST_S
    wait_until(lambda: wakes.count > 0)
    assert 1 <= wakes.settle() <= bursts + 2


def _in_place(path: Path) -> None:
    path.write_text("changed")


def _by_a_rename_within(path: Path) -> None:
    path.with_suffix(".tmp").write_text("changed")
    path.with_suffix(".tmp").rename(path)


def _by_a_rename_from_outside(path: Path) -> None:
    outside = path.parents[2] / "outside"
    outside.write_text("changed")
    outside.rename(path)


def _with_a_copy_kept(path: Path) -> None:
    path.rename(path.with_suffix(".bak"))
    path.write_text("changed")


@pytest.mark.parametrize("save", [_in_place, _by_a_rename_within, _by_a_rename_from_outside, _with_a_copy_kept])
def test_every_way_of_saving_wakes(specs: Path, wakes: Wakes, watch: FileWatch, save: object) -> None:
    assert callable(save)
    save(specs / "a.yaml")
    wait_until(lambda: wakes.count > 0)


POLL = """
import sys, threading
from pathlib import Path
from cosmos.daemon.watch import FileWatch
woken = threading.Event()
with FileWatch([(Path(sys.argv[1]), True)], woken.set) as watch:
    sys.exit(watch.polls if woken.wait(60) else "nothing was seen")
"""


@pytest.mark.needs("mount")
def test_what_the_system_does_not_watch_is_looked_at(specs: Path) -> None:
    words = [*deaf("watches"), sys.executable, "-c", POLL, str(specs)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            (specs / "a.yaml").write_text(f"{time.monotonic()}")
            time.sleep(0.1)
        assert process.stderr is not None
        assert "raise fs.inotify.max_user_watches with sysctl" in process.stderr.read().splitlines()[-1]


def test_reading_does_not_wake(specs: Path, wakes: Wakes, watch: FileWatch) -> None:
    (specs / "deep").mkdir()
    wait_until(lambda: wakes.count > 0)
    before = wakes.settle()
    for _ in range(3):
        (specs / "a.yaml").read_text()
        list((specs / "deep").iterdir())
    assert wakes.settle() == before


def test_a_new_folder_is_watched_too(specs: Path, wakes: Wakes, watch: FileWatch) -> None:
    (specs / "deep").mkdir()
    wait_until(lambda: wakes.count > 0)
    before = wakes.settle()
    (specs / "deep" / "b.yaml").write_text("b")
    wait_until(lambda: wakes.count > before)


def test_a_folder_that_was_made_again_is_watched_after_the_next_look(
    specs: Path, wakes: Wakes, watch: FileWatch
) -> None:
    shutil.rmtree(specs)
    wait_until(lambda: wakes.count > 0)
    watch.renew()
    specs.mkdir()
    before = wakes.settle()
    watch.renew()
    (specs / "a.yaml").write_text("back")
    wait_until(lambda: wakes.count > before)


def test_a_folder_that_is_replaced_at_once_wakes_by_that(specs: Path, wakes: Wakes, watch: FileWatch) -> None:
    before = wakes.settle()
    other = specs.with_name("other")
    other.mkdir()
    shutil.rmtree(specs)
    other.rename(specs)
    wait_until(lambda: wakes.count > before)
    watch.renew()
    before = wakes.settle()
    (specs / "a.yaml").write_text("new")
    wait_until(lambda: wakes.count > before)
