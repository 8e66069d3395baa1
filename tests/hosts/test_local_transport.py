"""LocalTransport against real processes."""

import os
import threading
import time
import tracemalloc
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cosmos.errors import HostRefused, HostUnreachable
from cosmos.hosts.local import LocalTransport, clean_environment
from cosmos.hosts.transport import CHUNK
from tests.contracts.host_contract import until
from tests.contracts.process_contract import is_alive


@pytest.fixture
def transport() -> Iterator[LocalTransport]:
    transport = LocalTransport()
    yield transport
    transport.close()


@dataclass(frozen=True)
class Done:
    code: int
    out: bytes
    err: bytes


def run(transport: LocalTransport, *argv: str, stdin: Iterable[bytes] = (), patience_s: float = 60) -> Done:
    parts = transport.stream(argv, stdin, patience_s=patience_s)
    out = bytearray()
    while True:
        try:
            out += next(parts)
        except StopIteration as stop:
            return Done(stop.value.code, bytes(out), stop.value.err)


def bash(transport: LocalTransport, script: str, stdin: Iterable[bytes] = (), patience_s: float = 60) -> Done:
    return run(transport, "bash", "-c", script, stdin=stdin, patience_s=patience_s)


def all_ended(pids: Path) -> None:
    until(lambda: not any(is_alive(int(pid)) for pid in pids.read_text().split()), "all are ended")


def test_a_command_gives_its_output_errors_and_code(transport: LocalTransport) -> None:
    assert bash(transport, "echo out; echo err >&2; exit 3") == Done(3, b"out\n", b"err\n")
    assert bash(transport, "kill -KILL $$").code == -9
    assert bash(transport, "exit 0") == Done(0, b"", b"")


def test_arguments_are_passed_as_they_are(transport: LocalTransport) -> None:
    nasty = ("a b", "$(id)", "'\"\n\u00e9", "", "-n")
    assert run(transport, "printf", "%s\\0", *nasty).out.split(b"\0")[:-1] == [word.encode() for word in nasty]


def test_much_is_fed_and_drained_at_the_same_time(transport: LocalTransport) -> None:
    data = os.urandom(5_000_000)
    done = bash(transport, "tee /dev/stderr", [data])
    assert done.out == data
    assert data.endswith(done.err)
    assert 0 < len(done.err) < 100_000


def test_what_is_fed_may_come_in_any_pieces(transport: LocalTransport) -> None:
    pieces = [b"", b"a", os.urandom(CHUNK + 1), b"", b"z"]
    assert bash(transport, "cat", pieces).out == b"".join(pieces)
    assert bash(transport, "cat", [b""]).out == b""


def test_output_comes_while_the_command_runs(transport: LocalTransport, tmp_path: Path) -> None:
    script = f"echo one; while [ ! -e {tmp_path}/go ]; do sleep 0.02; done; echo two"
    parts = transport.stream(("bash", "-c", script), patience_s=60)
    assert next(parts) == b"one\n"
    (tmp_path / "go").touch()
    assert b"".join(parts) == b"two\n"


def test_a_command_may_leave_its_stdin_unread(transport: LocalTransport) -> None:
    assert bash(transport, "exec <&-; echo ok", [b"x" * 5_000_000]).out == b"ok\n"


