"""What systemd hears of a daemon, on a real datagram socket."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cosmos.daemon.systemd import Systemd

PATIENCE_S = 60.0


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The side of systemd."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "notify"))
        made.settimeout(PATIENCE_S)
        yield made


def variables(address: object, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": str(address), "PATH": "/bin", **more}


def heard_for(manager: socket.socket, time_s: float) -> int:
    """How many datagrams come until none has come for so long."""
    manager.settimeout(time_s)
    count = 0
    with suppress(TimeoutError):
        while manager.recv(4096):
            count += 1
    return count


def test_it_says_that_it_is_ready_what_it_does_and_that_it_ends(manager: socket.socket, tmp_path: Path) -> None:
    environment = variables(tmp_path / "notify")
    with Systemd(lambda: True, environment) as systemd:
        systemd.ready("starting")
        systemd.status("working:\n 3 Running")
        systemd.status("x" * 1000)
        systemd.stopping()
    assert manager.recv(4096) == b"READY=1\nSTATUS=starting"
    assert manager.recv(4096) == b"STATUS=working: 3 Running"
    assert manager.recv(4096) == b"STATUS=" + b"x" * 197 + b"..."
    assert manager.recv(4096) == b"STOPPING=1"
    assert environment == {"PATH": "/bin"}


def test_an_abstract_socket() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("")  # Linux chooses a name
        name = manager.getsockname()
        manager.settimeout(PATIENCE_S)
        with Systemd(lambda: True, variables("@" + name[1:].decode())) as systemd:
            systemd.ready("here")
        assert manager.recv(4096) == b"READY=1\nSTATUS=here"


@pytest.mark.parametrize("pid", [{}, {"WATCHDOG_PID": str(os.getpid())}])
def test_signs_of_life_come_as_long_as_it_lives(manager: socket.socket, tmp_path: Path, pid: dict[str, str]) -> None:
    alive = True
    environment = variables(tmp_path / "notify", WATCHDOG_USEC="100000", **pid)
    began = time.monotonic()
    with Systemd(lambda: alive, environment):
        for _ in range(3):
            assert manager.recv(4096) == b"WATCHDOG=1"
        assert time.monotonic() - began >= 3 * 0.05
        alive = False
        assert heard_for(manager, 0.3) <= 1  # which was on its way
        alive = True
        manager.settimeout(PATIENCE_S)
        assert manager.recv(4096) == b"WATCHDOG=1"
    assert environment == {"PATH": "/bin"}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"WATCHDOG_USEC": "100000", "WATCHDOG_PID": str(os.getppid())},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "-5"},
    ],
)
def test_no_signs_of_life_where_none_are_wanted(manager: socket.socket, tmp_path: Path, given: dict[str, str]) -> None:
    with Systemd(lambda: True, variables(tmp_path / "notify", **given)):
        assert heard_for(manager, 0.2) == 0


def test_elsewhere_it_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with Systemd(lambda: True, {"WATCHDOG_USEC": "1000"}) as systemd:
        systemd.ready("here")
        systemd.stopping()
    assert caplog.records == []


@pytest.mark.parametrize("address", ["vsock:2:9999", "relative/path"])
def test_a_socket_that_it_does_not_know_is_named(address: str, caplog: pytest.LogCaptureFixture) -> None:
    with Systemd(lambda: True, variables(address)) as systemd:
        systemd.ready("here")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert address in caplog.text


def test_a_systemd_that_does_not_listen_ends_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Systemd(lambda: True, variables(tmp_path / "nobody")) as systemd:
        for _ in range(3):
            systemd.status("here")
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_systemd_that_is_stuck_holds_up_nothing(
    manager: socket.socket, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filler:
        filler.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                filler.sendto(b"x", str(tmp_path / "notify"))
    began = time.monotonic()
    with Systemd(lambda: True, variables(tmp_path / "notify")) as systemd:
        systemd.ready("here")
    assert time.monotonic() - began < 30
    assert "cannot be told" in caplog.text
