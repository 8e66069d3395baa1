"""One controller at a time, and never a lock that outlives its owner."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cosmos.errors import BusyError, StateError
from cosmos.state.lock import ProjectLock

HOLD = """
import sys
from pathlib import Path
from cosmos.state.lock import ProjectLock
with ProjectLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".cosmos" / "lock"


@pytest.fixture
def owner(path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Another process that has the lock."""
    words = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_second_controller_is_told_who_works(owner: "subprocess.Popen[bytes]", path: Path) -> None:
    with pytest.raises(BusyError, match=rf"process {owner.pid}, since 20\d\d-.*Z") as caught, ProjectLock(path):
        pass
    assert f"kill {owner.pid}" in caught.value.hint
    assert caught.value.exit_code == 4


def test_the_lock_of_a_killed_process_is_free(owner: "subprocess.Popen[bytes]", path: Path) -> None:
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    with ProjectLock(path):
        pass


def test_the_lock_is_free_after_its_end(path: Path) -> None:
    for _ in range(2):
        with ProjectLock(path):
            assert f'"pid": {os.getpid()}' in path.read_text()
    assert path.read_text() == ""


def test_the_lock_is_free_after_an_exception(path: Path) -> None:
    with pytest.raises(KeyError), ProjectLock(path):
        raise KeyError
    with ProjectLock(path):
        pass


def test_one_process_does_not_hold_it_twice(path: Path) -> None:
    with ProjectLock(path), pytest.raises(BusyError, match=f"process {os.getpid()}"), ProjectLock(path):
        pass


@pytest.mark.parametrize("written", ["", "{", '{"pid": "x"}', "[]", "null"])
def test_an_owner_that_has_not_written_its_name_still_holds_it(path: Path, written: str) -> None:
    with ProjectLock(path):
        path.write_text(written)
        with pytest.raises(BusyError, match=r"another cosmos works on this project\n"), ProjectLock(path):
            pass


def test_an_owner_on_another_machine_is_named_with_it(path: Path) -> None:
    with ProjectLock(path):
        path.write_text('{"pid": 7, "host": "workstation", "since": 0}')
        with pytest.raises(BusyError, match="process 7 on workstation, since 1970-01-01T00:00:00Z"), ProjectLock(path):
            pass


def test_a_place_that_cannot_be_locked_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StateError, match=r"cannot lock the project with .*file/lock"),
        ProjectLock(tmp_path / "file/lock"),
    ):
        pass
