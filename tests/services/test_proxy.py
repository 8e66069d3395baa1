"""The bad network does to real connections what it says."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from tests.services.proxy import Address, Direction, Proxy

MEGABYTE = bytes(1_000_000)


@pytest.fixture
def echo() -> Iterator[Address]:
    """A server that sends back what it gets."""
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    yield listener.getsockname()[:2]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def serve(listener: socket.socket) -> None:
    while True:
        try:
            peer, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=send_back, args=(peer,), daemon=True).start()


def send_back(peer: socket.socket) -> None:
    with peer, suppress(ConnectionError):
        while data := peer.recv(65536):
            peer.sendall(data)


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(proxy.address, timeout=10)


def round_trip(client: socket.socket) -> float:
    start = time.monotonic()
    client.sendall(b"x")
    assert client.recv(1) == b"x"
    return time.monotonic() - start


@pytest.fixture
def proxy(echo: Address, make_proxy: Callable[[Address], Proxy]) -> Proxy:
    return make_proxy(echo)


def test_latency_is_added_in_each_direction_and_taken_away(proxy: Proxy) -> None:
    with connect(proxy) as client:
        proxy.latency = 0.1
        assert 0.2 <= round_trip(client) < 1
        proxy.heal()
        assert round_trip(client) < 0.1
    assert (proxy.passed, proxy.connections) == ({"up": 2, "down": 2}, 1)


def test_what_is_sent_arrives_whole_and_ends(proxy: Proxy) -> None:
    proxy.latency = 0.01
    with connect(proxy) as client:
        sender = threading.Thread(target=send_and_end, args=(client,))
        sender.start()
        assert received(client) == (len(MEGABYTE), "end")
        sender.join()


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("count", [0, 1, 123_457])
def test_a_connection_is_cut_after_exactly_so_many_bytes(proxy: Proxy, direction: Direction, count: int) -> None:
    proxy.cut_after(count, direction)
    with connect(proxy) as client:
        sender = threading.Thread(target=send_and_end, args=(client,))
        sender.start()
        got, how = received(client)
        sender.join()
    assert (proxy.passed[direction], how) == (count, "reset")
    assert direction == "up" or got == count
    with connect(proxy) as client:
        round_trip(client)


def send_and_end(client: socket.socket) -> None:
    with suppress(OSError):
        client.sendall(MEGABYTE)
        client.shutdown(socket.SHUT_WR)


def received(client: socket.socket) -> tuple[int, str]:
    count = 0
    try:
        while data := client.recv(65536):
            count += len(data)
    except ConnectionResetError:
        return count, "reset"
    return count, "end"


def test_a_black_hole_keeps_what_it_gets_until_it_heals(proxy: Proxy) -> None:
    with connect(proxy) as client:
        round_trip(client)
        proxy.black_hole()
        client.sendall(b"y")
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)
        proxy.heal()
        client.settimeout(10)
        assert client.recv(1) == b"y"


def test_connections_are_refused_or_cut_and_work_again(proxy: Proxy) -> None:
    with connect(proxy) as client:
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)
        round_trip(client)
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    proxy.heal()
    with connect(proxy) as client:
        round_trip(client)


def test_a_server_that_is_not_there_resets(make_proxy: Callable[[Address], Proxy]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        target: Address = gone.getsockname()[:2]
    with pytest.raises(ConnectionResetError), connect(make_proxy(target)) as client:
        client.recv(1)
