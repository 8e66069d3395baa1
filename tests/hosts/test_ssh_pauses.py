"""A network that stands still for a few seconds and goes on: whoever has more patience than that notices nothing."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat

import pytest

from cosmos.errors import HostUnreachable
from cosmos.hosts.ssh import manager
from cosmos.hosts.ssh.manager import SSHManager
from cosmos.hosts.transport import APART, CHUNK
from tests.contracts.host_contract import until
from tests.services.proxy import Address, Proxy
from tests.services.sshd import Sshd, sshd
from tests.services.streams import drained

pytestmark = pytest.mark.needs("ssh")

PAUSE_S = 3.0
LONG_S = 60.0
"""The patience of who should notice nothing."""


@dataclass
class Line:
    """A machine behind a network that can be paused, and somebody who runs commands there."""

    server: Sshd
    proxy: Proxy
    ssh: SSHManager
    pool: ThreadPoolExecutor

    def begin(self, *, moving: int = 0) -> "Future[bytes]":
        """A command that is known to run, and ends by itself during the pause."""
        running = threading.Event()

        def run() -> bytes:
            printed = b""
            stream = self.ssh.stream(("sh", "-c", "echo begun; sleep 2; echo done"), patience_s=LONG_S, moving=moving)
            for data in stream:
                printed += data
                running.set()
            return printed

        found = self.pool.submit(run)
        assert running.wait(LONG_S)
        return found

    def echo(self, patience_s: float = LONG_S) -> bytes:
        return drained(self.ssh.stream(("echo", "ok"), patience_s=patience_s))[0]

    @property
    def logins(self) -> int:
        return self.server.log.count("Accepted publickey")

    def pause(self) -> None:
        self.proxy.black_hole()
        self.pool.submit(self._heal_later)

    def _heal_later(self) -> None:
        time.sleep(PAUSE_S)
        self.proxy.heal()


@pytest.fixture
def line(make_proxy: Callable[[Address], Proxy]) -> Iterator[Line]:
    with sshd() as server:
        proxy = make_proxy(("127.0.0.1", server.port))
        pins = server.folder / "pins"
        pins.write_text(f"[127.0.0.1]:{proxy.port} {server.host_key_line}\n")
        with SSHManager(server.target(port=proxy.port, pins=pins)) as ssh, ThreadPoolExecutor(8) as pool:
            line = Line(server, proxy, ssh, pool)
            assert line.echo() == b"ok\n"
            yield line


MANY = 16
DONE = b"begun\ndone\n"


def test_commands_that_run_and_commands_that_are_given_meanwhile_all_end_well(line: Line) -> None:
    running = [line.begin(), line.begin(), line.begin(moving=APART)]
    line.pause()
    given = [line.pool.submit(line.echo) for _ in range(3)]
    assert [one.result() for one in running] == [DONE] * 3
    assert [one.result() for one in given] == [b"ok\n"] * 3
    assert line.logins == 1


@pytest.mark.parametrize("moving", [0, APART])
def test_one_that_has_no_patience_ends_alone(line: Line, moving: int) -> None:
    running = [line.begin(), line.begin(moving=APART)]
    silent = line.ssh.stream(("sh", "-c", "echo begun; exec sleep 100"), patience_s=0.5, moving=moving)
    assert next(silent).startswith(b"begun")
    line.pause()
    with pytest.raises(HostUnreachable, match="moved no byte for"):
        drained(silent)
    assert [one.result() for one in running] == [DONE] * 2
    until(lambda: not line.server.processes("sleep"), "what it ran is ended, too")
    assert line.echo() == b"ok\n"


@pytest.mark.parametrize("moving", [0, APART])
def test_one_that_is_closed_early_ends_alone(line: Line, moving: int) -> None:
    running = [line.begin(), line.begin(moving=APART)]
    closed = line.ssh.stream(("sh", "-c", "echo begun; exec sleep 100"), patience_s=LONG_S, moving=moving)
    assert next(closed).startswith(b"begun")
    line.pause()
    closed.close()
    assert [one.result() for one in running] == [DONE] * 2
    until(lambda: not line.server.processes("sleep"), "what it ran is ended, too")
    assert line.echo() == b"ok\n"


def test_one_that_finds_no_way_through_the_pause_takes_nobody_with_it(line: Line) -> None:
    """It needs a channel of its own, since all shells are busy."""
    running = [line.begin(), line.begin()]
    line.pause()
    with pytest.raises(HostUnreachable):
        line.echo(patience_s=0.5)
    assert [one.result() for one in running] == [DONE] * 2
    assert line.echo() == b"ok\n"


def test_uploads_go_on_though_one_beside_them_was_closed_during_the_pause(line: Line) -> None:
    begun = threading.Event()

    def chunks() -> Iterator[bytes]:
        for _ in range(MANY):
            yield b"x" * CHUNK
            begun.set()
            time.sleep(0.1)

    def upload() -> bytes:
        return drained(line.ssh.stream(("wc", "-c"), chunks(), patience_s=LONG_S, moving=APART))[0]

    uploads = [line.pool.submit(upload) for _ in range(2)]
    closed = line.ssh.stream(("cat",), repeat(b"x"), patience_s=LONG_S, moving=APART)
    assert next(closed)
    assert begun.wait(LONG_S)
    line.pause()
    closed.close()
    assert [one.result() for one in uploads] == [b"%d\n" % (MANY * CHUNK)] * 2


def test_a_connection_that_was_left_for_another_one_ends_with_the_last_who_uses_it(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager, "_PROBE_S", 0.5)
    running = line.begin()
    assert line.echo() == b"ok\n"
    time.sleep(1.1)  # nobody asks what answered a moment ago
    line.pause()
    assert line.echo() == b"ok\n"
    assert running.result() == DONE
    assert line.logins == 2
    until(lambda: len(line.server.sessions()) <= 2, "only the new connection is left")
    assert line.echo() == b"ok\n"
    assert line.logins == 2


def test_closing_ends_what_runs_over_a_connection_that_was_left(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager, "_PROBE_S", 0.5)
    threads = set(threading.enumerate())
    stream = line.ssh.stream(("sh", "-c", "echo begun; exec sleep 100"), patience_s=LONG_S)
    assert next(stream).startswith(b"begun")
    assert line.echo() == b"ok\n"
    time.sleep(1.1)
    line.pause()
    assert line.echo() == b"ok\n"
    line.ssh.close()
    with pytest.raises(HostUnreachable, match="closed"):
        drained(stream)
    assert {one.name for one in set(threading.enumerate()) - threads if "ssh" in one.name} == set()
