"""What goes wrong on the way to a machine: it ends soon, says what, and the next call starts from nothing."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from cosmos.errors import HostUnreachable
from cosmos.hosts.ssh.manager import SSHManager, full_jitter
from cosmos.hosts.ssh.transport import BY_PROGRAM, SshTransport
from cosmos.hosts.transport import APART, CHUNK
from tests.contracts.host_contract import until
from tests.services.sshd import Sshd, free_port, sshd
from tests.services.streams import drained

pytestmark = pytest.mark.needs("ssh")

SOON_S = 6.0
"""Much more than the patience of 1 s that these tests have, and much less than for ever."""


@pytest.fixture
def server() -> Iterator[Sshd]:
    with sshd() as server:
        yield server


@pytest.fixture
def ssh(server: Sshd) -> Iterator[SSHManager]:
    with SSHManager(server.target()) as ssh:
        yield ssh


def echo(ssh: SSHManager, patience_s: float = 10) -> bytes:
    return drained(ssh.stream(("echo", "ok"), patience_s=patience_s))[0]


def fails_soon(act: Callable[[], object], words: str = ".") -> str:
    start = time.monotonic()
    with pytest.raises(HostUnreachable, match=words) as caught:
        act()
    assert time.monotonic() - start < SOON_S
    assert caught.value.hint
    return caught.value.message


def accepted(listener: socket.socket, wait_s: float = 0.3) -> bool:
    listener.settimeout(wait_s)
    try:
        listener.accept()[0].close()
    except TimeoutError:
        return False
    return True


def test_a_server_that_says_nothing(server: Sshd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        target = server.target(port=mute.getsockname()[1])
        with SSHManager(target) as ssh:
            fails_soon(partial(echo, ssh, 1), "does not greet")


def test_a_server_that_speaks_nonsense(server: Sshd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as connection:
                connection.sendall(b"SSH-2.0-x\r\n" + b"\0\0\0\x0c\x05" + os.urandom(200))
                connection.recv(100)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with SSHManager(server.target(port=listener.getsockname()[1])) as ssh:
            fails_soon(partial(echo, ssh, 2))
        thread.join()


def test_a_name_that_does_not_exist(server: Sshd) -> None:
    with SSHManager(server.target(address="no-such-machine.invalid")) as ssh:
        fails_soon(partial(echo, ssh), "no-such-machine.invalid")


def test_a_machine_that_refused_is_left_alone_for_a_while(server: Sshd) -> None:
    port = free_port()
    asked: list[int] = []

    def pause(failures: int) -> float:
        asked.append(failures)
        return 0.0 if failures < 2 else 60.0

    with SSHManager(server.target(port=port), pause) as ssh:
        said = {fails_soon(partial(echo, ssh), f"nothing listens on 127.0.0.1 port {port}") for _ in range(3)}
        with socket.create_server(("127.0.0.1", port)) as listener:
            said.add(fails_soon(partial(echo, ssh)))
            assert not accepted(listener)
    assert len(said) == 1
    assert asked == [0, 1, 2]


def test_what_was_begun_before_the_first_command_serves_it(server: Sshd, ssh: SSHManager) -> None:
    ssh.approach()
    until(lambda: "Starting session" in server.log, "a shell is started")
    ssh.approach()
    assert echo(ssh) == b"ok\n"
    assert server.log.count("Accepted publickey") == server.log.count("Starting session") == 1
    ssh.approach()
    assert echo(ssh) == b"ok\n"
    assert server.log.count("Starting session") == 1


def test_what_was_begun_and_has_ended_is_begun_again(server: Sshd, ssh: SSHManager) -> None:
    ssh.approach()
    until(lambda: "Starting session" in server.log, "a shell is started")
    first = ssh.connected(5)
    server.signal_sessions(signal.SIGKILL)
    until(lambda: not first.is_alive, "its end is noticed")
    assert echo(ssh) == b"ok\n"


def test_a_first_command_fails_as_what_was_begun_for_it(server: Sshd) -> None:
    port = free_port()
    with SSHManager(server.target(port=port)) as ssh:
        ssh.approach()
        fails_soon(partial(echo, ssh), f"nothing listens on 127.0.0.1 port {port}")


def test_a_first_command_waits_no_longer_than_it_may_for_what_was_begun(server: Sshd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute, SSHManager(server.target(port=mute.getsockname()[1])) as ssh:
        ssh.approach()
        fails_soon(partial(echo, ssh, 1), "still connecting")


def test_pauses_grow_up_to_a_minute() -> None:
    for failures, most in ((0, 1), (3, 8), (5, 32), (6, 60), (5000, 60)):
        pauses = [full_jitter(failures) for _ in range(200)]
        assert 0 <= min(pauses) < most / 4
        assert most / 2 < max(pauses) <= most


def test_a_server_that_stops_in_the_middle(server: Sshd, ssh: SSHManager) -> None:
    stream = ssh.stream(("sh", "-c", "echo ok; exec sleep 60"), patience_s=1)
    assert next(stream).startswith(b"ok")
    server.signal_sessions(signal.SIGSTOP)
    fails_soon(partial(drained, stream))
    start = time.monotonic()
    assert echo(ssh) == b"ok\n"
    assert time.monotonic() - start < SOON_S


@pytest.mark.parametrize("program", [None, True, False])
def test_a_server_that_stops_during_an_upload(server: Sshd, program: bool | None) -> None:
    transport = SshTransport(server.target(), program=program)

    def chunks() -> Iterator[bytes]:
        yield b"x"
        yield b"x" * 9 * CHUNK
        server.signal_sessions(signal.SIGSTOP)
        yield from [b"x" * CHUNK] * 100

    assert drained(transport.stream(("true",), patience_s=5))[0] == b""
    moving = 0 if program is None else BY_PROGRAM
    fails_soon(lambda: drained(transport.stream(("cat",), chunks(), patience_s=1, moving=moving)))
    assert drained(transport.stream(("echo", "ok"), patience_s=2))[0] == b"ok\n"
    transport.close()


def test_a_server_that_stopped_while_nothing_ran(server: Sshd, ssh: SSHManager) -> None:
    assert echo(ssh) == b"ok\n"
    server.signal_sessions(signal.SIGSTOP)
    time.sleep(1.1)  # nobody asks what answered a moment ago
    start = time.monotonic()
    assert echo(ssh, patience_s=1) == b"ok\n"
    assert time.monotonic() - start < SOON_S


@pytest.mark.parametrize("program", [None, True, False])
def test_a_connection_that_breaks_in_the_middle(server: Sshd, program: bool | None) -> None:
    transport = SshTransport(server.target(), program=program)
    stream = partial(transport.stream, patience_s=20, moving=0 if program is None else BY_PROGRAM)
    running = stream(("cat", "/dev/zero"))
    assert next(running)
    server.signal_sessions(signal.SIGKILL)
    fails_soon(lambda: [None for _ in running])
    assert drained(stream(("echo", "ok")))[0] == b"ok\n"

    def chunks() -> Iterator[bytes]:
        yield b"x" * 9 * CHUNK
        yield b"x" * CHUNK
        server.signal_sessions(signal.SIGKILL)
        yield from [b"x" * CHUNK] * 100

    fails_soon(lambda: drained(stream(("cat",), chunks())))
    assert drained(stream(("echo", "ok")))[0] == b"ok\n"
    transport.close()


def test_a_machine_that_was_restarted(server: Sshd, ssh: SSHManager) -> None:
    assert echo(ssh) == b"ok\n"
    server.stop()
    server.start()
    assert echo(ssh) == b"ok\n"


def test_a_silent_command_takes_nothing_with_it(server: Sshd, ssh: SSHManager) -> None:
    assert echo(ssh) == b"ok\n"
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(lambda: drained(ssh.stream(("sh", "-c", "sleep 3; echo slow"), patience_s=10))[0])
        fails_soon(lambda: drained(ssh.stream(("sleep", "60"), patience_s=1)), "`sleep` moved no byte for 1 s")
        assert slow.result() == b"slow\n"
    assert server.log.count("Accepted publickey") == 1


@pytest.mark.parametrize("moving", [0, APART, BY_PROGRAM])
def test_closing_from_another_thread_ends_what_runs(server: Sshd, moving: int) -> None:
    threads = set(threading.enumerate())
    transport = SshTransport(server.target())
    stream = transport.stream(("sh", "-c", "echo ok; exec sleep 60"), patience_s=60, moving=moving)
    assert next(stream).startswith(b"ok")
    closing = threading.Timer(0.3, transport.close)
    closing.start()
    fails_soon(partial(drained, stream), "closed|ended by closing")
    closing.join()
    fails_soon(lambda: drained(transport.stream(("echo", "ok"), patience_s=10, moving=moving)), "closed")
    until(lambda: set(threading.enumerate()) <= threads, "its threads end")


def test_closing_ends_a_connection_that_is_being_made(server: Sshd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        ssh = SSHManager(server.target(port=mute.getsockname()[1]))
        closing = threading.Timer(0.5, ssh.close)
        closing.start()
        fails_soon(partial(echo, ssh, 30), "closed")
        closing.join()


def test_a_server_that_allows_fewer_commands_at_a_time() -> None:
    with sshd("MaxSessions 2") as server, SSHManager(server.target()) as ssh, ThreadPoolExecutor(6) as pool:
        words = ("sh", "-c", "sleep 0.2; echo ok")
        answers = pool.map(lambda _: drained(ssh.stream(words, patience_s=20))[0], range(12))
        assert list(answers) == [b"ok\n"] * 12
        assert server.log.count("Accepted publickey") == 1
        for _ in range(50):  # would fail at the third if a channel were left open
            assert echo(ssh) == b"ok\n"


def test_a_server_that_allows_no_command() -> None:
    with sshd("MaxSessions 0") as server, SSHManager(server.target()) as ssh:
        fails_soon(partial(echo, ssh), "opens no channel")


def test_a_server_that_is_too_busy_to_log_in_to() -> None:
    with sshd("MaxStartups 1:100:1") as server, SSHManager(server.target(), pause=lambda failures: 0) as ssh:
        until(lambda: not server.sessions(), "the probe of the start is gone")
        with socket.create_connection(("127.0.0.1", server.port)) as other:
            assert other.recv(4) == b"SSH-"
            fails_soon(partial(echo, ssh, 2), "does not greet")
        until(lambda: not server.sessions(), "the other one is gone")
        assert echo(ssh) == b"ok\n"


def test_new_keys_are_agreed_on_in_the_middle() -> None:
    data = os.urandom(CHUNK)
    with sshd("RekeyLimit 1M none") as server, SSHManager(server.target()) as ssh:
        out, ended = drained(ssh.stream(("cat",), [data] * 12, patience_s=20))
        assert ended.code == 0
        assert out == data * 12
        assert server.log.count("rekey") > 4