def test_patience_ends_the_command_and_its_children(transport: LocalTransport, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    before = time.monotonic()
    with pytest.raises(HostUnreachable, match="did not end in time"):
        bash(transport, f"trap '' TERM; sleep 1000 & echo $$ $! >{pids}; wait", patience_s=0.5)
    assert time.monotonic() - before < 20
    all_ended(pids)


def test_patience_holds_for_what_keeps_the_output_open(transport: LocalTransport) -> None:
    with pytest.raises(HostUnreachable, match="did not end in time"):
        bash(transport, "sleep 1000 & exit 0", patience_s=0.5)


def test_patience_holds_for_what_closes_its_output_and_stays(transport: LocalTransport, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with pytest.raises(HostUnreachable, match="did not end"):
        bash(transport, f"echo $$ >{pids}; exec <&- >&- 2>&-; exec sleep 1000", patience_s=0.5)
    all_ended(pids)


def test_patience_holds_for_what_does_not_read(transport: LocalTransport) -> None:
    with pytest.raises(HostUnreachable, match="did not end in time"):
        bash(transport, "sleep 1000", [b"x" * 5_000_000], patience_s=0.5)


@pytest.mark.parametrize("step", ["echo", f"head -c {CHUNK} >/dev/null"])
def test_patience_is_for_the_time_in_which_nothing_moves(transport: LocalTransport, step: str) -> None:
    """Either direction counts; the whole may take as long as it likes."""
    script = f"for i in 1 2 3 4 5 6; do sleep 0.3; {step}; done"
    assert bash(transport, script, [bytes(6 * CHUNK)], patience_s=1.2).code == 0


def test_closing_the_generator_ends_the_command_and_its_children(transport: LocalTransport, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 1000 & echo $$ $! >{pids}; exec cat /dev/zero"
    parts = transport.stream(("bash", "-c", script), patience_s=60)
    assert next(parts).strip(b"\0") == b""
    parts.close()
    all_ended(pids)


def test_what_feeding_raises_ends_the_command_and_comes_out(transport: LocalTransport, tmp_path: Path) -> None:
    pids = tmp_path / "pids"

    def breaking() -> Iterator[bytes]:
        yield b"x" * CHUNK
        until(pids.exists, "the command runs")
        raise ValueError("the source broke")

    script = f"echo $$ >{pids}.new; mv {pids}.new {pids}; cat >/dev/null; touch {tmp_path}/after"
    with pytest.raises(ValueError, match="the source broke"):
        bash(transport, script, breaking())
    all_ended(pids)
    assert not (tmp_path / "after").exists(), "a source that broke is no end of file"


def test_what_was_set_free_outlives_its_command(transport: LocalTransport, tmp_path: Path) -> None:
    free = f"cd {tmp_path}; touch begun; while [ ! -e go ]; do sleep 0.02; done; touch done"
    script = f"setsid bash -c '{free}' >/dev/null 2>&1 & while [ ! -e {tmp_path}/begun ]; do sleep 0.02; done"
    assert bash(transport, script).code == 0
    transport.close()
    (tmp_path / "go").touch()
    until((tmp_path / "done").exists, "it went on")


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


def test_commands_of_several_threads_do_not_mix(transport: LocalTransport) -> None:
    answers: dict[int, bytes] = {}

    def ask(number: int) -> None:
        answers[number] = bash(transport, "cat", [b"%d" % number * 200_000]).out

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: b"%d" % number * 200_000 for number in range(8)}


def test_nothing_stays_open_behind_a_command(transport: LocalTransport) -> None:
    def opened() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    bash(transport, "exit 0")
    before = opened()
    for _ in range(5):
        bash(transport, "echo out; cat >/dev/null", [b"x"])
        parts = transport.stream(("cat", "/dev/zero"), patience_s=60)
        next(parts)
        parts.close()
    assert opened() == before


def test_memory_does_not_grow_with_what_is_moved(transport: LocalTransport) -> None:
    chunk = bytes(CHUNK)
    tracemalloc.start()
    try:
        moved = sum(map(len, transport.stream(("cat",), (chunk for _ in range(64)), patience_s=60)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert moved == 64 * CHUNK
    assert peak < 16 * CHUNK


def test_commands_get_a_clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("COSMOS_BATCH", "somebody's")
    monkeypatch.setenv("BASH_ENV", "/nowhere")
    monkeypatch.setenv("LC_MESSAGES", "C")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("DOCKER_HOST", "unix:///theirs")
    out = run(LocalTransport({"DOCKER_HOST": "unix:///ours", "MORE": "x"}), "env", "-0").out
    found = dict(word.split("=", 1) for word in out.decode().split("\0") if word)
    assert found["PATH"] == os.environ["PATH"]
    assert (found["LC_MESSAGES"], found["CUDA_VISIBLE_DEVICES"]) == ("C", "1")
    assert (found["DOCKER_HOST"], found["MORE"]) == ("unix:///ours", "x")
    assert not {"HF_TOKEN", "COSMOS_BATCH", "BASH_ENV", "PYTHONPATH"} & found.keys()
    assert clean_environment([("HOME", "/h"), ("AWS_SECRET_ACCESS_KEY", "x")]) == {"HOME": "/h"}
