"""The texts that BashScriptBuilder makes, line by line, and run.sh started by hand."""

import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cosmos.core.ports import PYTHON, ROOT, BatchPlan
from cosmos.core.reasons import Reason
from cosmos.errors import HostRefused
from cosmos.hosts.docker.scripts import DockerScriptBuilder
from cosmos.hosts.layout import Layout, is_output_name
from cosmos.hosts.quoting import ARGUMENT_LIMIT
from cosmos.hosts.remote import Script
from cosmos.hosts.scripts import BashScriptBuilder
from tests.contracts.host_contract import until
from tests.makers import a_batch_id, a_batch_meta
from tests.processes import named

SCRIPTS = sorted((Path(__file__).parents[2] / "cosmos" / "hosts" / "bash").glob("*.sh"))
NASTY = 'it\'s $(id) `id`\n"x"'
BATCH = a_batch_id()
SHA = "ab" * 32


@pytest.fixture
def builder() -> BashScriptBuilder:
    return BashScriptBuilder(Layout("/srv/cosmos", "demo"), python="/opt/py/bin/python")


def a_plan(*argv: str) -> BatchPlan:
    return BatchPlan(meta=a_batch_meta(), argv=argv or ("true",))


def head(builder: BashScriptBuilder, plan: BatchPlan) -> list[str]:
    """The part of run.sh that is made for one batch."""
    text = builder.run_sh(plan).decode()
    return text[: text.index("\n}\n")].splitlines()


def test_a_pull_may_be_silent_for_as_long_as_it_may_last() -> None:
    """Docker says nothing while it brings a layer, which may have many GB."""
    pull = DockerScriptBuilder(Layout("/srv/cosmos", "demo")).pull("large:1")
    assert pull.patience_s is None
    assert pull.deadline_s >= 3600


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_every_script_is_ascii_and_parses(path: Path) -> None:
    assert path.read_text("ascii").startswith("# shellcheck shell=bash")
    subprocess.run(["bash", "-n", str(path)], check=True)


def test_run_sh_says_what_it_runs(builder: BashScriptBuilder) -> None:
    plan = replace(a_plan("ffmpeg", "-i", "inputs/color.mp4"), timeout_s=90, grace_s=2.5, env={"B": "two", "A": "1"})
    assert head(builder, plan) == [
        "#!/usr/bin/env bash",
        "limit=9000",
        "stall=0",
        "grace=250",
        "inputs=0",
        "gpus=()",
        "needed=()",
        "secrets=()",
        "ports=()",
        "repository='' commit=''",
        "program() {",
        f'  export COSMOS_BATCH={BATCH} COSMOS_RUN_DIRECTORY="$PWD"',
        "  export A=1",
        "  export B=two",
        "  exec -- ffmpeg -i inputs/color.mp4",
    ]


@pytest.mark.parametrize(("stall_s", "said"), [(None, "0"), (1200.0, "120000"), (0.001, "1")])
def test_run_sh_is_told_how_long_it_may_be_silent(builder: BashScriptBuilder, stall_s: float | None, said: str) -> None:
    assert f"stall={said}" in head(builder, replace(a_plan(), stall_s=stall_s))


def test_run_sh_locks_gpus_in_one_order_whatever_the_batch_calls_first(builder: BashScriptBuilder) -> None:
    for gpus in (("GPU-b", "GPU-a"), ("GPU-a", "GPU-b")):
        lines = head(builder, replace(a_plan(), meta=replace(a_batch_meta(), gpus=gpus)))
        assert lines[4:7] == [
            "inputs=0",
            "gpus=(/srv/cosmos/.gpus/GPU-a /srv/cosmos/.gpus/GPU-b)",
            "needed=()",
        ]


def test_the_lock_of_a_gpu_is_quoted_and_beside_the_projects_not_in_one() -> None:
    lines = head(
        BashScriptBuilder(Layout("/srv/my dir's", "demo")), replace(a_plan(), meta=replace(a_batch_meta(), gpus=("0",)))
    )
    assert lines[5] == "gpus=('/srv/my dir'\"'\"'s/.gpus/0')"


