"""Connection: one authenticated way to one machine, through another one where it must be.

Nothing goes to a server whose key was not compared first. Every call into paramiko is made inside `Connection.call`,
the one boundary where it is bounded in time and its errors become ours.

A silent machine may be gone, or its network only paused. So what has lost its own patience retires a connection, which
takes nothing new from then on; who still uses it goes on, and the last of them closes it.
"""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Iterator

import paramiko
from paramiko.ssh_exception import IncompatiblePeer

from cosmos.errors import HostUnreachable
from cosmos.hosts.ssh.guard import Watchdog
from cosmos.hosts.ssh.keys import HostKey, Pin, check, find_pin
from cosmos.hosts.ssh.login import log_in
from cosmos.hosts.ssh.target import SshTarget
from cosmos.hosts.ssh.tcp import connect

logger = logging.getLogger(__name__)

CONNECT_S = 10.0
CHANNEL_S = 20.0
_KEEPALIVE_S = 10
_WINDOW = 4 << 20
_CIPHERS = (
    *("aes128-gcm@openssh.com", "aes256-gcm@openssh.com"),  # faster than the others
    *("aes128-ctr", "aes192-ctr", "aes256-ctr"),
)
_MACS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512")
_WIRE = "cosmos.hosts.ssh.wire"
logging.getLogger(_WIRE).setLevel(logging.CRITICAL)  # paramiko logs as errors, with tracebacks, what we raise anyway


class Connection:
    """A machine, connected. `open` and `call` raise HostUnreachable. But for `open`, safe for several threads."""

    def __init__(self, target: SshTarget) -> None:
        self.target = target
        self.key: HostKey | None = None
        self.through: Connection | None = None
        self._transport: _Transport | None = None
        self._socket: socket.socket | None = None
        self._closed = False
        self._overdue = False
        self._lock = threading.Lock()
        self._users = 0
        self._retired = False
        self._answered: threading.Event | None = None
        self._abandoned: list[paramiko.Channel] = []
        self._watchdog = Watchdog(self._cut_overdue)

    def open(self, patience_s: float, *, login: bool = True) -> None:
        """Connect, compare the host key and log in.

        Args:
            patience_s: Longest time for each of these, if shorter than the usual ones.
            login: Whether to log in; without it nothing is compared either, but the key is asked for that would be.
        """
        limit = min(CONNECT_S, patience_s)
        pin = find_pin(self.target)
        way = self._reach(limit)
        with self.call(5 * limit):
            transport = self._transport = _Transport(way, default_window_size=_WINDOW)
            transport.set_log_channel(_WIRE)
            transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = limit
            _choose_algorithms(transport, pin)
            transport.start_client(timeout=3 * limit)  # its banner and handshake have limits of their own
            shown = transport.get_remote_server_key()
            self.key = HostKey(shown.get_name(), shown.asbytes())
            if login:
                check(self.target, pin, self.key)
                log_in(transport, self.target)
                transport.set_keepalive(_KEEPALIVE_S)

    @property
    def transport(self) -> paramiko.Transport:
        if self._transport is None:
            raise HostUnreachable(f"{self.target.name}: not connected", "look again")
        return self._transport

    @property
    def is_alive(self) -> bool:
        return not self._closed and self._transport is not None and self._transport.is_active()

    @property
    def takes_more(self) -> bool:
        return self.is_alive and not self._retired

    def enter(self) -> bool:
        """Begin to use it, until `leave`. False where it takes nothing new."""
        with self._lock:
            if not self.takes_more:
                return False
            self._users += 1
            return True

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            is_over = self._retired and not self._users
        if is_over:
            self.close()

    def retire(self) -> None:
        """Take nothing new."""
        with self._lock:
            self._retired = True
            is_over = not self._users
        if is_over:
            self.close()

    @contextlib.contextmanager
    def call(self, seconds: float) -> Iterator[None]:
        """Calls into paramiko, which may take this long together.

        Raises:
            HostUnreachable: They took longer (the connection is cut then), or the connection broke.
        """
        try:
            with self._watchdog.within(seconds):
                yield
        except (paramiko.SSHException, OSError, EOFError) as error:
            what, hint = self._explain(error)
            if not isinstance(error, paramiko.SSHException):
                self._cut()  # who writes sees a broken connection before paramiko's own thread does
            raise HostUnreachable(f"{self.target.name}: {what}", hint) from error

    def lost(self, what: str) -> HostUnreachable:
        """The connection is gone, and with it the answer to what was going on."""
        why, hint = self._explain(EOFError(what))
        return HostUnreachable(f"{self.target.name}: {why}", hint)

    def open_channel(self, patience_s: float) -> paramiko.Channel:
        """A channel for a command, which uses the connection until it is given back."""
        if not self.enter():
            raise self.lost("no channel was opened")
        limit, start = min(CHANNEL_S, patience_s), time.monotonic()
        try:
            with self.call(2 * limit):
                return self.transport.open_session(timeout=limit)
        except HostUnreachable:
            if time.monotonic() - start >= limit:  # not refused
                self.retire()
            self.leave()
            raise

    def abandon(self, channel: paramiko.Channel) -> None:
        """Keep a channel that is not closed: once it is collected, paramiko closes it, and waits for the network."""
        self._abandoned.append(channel)

    def still_answers(self, seconds: float) -> bool:
        """Ask the server for any answer at all, and wait this long; without one the connection is retired."""
        with self._lock:
            answered = self._answered
            if answered is None or answered.is_set():  # else it is being asked
                answered = self._answered = threading.Event()
                threading.Thread(target=self._ask, args=(answered,), name="cosmos-ssh-asking", daemon=True).start()
        if not answered.wait(seconds):
            self.retire()
            return False
        return self.is_alive

    def _ask(self, answered: threading.Event) -> None:
        """Without a limit: it waits in a thread of its own until the server answers or the connection ends."""
        with contextlib.suppress(HostUnreachable, paramiko.SSHException, OSError, EOFError):
            self.transport.global_request("keepalive@openssh.com", wait=True)
        answered.set()

    def close(self) -> None:
        self._closed = True
        self._cut()
        self._watchdog.stop()
        if self._transport is not None and self._transport.is_alive():
            self._transport.join(1.0)
        if self.through is not None:
            self.through.close()

    def _cut_overdue(self) -> None:
        self._overdue = True
        self._cut()

    def _cut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # not connected any more
                self._socket.shutdown(socket.SHUT_RDWR)  # wakes who waits in it, which closing would not
        if self._transport is not None:
            self._transport.close()
        if self._socket is not None:
            self._socket.close()
        if self.through is not None:
            self.through._cut()

    def _reach(self, limit: float) -> "socket.socket | paramiko.Channel":
        nearer = self.target.through()
        if nearer is None:
            with self.call(limit + CONNECT_S):
                self._socket = connect(self.target, limit)
                self._stop_if_closed()
                return self._socket
        self.through = Connection(nearer)
        self._stop_if_closed()
        self.through.open(limit)
        with self.through.call(2 * limit):
            place = (self.target.address, self.target.port)
            try:
                return self.through.transport.open_channel("direct-tcpip", place, ("127.0.0.1", 0), timeout=limit)
            except paramiko.ChannelException as error:
                raise HostUnreachable(
                    f"{self.target.name}: {nearer} cannot reach {place[0]} port {place[1]} ({error.text})",
                    "see that the machine is up, and AllowTcpForwarding in the sshd_config of the one in between",
                ) from error

    def _explain(self, error: Exception) -> tuple[str, str]:
        if self._closed:
            return "the connection was closed here", "look again"
        if self._overdue:
            return f"{self.target} stopped answering", "see the load there, or look again"
        return _explain(self.target, error)

    def _stop_if_closed(self) -> None:
        """Whoever closed us found nothing to cut yet."""
        if self._closed:
            raise HostUnreachable(f"{self.target.name}: closed while connecting", "look again")


