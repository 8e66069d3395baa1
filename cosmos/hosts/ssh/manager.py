"""SSHManager: one SSH connection to one machine, made on demand, shared by several threads."""

import logging
import random
import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import chain
from types import TracebackType

import paramiko

from cosmos.errors import HostUnreachable
from cosmos.hosts.ssh.channel import RemoteCommand
from cosmos.hosts.ssh.command import raise_if_missing, wrap
from cosmos.hosts.ssh.connection import Connection
from cosmos.hosts.ssh.keys import HostKeyRefused
from cosmos.hosts.ssh.login import LoginRefused
from cosmos.hosts.ssh.shell import ResidentShell
from cosmos.hosts.ssh.slots import Slots
from cosmos.hosts.ssh.target import SshTarget
from cosmos.hosts.transport import APART, Ended

logger = logging.getLogger(__name__)

_PROBE_S = 5.0
"""How long a machine may take to answer after a pause, before a new connection is made."""

_BASE_S = 1.0
_CAP_S = 60.0
_AHEAD_S = 30.0
"""Longest time for what is begun before anybody waits for it."""
_LAG_S = 1.0
"""sshd may still count a command whose end it has reported."""

_DOUBLINGS = 6
"""Enough to reach the cap."""


def full_jitter(failures: int) -> float:
    """How long to leave a machine alone after that many failures in a row."""
    return random.uniform(0, min(_CAP_S, _BASE_S * 2.0 ** min(failures, _DOUBLINGS)))  # noqa: S311 - spreads load, guards nothing