@pytest.mark.parametrize("gpu", ["", "..", "a/b", "a b", "-x", "$(id)", "a\n"])
def test_what_is_no_plain_id_of_a_gpu_is_refused(builder: BashScriptBuilder, gpu: str) -> None:
    plan = replace(a_plan(), meta=replace(a_batch_meta(), gpus=(gpu,)))
    with pytest.raises(HostRefused, match="no plain file name"):
        builder.run_sh(plan)
    with pytest.raises(HostRefused, match="no plain file name"):
        builder.prepare(plan)


def test_text_is_quoted_once(builder: BashScriptBuilder) -> None:
    text = "\n".join(head(builder, replace(a_plan("show", NASTY), env={"TEXT": NASTY})))
    quoted = "'it'\"'\"'s $(id) `id`\n\"x\"'"
    assert f"  export TEXT={quoted}\n" in text
    assert text.endswith(f"  exec -- show {quoted}")


def test_marks_are_filled_in_and_their_names_are_only_words(builder: BashScriptBuilder) -> None:
    line = head(builder, a_plan(PYTHON, f"--out={ROOT}/outputs", "{root}", "{python}"))[-1]
    root = f"/srv/cosmos/demo/batches/{BATCH}"
    assert line == f"  exec -- /opt/py/bin/python --out={root}/outputs '{{root}}' '{{python}}'"


def test_an_argument_may_be_as_long_as_linux_takes(builder: BashScriptBuilder) -> None:
    assert builder.run_sh(a_plan("x", "a" * ARGUMENT_LIMIT))
    with pytest.raises(HostRefused, match="131072 bytes") as caught:
        builder.run_sh(a_plan("x", "\u00e9" + "a" * (ARGUMENT_LIMIT - 1)))
    assert caught.value.reason == Reason.BAD_SPEC


def test_a_mark_that_nobody_filled_in_is_refused(builder: BashScriptBuilder) -> None:
    with pytest.raises(HostRefused, match="nobody filled in"):
        builder.run_sh(a_plan("x", "\0{folder}"))


@pytest.mark.parametrize(
    "name", ["", "A B", "A=B", "1A", "A-B", "UID", "PPID", "COSMOS_BATCH", "COSMOS_RUN_DIRECTORY", "A\n"]
)
def test_a_variable_that_bash_would_not_set_is_refused(builder: BashScriptBuilder, name: str) -> None:
    with pytest.raises(HostRefused, match="cannot be set"):
        builder.run_sh(replace(a_plan(), env={name: "x"}))


def test_what_varies_is_never_in_the_text_of_a_script(builder: BashScriptBuilder) -> None:
    def scripts(batch_id: str, sha256: str) -> list[Script]:
        meta = replace(a_batch_meta(), batch_id=batch_id)
        return [
            builder.observe([sha256]),
            builder.prepare(replace(a_plan(), meta=meta)),
            builder.start(batch_id),
            builder.stop(batch_id, 1),
            builder.release(batch_id),
            builder.manifest(batch_id, "one"),
            builder.log(batch_id, 0, 1),
            builder.wait([batch_id], 1),
            builder.blobs([sha256]),
            builder.log_times(batch_id),
            builder.receive(sha256, 10, f"{sha256}.1-1"),
            builder.receive(sha256, 10, f"{sha256}.1-1", (f"{sha256}.0-0", 5)),
            builder.receive_many(sha256, 10),
            builder.send(batch_id, "one", [(0, "a"), (5, "b c")], 10),
        ]

    for one, two in zip(scripts("rs_1-aa-a1", "1" * 64), scripts("rs_2-bb-a2", "2" * 64), strict=True):
        assert one.text == two.text
        assert (one.args, one.stdin) != (two.args, two.stdin)


