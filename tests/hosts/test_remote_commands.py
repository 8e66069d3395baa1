"""RemoteCommandExecutor: what counts as an answer. The transports here are real shells that misbehave."""

import time
import tracemalloc
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cosmos.errors import HostRefused, HostUnreachable
from cosmos.hosts.local import LocalTransport
from cosmos.hosts.remote import OUT_LIMIT, RemoteCommandExecutor, Script
from cosmos.hosts.transport import CHUNK, Ended
from tests.contracts.host_contract import until
from tests.contracts.process_contract import is_alive


@pytest.fixture
def executor() -> RemoteCommandExecutor:
    return RemoteCommandExecutor("gpu", LocalTransport())


def script(text: str, *args: str, stdin: bytes = b"", deadline_s: float = 30) -> Script:
    return Script(name="test", text=text, args=args, stdin=stdin, deadline_s=deadline_s)


class Line:
    """A connection that changes what comes back over it: something before it, only so many bytes, another end.

    It delivers in pieces of `piece` bytes, as a network may.
    """

    def __init__(self, before: bytes = b"", keep: int = 1 << 40, code: int | None = None, piece: int = CHUNK) -> None:
        self._local = LocalTransport()
        self._before, self._keep, self._code, self._piece = before, keep, code, piece

    def approach(self) -> None:
        """It is here."""

    def stream(
        self, argv: Sequence[str], stdin: Iterable[bytes] = (), *, patience_s: float, moving: int = 0
    ) -> Generator[bytes, None, Ended]:
        left = self._keep
        parts = self._local.stream(argv, stdin, patience_s=patience_s, moving=moving)
        with closing(parts):
            data = self._before
            while True:
                data = data[:left]
                left -= len(data)
                yield from (data[at : at + self._piece] for at in range(0, len(data), self._piece))
                try:
                    data = next(parts)
                except StopIteration as stop:
                    ended: Ended = stop.value
                    return ended if self._code is None else replace(ended, code=self._code)

    def close(self) -> None:
        self._local.close()


def test_output_comes_back_byte_for_byte(executor: RemoteCommandExecutor) -> None:
    data = bytes(range(256)) + b"\n__RC:7\n__OUT:\n"
    assert executor.run(script("cat", stdin=data)) == data
    assert executor.run(script('printf %s "$1"', "$(id) '")) == b"$(id) '"
    assert executor.run(script("exit 0")) == b""


LOOKALIKES = b"\n__RC:0\n__OUT:\n\n__RC:255\n" * 3 + b"\n__RC:"


@pytest.mark.parametrize("piece", [1, 2, 7, 11, 4096])
def test_output_is_the_same_however_it_is_cut_into_pieces(piece: int) -> None:
    executor = RemoteCommandExecutor("gpu", Line(before=b"noise", piece=piece))
    assert executor.run(script("cat", stdin=LOOKALIKES)) == LOOKALIKES
    assert executor.run(script("exit 0")) == b""
    with pytest.raises(HostRefused, match="no space"):
        executor.run(script("cat; echo 'no space' >&2; exit 3", stdin=LOOKALIKES))


def test_a_script_is_fed_what_it_is_given_in_pieces(executor: RemoteCommandExecutor) -> None:
    pieces = [b"one\n", b"", b"two\n"]
    assert executor.run(script("cat", stdin=b"not this"), pieces) == b"one\ntwo\n"
    assert executor.run(script("cat", stdin=b"not this"), []) == b""


def test_output_can_be_used_while_the_script_runs(executor: RemoteCommandExecutor, tmp_path: Path) -> None:
    parts = executor.stream(script('printf %1000s; while [ ! -e "$1/go" ]; do sleep 0.02; done', str(tmp_path)))
    first = next(parts)
    assert first.strip() == b""
    (tmp_path / "go").touch()
    assert len(first + b"".join(parts)) == 1000


def test_a_no_comes_after_the_output_before_it(executor: RemoteCommandExecutor) -> None:
    """Pieces that came were printed; only the end tells whether they are all."""
    out: list[bytes] = []
    with pytest.raises(HostRefused, match="no more"):
        out.extend(executor.stream(script("printf %1000s; echo 'no more' >&2; exit 3")))
    assert 900 < len(b"".join(out)) <= 1000


