"""What a host keeps whose batches are real processes of a machine with bash. Run directories are looked into."""

import base64
import gzip
import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from cosmos.core.observed import BatchState
from cosmos.core.ports import PYTHON, ROOT
from cosmos.errors import HostRefused
from tests.contracts.host_contract import FOLDER, PATIENCE_S, HostWorld, Lab, until

HOSTILE = (
    'it\'s "quoted" $(touch owned) `touch owned` ${HOME} $HOME \\ \\n %s %n !! * ? [a-z] ~ {root} {python} {a,b}\n'
    "\tsecond line; rm -rf . & | > owned < x # no comment\r\n\x01\x02\x1b\x7f \u00e9 \u2028 \U0001f600 -- -rf 'end\\"
)


class ProcessWorld(HostWorld, Protocol):
    """A machine whose processes and files can be seen from here."""

    root: Path
    """The project's folder on the host."""


def bash(script: str, *args: str) -> tuple[str, ...]:
    return ("bash", "-c", script, "program", *args)


def write_files(log: str, files: Mapping[str, bytes], code: int) -> tuple[str, ...]:
    """For `HostWorld.program`."""
    lines = [f"echo {shlex.quote(log)}"] if log else []
    for name, data in files.items():
        path = shlex.quote(f"outputs/{name}")
        packed = base64.b64encode(gzip.compress(data)).decode()
        lines.append(f'mkdir -p "$(dirname {path})" && echo {packed} | base64 -d | gzip -dc >{path}')
    return bash("\n".join([*lines, f"exit {code}"]))


def claim_of(root: Path, batch_id: str) -> dict[str, object]:
    claim: dict[str, object] = json.loads((root / "batches" / batch_id / "claim").read_text())
    return claim


def runner_of(root: Path, batch_id: str) -> int:
    return int(str(claim_of(root, batch_id)["pid"]))


def is_alive(pid: int) -> bool:
    """A zombie is dead: not every machine's first process cleans up at once."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def pids_in(log: bytes) -> list[int]:
    return [int(word) for word in log.split() if word.isdigit()]


@contextmanager
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process that leads a session with another process in it, and is none of ours."""
    script = "sleep 1000 & echo ready; wait"
    with subprocess.Popen(["bash", "-c", script], stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)