def test_a_batch_is_sent_with_its_files_and_batch_json_last(builder: BashScriptBuilder) -> None:
    plan = replace(
        a_plan(),
        inputs={"color.mp4": SHA, "seq/0001.png": "cd" * 32},
        files={"prompt.txt": b"end\nfile 3 x\n", "sub/a.json": b""},
        folders=("one", "two"),
        meta=replace(a_batch_meta(), gpus=("GPU-b", "GPU-a")),
    )
    lines = builder.prepare(plan).stdin.split(b"\n")
    assert lines[:11] == [
        b"folder inputs",
        b"folder inputs/seq",
        b"folder sub",
        b"folder outputs/one",
        b"folder outputs/two",
        f"link {SHA} inputs/color.mp4".encode(),
        f"link {'cd' * 32} inputs/seq/0001.png".encode(),
        b"gpu GPU-b",
        b"gpu GPU-a",
        b"file 13 prompt.txt",
        b"end",
    ]
    assert f"{SHA}  inputs/color.mp4".encode() in lines
    assert lines[-4].startswith(b"meta ")
    assert json.loads(lines[-3])["batch_id"] == BATCH
    assert lines[-2:] == [b"end", b""]


def test_a_preparation_that_is_cut_off_anywhere_leaves_no_complete_batch(tmp_path: Path) -> None:
    builder = BashScriptBuilder(Layout(str(tmp_path), "demo"))
    script = builder.prepare(replace(a_plan(), files={"prompt.txt": b"rain"}))
    folder = tmp_path / "demo" / "batches" / BATCH
    size = len(script.stdin)
    for end in (*range(0, 60, 7), size - 300, size - 20, size - 5, size - 4, size - 1):
        words = ["bash", "-c", script.text, "cosmos", *script.args]
        done = subprocess.run(words, input=script.stdin[:end], capture_output=True, check=False)
        assert done.returncode == 3
        assert not (folder / "batch.json").exists()
    subprocess.run(words, input=script.stdin, check=True)
    assert (folder / "batch.json").exists()
    assert not [path for path in folder.rglob("*.new") if path.name != "batch.json.new"]


def place(tmp_path: Path, *argv: str, **fields: object) -> Path:
    """A run directory of ours, made by hand."""
    folder = tmp_path / "demo" / "batches" / BATCH
    (folder / "outputs").mkdir(parents=True)
    plan = replace(a_plan(*argv), **fields)  # type: ignore[arg-type]
    (folder / "run.sh").write_bytes(BashScriptBuilder(Layout(str(tmp_path), "demo")).run_sh(plan))
    return folder


def run(folder: Path) -> dict[str, object]:
    subprocess.run(["bash", str(folder / "run.sh")], cwd="/", check=True, timeout=60)
    record: dict[str, object] = json.loads((folder / "exit.json").read_text())
    return record


def text_of(folder: Path, field: str) -> str:
    """A number of the exit record, digit by digit."""
    return str(json.loads((folder / "exit.json").read_text(), parse_float=str)[field])


def test_run_sh_works_in_its_own_folder_wherever_it_is_started(tmp_path: Path) -> None:
    folder = place(tmp_path, "bash", "-c", "pwd; echo e >&2; exit 3")
    assert run(folder)["code"] == 3
    assert (folder / "run.log").read_text() == f"{folder}\ne\n"


