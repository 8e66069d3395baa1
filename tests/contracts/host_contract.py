"""What every `core.ports.Host` keeps, as tests to inherit. Written against the port alone.

To hold an implementation to it: inherit `HostContract`, `GpuContract` (and `ProcessContract` where batches are real
processes of a machine with bash) in a test module, with a fixture `world` that gives a `HostWorld`, for `GpuContract`
a `GpuWorld`.
"""

import copy
import hashlib
import itertools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol, Self

import pytest

from cosmos.core.observed import BatchMeta, BatchState, ObservedBatch
from cosmos.core.ports import BatchPlan, Host
from cosmos.core.reasons import Reason
from cosmos.core.recorded import FileEntry
from cosmos.core.stock import Stock
from cosmos.errors import HostError, HostRefused, HostUnreachable, TransferError
from tests.makers import a_batch_meta

PATIENCE_S = 30.0
FOLDER = "one"


class HostWorld(Protocol):
    """One machine, the host that is tested on it, and what may befall it."""

    host: Host
    folder: Path
    """A folder of ours, for local files."""

    def another_controller(self) -> Host:
        """A second host object for the same machine and project."""

    def program(self, *, log: str = "", files: Mapping[str, bytes] | None = None, code: int = 0) -> tuple[str, ...]:
        """An argv that prints `log`, writes `files` below `outputs/`, and ends with `code`."""

    def endless_program(self) -> tuple[str, ...]:
        """An argv that prints `started` and runs until it is told to end."""

    def kill_runner(self, batch_id: str) -> None:
        """End run.sh, or what stands for it, by force; the program itself lives on where it can."""

    def damage_blob(self, sha256: str) -> None:
        """Change bytes of a blob on the host, without changing its size."""

    def lose_batch_json(self, batch_id: str) -> None:
        """Undo the last step of `prepare`, as a crash before it would."""

    def make_unreadable(self) -> None:
        """Make the work directory something that cannot be looked into."""


class GpuWorld(HostWorld, Protocol):
    """A machine whose GPUs are given to batches. They need not be there: what a batch holds is a lock."""

    def another_project(self) -> Host:
        """A host object for another project on the same machine, with the same work directory."""

    def kill_batch(self, batch_id: str) -> None:
        """End by force every process of a batch, its runner first."""


