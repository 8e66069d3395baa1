"""LocalTransport against real processes and files."""

import hashlib
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cosmos.errors import HostRefused, HostUnreachable
from cosmos.hosts.local import LocalTransport, clean_environment
from cosmos.hosts.transport import CHUNK, Completed
from tests.contracts.host_contract import until
from tests.contracts.process_contract import is_alive


@pytest.fixture
def transport() -> Iterator[LocalTransport]:
    transport = LocalTransport()
    yield transport
    transport.close()


def run(
    transport: LocalTransport, *argv: str, stdin: bytes = b"", deadline_s: float = 60, out_limit: int = 1 << 26
) -> Completed:
    return transport.run(argv, stdin, deadline_s=deadline_s, out_limit=out_limit)


def bash(transport: LocalTransport, script: str, stdin: bytes = b"", deadline_s: float = 60) -> Completed:
    return run(transport, "bash", "-c", script, stdin=stdin, deadline_s=deadline_s)


def test_a_command_gives_its_output_errors_and_code(transport: LocalTransport) -> None:
    assert bash(transport, "echo out; echo err >&2; exit 3") == Completed(code=3, out=b"out\n", err=b"err\n")
    assert bash(transport, "kill -KILL $$").code == -9


def test_arguments_are_passed_as_they_are(transport: LocalTransport) -> None:
    nasty = ("a b", "$(id)", "'\"\n\u00e9", "", "-n")
    assert run(transport, "printf", "%s\\0", *nasty).out.split(b"\0")[:-1] == [word.encode() for word in nasty]


def test_much_is_fed_and_drained_at_the_same_time(transport: LocalTransport) -> None:
    data = os.urandom(5_000_000)
    done = bash(transport, "tee /dev/stderr", data)
    assert done.out == data
    assert data.endswith(done.err)
    assert 0 < len(done.err) < 100_000


def test_a_command_may_leave_its_stdin_unread(transport: LocalTransport) -> None:
    assert bash(transport, "exec <&-; echo ok", b"x" * 5_000_000).out == b"ok\n"