def test_a_reader_that_has_enough_ends_the_script(executor: RemoteCommandExecutor, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    for _ in executor.stream(script('echo $BASHPID >"$1"; exec cat /dev/zero', str(pid))):
        break
    until(lambda: not is_alive(int(pid.read_text())), "the script is ended")


def test_what_feeding_raises_ends_the_script_and_comes_out(executor: RemoteCommandExecutor) -> None:
    def breaking() -> Iterator[bytes]:
        yield b"x"
        raise ValueError("the source broke")

    with pytest.raises(ValueError, match="the source broke"):
        executor.run(script("cat"), breaking())


def test_too_much_output_is_no_answer(executor: RemoteCommandExecutor) -> None:
    with pytest.raises(HostUnreachable, match=f"more than {OUT_LIMIT} bytes"):
        executor.run(script("cat /dev/zero"))


def test_memory_does_not_grow_with_what_is_streamed(executor: RemoteCommandExecutor) -> None:
    tracemalloc.start()
    try:
        sizes = [len(part) for part in executor.stream(script(f"head -c {64 * CHUNK} /dev/zero"))]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(sizes) == 64 * CHUNK
    assert peak < 16 * CHUNK


def test_a_no_of_the_script_is_definite_and_has_its_words(executor: RemoteCommandExecutor) -> None:
    with pytest.raises(HostRefused, match="gpu: test: the batch runs") as caught:
        executor.run(script("echo noise >&2; echo 'the batch runs' >&2; exit 3"))
    assert caught.value.reason == "HostRefused"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("cp: error writing 'x': No space left on device", "DiskFull"),
        ("head: write error: Disk quota exceeded", "DiskFull"),
        ("mkdir: cannot create directory 'x': Read-only file system", "HostRefused"),
        ("bash: line 1: setsid: command not found", "HostRefused"),
    ],
)
def test_a_no_is_classified_by_its_evidence(executor: RemoteCommandExecutor, said: str, reason: str) -> None:
    with pytest.raises(HostRefused) as caught:
        executor.run(script('echo "$1" >&2; echo "cannot place it" >&2; exit 3', said))
    assert caught.value.reason == reason
    assert caught.value.hint
    assert "cannot place it" in caught.value.message


def test_a_script_that_is_killed_is_no_answer(executor: RemoteCommandExecutor) -> None:
    with pytest.raises(HostUnreachable, match="signal 9"):
        executor.run(script("kill -KILL $BASHPID"))


def test_a_shell_that_is_killed_is_no_answer(executor: RemoteCommandExecutor) -> None:
    with pytest.raises(HostUnreachable, match="cut off"):
        executor.run(script("echo half; kill -KILL $$"))


def test_the_far_side_limits_the_time_by_itself(executor: RemoteCommandExecutor) -> None:
    before = time.monotonic()
    with pytest.raises(HostUnreachable, match="longer than 1 s"):
        executor.run(script("echo half; sleep 1000", deadline_s=1))
    assert time.monotonic() - before < 9, "the far side ends it, not this one's later deadline"


def test_words_of_the_login_shell_are_not_taken_for_output() -> None:
    noisy = RemoteCommandExecutor("gpu", Line(before=b"Welcome!\n__RC:0\n"))
    assert noisy.run(script("echo ours")) == b"ours\n"


def test_a_host_whose_login_scripts_never_end_their_noise_gives_no_answer() -> None:
    noisy = RemoteCommandExecutor("gpu", Line(before=b"Welcome!\n" * 200_000))
    with pytest.raises(HostUnreachable, match="drowned"):
        noisy.run(script("sleep 1; echo ours"))


def test_a_script_is_given_up_after_its_patience_though_its_deadline_is_far(executor: RemoteCommandExecutor) -> None:
    with pytest.raises(HostUnreachable, match="did not end in time"):
        executor.run(replace(script("echo half; sleep 1000", deadline_s=900), patience_s=0.5))


@pytest.mark.parametrize("keep", [0, 3, 10, 15, 20, 25])
def test_an_answer_that_was_cut_off_is_no_answer(keep: int) -> None:
    broken = RemoteCommandExecutor("gpu", Line(keep=keep, code=0))
    with pytest.raises(HostUnreachable, match="cut off"):
        broken.run(script("echo twelve bytes"))


def test_a_whole_answer_counts_whatever_the_connection_says_of_its_end() -> None:
    odd = RemoteCommandExecutor("gpu", Line(code=-1))
    assert odd.run(script("echo ours")) == b"ours\n"