class ProcessContract:
    """Holds wherever run.sh runs."""

    def test_hostile_text_reaches_the_program_byte_for_byte(self, lab: Lab, world: ProcessWorld) -> None:
        show = 'printf "%s\\0" "$@" "$TEXT" >outputs/one/argv; cat text >outputs/one/file'
        found = lab.ended(*bash(show, HOSTILE, "", "-n"), env={"TEXT": HOSTILE}, files={"text": HOSTILE.encode()})
        outputs = world.root / "batches" / found.batch_id / "outputs" / FOLDER
        assert (outputs / "argv").read_bytes().split(b"\0")[:-1] == [HOSTILE.encode(), b"", b"-n", HOSTILE.encode()]
        assert (outputs / "file").read_bytes() == HOSTILE.encode()
        assert not list(world.root.rglob("owned"))

    def test_marks_become_paths_and_words_that_look_like_them_stay(self, lab: Lab, world: ProcessWorld) -> None:
        argv = bash(
            'printf "%s\\n" "$@" "$HERE"; [ "$PWD" = "$1" ] && command -v "$2" >/dev/null', ROOT, PYTHON, "{root}"
        )
        found = lab.ended(*argv, f"{ROOT}/outputs", env={"HERE": f"{ROOT}/x"})
        root = str(world.root / "batches" / found.batch_id)
        lines = lab.log(found.batch_id).decode().splitlines()
        assert [lines[0], *lines[2:]] == [root, "{root}", f"{root}/outputs", f"{root}/x"]
        assert found.exit is not None
        assert found.exit.code == 0

    def test_the_program_reads_nothing_and_knows_its_batch(self, lab: Lab) -> None:
        found = lab.ended(*bash('cat; echo "$COSMOS_BATCH"; exec ls -l /proc/self/fd'))
        first, *lines = lab.log(found.batch_id).decode().splitlines()
        opened = sorted(line.partition(" -> ")[2].rpartition("/")[2] for line in lines if " -> " in line)
        assert first == found.batch_id
        assert opened == ["fd", "null", "run.log", "run.log"]

    @pytest.mark.parametrize(
        ("argv", "code"),
        [
            (("no-such-program-anywhere",), 127),
            (("./outputs/absent",), 127),
            (("./inputs.sha256",), 126),
            (("./outputs",), 126),
            (("",), 127),
            (("-n",), 127),
            (bash("kill -KILL $$"), 137),
            (bash("kill -SEGV $$"), 139),
            (bash("kill -TERM $$"), 143),
        ],
    )
    def test_every_way_to_end_is_recorded(self, lab: Lab, argv: tuple[str, ...], code: int) -> None:
        record = lab.ended(*argv).exit
        assert record is not None
        assert (record.code, record.stage, record.stopped, record.timed_out) == (code, "program", False, False)

    def test_a_reason_why_a_program_could_not_start_is_in_the_log(self, lab: Lab) -> None:
        found = lab.ended("no-such-program-anywhere")
        assert b"no-such-program-anywhere: not found" in lab.log(found.batch_id)

    def test_a_program_that_ignores_term_is_killed_with_all_its_children(self, lab: Lab) -> None:
        tree = bash(
            'trap "" TERM; (trap "" TERM; echo $BASHPID; sleep 1000) & sleep 1000 & echo $$ $!; echo up; wait; wait'
        )
        batch_id = lab.started(*tree)
        until(lambda: len(lab.log(batch_id).split()) == 4, "the program runs")
        lab.host.stop(batch_id, 0.3)
        assert [pid for pid in pids_in(lab.log(batch_id)) if is_alive(pid)] == []
        record = lab.look(batch_id).exit
        assert record is not None
        assert (record.code, record.stopped) == (137, True)

    def test_a_program_is_given_its_grace(self, lab: Lab) -> None:
        batch_id = lab.started(*bash('trap "echo saved; exit 5" TERM; echo started; while :; do sleep 0.1; done'))
        until(lambda: b"started" in lab.log(batch_id), "the program runs")
        lab.host.stop(batch_id, PATIENCE_S)
        record = lab.look(batch_id).exit
        assert record is not None
        assert (record.code, record.stopped) == (5, True)
        assert b"saved" in lab.log(batch_id)

    def test_children_are_given_their_grace_after_their_parent(self, lab: Lab) -> None:
        """A shell dies of TERM at once; the encoder that it started has a file to finish."""
        child = "trap 'sleep 0.3; echo finished; exit' TERM; echo started; while :; do sleep 0.05; done"
        batch_id = lab.started(*bash(f"bash -c {shlex.quote(child)}; echo never"))
        until(lambda: b"started" in lab.log(batch_id), "the program runs")
        lab.host.stop(batch_id, PATIENCE_S)
        log = lab.log(batch_id)
        assert b"finished" in log
        assert b"never" not in log

    def test_the_grace_of_the_stop_counts_not_that_of_the_batch(self, lab: Lab) -> None:
        batch_id = lab.started(*bash('trap "" TERM; echo started; sleep 1000; sleep 1000'), grace_s=1000)
        until(lambda: b"started" in lab.log(batch_id), "the program runs")
        before = time.monotonic()
        lab.host.stop(batch_id, 0.2)
        assert time.monotonic() - before < PATIENCE_S
        assert lab.look(batch_id).state is BatchState.EXITED

    def test_a_halted_program_can_be_stopped(self, lab: Lab) -> None:
        batch_id = lab.started(*bash("echo $$; kill -STOP $$; sleep 1000"))
        until(lambda: bool(lab.log(batch_id)), "the program runs")
        assert lab.look(batch_id).state is BatchState.RUNNING
        lab.host.stop(batch_id, PATIENCE_S)
        record = lab.look(batch_id).exit
        assert record is not None
        assert (record.code, record.stopped) == (143, True)

    def test_term_that_we_did_not_send_is_no_request_to_stop(self, lab: Lab, world: ProcessWorld) -> None:
        """A machine that shuts down ends everything so."""
        batch_id = lab.running()
        os.kill(runner_of(world.root, batch_id), signal.SIGTERM)
        record = lab.wait(batch_id).exit
        assert record is not None
        assert (record.code, record.stopped, record.timed_out) == (143, False, False)

    def test_a_program_that_ignores_term_is_killed_at_its_time_limit(self, lab: Lab) -> None:
        argv = bash('trap "" TERM; echo $$; sleep 1000 & echo $!; while :; do wait; done')
        found = lab.ended(*argv, timeout_s=0.3, grace_s=0.2)
        assert found.exit is not None
        assert (found.exit.code, found.exit.timed_out, found.exit.stopped) == (137, True, False)
        pids = pids_in(lab.log(found.batch_id))
        assert len(pids) == 2
        assert [pid for pid in pids if is_alive(pid)] == []

    def test_the_time_limit_holds_without_a_controller(self, lab: Lab) -> None:
        batch_id = lab.started(*bash("echo $$; sleep 1000"), timeout_s=0.5)
        until(lambda: bool(lab.log(batch_id)), "the program runs")
        (pid,) = pids_in(lab.log(batch_id))
        lab.host.close()
        until(lambda: not is_alive(pid), "the program is ended by its time limit")

    def test_what_outlives_a_killed_runner_is_seen_and_has_to_be_stopped(self, lab: Lab) -> None:
        batch_id = lab.running()
        lab.world.kill_runner(batch_id)
        until(lambda: lab.look(batch_id).state is BatchState.LOST, "the batch is lost")
        assert lab.look(batch_id).survivors > 0
        with pytest.raises(HostRefused):
            lab.host.release(batch_id)
        lab.host.stop(batch_id, 5)
        assert lab.look(batch_id).survivors == 0
        lab.host.release(batch_id)

    def test_nothing_of_a_program_outlives_its_exit_record(self, lab: Lab) -> None:
        """Children in the background, in a group of their own, and in a session of their own."""
        script = (
            "set -m; sleep 1000 & echo $!; setsid sleep 1000 & echo $!; set +m; (trap '' TERM; sleep 1000) & echo $!"
        )
        found = lab.ended(*bash(script))
        pids = pids_in(lab.log(found.batch_id))
        assert len(pids) == 3
        assert [pid for pid in pids if is_alive(pid)] == []
        assert found.exit is not None
        assert (found.exit.code, found.exit.stopped) == (0, False)

    def test_all_survivors_of_a_killed_runner_are_seen_and_ended(self, lab: Lab, world: ProcessWorld) -> None:
        script = (
            'trap "" TERM; setsid sleep 1000 & echo $!; (exec -c sleep 1000) & echo $!; echo $$; echo up; wait; wait'
        )
        batch_id = lab.started(*bash(script))
        until(lambda: len(lab.log(batch_id).split()) == 4, "the program runs")
        pids = pids_in(lab.log(batch_id))
        world.kill_runner(batch_id)
        until(lambda: lab.look(batch_id).state is BatchState.LOST, "the batch is lost")
        assert lab.look(batch_id).survivors == len(pids) == 3
        lab.host.stop(batch_id, 0.2)
        assert [pid for pid in pids if is_alive(pid)] == []
        assert lab.look(batch_id).survivors == 0

    def test_a_later_process_with_the_same_number_is_left_alone(self, lab: Lab, world: ProcessWorld) -> None:
        """Pids come round. What a claim names is a pid, a start time and a boot."""
        batch_id = lab.ended().batch_id
        folder = world.root / "batches" / batch_id
        (folder / "exit.json").unlink()
        claim = claim_of(world.root, batch_id)
        with stranger() as process:
            (folder / "claim").write_text(_claim({**claim, "pid": process.pid}))
            found = lab.look(batch_id)
            assert (found.state, found.survivors) == (BatchState.LOST, 0)
            lab.host.stop(batch_id, 0.1)
            lab.host.release(batch_id)
            assert process.poll() is None

    def test_a_claim_from_before_a_restart_of_the_machine_names_no_process(self, lab: Lab, world: ProcessWorld) -> None:
        batch_id = lab.ended().batch_id
        folder = world.root / "batches" / batch_id
        (folder / "exit.json").unlink()
        boot = "00000000-0000-0000-0000-000000000000"
        with stranger() as process:
            ticks = int(Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19])
            claim = {**claim_of(world.root, batch_id), "pid": process.pid, "start": ticks, "boot": boot}
            (folder / "claim").write_text(_claim(claim))
            found = lab.look(batch_id)
            assert (found.state, found.survivors, found.boot_id) == (BatchState.LOST, 0, boot)
            lab.host.stop(batch_id, 0.1)
            assert process.poll() is None

    @pytest.mark.parametrize("damage", [b"", b"\0\xff{", b"x" * 10_000_000])
    def test_one_damaged_record_hides_no_other_batch(self, lab: Lab, world: ProcessWorld, damage: bytes) -> None:
        sound = lab.ended()
        names = {}
        for name in ("batch.json", "exit.json", "claim"):
            names[name] = lab.ended(key=name.replace(".", "-")).batch_id
            path = world.root / "batches" / names[name] / name
            path.unlink()
            path.write_bytes(damage)
        look = lab.host.observe([]).batches
        assert look[sound.batch_id] == sound
        assert look[names["batch.json"]].meta is None
        assert look[names["batch.json"]].state is BatchState.EXITED
        assert (look[names["exit.json"]].exit, look[names["exit.json"]].state) == (None, BatchState.LOST)
        assert look[names["claim"]].state is BatchState.EXITED
        for batch_id in names.values():
            lab.host.stop(batch_id, 0.1)
            lab.host.release(batch_id)

    def test_record_files_that_are_links_or_pipes_are_not_opened(self, lab: Lab, world: ProcessWorld) -> None:
        sound, odd = lab.ended(), lab.ended(key="odd").batch_id
        folder = world.root / "batches" / odd
        for name in ("exit.json", "claim", "run.log"):
            (folder / name).unlink()
        os.mkfifo(folder / "claim")
        (folder / "exit.json").symlink_to(world.root / "batches" / sound.batch_id / "exit.json")
        (folder / "run.log").symlink_to("/etc/passwd")
        look = lab.host.observe([]).batches
        assert look[sound.batch_id] == sound
        assert look[odd].exit is None
        assert lab.log(odd) == b""

    @pytest.mark.parametrize("odd", ["ln -s /etc/passwd", "ln -s /nowhere", "mkfifo"])
    def test_what_is_no_regular_file_is_no_record_of_an_end(self, lab: Lab, odd: str) -> None:
        make = f"{odd} exit.json"
        batch_id = lab.started(*bash(f"{make}; echo started; exec sleep 1000"))
        lab.runs(batch_id)
        assert lab.look(batch_id).state is BatchState.RUNNING
        before = time.monotonic()
        lab.host.wait_for_exit([batch_id], 1)
        assert time.monotonic() - before > 0.9
        with pytest.raises(HostRefused, match="stop it before it is released"):
            lab.host.release(batch_id)
        lab.host.stop(batch_id, 5)
        assert lab.look(batch_id).state is BatchState.EXITED
        lab.host.release(batch_id)

    def test_a_program_cannot_make_us_wait_on_its_claim(self, lab: Lab, world: ProcessWorld) -> None:
        batch_id = lab.started(*bash("echo $$; rm claim; mkfifo claim; echo up; sleep 1000"))
        until(lambda: lab.log(batch_id).endswith(b"up\n"), "the program runs")
        found = lab.look(batch_id)
        assert found.survivors > 0, "its processes are known by their mark even without a claim"
        lab.host.stop(batch_id, 0.3)
        assert lab.look(batch_id).survivors == 0
        assert not is_alive(pids_in(lab.log(batch_id))[0])

    def test_of_a_hostile_output_tree_only_plain_files_are_taken(self, lab: Lab, tmp_path: Path) -> None:
        tree = """cd outputs/one
            echo good >good.txt; mkdir -p sub/deeper; echo deep >sub/deeper/ok.txt; echo dash >-rf; echo b >'a b.txt'
            ln -s /etc/passwd link; ln -s / root; ln -s ../../.. up; mkfifo pipe
            echo two >hard; ln hard hard2
            echo x >"$(printf 'new\\nline')"; echo x >"$(printf 'byte\\377')"; echo x >"$(printf 'bell\\a')"
            echo x >'back\\slash'; truncate -s 1M sparse; chmod 400 sub/deeper/ok.txt"""
        found = lab.ended(*bash(tree))
        manifest = lab.host.manifest(found.batch_id, FOLDER)
        assert [entry.name for entry in manifest] == ["-rf", "a b.txt", "good.txt", "sparse", "sub/deeper/ok.txt"]
        for number, entry in enumerate(manifest):
            lab.fetch(found.batch_id, entry, tmp_path / str(number))
        for name in ("link", "root/etc/passwd", "up/batch.json", "pipe"):
            with pytest.raises(HostRefused):
                lab.fetch(found.batch_id, replace(manifest[0], name=name), tmp_path / "stolen")
        assert (tmp_path / "stolen").read_bytes() == b""

    @pytest.mark.parametrize("place", ["outputs/one", "outputs"])
    def test_an_output_folder_that_is_a_link_has_no_outputs(self, lab: Lab, tmp_path: Path, place: str) -> None:
        (tmp_path / "elsewhere" / FOLDER).mkdir(parents=True)
        (tmp_path / "elsewhere" / "secret").write_text("secret")
        (tmp_path / "elsewhere" / FOLDER / "secret").write_text("secret")
        found = lab.ended(*bash(f'rm -r {place}; ln -s "$1" {place}', str(tmp_path / "elsewhere")))
        assert lab.host.manifest(found.batch_id, FOLDER) == ()

    def test_too_many_outputs_are_refused(self, lab: Lab) -> None:
        found = lab.ended(*bash("cd outputs/one; for i in {1..10001}; do : >$i; done"))
        with pytest.raises(HostRefused, match="10001 files"):
            lab.host.manifest(found.batch_id, FOLDER)

    def test_inputs_are_links_to_blobs_and_read_only(self, lab: Lab, world: ProcessWorld) -> None:
        sha256 = lab.put(b"precious")
        found = lab.ended(*bash("cat inputs/sub/a.bin"), inputs={"sub/a.bin": sha256})
        assert lab.log(found.batch_id) == b"precious"
        blob = world.root / "blobs" / sha256[:2] / sha256
        assert blob.samefile(world.root / "batches" / found.batch_id / "inputs/sub/a.bin")
        assert blob.stat().st_mode & 0o777 == 0o444

    @pytest.mark.parametrize(
        "fields",
        [
            {"inputs": {"../x": "0" * 64}},
            {"inputs": {"a": "0" * 63}},
            {"inputs": {"a b": "0" * 64}},
            {"files": {"/etc/x": b""}},
            {"files": {"run.sh": b"echo mine"}},
            {"files": {"claim": b""}},
            {"files": {"outputs/x": b""}},
            {"files": {"-rf": b""}},
            {"folders": ("../../x",)},
            {"folders": ("a/b",)},
            {"env": {"A B": "x"}},
            {"env": {"UID": "0"}},
            {"env": {"A": "\0"}},
        ],
    )
    def test_names_that_are_not_plain_are_refused(self, lab: Lab, fields: dict[str, object]) -> None:
        with pytest.raises(HostRefused):
            lab.host.prepare(replace(lab.batch(), **fields))  # type: ignore[arg-type]
        assert lab.host.observe([]).batches == {}

    def test_a_blob_of_another_size_is_sent_again(self, lab: Lab, world: ProcessWorld) -> None:
        blob = lab.blob(b"whole")
        lab.host.put_blobs([blob], lambda count: None)
        path = world.root / "blobs" / blob[0][:2] / blob[0]
        path.unlink()
        path.write_bytes(b"who")
        lab.host.put_blobs([blob], lambda count: None)
        assert path.read_bytes() == b"whole"

    def test_a_failed_upload_leaves_nothing(self, lab: Lab, world: ProcessWorld) -> None:
        sha256, size, path = lab.blob(b"before")
        path.write_bytes(b"behind")
        with pytest.raises(Exception, match="changed, or damaged"):
            lab.host.put_blobs([(sha256, size, path)], lambda count: None)
        assert [found for found in (world.root / "blobs").rglob("*") if found.is_file()] == []

    def test_five_hundred_run_directories_are_seen_within_seconds(self, lab: Lab, world: ProcessWorld) -> None:
        one = lab.ended()
        source = world.root / "batches" / one.batch_id
        for number in range(500):
            copy = source.with_name(f"rs_{number:010d}-00000000-a1")
            copy.mkdir()
            for name in ("batch.json", "exit.json", "claim", "run.sh"):
                (copy / name).hardlink_to(source / name)
        before = time.monotonic()
        batches = lab.host.observe([]).batches
        assert time.monotonic() - before < 5
        assert len(batches) == 501
        assert {batch.state for batch in batches.values()} == {BatchState.EXITED}

    def test_other_things_beside_run_directories_are_ignored(self, lab: Lab, world: ProcessWorld) -> None:
        found = lab.ended()
        batches = world.root / "batches"
        (batches / "a file").write_text("")
        (batches / ".gone-x").mkdir()
        (batches / "odd name\nrs_1-2-a1").mkdir()
        (batches / "odd name\nrs_1-2-a1" / "claim").write_text("{}")
        (batches / "link").symlink_to(found.batch_id)
        assert lab.host.observe([]).batches == {found.batch_id: found}


def _claim(claim: dict[str, object]) -> str:
    return json.dumps(claim, separators=(",", ":")) + "\n"
