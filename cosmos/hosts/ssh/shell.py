"""ResidentShell: a bash on the machine that runs one command after another over one channel.

A channel of its own costs each command two more round trips, and the machine a server process and a login shell:
more than most of our scripts do. Here a command costs one round trip and a fork. Each answer ends with a line that
has the request's own random word, so nothing that a command prints can be taken for its end.
"""

import secrets
import threading
import time
from collections.abc import Generator, Sequence

import paramiko

from cosmos.errors import HostUnreachable
from cosmos.hosts.ssh.channel import END_S, PAUSE_S, PIECE, give_back
from cosmos.hosts.ssh.command import command_text, wrap
from cosmos.hosts.ssh.connection import Connection
from cosmos.hosts.transport import CHUNK, Ended

_LOOP = r"""
bytes() { local LC_ALL=C; length=${#1}; }
exec 3>&1
while IFS=' ' read -r word words size; do
  text=$(head -c "$words"; echo x)
  errors=$(
    { head -c "$size" | { (eval "${text%x}"); code=$?; cat >/dev/null; exit "$code"; }; } 2>&1 1>&3 3>&-
    code=$?
    echo x
    exit "$code"
  )
  code=$? errors=${errors%x}
  ((${#errors} < 65536)) || errors=${errors: -65536}
  bytes "$errors"
  printf '\n%s %d %d\n%s' "$word" "$code" "$length" "$errors"
done
"""
"""What is left of stdin is read by `cat`, so that the next request begins where it should."""

_FRESH_S = 1.0
_FIRST_SIGNAL = 129
"""The least status that bash gives a command which a signal has ended."""


class ResidentShell:
    """One shell. Not for several threads at a time.

    Args:
        connection: What it runs over.
        channel: Open and unused; closed by `close`.
        patience_s: Longest time for its start.
    """

    def __init__(self, connection: Connection, channel: paramiko.Channel, patience_s: float) -> None:
        self.connection = connection
        self._channel = channel
        self._name = connection.target.name
        self._heard_at = time.monotonic()
        self._arrived = threading.Event()
        channel.in_buffer.set_event(self._arrived)
        channel.in_stderr_buffer.set_event(self._arrived)
        channel.settimeout(PAUSE_S)
        line, self._ahead = wrap(("bash", "--noprofile", "--norc", "-c", _LOOP))
        try:
            with connection.call(patience_s):
                channel.exec_command(line)
        except HostUnreachable:
            self.close()
            raise

    @property
    def is_alive(self) -> bool:
        return self.connection.is_alive and not (self._channel.closed or self._channel.eof_received)

    def take(self, limit_s: float) -> bool:
        """Use it, until it is put back or closed. False where it cannot be; the machine is asked if need be."""
        if not self.connection.enter():
            return False
        is_fresh = time.monotonic() - self._heard_at < _FRESH_S
        if self.is_alive and (is_fresh or self.connection.still_answers(limit_s)):
            return True
        self.connection.leave()
        return False

    def put_back(self) -> None:
        """Nobody uses it now."""
        self.connection.leave()

    def ask(self, argv: Sequence[str], stdin: bytes, patience_s: float) -> Generator[bytes, None, Ended]:
        """Run a command. Where this raises, or is closed early, the shell is of no further use."""
        text, answer = command_text(argv), _Answer(secrets.token_hex(16))
        request = b"%s %d %d\n" % (answer.word, len(text), len(stdin)) + text + stdin
        left, self._ahead = memoryview(self._ahead + request), b""
        moved = time.monotonic()
        while answer.ended is None:
            over = not self.is_alive  # before looking, so that nothing is missed
            data = self._read(patience_s)
            if shown := answer.take(data):
                yield shown
            sent = self._send(left, patience_s) if left and not over else 0
            left = left[sent:]
            if data or sent:
                moved = self._heard_at = time.monotonic()
            elif over:
                raise self.connection.lost(f"`{argv[0]}` was running")
            elif time.monotonic() - moved > patience_s:
                raise HostUnreachable(
                    f"{self._name}: `{argv[0]}` moved no byte for {patience_s:g} s", "see the load there, or look again"
                )
            elif not left:
                self._arrived.wait(max(0.0, moved + patience_s - time.monotonic()) + 0.001)
        if answer.ended.code >= _FIRST_SIGNAL:
            raise HostUnreachable(f"{self._name}: `{argv[0]}` was ended by a signal", "look again")
        return answer.ended

    def close(self) -> None:
        """End it, and what it runs."""
        give_back(self.connection, self._channel, END_S, kill=True)

    def _read(self, patience_s: float) -> bytes:
        with self.connection.call(patience_s):
            if self._channel.recv_stderr_ready():
                self._channel.recv_stderr(CHUNK)  # what a login shell may say
            return self._channel.recv(CHUNK) if self._channel.recv_ready() else b""

    def _send(self, left: memoryview, patience_s: float) -> int:
        with self.connection.call(patience_s):
            try:
                return self._channel.send(bytes(left[:PIECE]))
            except TimeoutError:  # the window is full
                return 0
            except OSError as error:
                raise HostUnreachable(f"{self._name}: the shell there has ended", "look again") from error


class _Answer:
    """Takes what comes back apart: output, then a line with the word, the status and the length of the errors."""

    def __init__(self, word: str) -> None:
        self.word = word.encode()
        self.ended: Ended | None = None
        self._mark = b"\n" + self.word + b" "
        self._held = b""

    def take(self, data: bytes) -> bytes:
        """What of it is output for sure."""
        held = self._held + data
        start = held.find(self._mark)
        if start < 0:
            may_begin = (size for size in range(len(self._mark) - 1, 0, -1) if held.endswith(self._mark[:size]))
            shown = len(held) - next(may_begin, 0)
            self._held = held[shown:]
            return held[:shown]
        self._held = held[start:]
        line, end, errors = held[start + len(self._mark) :].partition(b"\n")
        if end:
            words = line.split(b" ")
            if len(words) != 2 or not all(word.isdigit() and len(word) < 10 for word in words):
                raise HostUnreachable("the shell's answer is not understood", "look again")
            code, length = map(int, words)
            if len(errors) >= length:
                self.ended = Ended(code=code, err=errors[:length])
        return held[:start]
