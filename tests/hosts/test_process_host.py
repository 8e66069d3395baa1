"""The process runtime on this machine, held to the contracts, and what only the local disk can show."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from cosmos.core import observed
from cosmos.core.observed import BatchState
from cosmos.core.ports import Host
from cosmos.errors import HostRefused, HostUnreachable
from cosmos.hosts.gpus import UNTOLD
from cosmos.hosts.local import LocalTransport
from cosmos.hosts.process import ProcessHost
from tests.contracts.host_contract import GpuContract, HostContract, Lab, lab, until
from tests.contracts.process_contract import ProcessContract, bash, is_alive, runner_of, stranger, write_files
from tests.disks import fill, small_disk
from tests.services.gpus import UNKNOWN, FakeGpus, Gpu, GpuProcess, uuid_of

__all__ = ["lab"]


def program_of(root: Path, batch_id: str) -> int:
    """The process that run.sh waits for; it leads a group of its own."""
    pid = runner_of(root, batch_id)
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


class LocalWorld:
    """This machine, with a work directory of its own for each test."""

    def __init__(self, workdir: Path, folder: Path) -> None:
        self._workdir = workdir
        self.folder = folder
        self.root = workdir / "demo"
        self.host: Host = self.another_controller()
        self._others: list[Host] = []

    def another_controller(self) -> ProcessHost:
        return self._project("demo")

    def another_project(self) -> ProcessHost:
        host = self._project("other")
        self._others.append(host)
        return host

    def _project(self, name: str) -> ProcessHost:
        return ProcessHost("local", LocalTransport(), str(self._workdir), name, sys.executable)

    def program(self, *, log: str = "", files: Mapping[str, bytes] | None = None, code: int = 0) -> tuple[str, ...]:
        return write_files(log, files or {}, code)

    def endless_program(self) -> tuple[str, ...]:
        return bash("echo started; exec sleep 1000")

    def kill_runner(self, batch_id: str) -> None:
        os.kill(runner_of(self.root, batch_id), signal.SIGKILL)

    def kill_batch(self, batch_id: str) -> None:
        pids = (runner_of(self.root, batch_id), program_of(self.root, batch_id))
        for pid in pids:
            os.killpg(pid, signal.SIGKILL)
        until(lambda: not any(is_alive(pid) for pid in pids), "all are gone")

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
        for project, host in (("demo", self.host), *(("other", other) for other in self._others)):
            for claim in self._workdir.glob(f"{project}/batches/rs_*/claim"):
                if not claim.with_name("exit.json").exists():
                    host.stop(claim.parent.name, 0)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[LocalWorld]:
    folder = tmp_path / "local"
    folder.mkdir()
    world = LocalWorld(tmp_path / "work dir's [1]+", folder)
    yield world
    if world.root.joinpath("batches").is_dir():
        world.end()
    world.host.close()


class TestProcessHost(HostContract, GpuContract, ProcessContract):
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
        "from cosmos.hosts.local import LocalTransport\n"
        "from cosmos.hosts.process import ProcessHost\n"
        "host = ProcessHost('local', LocalTransport(), sys.argv[1], 'demo')\n"
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
    host = ProcessHost("local", LocalTransport(), str(place.parent), "demo")
    with pytest.raises(HostUnreachable, match="could not look"):
        host.observe([])


@pytest.fixture
def smi(gpus: FakeGpus, monkeypatch: pytest.MonkeyPatch) -> FakeGpus:
    """The GPUs of this machine."""
    monkeypatch.setenv("PATH", f"{gpus.path}:{os.environ['PATH']}")
    return gpus


def test_gpus_are_what_nvidia_smi_says(lab: Lab, smi: FakeGpus) -> None:
    smi.set(Gpu(1, utilization_gpu=UNKNOWN, power_draw=UNKNOWN), Gpu(0, memory_used=1024, utilization_gpu=37))
    look = lab.host.observe([])
    assert look.driver == "580.159.04"
    assert look.gpus == (
        observed.Gpu(
            id=uuid_of(0),
            name="NVIDIA H200",
            index=0,
            memory_total_mib=143771,
            memory_used_mib=1024,
            utilisation=37,
            temperature=38,
            power=116.81,
        ),
        observed.Gpu(
            id=uuid_of(1), name="NVIDIA H200", index=1, memory_total_mib=143771, memory_used_mib=0, temperature=38
        ),
    )


def test_without_a_driver_that_answers_there_are_no_gpus_and_all_else_is_seen(lab: Lab, smi: FakeGpus) -> None:
    found = lab.ended()
    events = ((smi.fail, "NVIDIA-SMI has failed because"), (smi.set, "No devices were found"), (smi.uninstall, ""))
    for befall, words in events:
        befall()
        look = lab.host.observe([])
        assert (look.gpus, look.driver) == ((), "")
        assert look.gpu_trouble.startswith(words)
        assert look.batches == {found.batch_id: found}
        smi.answer()


def test_gpus_are_not_taken_for_free_where_it_is_not_told_who_computes(lab: Lab, smi: FakeGpus) -> None:
    real = smi.path / "real"
    (smi.path / "nvidia-smi").rename(real)
    (smi.path / "nvidia-smi").write_text(f'#!/bin/sh\ncase "$*" in *apps*) exit 1 ;; esac\nexec {real} "$@"\n')
    (smi.path / "nvidia-smi").chmod(0o755)
    assert [gpu.holders for gpu in lab.host.observe([]).gpus] == [(UNTOLD,), (UNTOLD,)]


def test_an_answer_of_nvidia_smi_that_is_not_understood_is_no_look(lab: Lab, smi: FakeGpus) -> None:
    (smi.path / "nvidia-smi").write_text("#!/bin/sh\necho something else altogether\n")
    with pytest.raises(HostUnreachable, match="not understood"):
        lab.host.observe([])


def test_a_gpu_says_who_computes_on_it_but_for_our_own_batches(lab: Lab, world: LocalWorld, smi: FakeGpus) -> None:
    """Memory that one of ours holds is free as soon as it ends; that of a stranger is not."""
    batch_id = lab.running(gpus=(uuid_of(0),))
    pid = program_of(world.root, batch_id)
    with stranger() as process:
        smi.occupy(
            GpuProcess(uuid_of(0), pid, "bash"),
            GpuProcess(uuid_of(0), process.pid, "/opt/bin/python", 3120),
            GpuProcess(uuid_of(1), process.pid, "[Insufficient Permissions]", UNKNOWN),
            GpuProcess("GPU-gone", 1, "init", 1),
            GpuProcess(uuid_of(1), 4_000_000, "ended", 5),
        )
        one, two = lab.host.observe([]).gpus
    assert one.holders == (f"python (pid {process.pid}, 3,120 MiB)",)
    assert two.holders == (f"[Insufficient Permissions] (pid {process.pid})", "ended (pid 4000000, 5 MiB)")
    lab.host.stop(batch_id, 1)


def test_a_batch_of_another_project_counts_as_a_stranger(lab: Lab, world: LocalWorld, smi: FakeGpus) -> None:
    theirs = lab.on(world.another_project())
    batch_id = theirs.running(gpus=(uuid_of(0),))
    pid = program_of(world.root.with_name("other"), batch_id)
    smi.occupy(GpuProcess(uuid_of(0), pid, "bash"))
    assert lab.host.observe([]).gpus[0].holders == (f"bash (pid {pid}, 3,590 MiB)",)
    assert theirs.host.observe([]).gpus[0].holders == ()
    theirs.host.stop(batch_id, 1)


def test_a_work_directory_whose_files_cannot_be_locked_is_named(world: LocalWorld, smi: FakeGpus) -> None:
    """As on NFS, which locks no file that was opened to be read."""

    def told() -> list[str]:
        return [one.words for one in world.another_controller().check([]) if one.about == "GPU locks"]

    assert told() == []
    (smi.path / "flock").write_text("#!/bin/sh\necho 'flock: 6: Bad file descriptor' >&2\nexit 1\n")
    (smi.path / "flock").chmod(0o755)
    assert told() == ["files of the work directory cannot be locked: flock: 6: Bad file descriptor"]


@pytest.fixture
def small(world: LocalWorld) -> Iterator[Path]:
    """A work directory on a disk of 2 MB."""
    with small_disk(world.root.parent, 2) as folder:
        yield folder
        world.end()
        world.host.close()


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

    def test_a_program_that_waited_is_seen_to_begin_on_a_disk_that_filled_meanwhile(
        self, lab: Lab, small: Path
    ) -> None:
        first = lab.on_gpus("GPU-x", key="first")
        second = lab.waiting("GPU-x", key="second")
        fill(small)
        lab.host.stop(first, 5)
        until(lambda: not lab.look(second).waits, "the second begins")
        found = lab.look(second)
        assert found.state is BatchState.RUNNING
        assert found.started_at is not None
        lab.host.stop(second, 5)
        record = lab.look(second).exit
        assert record is not None
        assert (record.started_at, record.stopped) == (found.started_at, True)

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


def test_leftovers_are_discarded_once_nothing_in_them_has_changed_for_a_while(lab: Lab, world: LocalWorld) -> None:
    lab.put(b"one")
    outside = world.folder / "precious"
    outside.write_bytes(b"mine")
    part, gone = world.root / "blobs/.part/1-2", world.root / "batches/.gone-rs_1-2-a1"
    for folder in (part, gone):
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "file").write_bytes(b"x" * 1000)
        (folder / "link").symlink_to(outside.parent)
    names = {"blobs/.part/1-2", "batches/.gone-rs_1-2-a1"}
    found = lab.host.stored().leftovers
    assert {name: kept.size for name, kept in found.items() if name in names} == dict.fromkeys(names, 1000)
    assert lab.host.discard(leftovers=names, idle_s=3600) == frozenset()
    assert lab.host.discard(leftovers=names, idle_s=0) == names
    assert not part.exists()
    assert not gone.exists()
    assert outside.read_bytes() == b"mine"


def test_what_others_put_beside_blobs_is_not_ours(lab: Lab, world: LocalWorld) -> None:
    sha256 = lab.put(b"one")
    for name in (f"{sha256[:2]}/{sha256}.bak", f"{sha256[:2]}/notes"):
        (world.root / "blobs" / name).write_bytes(b"mine")
    (world.root / "batches" / "My notes").mkdir(parents=True)
    stock = lab.host.stored()
    assert (set(stock.blobs), stock.folders, stock.leftovers) == ({sha256}, {}, {})