def presented_key(target: SshTarget, patience_s: float = CONNECT_S) -> HostKey:
    """The key that a server shows, whether it is known or not. Nothing is sent; a machine on the way must be known.

    Raises:
        HostUnreachable: The server, or the way to it, did not answer.
    """
    connection = Connection(target)
    try:
        connection.open(patience_s, login=False)
        assert connection.key is not None  # noqa: S101 - it is open
        return connection.key
    finally:
        connection.close()


class _Transport(paramiko.Transport):
    def get_exception(self) -> Exception | None:
        """What ended paramiko's thread, which may be of any type: a server can send anything."""
        error = super().get_exception()
        if error is None or isinstance(error, paramiko.SSHException | OSError | EOFError):
            return error
        return paramiko.SSHException(f"sent something that cannot be understood ({error!r})")


def _choose_algorithms(transport: paramiko.Transport, pin: Pin) -> None:
    options = transport.get_security_options()
    options.ciphers = [name for name in _CIPHERS if name in options.ciphers]
    options.digests = [name for name in _MACS if name in options.digests]
    # Ask first for a key of the types that are pinned, so that a second key of the server is no "changed" key.
    pinned = {name for type_ in pin.types for name in algorithms_of(type_)}
    options.key_types = sorted(options.key_types, key=lambda name: name not in pinned)


def algorithms_of(key_type: str) -> tuple[str, ...]:
    """How a host key of this type signs."""
    return ("rsa-sha2-512", "rsa-sha2-256") if key_type == "ssh-rsa" else (key_type,)


def _explain(target: SshTarget, error: Exception) -> tuple[str, str]:
    where = f"{target.address} port {target.port}"
    match error:
        case socket.gaierror():
            return f"{target.address}: {error.strerror}", f"correct hosts.{target.name}.address, or see the DNS"
        case ConnectionRefusedError():
            return f"nothing listens on {where}", "see that the machine is up and its sshd runs on that port"
        case TimeoutError():
            return f"{where} does not answer", "see that the machine is up and that a firewall lets you through"
        case paramiko.ChannelException():
            return f"{target} opens no channel ({error.text})", "raise MaxSessions in its sshd_config, or look again"
        case IncompatiblePeer():
            return f"{where} speaks only algorithms that are not safe: {error}", "update its sshd"
        case paramiko.SSHException() if "banner" in str(error):
            return f"{where} does not greet as an SSH server does", "see that its sshd is well and not overloaded"
    return f"the connection to {target} broke{f': {error}' if str(error) else ''}", "look again"
