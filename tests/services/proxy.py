"""A bad network on loopback: a TCP proxy that is slow, cuts, falls silent or refuses when a test says so.

    with Proxy(("127.0.0.1", port)) as proxy:
        proxy.latency = 0.05
        proxy.cut_after(5_000_000, "up")

Each change is in force when the call returns. Directions are seen from who connects: `up` is to the server.
"""

import asyncio
import fcntl
import socket
import struct
import termios
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Literal, Self, TypeVar

import pytest

Direction = Literal["up", "down"]
Address = tuple[str, int]
T = TypeVar("T")

CHUNK = 64 * 1024
IN_FLIGHT = 256
"""Chunks that are on their way in one direction of a connection; more make the sender wait."""

ANSWER_S, DRAIN_S = 10.0, 5.0
"""How long a command to the proxy's thread may take, and how long a peer may take to get its last bytes."""

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Proxy:
    """Listens on a port of its own, `address`, for one server. It need not be there yet.

    Attributes:
        latency: Seconds that bytes take in each direction; those on their way already are not affected.
        passed: Bytes handed on, by direction, of all connections together.
        connections: How many were accepted.
    """

    def __init__(self, target: Address) -> None:
        self.target = target
        self.latency = 0.0
        self.passed: dict[Direction, int] = {"up": 0, "down": 0}
        self.connections = 0
        self._limits: dict[Direction, int] = {}
        self._links: dict[asyncio.Task[None], tuple[socket.socket, socket.socket]] = {}
        self._listener = _listen(("127.0.0.1", 0))
        self.address: Address = self._listener.getsockname()[:2]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._listens = False

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._accept_from_now)
        return self

    def __exit__(self, *_: object) -> None:
        self._ask(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ANSWER_S)
        self._loop.close()

    @property
    def port(self) -> int:
        return self.address[1]

    def cut_after(self, count: int, direction: Direction) -> None:
        """Let exactly so many more bytes arrive, then reset the connection that would send the next. Once."""
        self._do(lambda: self._limits.__setitem__(direction, count))

    def cut(self) -> None:
        """Reset all connections. New ones work."""
        self._ask(self._cut_all())

    def black_hole(self) -> None:
        """Hand on nothing, in connections that are there and in new ones, and keep them open until `heal`."""
        self._do(self._flowing.clear)

    def refuse(self) -> None:
        """Refuse new connections until `heal`. Those that are there go on."""
        self._do(self._stop_listening)

    def heal(self) -> None:
        """End what `black_hole`, `refuse`, `cut_after` and `latency` began. Nothing that was held back is lost."""
        self.latency = 0.0
        self._do(self._heal)

    def _ask(self, what: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(ANSWER_S)

    def _do(self, what: Callable[[], T]) -> T:
        async def done() -> T:
            return what()

        return self._ask(done())

    def _accept_from_now(self) -> None:
        self._listens = True
        self._loop.add_reader(self._listener, self._accept_all)

    def _heal(self) -> None:
        self._limits.clear()
        self._flowing.set()
        if not self._listens:
            self._listener = _listen(self.address)
            self._accept_from_now()

    async def _end(self) -> None:
        self._stop_listening()
        await self._cut_all()

    def _stop_listening(self) -> None:
        if self._listens:
            self._listens = False
            self._loop.remove_reader(self._listener)
            self._accept_all()
            self._listener.close()

    async def _cut_all(self) -> None:
        for link, sockets in list(self._links.items()):
            _reset_on_close(*sockets)
            await _cancelled(link)

    def _accept_all(self) -> None:
        """Who is connected for the kernel is so for us, also when we are about to refuse others."""
        with suppress(BlockingIOError):
            while True:
                near, _ = self._listener.accept()
                far = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
                for one in (near, far):
                    one.setblocking(False)
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                link = self._loop.create_task(self._link(near, far))
                self._links[link] = (near, far)
                link.add_done_callback(self._forget)
                self.connections += 1

    def _forget(self, link: "asyncio.Task[None]") -> None:
        for one in self._links.pop(link):
            one.close()

    async def _link(self, near: socket.socket, far: socket.socket) -> None:
        """One connection, until both directions have ended or one was cut."""
        try:
            await self._loop.sock_connect(far, self.target)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(near, far, "up"))
                group.create_task(self._carry(far, near, "down"))
        except* OSError:  # a peer reset it, or we do
            _reset_on_close(near, far)

    async def _carry(self, source: socket.socket, target: socket.socket, direction: Direction) -> None:
        way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(IN_FLIGHT)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._take(source, way))
            group.create_task(self._deliver(target, way, direction))

    async def _take(self, source: socket.socket, way: "asyncio.Queue[tuple[float, bytes]]") -> None:
        data = b"first"
        while data:
            await self._flowing.wait()
            data = await self._loop.sock_recv(source, CHUNK)
            await way.put((self._loop.time() + self.latency, data))

    async def _deliver(
        self, target: socket.socket, way: "asyncio.Queue[tuple[float, bytes]]", direction: Direction
    ) -> None:
        while True:
            due, data = await way.get()
            await asyncio.sleep(due - self._loop.time())
            await self._flowing.wait()
            if not data:
                target.shutdown(socket.SHUT_WR)
                return
            left = self._limits.get(direction, len(data))
            if direction in self._limits:
                self._limits[direction] = max(0, left - len(data))
            self.passed[direction] += len(data[:left])
            await self._loop.sock_sendall(target, data[:left])
            if left < len(data):
                self._limits.pop(direction, None)
                await _arrived(target)
                raise ConnectionResetError


async def _arrived(target: socket.socket) -> None:
    """A reset throws away what the peer's kernel does not have yet."""
    for _ in range(int(DRAIN_S / 0.01)):
        if not struct.unpack("i", fcntl.ioctl(target, termios.TIOCOUTQ, b"\0" * 4))[0]:
            return
        await asyncio.sleep(0.01)


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _listen(address: Address) -> socket.socket:
    listener = socket.create_server(address, backlog=128)
    listener.setblocking(False)
    return listener


def _reset_on_close(*sockets: socket.socket) -> None:
    for one in sockets:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)


@pytest.fixture
def make_proxy(request: pytest.FixtureRequest) -> Callable[[Address], Proxy]:
    """A running proxy for a server, that ends with the test."""

    def make(target: Address) -> Proxy:
        proxy = Proxy(target)
        proxy.__enter__()
        request.addfinalizer(proxy.__exit__)
        return proxy

    return make