def test_the_exit_record_is_one_line_with_these_fields(tmp_path: Path) -> None:
    folder = place(tmp_path)
    record = run(folder)
    ends = ["timed_out", "stopped", "interrupted", "stalled"]
    assert list(record) == ["code", "started_at", "ended_at", "boot_id", "stage", *ends]
    assert (folder / "exit.json").read_text().count("\n") == 1
    assert record["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    claim = json.loads((folder / "claim").read_text())
    assert list(claim) == ["pid", "start", "boot", "at"]
    assert (folder / "began").read_text().strip() == text_of(folder, "started_at")
    assert claim["at"] <= record["started_at"]
    names = {path.name for path in folder.iterdir()} - {"run.log.times"}
    assert names == {"began", "claim", "exit.json", "outputs", "run.log", "run.sh"}


def test_run_sh_started_again_appends_nothing(tmp_path: Path) -> None:
    folder = place(tmp_path, "echo", "ran")
    first = run(folder)
    assert run(folder) == first
    assert (folder / "run.log").read_text() == "ran\n"


def test_a_claim_by_anybody_keeps_run_sh_from_starting(tmp_path: Path) -> None:
    folder = place(tmp_path, "touch", "ran")
    (folder / "claim").write_text("")
    subprocess.run(["bash", str(folder / "run.sh")], check=True, timeout=60)
    assert not (folder / "ran").exists()
    assert not (folder / "exit.json").exists()


def locks(tmp_path: Path, *gpus: str) -> dict[str, object]:
    """A field for `place`: GPUs whose locks are there, as `prepare` makes them."""
    for gpu in gpus:
        (tmp_path / ".gpus").mkdir(exist_ok=True)
        (tmp_path / ".gpus" / gpu).touch()
    return {"meta": replace(a_batch_meta(), gpus=gpus)}


def test_run_sh_leaves_the_locks_as_they_are_and_holds_none_afterwards(tmp_path: Path) -> None:
    folder = place(tmp_path, "true", **locks(tmp_path, "GPU-a", "GPU-b"))
    assert run(folder)["code"] == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / ".gpus").iterdir()} == {"GPU-a": b"", "GPU-b": b""}
    for lock in (tmp_path / ".gpus").iterdir():
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_program_whose_gpu_cannot_be_locked_does_not_run(tmp_path: Path) -> None:
    fields = locks(tmp_path, "GPU-a")
    (tmp_path / ".gpus" / "GPU-a").unlink()
    folder = place(tmp_path, "touch", "ran", **fields)
    record = run(folder)
    assert record["code"] != 0
    assert (record["stage"], record["stopped"]) == ("program", False)
    assert "GPU-a: No such file or directory" in (folder / "run.log").read_text()
    assert not (folder / "ran").exists()
    assert not (folder / "began").exists()


def test_a_program_does_not_run_when_the_wait_for_its_gpu_is_broken_off(tmp_path: Path) -> None:
    """As by the kernel, short of memory. What holds the GPU still computes there."""
    fields = locks(tmp_path, "GPU-a")
    folder = place(tmp_path, "touch", "ran", **fields)
    with (tmp_path / ".gpus" / "GPU-a").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        runner = subprocess.Popen(["bash", str(folder / "run.sh")])
        until(lambda: bool(named("flock", runner.pid)), "run.sh waits for the lock")
        os.kill(named("flock", runner.pid)[0], signal.SIGKILL)
        assert runner.wait(60) == 0
    record = json.loads((folder / "exit.json").read_text())
    assert record["code"] != 0
    assert "could not be locked" in (folder / "run.log").read_text()
    assert not (folder / "ran").exists()


@pytest.mark.parametrize("sums", [None, "", f"{SHA}  inputs/a.bin\n", "not a sum\n"])
def test_inputs_that_cannot_be_verified_are_not_used(tmp_path: Path, sums: str | None) -> None:
    folder = place(tmp_path, "touch", "ran", inputs={"a.bin": SHA})
    if sums is not None:
        (folder / "inputs.sha256").write_text(sums)
    record = run(folder)
    assert (record["stage"], record["code"]) == ("verify", 1)
    assert not (folder / "ran").exists()


COUNTING = """#!/bin/bash
[[ ${!#} == /* ]] || exec REAL "$@"
sums=$(cat -- "${!#}")
printf '%s\\n' "$sums" >>SEEN
printf '%s\\n' "$sums" | REAL --check --status --strict
"""
"""A sha256sum that writes down what it is asked to verify."""


