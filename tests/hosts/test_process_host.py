"""The process runtime on this machine, held to the contracts, and what only the local disk can show."""

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

import pytest

from cosmos.core.observed import BatchState
from cosmos.core.ports import Host
from cosmos.errors import HostRefused, HostUnreachable
from cosmos.hosts.process import ProcessHost, local_process_host
from tests.contracts.host_contract import HostContract, Lab, lab, until
from tests.contracts.process_contract import ProcessContract, bash, is_alive, runner_of, write_files

__all__ = ["lab"]


class LocalWorld:
    """This machine, with a work directory of its own for each test."""

    def __init__(self, workdir: Path, folder: Path) -> None:
        self._workdir = workdir
        self.folder = folder
        self.root = workdir / "demo"
        self.host: Host = self.another_controller()

    def another_controller(self) -> ProcessHost:
        return local_process_host(name="local", workdir=str(self._workdir), project="demo")

    def program(self, *, log: str = "", files: Mapping[str, bytes] | None = None, code: int = 0) -> tuple[str, ...]:
        return write_files(log, files or {}, code)

    def endless_program(self) -> tuple[str, ...]:
        return bash("echo started; exec sleep 1000")

    def kill_runner(self, batch_id: str) -> None:
        os.kill(runner_of(self.root, batch_id), signal.SIGKILL)

    def damage_blob(self, sha256: str) -> None:
        blob = self.root / "blobs" / sha256[:2] / sha256
        blob.chmod(0o644)
        with blob.open("r+b") as file:
            file.write(b"\xff")

    def lose_batch_json(self, batch_id: str) -> None:
        (self.root / "batches" / batch_id / "batch.json").unlink()

    def make_unreadable(self) -> None:
        batches = self.root / "batches"
        batches.rename(batches.with_name("elsewhere"))
        batches.write_text("not a folder")

    def end(self) -> None:
        """Whatever a failed test has left running."""
        for claim in self.root.glob("batches/rs_*/claim"):
            if not claim.with_name("exit.json").exists():
                self.host.stop(claim.parent.name, 0)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[LocalWorld]:
    folder = tmp_path / "local"
    folder.mkdir()
    world = LocalWorld(tmp_path / "work dir's", folder)
    yield world
    if world.root.joinpath("batches").is_dir():
        world.end()
    world.host.close()


class TestProcessHost(HostContract, ProcessContract):
    pass


def each(act: Callable[[str], None], batch_ids: list[str]) -> None:
    for batch_id in batch_ids:
        act(batch_id)


def test_a_look_never_takes_a_batch_for_lost_while_it_starts_or_ends(lab: Lab) -> None:
    """The look reads processes and files one after the other, while both change."""
    batch_ids = []
    for number in range(8):
        plan = lab.batch(*bash("exit 0"), key=f"quick-{number}")
        lab.host.prepare(plan)
        batch_ids.append(plan.meta.batch_id)
    other = threading.Thread(target=each, args=(lab.host.start, batch_ids))
    other.start()
    seen: set[BatchState] = set()
    now: set[BatchState] = set()
    while now != {BatchState.EXITED}:
        now = {batch.state for batch in lab.host.observe([]).batches.values()}
        seen |= now
    other.join()
    assert BatchState.LOST not in seen
    assert BatchState.PARTIAL not in seen


def test_a_look_during_a_release_shows_the_batch_whole_or_not_at_all(lab: Lab, world: LocalWorld) -> None:
    one = lab.ended()
    source = world.root / "batches" / one.batch_id
    for number in range(60):
        copy = source.with_name(f"rs_{number:010d}-00000000-a1")
        copy.mkdir()
        for name in ("batch.json", "exit.json", "claim"):
            (copy / name).hardlink_to(source / name)
    names = [path.name for path in source.parent.iterdir()]
    other = threading.Thread(target=each, args=(lab.host.release, names))
    other.start()
    while batches := lab.host.observe([]).batches:
        assert {batch.state for batch in batches.values()} == {BatchState.EXITED}
    other.join()


def test_work_outlives_a_controller_that_is_killed(lab: Lab, world: LocalWorld) -> None:
    plan = lab.batch(*bash("echo started; while [ ! -e go ]; do sleep 0.02; done; echo done"))
    lab.host.prepare(plan)
    script = (
        "import os, signal, sys\n"
        "from cosmos.hosts.process import local_process_host\n"
        "host = local_process_host(name='local', workdir=sys.argv[1], project='demo')\n"
        "host.start(sys.argv[2])\n"
        "os.killpg(0, signal.SIGKILL)\n"
    )
    words = [sys.executable, "-c", script, str(world.root.parent), plan.meta.batch_id]
    assert subprocess.run(words, start_new_session=True, check=False).returncode == -signal.SIGKILL
    assert lab.look(plan.meta.batch_id).state is BatchState.RUNNING
    (world.root / "batches" / plan.meta.batch_id / "go").touch()
    record = lab.wait(plan.meta.batch_id).exit
    assert record is not None
    assert record.code == 0
    assert lab.log(plan.meta.batch_id) == b"started\ndone\n"


