"""Commands over SSH, against a real sshd: by the shared connection, by the program `ssh`, by a second connection."""

import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from cosmos.errors import HostRefused, HostUnreachable
from cosmos.hosts.ssh.manager import SSHManager
from cosmos.hosts.ssh.shell import _Answer
from cosmos.hosts.ssh.slots import CHANNELS
from cosmos.hosts.ssh.transport import BY_PROGRAM, SshTransport
from cosmos.hosts.transport import APART, CHUNK, Ended
from tests.contracts.host_contract import until
from tests.contracts.process_contract import is_alive
from tests.services.sshd import Sshd, sshd, user
from tests.services.streams import drained

pytestmark = pytest.mark.needs("ssh")

NASTY = (
    *("a b", "", "-n", "$(id)", "`id`", "'\"", "!!", "a\nb\n", "\\", "\\\\", "\\'", "*", "~", "{a,b}", "%s", "#"),
    *("\u00e9\u4e16", "\t\r\x1b", "a;b&c|d<e>f", "^x^y", "$HOME", "x=y"),
    os.fsdecode(bytes(range(1, 256))),
)
BULK = 20 << 20


@pytest.fixture(scope="module")
def server() -> Iterator[Sshd]:
    with sshd() as server:
        yield server


@pytest.fixture(scope="module")
def plain_user() -> Iterator[str]:
    with user("/bin/sh") as plain:
        yield plain.name


class Way:
    """A transport, and by which of its ways commands go."""

    def __init__(self, transport: SshTransport, moving: int, can_kill: bool) -> None:
        self.transport = transport
        self.can_kill = can_kill
        self.stream = partial(transport.stream, moving=moving)

    def run(self, *argv: str, stdin: Sequence[bytes] = (), patience_s: float = 20) -> tuple[bytes, Ended]:
        return drained(self.stream(argv, stdin, patience_s=patience_s))


WAYS = {"control": (0, None), "program": (BY_PROGRAM, True), "second": (APART, None)}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, server: Sshd, plain_user: str) -> Iterator[Way]:
    moving, program = WAYS[request.param]
    # The program `ssh` cannot send a signal: a command that neither reads nor writes lives on.
    transport = SshTransport(server.target(user=plain_user), program=program)
    way = Way(transport, moving, can_kill=not program)
    yield way
    way.transport.close()


def test_a_command_gives_its_output_errors_and_code(way: Way) -> None:
    assert way.run("sh", "-c", "echo out; echo err >&2; exit 3") == (b"out\n", Ended(code=3, err=b"err\n"))


def test_words_arrive_byte_for_byte(way: Way) -> None:
    out, ended = way.run("printf", "%s\\0", *NASTY)
    assert ended == Ended(code=0, err=b"")
    assert out.split(b"\0")[:-1] == [os.fsencode(word) for word in NASTY]


def test_a_word_with_a_nul_is_refused_here(way: Way) -> None:
    with pytest.raises(ValueError, match="null"):
        way.run("echo", "a\0b")


@pytest.mark.parametrize("shell", ["bash", "csh", "tcsh", "fish", "zsh"])
def test_words_arrive_whatever_the_login_shell_is_and_prints(server: Sshd, shell: str) -> None:
    path = shutil.which(shell)
    if not path:
        pytest.skip(f"{shell} is not installed")
    with user(path) as noisy, SSHManager(server.target(user=noisy.name)) as ssh:
        for name in (".bashrc", ".cshrc", ".zshenv"):
            (noisy.home / name).write_text("echo welcome\n")
        out, ended = drained(ssh.stream(("printf", "%s\\0", *NASTY), patience_s=20))
    assert ended == Ended(code=0, err=b"")
    noise = b"" if shell == "fish" else b"welcome\n"
    assert out == noise + b"".join(os.fsencode(word) + b"\0" for word in NASTY)