def until(condition: Callable[[], bool], what: str) -> None:
    """For what a host does on its own time; looks often and gives up late."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what}: still not so after {PATIENCE_S:.0f} s"
        time.sleep(0.02)


class Lab:
    """Short words for tests: a batch by its key, on the host of a world."""

    def __init__(self, world: HostWorld) -> None:
        self.world = world
        self.host = world.host

    def meta(self, key: str = "city") -> BatchMeta:
        return a_batch_meta(key, project="demo")

    def batch(self, *argv: str, key: str = "city", **fields: object) -> BatchPlan:
        """`gpus` among the fields are those of its batch.json."""
        meta = replace(self.meta(key), gpus=fields.pop("gpus", ()))  # type: ignore[arg-type]
        plan = BatchPlan(meta=meta, argv=argv or self.world.program(), folders=(FOLDER,), grace_s=5)
        return replace(plan, **fields)  # type: ignore[arg-type]

    def started(self, *argv: str, key: str = "city", **fields: object) -> str:
        plan = self.batch(*argv, key=key, **fields)
        self.host.prepare(plan)
        self.host.start(plan.meta.batch_id)
        return plan.meta.batch_id

    def running(self, *, key: str = "city", **fields: object) -> str:
        """A batch whose program is known to run."""
        batch_id = self.started(*self.world.endless_program(), key=key, **fields)
        self.runs(batch_id)
        return batch_id

    def ended(self, *argv: str, key: str = "city", **fields: object) -> ObservedBatch:
        batch_id = self.started(*argv, key=key, **fields)
        return self.wait(batch_id)

    def on_gpus(self, *gpus: str, key: str, **fields: object) -> str:
        """A batch whose program is known to run, and to hold these GPUs."""
        return self.running(key=key, gpus=gpus, **fields)

    def waiting(self, *gpus: str, key: str, **fields: object) -> str:
        """A batch that was started and waits for a GPU that another one holds; its program would not end."""
        batch_id = self.started(*self.world.endless_program(), key=key, gpus=gpus, **fields)
        self.waits(batch_id)
        return batch_id

    def waits(self, batch_id: str) -> None:
        time.sleep(0.3)  # one that does not wait would have begun by then
        assert self.look(batch_id).waits
        assert self.log(batch_id) == b""

    def runs(self, batch_id: str) -> None:
        until(lambda: b"started" in self.log(batch_id), "the program runs")

    def on(self, host: Host) -> Self:
        """The same words for another host object."""
        other = copy.copy(self)
        other.host = host
        return other

    def wait(self, batch_id: str) -> ObservedBatch:
        deadline = time.monotonic() + PATIENCE_S
        while (found := self.look(batch_id)).state is BatchState.RUNNING:
            assert time.monotonic() < deadline, f"{batch_id} still runs"
            self.host.wait_for_exit([batch_id], 5)
        return found

    def look(self, batch_id: str) -> ObservedBatch:
        return self.host.observe([]).batches[batch_id]

    def log(self, batch_id: str) -> bytes:
        return self.host.read_log(batch_id, 0, 1 << 20)

    def blob(self, data: bytes, name: str = "input.bin") -> tuple[str, int, Path]:
        path = self.world.folder / name
        path.write_bytes(data)
        return hashlib.sha256(data).hexdigest(), len(data), path

    def put(self, data: bytes) -> str:
        blob = self.blob(data)
        self.host.put_blobs([blob], quiet)
        return blob[0]

    def fetch(self, batch_id: str, entry: FileEntry, target: Path) -> None:
        self.host.fetch(batch_id, FOLDER, [(entry, target)], quiet)


def quiet(count: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def lab(world: HostWorld) -> Lab:
    return Lab(world)


class HostContract:
    """Holds for every host, simulated ones too."""

    def test_a_work_directory_that_does_not_exist_yet_is_an_empty_host(self, lab: Lab) -> None:
        look = lab.host.observe(["0" * 64])
        assert look.batches == {}
        assert look.blobs == frozenset()
        assert look.boot_id
        assert 0 < look.disk_free <= look.disk_total

    def test_a_look_that_cannot_be_made_is_no_empty_answer(self, lab: Lab) -> None:
        lab.host.prepare(lab.batch())
        lab.world.make_unreadable()
        with pytest.raises(HostUnreachable):
            lab.host.observe([])

    def test_blobs_are_seen_once_they_are_whole(self, lab: Lab) -> None:
        one, two = lab.put(b"one"), hashlib.sha256(b"two").hexdigest()
        assert lab.host.observe([one, two]).blobs == {one}
        assert lab.host.observe([]).blobs == frozenset()

    def test_a_blob_that_is_there_is_not_sent_again(self, lab: Lab) -> None:
        blob = lab.blob(b"x" * 3_000_000)
        sent: list[int] = []
        lab.host.put_blobs([blob, blob], sent.append)
        assert sum(sent) == 3_000_000
        lab.host.put_blobs([blob], sent.append)
        assert sum(sent) == 3_000_000

    def test_a_local_file_that_changed_does_not_become_a_blob(self, lab: Lab) -> None:
        sha256, size, path = lab.blob(b"before")
        path.write_bytes(b"behind")
        with pytest.raises(TransferError):
            lab.host.put_blobs([(sha256, size, path)], quiet)
        assert lab.host.observe([sha256]).blobs == frozenset()

    def test_a_local_file_that_is_gone_is_a_transfer_error_and_what_came_before_it_stays(self, lab: Lab) -> None:
        first, gone = lab.blob(b"first", "a"), lab.blob(b"gone", "b")
        gone[2].unlink()
        with pytest.raises(TransferError):
            lab.host.put_blobs([first, gone], quiet)
        assert lab.host.observe([first[0], gone[0]]).blobs == {first[0]}

    def test_many_blobs_are_looked_for_at_once(self, lab: Lab) -> None:
        there = {lab.put(b"%d" % number) for number in range(3)}
        absent = [hashlib.sha256(b"absent %d" % number).hexdigest() for number in range(10_000)]
        assert lab.host.observe([*absent, *there]).blobs == there

    def test_a_prepared_batch_says_who_it_is(self, lab: Lab) -> None:
        plan = lab.batch()
        lab.host.prepare(plan)
        found = lab.look(plan.meta.batch_id)
        assert (found.state, found.meta, found.exit) == (BatchState.PREPARED, plan.meta, None)
        assert (found.started_at, found.boot_id) == (None, "")
        assert not found.waits

    def test_preparing_twice_is_preparing_once(self, lab: Lab) -> None:
        plan = lab.batch(*lab.world.program(log="once"))
        lab.host.prepare(plan)
        lab.host.prepare(plan)
        lab.host.start(plan.meta.batch_id)
        assert lab.wait(plan.meta.batch_id).exit is not None
        assert lab.log(plan.meta.batch_id).count(b"once") == 1

    def test_a_batch_needs_its_blobs(self, lab: Lab) -> None:
        plan = lab.batch(inputs={"a.bin": "0" * 64})
        with pytest.raises(HostRefused, match="0" * 64):
            lab.host.prepare(plan)
        assert lab.look(plan.meta.batch_id).state is BatchState.PARTIAL

    def test_a_preparation_that_was_cut_off_is_partial_and_can_be_completed(self, lab: Lab) -> None:
        plan = lab.batch()
        lab.host.prepare(plan)
        lab.world.lose_batch_json(plan.meta.batch_id)
        assert lab.look(plan.meta.batch_id).state is BatchState.PARTIAL
        with pytest.raises(HostRefused):
            lab.host.start(plan.meta.batch_id)
        lab.host.prepare(plan)
        lab.host.start(plan.meta.batch_id)
        assert lab.wait(plan.meta.batch_id).state is BatchState.EXITED

    @pytest.mark.parametrize("code", [0, 1, 77])
    def test_the_exit_code_is_recorded(self, lab: Lab, code: int) -> None:
        found = lab.ended(*lab.world.program(code=code))
        record = found.exit
        assert record is not None
        assert (record.code, record.stage, record.timed_out, record.stopped) == (code, "program", False, False)
        assert record.started_at == found.started_at
        assert record.started_at <= record.ended_at <= lab.host.observe([]).clock
        assert record.boot_id == found.boot_id == lab.host.observe([]).boot_id

    def test_starting_twice_runs_once(self, lab: Lab) -> None:
        batch_id = lab.started(*lab.world.program(log="ran"))
        lab.host.start(batch_id)
        lab.wait(batch_id)
        lab.host.start(batch_id)
        assert lab.log(batch_id).count(b"ran") == 1

    def test_of_many_starts_at_once_one_runs(self, lab: Lab) -> None:
        plan = lab.batch(*lab.world.program(log="ran"))
        lab.host.prepare(plan)
        threads = [threading.Thread(target=lab.host.start, args=(plan.meta.batch_id,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        lab.wait(plan.meta.batch_id)
        assert lab.log(plan.meta.batch_id).count(b"ran") == 1

    def test_a_batch_that_was_never_prepared_cannot_start(self, lab: Lab) -> None:
        with pytest.raises(HostRefused):
            lab.host.start(lab.meta().batch_id)

    def test_a_running_batch_shows_the_end_of_its_log(self, lab: Lab) -> None:
        batch_id = lab.running()
        found = lab.look(batch_id)
        assert found.state is BatchState.RUNNING
        assert found.log_tail.endswith(b"started\n")
        assert found.log_bytes == len(lab.log(batch_id))
        assert found.started_at is not None
        assert found.started_at <= lab.host.observe([]).clock
        assert not found.waits
        lab.host.stop(batch_id, 5)
        assert lab.look(batch_id).log_tail == b""

    def test_another_controller_sees_and_stops_the_same_work(self, lab: Lab) -> None:
        batch_id = lab.running()
        other = lab.world.another_controller()
        assert other.observe([]).batches[batch_id].meta == lab.meta()
        lab.host.close()
        other.stop(batch_id, 5)
        assert other.observe([]).batches[batch_id].state is BatchState.EXITED
        other.close()

    def test_a_stopped_batch_says_so(self, lab: Lab) -> None:
        batch_id = lab.running()
        lab.host.stop(batch_id, 5)
        found = lab.look(batch_id)
        assert found.state is BatchState.EXITED
        assert found.exit is not None
        assert found.exit.stopped
        assert not found.exit.timed_out
        lab.host.stop(batch_id, 5)
        assert lab.look(batch_id) == found

    def test_stopping_what_has_ended_leaves_its_record(self, lab: Lab) -> None:
        found = lab.ended()
        lab.host.stop(found.batch_id, 5)
        assert lab.look(found.batch_id) == found

    def test_a_batch_stopped_before_its_start_can_no_longer_start(self, lab: Lab) -> None:
        plan = lab.batch(*lab.world.program(log="ran"))
        lab.host.prepare(plan)
        lab.host.stop(plan.meta.batch_id, 5)
        lab.host.prepare(plan)
        lab.host.start(plan.meta.batch_id)
        found = lab.look(plan.meta.batch_id)
        assert found.state is BatchState.EXITED
        assert found.exit is not None
        assert found.exit.stopped
        assert lab.log(plan.meta.batch_id) == b""

    def test_stopping_what_is_not_there_does_nothing(self, lab: Lab) -> None:
        lab.host.stop(lab.meta().batch_id, 1)
        assert lab.host.observe([]).batches == {}

    def test_a_batch_ends_at_its_time_limit(self, lab: Lab) -> None:
        found = lab.ended(*lab.world.endless_program(), timeout_s=0.4)
        assert found.exit is not None
        assert found.exit.timed_out
        assert not found.exit.stopped
        assert 0.4 <= found.exit.ended_at - found.exit.started_at < PATIENCE_S

    def test_a_batch_whose_runner_was_killed_is_lost_until_it_is_cleaned(self, lab: Lab) -> None:
        batch_id = lab.running()
        lab.world.kill_runner(batch_id)
        until(lambda: lab.look(batch_id).state is BatchState.LOST, "the batch is lost")
        lab.host.stop(batch_id, 5)
        found = lab.look(batch_id)
        assert (found.state, found.survivors, found.exit) == (BatchState.LOST, 0, None)
        lab.host.release(batch_id)
        assert lab.host.observe([]).batches == {}

    def test_a_blob_damaged_on_the_host_is_found_before_the_program_starts(self, lab: Lab) -> None:
        sha256 = lab.put(b"precious")
        plan = lab.batch(*lab.world.program(log="ran"), inputs={"a.bin": sha256})
        lab.host.prepare(plan)
        lab.world.damage_blob(sha256)
        lab.host.start(plan.meta.batch_id)
        found = lab.wait(plan.meta.batch_id)
        assert found.exit is not None
        assert (found.exit.stage, found.exit.code) == ("verify", 1)
        assert b"ran" not in lab.log(plan.meta.batch_id)
        lab.host.release(plan.meta.batch_id)
        assert lab.host.observe([sha256]).blobs == frozenset(), "a damaged blob would never be sent again"

    def test_outputs_are_listed_with_their_sha256(self, lab: Lab) -> None:
        files = {f"{FOLDER}/b.txt": b"two", f"{FOLDER}/a/b c.txt": b"", "two/x": b"other"}
        found = lab.ended(*lab.world.program(files=files), folders=(FOLDER, "two"))
        assert lab.host.manifest(found.batch_id, FOLDER) == (
            FileEntry(name="a/b c.txt", sha256=hashlib.sha256(b"").hexdigest(), size=0),
            FileEntry(name="b.txt", sha256=hashlib.sha256(b"two").hexdigest(), size=3),
        )

    def test_a_result_has_the_files_of_these_names_alone_and_the_beginning_of_the_log(self, lab: Lab) -> None:
        files = {f"{FOLDER}/{name}": b"x" for name in ("a[1]*?.txt", "a1.txt", "-rf")}
        found = lab.ended(*lab.world.program(log="ran", files=files))
        result = lab.host.result(found.batch_id, FOLDER, ["a[1]*?.txt", "absent"], 2)
        assert ([entry.name for entry in result.manifest], result.log) == (["a[1]*?.txt"], b"ra")
        result = lab.host.result(found.batch_id, FOLDER, ["-rf"], 0)
        assert ([entry.name for entry in result.manifest], result.log) == (["-rf"], b"")
        assert lab.host.result(found.batch_id, FOLDER, [], 0).manifest == ()

    def test_a_folder_without_outputs_has_an_empty_manifest(self, lab: Lab) -> None:
        found = lab.ended()
        assert lab.host.manifest(found.batch_id, FOLDER) == ()
        assert lab.host.manifest(found.batch_id, "absent") == ()
        with pytest.raises(HostRefused):
            lab.host.manifest(lab.meta("other").batch_id, FOLDER)

    def test_outputs_are_fetched_byte_for_byte(self, lab: Lab, tmp_path: Path) -> None:
        data = bytes(range(256)) * 20_000
        found = lab.ended(*lab.world.program(files={f"{FOLDER}/v.bin": data}))
        (entry,) = lab.host.manifest(found.batch_id, FOLDER)
        done: list[int] = []
        lab.host.fetch(found.batch_id, FOLDER, [(entry, tmp_path / "v")], done.append)
        assert (tmp_path / "v").read_bytes() == data
        assert sum(done) == len(data)

    @pytest.mark.parametrize("have", [0, 1, 2_000_000, 5_120_000])
    def test_a_fetch_goes_on_from_what_is_there(self, lab: Lab, tmp_path: Path, have: int) -> None:
        data = bytes(range(256)) * 20_000
        found = lab.ended(*lab.world.program(files={f"{FOLDER}/v.bin": data}))
        (entry,) = lab.host.manifest(found.batch_id, FOLDER)
        (tmp_path / "v").write_bytes(data[:have])
        lab.fetch(found.batch_id, entry, tmp_path / "v")
        assert (tmp_path / "v").read_bytes() == data

    def test_a_wrong_beginning_is_found_and_removed(self, lab: Lab, tmp_path: Path) -> None:
        found = lab.ended(*lab.world.program(files={f"{FOLDER}/v.bin": b"right and right"}))
        (entry,) = lab.host.manifest(found.batch_id, FOLDER)
        (tmp_path / "v").write_bytes(b"wrong")
        with pytest.raises(TransferError):
            lab.fetch(found.batch_id, entry, tmp_path / "v")
        assert not (tmp_path / "v").exists()
        lab.fetch(found.batch_id, entry, tmp_path / "v")
        assert (tmp_path / "v").read_bytes() == b"right and right"

    def test_bytes_beyond_the_end_are_not_kept(self, lab: Lab, tmp_path: Path) -> None:
        found = lab.ended(*lab.world.program(files={f"{FOLDER}/v.bin": b"short"}))
        (entry,) = lab.host.manifest(found.batch_id, FOLDER)
        (tmp_path / "v").write_bytes(b"short and more")
        lab.fetch(found.batch_id, entry, tmp_path / "v")
        assert (tmp_path / "v").read_bytes() == b"short"

    def test_an_output_other_than_listed_is_refused(self, lab: Lab, tmp_path: Path) -> None:
        found = lab.ended(*lab.world.program(files={f"{FOLDER}/v.bin": b"right"}))
        (entry,) = lab.host.manifest(found.batch_id, FOLDER)
        with pytest.raises(TransferError):
            lab.fetch(found.batch_id, replace(entry, sha256="0" * 64), tmp_path / "v")
        with pytest.raises(TransferError):
            lab.fetch(found.batch_id, replace(entry, size=4), tmp_path / "v")
        assert not (tmp_path / "v").exists()
        with pytest.raises(HostRefused):
            lab.fetch(found.batch_id, replace(entry, name="absent"), tmp_path / "v")

    @pytest.mark.parametrize("name", ["../exit.json", "/etc/passwd", "a/../../claim", "", "a//b", "./a"])
    def test_a_name_that_leaves_the_folder_is_refused(self, lab: Lab, tmp_path: Path, name: str) -> None:
        found = lab.ended()
        with pytest.raises(HostRefused):
            lab.fetch(found.batch_id, FileEntry(name=name, sha256="0" * 64, size=10), tmp_path / "v")
        assert not (tmp_path / "v").exists()

    def test_a_log_is_read_from_any_place(self, lab: Lab) -> None:
        found = lab.ended(*lab.world.program(log="0123456789"))
        read = lab.host.read_log
        assert read(found.batch_id, 0, 4) == b"0123"
        assert read(found.batch_id, 4, 3) == b"456"
        assert read(found.batch_id, 8, 100) == b"89\n"
        assert read(found.batch_id, 11, 100) == b""
        assert read(found.batch_id, 5000, 100) == b""
        assert read(lab.meta("other").batch_id, 0, 100) == b""

    def test_it_is_known_how_long_a_log_was_when(self, lab: Lab) -> None:
        batch_id = lab.running()
        until(lambda: lab.host.read_log_times(batch_id) != b"", "the log has been measured")
        lab.host.stop(batch_id, 5)
        rows = [(float(at), int(size)) for at, size in map(bytes.split, lab.host.read_log_times(batch_id).splitlines())]
        found = lab.look(batch_id)
        assert found.exit is not None
        assert rows == sorted(rows)
        assert found.exit.started_at <= rows[0][0] <= found.exit.ended_at
        assert rows[-1][1] <= found.log_bytes
        assert lab.host.read_log_times(lab.meta("other").batch_id) == b""

    def test_a_running_batch_is_not_released(self, lab: Lab) -> None:
        batch_id = lab.running()
        with pytest.raises(HostRefused, match="stop it"):
            lab.host.release(batch_id)
        assert lab.look(batch_id).state is BatchState.RUNNING
        lab.host.stop(batch_id, 5)

    def test_releasing_removes_what_has_ended_and_nothing_else(self, lab: Lab) -> None:
        ended, other = lab.ended(), lab.ended(key="other")
        lab.host.release(ended.batch_id)
        lab.host.release(ended.batch_id)
        assert lab.host.observe([]).batches == {other.batch_id: other}

    def test_releasing_keeps_blobs(self, lab: Lab) -> None:
        sha256 = lab.put(b"shared")
        ended = lab.ended(inputs={"a.bin": sha256})
        lab.host.release(ended.batch_id)
        assert lab.host.observe([sha256]).blobs == {sha256}

    def test_what_was_never_started_can_be_released(self, lab: Lab) -> None:
        whole, part = lab.batch(), lab.batch(key="part")
        for plan in (whole, part):
            lab.host.prepare(plan)
        lab.world.lose_batch_json(part.meta.batch_id)
        lab.host.release(whole.meta.batch_id)
        lab.host.release(part.meta.batch_id)
        assert lab.host.observe([]).batches == {}

    def test_what_is_kept_is_listed_with_its_size(self, lab: Lab) -> None:
        assert lab.host.stored() == Stock()
        assert lab.host.discard(unused=["0" * 64], idle_s=0) == frozenset()
        sha256 = lab.put(b"four")
        batch_id = lab.ended().batch_id
        stock = lab.host.stored()
        assert {name: (blob.size, blob.links) for name, blob in stock.blobs.items()} == {sha256: (4, 1)}
        assert stock.folders.keys() == {batch_id}
        assert stock.leftovers == {}

    def test_damaged_blobs_are_named(self, lab: Lab) -> None:
        whole, damaged, absent = lab.put(b"whole"), lab.put(b"damaged"), "0" * 64
        lab.world.damage_blob(damaged)
        assert lab.host.damaged({whole: 5, damaged: 7, absent: 1}) == {damaged}
        assert lab.host.damaged({}) == frozenset()

    def test_only_what_is_named_and_unused_is_discarded(self, lab: Lab) -> None:
        one, two = lab.put(b"one"), lab.put(b"two")
        assert lab.host.discard(unused=[one, "0" * 64], idle_s=0) == {one}
        assert lab.host.observe([one, two]).blobs == {two}
        assert lab.host.discard(unused=[one], idle_s=0) == frozenset()

    def test_what_was_used_lately_is_not_discarded(self, lab: Lab) -> None:
        sha256 = lab.put(b"one")
        assert lab.host.discard(unused=[sha256], idle_s=3600) == frozenset()
        assert lab.host.observe([sha256]).blobs == {sha256}

    def test_a_blob_of_a_batch_is_not_discarded_before_the_batch_is_released(self, lab: Lab) -> None:
        sha256 = lab.put(b"one")
        batch_id = lab.ended(inputs={"one.bin": sha256}).batch_id
        assert lab.host.stored().blobs[sha256].links > 1
        assert lab.host.discard(unused=[sha256], idle_s=0) == frozenset()
        lab.host.release(batch_id)
        assert lab.host.discard(unused=[sha256], idle_s=0) == {sha256}

    def test_a_damaged_blob_is_discarded_whoever_holds_it_and_a_whole_one_is_not(self, lab: Lab) -> None:
        whole, damaged = lab.put(b"whole"), lab.put(b"damaged")
        lab.host.prepare(lab.batch(inputs={"one.bin": damaged}))
        lab.world.damage_blob(damaged)
        assert lab.host.discard(damaged={whole: 5, damaged: 7}, idle_s=0) == {damaged}
        assert lab.host.observe([whole, damaged]).blobs == {whole}
        assert lab.put(b"damaged") == damaged
        assert lab.host.damaged({damaged: 7}) == frozenset()

    def test_a_batch_whose_blob_was_discarded_is_refused_until_it_is_there_again(self, lab: Lab) -> None:
        """Between the look that found the blob and the preparation that needs it."""
        sha256 = lab.put(b"one")
        plan = lab.batch(inputs={"one.bin": sha256})
        assert lab.host.discard(unused=[sha256], idle_s=0) == {sha256}
        with pytest.raises(HostRefused, match="not on this host"):
            lab.host.prepare(plan)
        lab.put(b"one")
        lab.host.prepare(plan)
        assert lab.look(plan.meta.batch_id).state is BatchState.PREPARED

    @pytest.mark.parametrize("path", ["batches/rs_1", "blobs/.part/../x", "blobs/.part/", "exit.json", "/etc/passwd"])
    def test_what_is_no_leftover_is_not_discarded(self, lab: Lab, path: str) -> None:
        with pytest.raises(HostRefused, match=r"no leftover|no plain"):
            lab.host.discard(leftovers=[path], idle_s=0)

    def test_waiting_returns_at_the_first_exit(self, lab: Lab) -> None:
        running = lab.running()
        quick = lab.started(key="quick")
        before = time.monotonic()
        lab.host.wait_for_exit([running, quick], PATIENCE_S)
        assert lab.look(quick).state is BatchState.EXITED
        assert time.monotonic() - before < PATIENCE_S / 2
        lab.host.stop(running, 5)

    def test_waiting_returns_at_the_exit_of_a_batch_that_was_started_meanwhile(self, lab: Lab) -> None:
        """Or a controller would see what it starts while it waits one look late."""
        running = lab.running()
        waiting = threading.Thread(target=lab.host.wait_for_exit, args=([running], 2 * PATIENCE_S))
        before = time.monotonic()
        waiting.start()
        for number in itertools.count():  # how soon the wait begins is its own affair: one of these comes after that
            lab.host.stop(lab.running(key=f"later-{number}"), 5)
            if not waiting.is_alive():
                break
            assert time.monotonic() - before < PATIENCE_S, "the wait has not noticed"
        waiting.join()
        assert lab.look(running).state is BatchState.RUNNING
        lab.host.stop(running, 5)

    def test_waiting_for_nothing_in_particular_is_over_in_time(self, lab: Lab) -> None:
        lab.ended()
        before = time.monotonic()
        lab.host.wait_for_exit([], 0.3)
        assert time.monotonic() - before < PATIENCE_S / 2

    def test_waiting_is_over_in_time(self, lab: Lab) -> None:
        running = lab.running()
        before = time.monotonic()
        lab.host.wait_for_exit([running], 0.3)
        assert 0.2 < time.monotonic() - before < PATIENCE_S / 2
        assert lab.look(running).state is BatchState.RUNNING
        lab.host.stop(running, 5)

    @pytest.mark.parametrize("and_released", [False, True])
    def test_waiting_is_not_over_because_of_what_had_ended_before(self, lab: Lab, and_released: bool) -> None:
        """Or a controller would look again and again, for as long as ends are told."""
        running, ended = lab.running(), lab.ended(key="ended")
        if and_released:
            lab.host.release(ended.batch_id)
        before = time.monotonic()
        lab.host.wait_for_exit([running], 1)
        assert time.monotonic() - before > 0.9
        lab.host.stop(running, 5)

    def test_waiting_for_what_is_lost_or_gone_returns(self, lab: Lab) -> None:
        before = time.monotonic()
        lab.host.wait_for_exit([lab.meta("gone").batch_id], PATIENCE_S)
        running = lab.running()
        lab.world.kill_runner(running)
        lab.host.wait_for_exit([running], PATIENCE_S)
        assert time.monotonic() - before < PATIENCE_S / 2
        lab.host.stop(running, 5)

    @pytest.mark.parametrize("bad", ["", "..", "../x", "a/b", "A", "$(id)", "a b", "-rf", "x" * 200])
    def test_what_is_no_batch_id_reaches_nothing(self, lab: Lab, bad: str) -> None:
        for act in (lab.host.start, lab.host.release, lambda name: lab.host.stop(name, 1)):
            with pytest.raises(HostError):
                act(bad)

    def test_many_batches_are_seen_in_one_look(self, lab: Lab) -> None:
        for number in range(20):
            lab.host.prepare(lab.batch(key=f"run-{number}"))
        assert {batch.meta.members[0].key for batch in lab.host.observe([]).batches.values() if batch.meta} == {
            f"run-{number}" for number in range(20)
        }

    def test_an_argument_that_no_program_can_be_given_is_refused(self, lab: Lab) -> None:
        for argv in ((), ("x", "a\0b"), ("x", "a" * 200_000), ("x", "\ud800")):
            with pytest.raises(HostRefused) as caught:
                lab.host.prepare(replace(lab.batch(), argv=argv))
            assert caught.value.reason in ("", Reason.BAD_SPEC.value)


class GpuContract:
    """Holds where a batch has its GPUs to itself: who comes second waits, and begins as soon as the first has ended."""

    def test_of_two_batches_on_one_gpu_the_second_waits_for_the_first(self, lab: Lab) -> None:
        first = lab.on_gpus("GPU-x", key="first")
        second = lab.waiting("GPU-x", key="second")
        found = lab.look(second)
        assert (found.state, found.started_at, found.exit) == (BatchState.RUNNING, None, None)
        assert found.boot_id == lab.look(first).boot_id
        assert found.survivors == 0
        assert lab.log(second) == b""
        lab.host.stop(first, 5)
        lab.runs(second)
        assert not lab.look(second).waits
        lab.host.stop(second, 5)

    @pytest.mark.parametrize("way", ["by itself", "at its time limit", "its inputs are refused"])
    def test_a_waiting_batch_begins_however_the_first_one_ended(self, lab: Lab, way: str) -> None:
        if way == "its inputs are refused":
            sha256 = lab.put(b"precious")
            first = lab.batch(gpus=("GPU-x",), key="first", inputs={"a.bin": sha256})
            lab.host.prepare(first)
            lab.world.damage_blob(sha256)
            lab.host.start(first.meta.batch_id)
        elif way == "at its time limit":
            lab.started(*lab.world.endless_program(), gpus=("GPU-x",), key="first", timeout_s=0.5)
        else:
            lab.started(gpus=("GPU-x",), key="first")
        second = lab.started(*lab.world.endless_program(), gpus=("GPU-x",), key="second")
        lab.runs(second)
        lab.host.stop(second, 5)

    def test_a_waiting_batch_begins_when_all_of_the_first_was_killed(self, lab: Lab, world: GpuWorld) -> None:
        first = lab.on_gpus("GPU-x", key="first")
        second = lab.waiting("GPU-x", key="second")
        world.kill_batch(first)
        lab.runs(second)
        found = lab.look(first)
        assert (found.state, found.survivors) == (BatchState.LOST, 0)
        lab.host.stop(second, 5)

    def test_a_waiting_batch_waits_for_what_a_killed_runner_left_alive(self, lab: Lab) -> None:
        first = lab.on_gpus("GPU-x", key="first")
        second = lab.waiting("GPU-x", key="second")
        lab.world.kill_runner(first)
        until(lambda: lab.look(first).state is BatchState.LOST, "the first is lost")
        if lab.look(first).survivors:
            assert lab.look(second).waits
        lab.host.stop(first, 0.2)
        lab.runs(second)
        lab.host.stop(second, 5)

    def test_the_exit_record_says_when_the_program_began_not_when_the_wait_did(self, lab: Lab) -> None:
        first = lab.on_gpus("GPU-x", key="first")
        second = lab.started(*lab.world.program(log="ran"), gpus=("GPU-x",), key="second")
        lab.waits(second)
        released_at = lab.host.observe([]).clock
        lab.host.stop(first, 5)
        found = lab.wait(second)
        assert found.exit is not None
        assert found.exit.started_at == found.started_at
        assert released_at <= found.exit.started_at <= found.exit.ended_at
        assert lab.log(second) == b"ran\n"

    def test_waiting_is_not_part_of_the_time_limit(self, lab: Lab) -> None:
        first = lab.on_gpus("GPU-x", key="first")
        limited = lab.waiting("GPU-x", key="second", timeout_s=0.5)
        time.sleep(1)
        assert lab.look(limited).waits
        lab.host.stop(first, 5)
        record = lab.wait(limited).exit
        assert record is not None
        assert (record.timed_out, record.stopped) == (True, False)
        assert record.ended_at - record.started_at >= 0.5

    def test_a_batch_that_is_stopped_while_it_waits_never_runs(self, lab: Lab) -> None:
        first = lab.on_gpus("GPU-x", key="first")
        second = lab.waiting("GPU-x", key="second")
        lab.host.stop(second, 5)
        found = lab.look(second)
        assert (found.state, found.started_at, found.waits) == (BatchState.EXITED, None, False)
        assert found.exit is not None
        assert (found.exit.code, found.exit.stopped, found.exit.timed_out) == (143, True, False)
        assert lab.log(second) == b""
        assert lab.look(first).state is BatchState.RUNNING, "the one that computes is not concerned"
        third = lab.waiting("GPU-x", key="third")
        lab.host.stop(first, 5)
        lab.runs(third)
        assert lab.log(second) == b""
        lab.host.release(second)
        lab.host.stop(third, 5)

    def test_a_waiting_batch_that_was_killed_holds_up_nobody(self, lab: Lab, world: GpuWorld) -> None:
        first = lab.on_gpus("GPU-x", key="first")
        second, third = (lab.waiting("GPU-x", key=key) for key in ("second", "third"))
        world.kill_batch(second)
        found = lab.look(second)
        assert (found.state, found.survivors, found.waits) == (BatchState.LOST, 0, False)
        lab.host.stop(first, 5)
        lab.runs(third)
        lab.host.stop(third, 5)

    def test_a_waiting_batch_is_not_released(self, lab: Lab) -> None:
        first = lab.on_gpus("GPU-x", key="first")
        second = lab.waiting("GPU-x", key="second")
        with pytest.raises(HostRefused, match="stop it"):
            lab.host.release(second)
        lab.host.start(second)
        assert lab.look(second).waits
        lab.host.stop(second, 5)
        lab.host.stop(first, 5)

    @pytest.mark.parametrize("when", ["before its start", "while it waits"])
    def test_a_damaged_blob_is_found_however_long_a_batch_waits(self, lab: Lab, when: str) -> None:
        first, sha256 = lab.on_gpus("GPU-x", key="first"), lab.put(b"precious")
        plan = lab.batch(*lab.world.program(log="ran"), gpus=("GPU-x",), key="second", inputs={"a.bin": sha256})
        second = plan.meta.batch_id
        lab.host.prepare(plan)
        if when == "before its start":
            lab.world.damage_blob(sha256)
            lab.host.start(second)
            found = lab.wait(second)
            assert lab.look(first).state is BatchState.RUNNING, "nobody has to wait to be told so"
            lab.host.stop(first, 5)
        else:
            lab.host.start(second)
            lab.waits(second)
            lab.world.damage_blob(sha256)
            lab.waits(second)
            lab.host.stop(first, 5)
            found = lab.wait(second)
        assert found.exit is not None
        assert (found.exit.stage, found.exit.code, found.exit.stopped) == ("verify", 1, False)
        assert b"ran" not in lab.log(second)
        lab.host.release(second)
        assert lab.host.observe([sha256]).blobs == frozenset()
        third = lab.on_gpus("GPU-x", key="third")
        lab.host.stop(third, 5)

    def test_batches_on_other_gpus_or_on_none_do_not_wait(self, lab: Lab) -> None:
        ids = [lab.on_gpus(*gpus, key=f"run-{number}") for number, gpus in enumerate([("GPU-x",), ("GPU-y",), (), ()])]
        assert not any(lab.look(batch_id).waits for batch_id in ids)
        for batch_id in ids:
            lab.host.stop(batch_id, 5)

    def test_a_batch_on_two_gpus_waits_for_both(self, lab: Lab) -> None:
        one, two = lab.on_gpus("GPU-x", key="one"), lab.on_gpus("GPU-y", key="two")
        both = lab.waiting("GPU-y", "GPU-x", key="both")
        lab.host.stop(one, 5)
        lab.waits(both)
        lab.host.stop(two, 5)
        lab.runs(both)
        next_one = lab.waiting("GPU-x", key="next")
        lab.host.stop(both, 5)
        lab.runs(next_one)
        lab.host.stop(next_one, 5)

    def test_batches_that_name_their_gpus_in_another_order_do_not_wait_for_each_other(self, lab: Lab) -> None:
        first = lab.on_gpus("GPU-x", "GPU-y", key="first")
        orders = [("GPU-x", "GPU-y"), ("GPU-y", "GPU-x")]
        ids = [lab.started(gpus=gpus, key=f"{number}") for number, gpus in enumerate(orders * 2)]
        for batch_id in ids:
            lab.waits(batch_id)
        lab.host.stop(first, 5)
        assert [lab.wait(batch_id).state for batch_id in ids] == [BatchState.EXITED] * 4

    def test_projects_that_share_a_work_directory_share_its_gpus(self, lab: Lab, world: GpuWorld) -> None:
        first = lab.on_gpus("GPU-x", key="first")
        theirs = lab.on(world.another_project())
        second = theirs.waiting("GPU-x", key="theirs")
        lab.host.stop(first, 5)
        theirs.runs(second)
        third = lab.waiting("GPU-x", key="third")
        theirs.host.stop(second, 5)
        lab.runs(third)
        lab.host.stop(third, 5)
        theirs.host.close()

    @pytest.mark.parametrize("gpu", ["", "..", "a/b", "GPU x", "$(id)", "-rf"])
    def test_what_is_no_plain_id_of_a_gpu_is_refused(self, lab: Lab, gpu: str) -> None:
        with pytest.raises(HostRefused):
            lab.host.prepare(lab.batch(gpus=(gpu,)))