class SSHManager:
    """Runs commands on one machine over one connection; connects again when it has to.

    Args:
        target: The machine.
        pause: After the n-th failure in a row, how long calls fail without trying. Default: full jitter.

    Raises:
        ConfigError: The machine to go through is not named as it must be.
    """

    def __init__(self, target: SshTarget, pause: Callable[[int], float] = full_jitter) -> None:
        target.through()
        self._target = target
        self._pause = pause
        self._connecting = threading.Lock()
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._left: list[Connection] = []
        """Those that take nothing new, and are still used."""
        self._opens: Connection | None = None
        """The connection that the last channel was opened on."""
        self._closed = False
        self._failures = 0
        self._failure: HostUnreachable | None = None
        self._not_before = 0.0
        self._slots = Slots()
        self._shells: list[ResidentShell] = []
        """Those that nobody uses now; of a connection that has ended, they are found dead."""
        self._ahead: Future[None] | None = None
        """The first one on its way, where it was begun before it was needed."""

    def __enter__(self) -> "SSHManager":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def approach(self) -> None:
        """Connect and start a shell, beside what the caller does next. The first command waits for it."""
        with self._lock:
            if self._connection is not None or self._ahead is not None:
                return
            pool = ThreadPoolExecutor(1, "cosmos-approach")
            self._ahead = pool.submit(self._begin_shell)
        pool.shutdown(wait=False)

    def _begin_shell(self) -> None:
        shell = ResidentShell(*self._opened(_AHEAD_S), _AHEAD_S)
        with self._lock:
            self._shells.append(shell)
        shell.put_back()

    def stream(
        self, argv: Sequence[str], stdin: Iterable[bytes] = (), *, patience_s: float, moving: int = 0
    ) -> Generator[bytes, None, Ended]:
        """As `Transport.stream`. Many bytes go over a channel of their own, the rest by a shell that stays."""
        with self._slots.taken(self._target.name, patience_s):
            run = self._by_channel if moving >= APART else self._by_shell
            ended = yield from run(argv, stdin, patience_s)
        self._failures = 0
        raise_if_missing(self._target.name, argv, ended.code, ended.err)
        return ended

    def _by_channel(
        self, argv: Sequence[str], stdin: Iterable[bytes], patience_s: float
    ) -> Generator[bytes, None, Ended]:
        line, ahead = wrap(argv)
        connection, channel = self._opened(patience_s)
        command = RemoteCommand(connection, channel, argv[0], patience_s)
        return (yield from command.run(line, chain((ahead,), stdin)))

    def _by_shell(
        self, argv: Sequence[str], stdin: Iterable[bytes], patience_s: float
    ) -> Generator[bytes, None, Ended]:
        stdin, data = iter(stdin), bytearray()
        for chunk in stdin:
            data += chunk
            if len(data) > APART:  # a shell is given all at once
                return (yield from self._by_channel(argv, chain((bytes(data),), stdin), patience_s))
        self._await_approach(patience_s)
        shell = self._idle_shell() or ResidentShell(*self._opened(patience_s), patience_s)
        whole = False
        try:
            ended = yield from shell.ask(argv, bytes(data), patience_s)
            whole = True
            return ended
        finally:  # closed early, too: what it would say next belongs to nobody
            if whole:
                with self._lock:
                    self._shells.append(shell)
                shell.put_back()
            else:
                shell.close()

    def _await_approach(self, patience_s: float) -> None:
        with self._lock:
            ahead, self._ahead = self._ahead, None
        if ahead is None:
            return
        if not wait((ahead,), patience_s).done:
            raise HostUnreachable(f"{self._target.name}: still connecting", "look again")
        ahead.result()

    def _idle_shell(self) -> ResidentShell | None:
        """One that nobody uses, once it is known to answer: of what is sent into a void nobody knows what became."""
        while True:
            with self._lock:
                if not self._shells:
                    return None
                shell = self._shells.pop()
            if shell.take(_PROBE_S):
                return shell

    def connected(self, patience_s: float) -> Connection:
        """The connection, made now if there is none.

        Raises:
            HostUnreachable: No way to the machine; again with the same words, at once, until the pause is over.
        """
        if not self._connecting.acquire(timeout=patience_s):
            raise HostUnreachable(f"{self._target.name}: still connecting", "look again")
        try:
            with self._lock:
                self._raise_if_closed()
                current = self._connection
            if current is not None and current.takes_more:
                return current
            if current is not None:
                self._leave(current)
            return self._connect(patience_s)
        finally:
            self._connecting.release()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            connections = [*self._left, *([self._connection] if self._connection is not None else [])]
        for connection in connections:
            connection.close()

    def _leave(self, connection: Connection) -> None:
        if connection.is_alive:
            with self._lock:
                self._left = [one for one in (*self._left, connection) if one.is_alive]
        else:
            connection.close()

    def _connect(self, patience_s: float) -> Connection:
        if self._failure is not None and time.monotonic() < self._not_before:
            raise type(self._failure)(self._failure.message, self._failure.hint)
        connection = Connection(self._target)
        with self._lock:
            self._connection = connection
        try:
            with self._lock:
                self._raise_if_closed()
            connection.open(patience_s)
        except HostUnreachable as error:
            connection.close()
            self._remember(error)
            raise
        self._failure = None
        self._slots.reset()
        logger.debug("%s: connected to %s", self._target.name, self._target)
        return connection

    def _remember(self, error: HostUnreachable) -> None:
        # Nothing changes until a person acts; and servers lock out who keeps knocking.
        settled = isinstance(error, HostKeyRefused | LoginRefused)
        pause = _CAP_S if settled else self._pause(self._failures)
        self._failures += 1
        self._failure = error
        self._not_before = time.monotonic() + pause
        logger.debug("%s: left alone for %.1f s: %s", self._target.name, pause, error.message)

    def _opened(self, patience_s: float) -> tuple[Connection, paramiko.Channel]:
        """A channel to run one command in.

        A connection may have died unnoticed since it was last used: then, once, on a new one. Nothing was started.
        """
        before = self._connection
        connection = self.connected(patience_s)
        try:
            return connection, self._channel(connection, patience_s)
        except HostUnreachable:
            if connection is not before or connection.takes_more:
                raise
        connection = self.connected(patience_s)
        return connection, self._channel(connection, patience_s)

    def _channel(self, connection: Connection, patience_s: float) -> paramiko.Channel:
        """A new channel; where the server allows fewer than we try, wait until one of ours is given back.

        A server that has opened one before will do so again: it only counts those that have ended for a while.
        """
        start = time.monotonic()
        while True:
            try:
                channel = connection.open_channel(patience_s)
                self._opens = connection
                return channel
            except HostUnreachable:  # of several that are refused at once, paramiko tells only one why
                if not connection.takes_more:
                    raise
                waited = time.monotonic() - start
                limit = patience_s if self._opens is connection else _LAG_S
                if (spare := self._idle_shell()) is not None:
                    spare.close()  # it has the place that we need
                elif not self._slots.wait_for_another(patience_s - waited):
                    if waited > limit:
                        raise
                    time.sleep(_LAG_S / 10)

    def _raise_if_closed(self) -> None:
        if self._closed:
            raise HostUnreachable(f"{self._target.name}: the connection was closed here", "look again")