def test_many_bytes_go_both_ways_at_once_and_few_are_kept(way: Way) -> None:
    sent = received = lead = 0
    piece = os.urandom(CHUNK - 7)

    def chunks() -> Iterator[bytes]:
        nonlocal sent, lead
        while sent < BULK:
            sent += len(piece)
            lead = max(lead, sent - received)
            yield piece

    stream = way.stream(("cat",), chunks(), patience_s=20)
    expected = memoryview(piece * (BULK // len(piece) + 1))
    for chunk in stream:
        assert len(chunk) <= CHUNK
        assert chunk == expected[received : received + len(chunk)]
        received += len(chunk)
    assert received == sent
    assert lead <= 14 << 20


def test_errors_are_drained_while_output_is_awaited(way: Way) -> None:
    out, ended = way.run("sh", "-c", "yes 12345678 | head -c 5000004 >&2; echo end >&2; echo done")
    assert out == b"done\n"
    assert ended.err.endswith(b"12345678\nend\n")
    assert len(ended.err) <= 64 << 10


def test_a_command_may_leave_its_stdin_unread(way: Way) -> None:
    much = [b"x" * CHUNK] * 8
    assert way.run("sh", "-c", "exec <&-; echo ok", stdin=much) == (b"ok\n", Ended(code=0, err=b""))
    assert way.run("echo", "ok", stdin=much) == (b"ok\n", Ended(code=0, err=b""))


def test_a_command_may_end_while_stdin_is_awaited(way: Way) -> None:
    def slow() -> Iterator[bytes]:
        yield b"x"
        time.sleep(1)
        yield b"x"

    assert drained(way.stream(("echo", "ok"), slow(), patience_s=20)) == (b"ok\n", Ended(code=0, err=b""))


def test_long_words_arrive_whole(way: Way) -> None:
    word = "0123456789'" * 9000
    assert way.run("printf", "%s", word, word, word, stdin=[b"x"])[0] == (word * 3).encode()


def test_a_program_that_is_not_there_was_not_started(way: Way) -> None:
    with pytest.raises(HostRefused, match="gpu: cannot run `no-such-program`"):
        way.run("no-such-program", "x")
    assert way.run("sh", "-c", "exit 127")[1].code == 127


def test_an_end_by_a_signal_is_no_end_that_says_anything(way: Way) -> None:
    with pytest.raises(HostUnreachable):
        way.run("sh", "-c", "kill -KILL $$")


def test_a_silent_command_is_given_up_and_ended(way: Way) -> None:
    stream = way.stream(("sh", "-c", "echo $$; exec sleep 60"), patience_s=1.5)
    pid = int(next(stream))
    with pytest.raises(HostUnreachable, match="sh"):
        drained(stream)
    if way.can_kill:
        until(lambda: not is_alive(pid), "the command ends")
    assert way.run("echo", "still here")[0] == b"still here\n"


def test_closing_early_ends_the_command(way: Way) -> None:
    stream = way.stream(("sh", "-c", "echo $$; exec cat"), iter(lambda: b"x", b""), patience_s=20)
    pid = int(next(stream).split(b"\n")[0])
    stream.close()
    until(lambda: not is_alive(pid), "the command ends")


def test_what_stdin_raises_comes_out_and_ends_the_command(way: Way) -> None:
    def failing() -> Iterator[bytes]:
        yield b"x" * CHUNK
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        drained(way.stream(("cat",), failing(), patience_s=20))
    assert way.run("echo", "still here")[0] == b"still here\n"


def test_commands_share_one_connection_and_wait_for_a_place(server: Sshd, tmp_path: Path) -> None:
    script = 'mkdir "$1/$2"; ls "$1" | wc -l; sleep 0.3; rmdir "$1/$2"'
    before = server.log.count("Accepted publickey")
    with SSHManager(server.target()) as ssh, ThreadPoolExecutor(3 * CHANNELS) as pool:

        def run(number: int) -> int:
            words = ("sh", "-c", script, "sh", str(tmp_path), str(number))
            return int(drained(ssh.stream(words, patience_s=30))[0])

        at_once = list(pool.map(run, range(3 * CHANNELS)))
    assert 1 < max(at_once) <= CHANNELS
    assert server.log.count("Accepted publickey") == before + 1


def test_the_more_bytes_the_less_a_command_keeps_with_the_others(server: Sshd) -> None:
    transport = SshTransport(server.target(), program=True)
    logins = []
    for moving in (0, APART - 1, APART, BY_PROGRAM - 1, BY_PROGRAM, BY_PROGRAM, APART, 0):
        assert drained(transport.stream(("echo", "ok"), patience_s=20, moving=moving))[0] == b"ok\n"
        logins.append(server.log.count("Accepted publickey"))
    transport.close()
    before = logins[0] - 1
    assert [count - before for count in logins] == [1, 1, 2, 2, 3, 4, 4, 4]


def test_nothing_is_left_over(server: Sshd) -> None:
    threads = set(threading.enumerate())
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    with SSHManager(server.target()) as ssh:
        for _ in range(5):
            drained(ssh.stream(("true",), patience_s=20))
        assert set(threading.enumerate()) - threads
    assert set(threading.enumerate()) - threads == set()
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors


@pytest.mark.parametrize("line", [b"", b"0", b"0 x", b"-1 0", b"0 0 0", b"0 " + b"9" * 5000])
def test_an_odd_end_of_an_answer_is_not_understood(line: bytes) -> None:
    with pytest.raises(HostUnreachable, match="not understood"):
        _Answer("word").take(b"out\nword " + line + b"\n")
