"""RemoteCommandExecutor: what counts as an answer. The transports here are real shells that misbehave."""

import time
from collections.abc import Iterable, Iterator, Sequence

import pytest

from cosmos.errors import HostRefused, HostUnreachable
from cosmos.hosts.local import LocalTransport
from cosmos.hosts.remote import RemoteCommandExecutor, Script
from cosmos.hosts.transport import Completed


@pytest.fixture
def executor() -> RemoteCommandExecutor:
    return RemoteCommandExecutor("gpu", LocalTransport())


def script(text: str, *args: str, stdin: bytes = b"", deadline_s: float = 30) -> Script:
    return Script(name="test", text=text, args=args, stdin=stdin, deadline_s=deadline_s)


class Line:
    """A connection that changes what comes back over it."""

    def __init__(self, before: bytes = b"", keep: int | None = None, code: int | None = None) -> None:
        self._local = LocalTransport()
        self._before, self._keep, self._code = before, keep, code

    def run(self, argv: Sequence[str], stdin: bytes, *, deadline_s: float, out_limit: int) -> Completed:
        done = self._local.run(argv, stdin, deadline_s=deadline_s, out_limit=out_limit)
        out = self._before + done.out
        return Completed(code=done.code if self._code is None else self._code, out=out[: self._keep], err=done.err)

    def put(self, target: str, chunks: Iterable[bytes]) -> str:
        return self._local.put(target, chunks)

    def get(self, base: str, name: str, offset: int) -> Iterator[bytes]:
        return self._local.get(base, name, offset)

    def close(self) -> None:
        self._local.close()


def test_output_comes_back_byte_for_byte(executor: RemoteCommandExecutor) -> None:
    data = bytes(range(256)) + b"\n__RC:7\n__OUT:\n"
    assert executor.run(script("cat", stdin=data)) == data
    assert executor.run(script('printf %s "$1"', "$(id) '")) == b"$(id) '"
    assert executor.run(script("exit 0")) == b""


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


@pytest.mark.parametrize("keep", [0, 3, 10, 15, 20])
def test_an_answer_that_was_cut_off_is_no_answer(keep: int) -> None:
    broken = RemoteCommandExecutor("gpu", Line(keep=keep, code=0))
    with pytest.raises(HostUnreachable, match="cut off"):
        broken.run(script("echo twelve bytes"))


def test_a_whole_answer_counts_whatever_the_connection_says_of_its_end() -> None:
    odd = RemoteCommandExecutor("gpu", Line(code=-1))
    assert odd.run(script("echo ours")) == b"ours\n"