class Waiting:
    """A run whose inputs are verified, and that waits for its GPU. `verified`: what was, as often as it was."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen, program = tmp_path / "seen", tmp_path / "bin" / "sha256sum"
        program.parent.mkdir()
        program.write_text(COUNTING.replace("SEEN", str(self.seen)).replace("REAL", shutil.which("sha256sum") or ""))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        inputs = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("a b.bin", "c.bin")}
        self.folder = place(tmp_path, "touch", "ran", inputs=inputs, **locks(tmp_path, "GPU-a"))
        (self.folder / "inputs").mkdir()
        for name in inputs:
            (self.folder / "inputs" / name).write_text(name)
        (self.folder / "inputs.sha256").write_text("".join(f"{sha}  inputs/{name}\n" for name, sha in inputs.items()))
        self.lock = (tmp_path / ".gpus" / "GPU-a").open()
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.runner = subprocess.Popen(["bash", str(self.folder / "run.sh")])
        until(lambda: bool(named("flock", self.runner.pid)), "run.sh waits for the lock")

    @property
    def verified(self) -> list[str]:
        return [line.split("  ")[1] for line in self.seen.read_text().splitlines()]

    def go_on(self) -> dict[str, object]:
        self.lock.close()
        assert self.runner.wait(60) == 0
        record: dict[str, object] = json.loads((self.folder / "exit.json").read_text())
        return record


@pytest.fixture
def waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Waiting:
    return Waiting(tmp_path, monkeypatch)


BOTH = ["inputs/a b.bin", "inputs/c.bin"]


def test_inputs_are_verified_before_the_wait_for_the_gpu_and_once(waiting: Waiting) -> None:
    assert waiting.verified == BOTH
    assert not (waiting.folder / "began").exists()
    released_at = time.time()
    record = waiting.go_on()
    assert (record["stage"], record["code"]) == ("program", 0)
    assert isinstance(record["started_at"], float)
    assert record["started_at"] >= released_at
    assert waiting.verified == BOTH


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\xff")


def overwrite_and_hide(path: Path) -> None:
    before = path.stat()
    overwrite(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_by_another(path: Path) -> None:
    path.with_name("new").write_text("d.bin")
    path.with_name("new").replace(path)


@pytest.mark.parametrize("change", [overwrite, overwrite_and_hide, replace_by_another, Path.unlink])
def test_an_input_that_changes_during_the_wait_is_found(waiting: Waiting, change: Callable[[Path], None]) -> None:
    change(waiting.folder / "inputs" / "c.bin")
    record = waiting.go_on()
    assert (record["stage"], record["code"]) == ("verify", 1)
    assert waiting.verified == [*BOTH, "inputs/c.bin"], "the other one is as it was"
    assert "inputs/c.bin is damaged" in (waiting.folder / "run.log").read_text()
    assert "a b.bin" not in (waiting.folder / "run.log").read_text()
    assert not (waiting.folder / "ran").exists()
    assert not (waiting.folder / "began").exists()


def test_the_same_bytes_in_another_file_are_verified_again(waiting: Waiting) -> None:
    path = waiting.folder / "inputs" / "c.bin"
    path.with_name("new").write_bytes(path.read_bytes())
    path.with_name("new").replace(path)
    assert waiting.go_on()["code"] == 0
    assert waiting.verified == [*BOTH, "inputs/c.bin"]
    assert (waiting.folder / "ran").exists()


def test_a_link_that_another_run_makes_is_no_change(waiting: Waiting) -> None:
    """It changes the ctime, and runs of a sweep share their inputs."""
    (waiting.folder / "another").hardlink_to(waiting.folder / "inputs" / "c.bin")
    assert waiting.go_on()["code"] == 0
    assert waiting.verified == BOTH


SILENT = "while [ ! -e enough ]; do sleep 0.05; done"


def test_a_program_that_is_silent_for_too_long_is_ended_by_run_sh_itself(tmp_path: Path) -> None:
    folder = place(tmp_path, "bash", "-c", f"echo step 1; {SILENT}", stall_s=1)
    record = run(folder)
    assert (record["code"], record["stalled"], record["timed_out"]) == (143, True, False)
    assert (record["stopped"], record["interrupted"]) == (False, False)
    assert (folder / "run.log").read_text().startswith("step 1\ncosmos: neither log nor outputs grew for 1 s\n")


GROWS = {
    "the log": "echo step",
    "an output": "echo step >> outputs/frames.txt",
    "a file deep below": "mkdir -p outputs/a/b && : > outputs/a/b/$i",
    "an output that is written over": "echo $i > outputs/frames.txt",
}


@pytest.mark.parametrize("how", GROWS)
def test_what_grows_is_not_stalled_however_long_it_takes(tmp_path: Path, how: str) -> None:
    several_times_as_long = f"for i in $(seq 32); do {GROWS[how]}; sleep 0.25; done"
    folder = place(tmp_path, "bash", "-c", several_times_as_long, stall_s=5)
    (folder / "outputs").mkdir(exist_ok=True)
    record = run(folder)
    assert (record["code"], record["stalled"]) == (0, False)


def test_time_in_which_run_sh_itself_was_stopped_does_not_count(tmp_path: Path) -> None:
    folder = place(tmp_path, "bash", "-c", f"echo step 1; {SILENT}", stall_s=8)
    runner = subprocess.Popen(["bash", str(folder / "run.sh")])
    until((folder / "run.log.times").exists, "run.sh has looked at the log")
    time.sleep(0.5)  # and at what grows, in the same turn or the next
    runner.send_signal(signal.SIGSTOP)
    time.sleep(11)
    runner.send_signal(signal.SIGCONT)
    time.sleep(1)
    (folder / "enough").touch()
    assert runner.wait(60) == 0
    record = json.loads((folder / "exit.json").read_text())
    assert (record["code"], record["stalled"]) == (0, False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("asked", [False, True])
def test_who_told_it_to_end_is_recorded_whatever_the_program_ends_with(
    tmp_path: Path, number: int, asked: bool
) -> None:
    folder = place(tmp_path, "bash", "-c", "trap 'exit 7' TERM; touch up; while :; do sleep 0.05; done")
    runner = subprocess.Popen(["env", "--default-signal=HUP", "bash", str(folder / "run.sh")])  # nohup may be around
    until((folder / "up").exists, "the program is there")
    if asked:
        (folder / "stop").write_text("1000\n")
    runner.send_signal(number)
    assert runner.wait(60) == 0
    record = json.loads((folder / "exit.json").read_text())
    assert (record["code"], record["stopped"], record["interrupted"]) == (7, asked, not asked)


@pytest.mark.parametrize("why", ["TERM", "the time limit"])
def test_the_verification_in_advance_can_be_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    (tmp_path / "sha256sum").write_text("#!/bin/bash\nexec sleep 1000\n")
    (tmp_path / "sha256sum").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    limit = 0.3 if why == "the time limit" else 1000
    folder = place(tmp_path, "touch", "ran", inputs={"a.bin": SHA}, timeout_s=limit, **locks(tmp_path, "GPU-a"))
    (folder / "inputs.sha256").write_text(f"{SHA}  inputs/a.bin\n")
    with (tmp_path / ".gpus" / "GPU-a").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        runner = subprocess.Popen(["bash", str(folder / "run.sh")])
        until(lambda: bool(named("sleep", runner.pid)), "run.sh verifies")
        if why == "TERM":
            runner.terminate()
        assert runner.wait(60) == 0
    record = json.loads((folder / "exit.json").read_text())
    assert (record["code"], record["stage"], record["timed_out"]) == (143, "program", why != "TERM")
    assert not (folder / "ran").exists()
    assert not (folder / "began").exists()


@pytest.mark.parametrize(
    ("name", "sound"),
    [
        ("out.mp4", True),
        ("a b/\u00e9 \U0001f600.png", True),
        ("-rf", True),
        (".hidden", True),
        ("x" * 255, True),
        ("x" * 256, False),
        ("\u00e9" * 128, False),
        ("/".join("abcdefghijklmnop"), True),
        ("/".join("abcdefghijklmnopq"), False),
        ("", False),
        ("/a", False),
        ("a/", False),
        ("a//b", False),
        ("a/../b", False),
        (".", False),
        ("a\nb", False),
        ("a\x1b[2J", False),
        ("a\\b", False),
        ("\udcff", False),
        ("a\u202eb", False),
    ],
)
def test_outputs_have_names_that_can_be_published(name: str, sound: bool) -> None:
    assert is_output_name(name) is sound


@pytest.mark.parametrize("workdir", ["", "relative", "~/cosmos", "/a\nb", "/a\0b"])
def test_a_work_directory_is_an_absolute_path(workdir: str) -> None:
    with pytest.raises(HostRefused, match="no absolute path"):
        Layout(workdir, "demo")


@pytest.mark.parametrize("project", ["", "..", "a/b", "a b", "-x"])
def test_a_project_is_one_plain_folder(project: str) -> None:
    with pytest.raises(HostRefused, match="no plain file name"):
        Layout("/srv", project)