def test_a_deadline_ends_the_command_and_its_children(transport: LocalTransport, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    before = time.monotonic()
    with pytest.raises(HostUnreachable, match="did not end in time"):
        bash(transport, f"trap '' TERM; sleep 1000 & echo $$ $! >{pids}; wait", deadline_s=0.5)
    assert time.monotonic() - before < 20
    until(lambda: not any(is_alive(int(pid)) for pid in pids.read_text().split()), "all are ended")


def test_a_deadline_holds_for_what_keeps_the_output_open(transport: LocalTransport) -> None:
    with pytest.raises(HostUnreachable, match="did not end in time"):
        bash(transport, "sleep 1000 & exit 0", deadline_s=0.5)


def test_what_was_set_free_outlives_its_command(transport: LocalTransport, tmp_path: Path) -> None:
    free = f"cd {tmp_path}; touch begun; while [ ! -e go ]; do sleep 0.02; done; touch done"
    script = f"setsid bash -c '{free}' >/dev/null 2>&1 & while [ ! -e {tmp_path}/begun ]; do sleep 0.02; done"
    assert bash(transport, script).code == 0
    transport.close()
    (tmp_path / "go").touch()
    until((tmp_path / "done").exists, "it went on")


def test_too_much_output_is_no_answer(transport: LocalTransport) -> None:
    with pytest.raises(HostUnreachable, match="more than 1000 bytes"):
        run(transport, "cat", "/dev/zero", out_limit=1000)


def test_a_program_that_is_not_there_is_a_definite_no(transport: LocalTransport) -> None:
    with pytest.raises(HostRefused, match="no-such-program"):
        run(transport, "no-such-program")


def test_closing_ends_what_runs_with_no_answer(transport: LocalTransport, tmp_path: Path) -> None:
    """A wait for an exit must not keep a controller from ending."""

    def close() -> None:
        until((tmp_path / "begun").exists, "the command runs")
        transport.close()

    closer = threading.Thread(target=close)
    closer.start()
    with pytest.raises(HostUnreachable, match="closing"):
        bash(transport, f"touch {tmp_path}/begun; sleep 1000")
    closer.join()
    assert bash(transport, "echo again").out == b"again\n"


def test_commands_get_a_clean_environment(transport: LocalTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("COSMOS_BATCH", "somebody's")
    monkeypatch.setenv("BASH_ENV", "/nowhere")
    monkeypatch.setenv("LC_MESSAGES", "C")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    found = dict(word.split("=", 1) for word in run(transport, "env", "-0").out.decode().split("\0") if word)
    assert found["PATH"] == os.environ["PATH"]
    assert (found["LC_MESSAGES"], found["CUDA_VISIBLE_DEVICES"]) == ("C", "1")
    assert not {"HF_TOKEN", "COSMOS_BATCH", "BASH_ENV", "PYTHONPATH"} & found.keys()
    assert clean_environment([("HOME", "/h"), ("AWS_SECRET_ACCESS_KEY", "x")]) == {"HOME": "/h"}


def test_put_writes_what_came_and_says_its_sha256(transport: LocalTransport, tmp_path: Path) -> None:
    chunks = [os.urandom(1000), b"", os.urandom(CHUNK + 1)]
    found = transport.put(str(tmp_path / "new"), chunks)
    assert (tmp_path / "new").read_bytes() == b"".join(chunks)
    assert found == hashlib.sha256(b"".join(chunks)).hexdigest()


def test_put_does_not_write_over_anything(transport: LocalTransport, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("there", "link", "absent/new"):
        with pytest.raises(HostRefused):
            transport.put(str(tmp_path / name), [b"x"])
    assert (tmp_path / "there").read_text() == "mine"
    assert not (tmp_path / "elsewhere").exists()


def test_put_leaves_nothing_when_its_source_fails(transport: LocalTransport, tmp_path: Path) -> None:
    def breaking() -> Iterator[bytes]:
        yield b"x" * CHUNK
        raise ValueError("the source broke")

    with pytest.raises(ValueError, match="the source broke"):
        transport.put(str(tmp_path / "new"), breaking())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.needs("mount")
def test_put_on_a_full_disk_is_refused_and_leaves_nothing(transport: LocalTransport, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=True)
    try:
        with pytest.raises(HostRefused, match="No space left") as caught:
            transport.put(str(disk / "new"), [b"x" * CHUNK, b"y"])
        assert caught.value.reason == "DiskFull"
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("offset", [0, 1, CHUNK, 2 * CHUNK + 3, 2 * CHUNK + 4, 10 * CHUNK])
def test_get_reads_from_an_offset(transport: LocalTransport, tmp_path: Path, offset: int) -> None:
    data = os.urandom(2 * CHUNK + 4)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "file").write_bytes(data)
    assert b"".join(transport.get(str(tmp_path), "sub/file", offset)) == data[offset:]


@pytest.mark.parametrize("name", ["link", "folder/file", "pipe", "sub", "absent", "sub/../secret"])
def test_get_opens_nothing_but_plain_files_below_its_base(transport: LocalTransport, tmp_path: Path, name: str) -> None:
    base = tmp_path / "base"
    (base / "sub").mkdir(parents=True)
    (tmp_path / "file").write_text("secret")
    (base / "link").symlink_to(tmp_path / "file")
    (base / "folder").symlink_to(tmp_path)
    os.mkfifo(base / "pipe")
    with pytest.raises(HostRefused):
        list(transport.get(str(base), name, 0))


def test_memory_does_not_grow_with_the_file(transport: LocalTransport, tmp_path: Path) -> None:
    (tmp_path / "large").touch()
    os.truncate(tmp_path / "large", 64 << 20)
    sizes = {len(chunk) for chunk in transport.get(str(tmp_path), "large", 0)}
    assert max(sizes) <= CHUNK
