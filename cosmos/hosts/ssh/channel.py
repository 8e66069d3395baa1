"""RemoteCommand: one command over one channel, fed and drained from the thread that reads it.

All three streams share the connection, and each has a window that somebody must empty: waiting on one of them alone
is how a client and a server wait for each other for ever.
"""

import contextlib
import threading
import time
from collections.abc import Generator, Iterable, Iterator

import paramiko

from cosmos.errors import HostUnreachable
from cosmos.hosts.ssh.connection import CHANNEL_S, Connection
from cosmos.hosts.transport import CHUNK, Ended

_ERR_LIMIT = 64 << 10
PIECE = 32 << 10
"""What sshd takes in one packet."""

PAUSE_S = 0.05
"""Longest time that a piece waits to be sent before its reader is looked after."""
END_S = 2.0
"""How long a machine may be silent before the end of a command waits for it no longer."""


class RemoteCommand:
    """A command for a channel that is open.

    Args:
        connection: What it runs over.
        channel: Given back when the command ends, however it does.
        what: The command, for messages.
        patience_s: Longest time without a byte moved.
    """

    def __init__(self, connection: Connection, channel: paramiko.Channel, what: str, patience_s: float) -> None:
        self._connection = connection
        self._channel = channel
        self._what = what
        self._patience_s = patience_s
        self._name = connection.target.name
        self._err = bytearray()
        self._left = memoryview(b"")
        self._arrived = threading.Event()
        channel.in_buffer.set_event(self._arrived)
        channel.in_stderr_buffer.set_event(self._arrived)
        channel.settimeout(PAUSE_S)

    def run(self, line: str, stdin: Iterable[bytes]) -> Generator[bytes, None, Ended]:
        """Start it and wait for its end. Ends it when the generator is closed early, or when anything goes wrong."""
        ended = False
        try:
            with self._connection.call(self._patience_s):
                self._channel.exec_command(line)
            yield from self._pump(iter(stdin))
            code = self._status()
            ended = True
            return Ended(code=code, err=bytes(self._err))
        finally:
            give_back(self._connection, self._channel, min(END_S, self._patience_s), kill=not ended)

    def _pump(self, stdin: Iterator[bytes]) -> Generator[bytes, None, None]:
        feeding = True
        moved = time.monotonic()
        while True:
            over = bool(self._channel.closed or self._channel.eof_received)  # before looking, so that nothing is missed
            progress = self._drain_err()
            if data := self._read():
                yield data
                progress = True
            if feeding and not over:
                fed, feeding = self._feed(stdin)
                progress |= fed
            if progress:
                moved = time.monotonic()  # what the reader and stdin took is not the machine's silence
            elif over:
                return
            elif time.monotonic() - moved > self._patience_s:
                raise self._silent()
            elif not feeding:
                self._arrived.wait(max(0.0, moved + self._patience_s - time.monotonic()) + 0.001)

    def _read(self) -> bytes:
        if not self._channel.recv_ready():
            return b""
        with self._connection.call(self._patience_s):
            return self._channel.recv(CHUNK)

    def _drain_err(self) -> bool:
        if not self._channel.recv_stderr_ready():
            return False
        with self._connection.call(self._patience_s):
            self._err += self._channel.recv_stderr(CHUNK)
        del self._err[:-_ERR_LIMIT]
        return True

    def _feed(self, stdin: Iterator[bytes]) -> tuple[bool, bool]:
        """Send one piece: whether anything moved, and whether there may be more to send."""
        if not self._left:
            chunk = next(stdin, None)
            if chunk is None:
                with self._connection.call(self._patience_s):
                    self._channel.shutdown_write()
                return True, False
            self._left = memoryview(chunk)
            if not chunk:  # a piece of nothing is not the end
                return True, True
        with self._connection.call(self._patience_s):
            try:
                sent = self._channel.send(bytes(self._left[:PIECE]))
            except TimeoutError:  # the window is full
                return False, True
            except OSError:  # it ended without reading all: its answer says why
                return False, False
        self._left = self._left[sent:]
        return True, sent > 0

    def _status(self) -> int:
        if not self._channel.status_event.wait(self._patience_s):
            raise self._silent()
        code = self._channel.exit_status
        if code >= 0:
            return code
        if self._connection.is_alive:
            raise HostUnreachable(f"{self._name}: `{self._what}` was ended by a signal", "look again")
        raise self._connection.lost(f"`{self._what}` was running")

    def _silent(self) -> HostUnreachable:
        return HostUnreachable(
            f"{self._name}: `{self._what}` moved no byte for {self._patience_s:g} s",
            "see the load there, or look again",
        )


def give_back(connection: Connection, channel: paramiko.Channel, limit_s: float, *, kill: bool) -> None:
    """Close a channel, and leave its connection.

    With `kill`, end its command and its group first, as far as the server lets us. A server that is silent for
    `limit_s` is told nothing: these are ended with the connection, which others may still use.
    """
    try:
        if kill and not connection.still_answers(limit_s):
            connection.abandon(channel)
            return
        with contextlib.suppress(HostUnreachable), connection.call(CHANNEL_S):
            if kill:
                _kill(channel)
            channel.close()
    finally:
        connection.leave()


def _kill(channel: paramiko.Channel) -> None:
    """The request "signal" of RFC 4254, for which paramiko has no method. Its sender is the one of all others."""
    message = paramiko.Message()
    message.add_byte(paramiko.common.cMSG_CHANNEL_REQUEST)
    message.add_int(channel.remote_chanid)
    message.add_string("signal")
    message.add_boolean(False)
    message.add_string("KILL")
    channel.get_transport()._send_user_message(message)  # type: ignore[attr-defined]