@pytest.mark.parametrize("kind", ["a loop of links", "a link to nothing", "a file", "below a file"])
def test_a_work_directory_that_cannot_be_looked_into_is_no_empty_host(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "demo"
    match kind:
        case "a loop of links":
            place.symlink_to(place)
        case "a link to nothing":
            place.symlink_to(tmp_path / "unmounted")
        case "a file":
            place.write_text("")
        case _:
            place = tmp_path / "file" / "demo"
            (tmp_path / "file").write_text("")
    host = local_process_host(name="local", workdir=str(place.parent), project="demo")
    with pytest.raises(HostUnreachable, match="could not look"):
        host.observe([])


def test_gpus_are_what_nvidia_smi_says(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def say(text: str, code: int = 0) -> None:
        program = tmp_path / "bin" / "nvidia-smi"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\nexit {code}\n")
        program.chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    say("GPU-1, NVIDIA H200, 143771, 1024, 37\nGPU-2, NVIDIA H200, 143771, 0, [N/A]")
    one, two = lab.host.observe([]).gpus
    assert (one.id, one.name, one.memory_total_mib, one.memory_used_mib, one.utilisation) == (
        "GPU-1",
        "NVIDIA H200",
        143771,
        1024,
        37,
    )
    assert (two.id, two.utilisation) == ("GPU-2", 0)
    say("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", code=9)
    assert lab.host.observe([]).gpus == ()
    say("something else altogether")
    with pytest.raises(HostUnreachable):
        lab.host.observe([])


@pytest.fixture
def small(world: LocalWorld) -> Iterator[Path]:
    """A work directory on a disk of 2 MB."""
    world.root.parent.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(world.root.parent)], check=True)
    yield world.root.parent
    world.end()
    world.host.close()
    subprocess.run(["umount", "-l", str(world.root.parent)], check=True)


def fill(folder: Path) -> None:
    """Leave not one byte."""
    with (folder / "ballast").open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            while room_for(file, size):
                pass


def room_for(file: IO[bytes], size: int) -> bool:
    try:
        file.write(b"x" * size)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            return False
        raise
    return True


@pytest.mark.needs("mount")
class TestFullDisk:
    def test_an_upload_that_does_not_fit_is_refused_before_it_begins(self, lab: Lab, small: Path) -> None:
        sent: list[int] = []
        with pytest.raises(HostRefused) as caught:
            lab.host.put_blobs([lab.blob(b"x" * 3_000_000)], sent.append)
        assert caught.value.reason == "DiskFull"
        assert sent == []
        assert [path for path in small.rglob("*") if path.is_file()] == []

    def test_an_upload_to_a_full_disk_is_refused(self, lab: Lab, small: Path) -> None:
        lab.put(b"first")
        fill(small)
        with pytest.raises(HostRefused) as caught:
            lab.host.put_blobs([lab.blob(b"second" * 1000)], lambda count: None)
        assert caught.value.reason == "DiskFull"
        assert len([path for path in (small / "demo" / "blobs").rglob("*") if path.is_file()]) == 1

    def test_a_batch_cannot_be_prepared_on_a_full_disk(self, lab: Lab, small: Path) -> None:
        lab.put(b"first")
        fill(small)
        with pytest.raises(HostRefused) as caught:
            lab.host.prepare(lab.batch())
        assert caught.value.reason == "DiskFull"
        (small / "ballast").unlink()
        assert lab.ended().state is BatchState.EXITED

    def test_a_batch_does_not_start_on_a_full_disk_and_can_be_withdrawn(self, lab: Lab, small: Path) -> None:
        plan = lab.batch()
        lab.host.prepare(plan)
        fill(small)
        with pytest.raises(HostRefused) as caught:
            lab.host.start(plan.meta.batch_id)
        assert caught.value.reason == "DiskFull"
        assert lab.look(plan.meta.batch_id).state is BatchState.PREPARED
        lab.host.stop(plan.meta.batch_id, 1)
        lab.host.start(plan.meta.batch_id)
        assert lab.log(plan.meta.batch_id) == b"", "what was withdrawn must not start when there is space again"
        assert lab.look(plan.meta.batch_id).state in (BatchState.EXITED, BatchState.LOST)
        lab.host.release(plan.meta.batch_id)
        assert lab.host.observe([]).batches == {}

    def test_how_a_program_ended_is_recorded_on_a_disk_that_it_filled(self, lab: Lab, small: Path) -> None:
        found = lab.ended(*bash("echo begun; cat /dev/zero >outputs/one/all; echo never; exit 9"))
        assert found.exit is not None
        assert found.exit.code == 9
        assert lab.log(found.batch_id).startswith(b"begun")

    def test_a_batch_is_stopped_and_released_on_a_full_disk(self, lab: Lab, small: Path) -> None:
        batch_id = lab.running()
        prepared = lab.batch(key="waiting")
        lab.host.prepare(prepared)
        fill(small)
        lab.host.stop(batch_id, 5)
        assert lab.look(batch_id).exit is not None
        lab.host.release(prepared.meta.batch_id)
        lab.host.release(batch_id)
        assert lab.host.observe([]).batches == {}


def test_a_batch_of_the_same_id_in_another_work_directory_is_not_ours(tmp_path: Path) -> None:
    """Ids are derived from names: two clones of one project on one machine have the same ones."""
    worlds = [LocalWorld(tmp_path / name, tmp_path) for name in ("one", "two")]
    labs = [Lab(world) for world in worlds]
    ids = [each.started(*bash("setsid sleep 1000 & echo $! up; wait")) for each in labs]
    assert ids[0] == ids[1]
    for each in labs:
        until(lambda each=each: each.log(ids[0]).endswith(b"up\n"), "the program runs")  # type: ignore[misc]
    labs[0].host.stop(ids[0], 0.2)

    assert labs[0].look(ids[0]).state is BatchState.EXITED
    assert labs[1].look(ids[1]).state is BatchState.RUNNING
    assert is_alive(int(labs[1].log(ids[1]).split()[0]))
    labs[1].host.stop(ids[1], 0.2)
