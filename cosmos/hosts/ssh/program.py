"""SshProgram: the system's `ssh` as a carrier of many bytes, faster than a library in Python can be.

It decides nothing by itself: no configuration of the user or the system is read, and the only host keys it
knows are those that the control connection has just verified.
"""

import os
import shlex
import shutil
import tempfile
import threading
from collections.abc import Generator, Iterable, Sequence
from itertools import chain
from pathlib import Path

from cosmos.errors import HostUnreachable
from cosmos.hosts.local import LocalTransport
from cosmos.hosts.ssh.command import raise_if_missing, wrap
from cosmos.hosts.ssh.connection import CONNECT_S, Connection, algorithms_of
from cosmos.hosts.ssh.keys import HostKey
from cosmos.hosts.ssh.target import SshTarget
from cosmos.hosts.transport import Ended

_SSH_FAILED = 255
_TARGET, _HOP = "target", "hop"
_OPTIONS = {
    "BatchMode": "yes",
    "CheckHostIP": "no",
    "Ciphers": "^aes128-gcm@openssh.com",
    "ClearAllForwardings": "yes",
    "Compression": "no",
    "ConnectTimeout": f"{CONNECT_S:.0f}",
    "ControlMaster": "no",
    "ControlPath": "none",
    "EscapeChar": "none",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "GlobalKnownHostsFile": "/dev/null",
    "KexAlgorithms": "-sntrup761*",  # 0.2 s of both sides, and the control connection does without it too
    "LogLevel": "ERROR",
    "PermitLocalCommand": "no",
    "PreferredAuthentications": "publickey",
    "RequestTTY": "no",
    "ServerAliveCountMax": "3",
    "ServerAliveInterval": "10",
    "StrictHostKeyChecking": "yes",
    "UpdateHostKeys": "no",
}


def is_installed() -> bool:
    return shutil.which("ssh") is not None


class SshProgram:
    """Runs `ssh` on this machine. `close` ends what runs and removes its files."""

    def __init__(self) -> None:
        # The shell of ProxyCommand is the user's, which may be one that reads quotes in its own way.
        self._local = LocalTransport({"SHELL": "/bin/sh", **_agent()})
        self._lock = threading.Lock()
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def stream(
        self, connection: Connection, argv: Sequence[str], stdin: Iterable[bytes], patience_s: float
    ) -> Generator[bytes, None, Ended]:
        """As `Transport.stream`, to the machine of a connection whose host keys were verified."""
        host = connection.target.name
        line, ahead = wrap(argv)
        known = self._known_hosts(connection)
        words = ["ssh", *_words(connection, _TARGET, known), "--", connection.target.address, line]
        try:
            ended = yield from self._local.stream(words, chain((ahead,), stdin), patience_s=patience_s)
        except HostUnreachable as error:
            raise HostUnreachable(f"{host}: `{argv[0]}`: {error.message}", error.hint) from error
        if ended.code == _SSH_FAILED or ended.code < 0:
            lines = ended.err.decode("utf-8", "replace").split("\n")
            said = next((line.strip() for line in reversed(lines) if line.strip()), "the connection broke")
            raise HostUnreachable(f"{host}: the connection of `{argv[0]}` failed: {said}", "look again")
        raise_if_missing(host, argv, ended.code, ended.err)
        return ended

    def close(self) -> None:
        self._local.close()
        with self._lock:
            if self._folder is not None:
                self._folder.cleanup()

    def _known_hosts(self, connection: Connection) -> str:
        """A file with the keys of a connection and of the one it goes through; named by what is in it."""
        names = {_TARGET: _verified(connection)}
        if connection.through:
            names[_HOP] = _verified(connection.through)
        with self._lock:
            self._folder = self._folder or tempfile.TemporaryDirectory(prefix="cosmos-ssh-")
            path = Path(self._folder.name) / "-".join(key.fingerprint[7:].replace("/", "_") for key in names.values())
            if not path.exists():
                path.write_text("".join(f"{name} {key.line}\n" for name, key in names.items()))
        return str(path)


def _words(connection: Connection, alias: str, known: str) -> list[str]:
    target = connection.target
    options = {
        **_OPTIONS,
        "HostKeyAlias": alias,
        "HostKeyAlgorithms": ",".join(algorithms_of(_verified(connection).type)),
        "UserKnownHostsFile": f'"{_literal(known)}"',
    }
    words = ["-F", "/dev/null", "-T", "-p", str(target.port), "-l", target.login]
    if target.key_file:
        words += ["-i", _literal(str(target.key_file))]
        options["IdentitiesOnly"] = "yes"
    if connection.through:
        options["ProxyCommand"] = _literal(_proxy(connection.through, target, known))
    return words + [word for name, value in options.items() for word in ("-o", f"{name}={value}")]


def _proxy(through: Connection, target: SshTarget, known: str) -> str:
    address = f"[{target.address}]" if ":" in target.address else target.address
    words = _words(through, _HOP, known)
    return shlex.join(["ssh", *words, "-W", f"{address}:{target.port}", "--", through.target.address])


def _verified(connection: Connection) -> HostKey:
    assert connection.key is not None  # noqa: S101 - it is connected
    return connection.key


def _literal(text: str) -> str:
    return text.replace("%", "%%")


def _agent() -> dict[str, str]:
    address = os.environ.get("SSH_AUTH_SOCK")
    return {"SSH_AUTH_SOCK": address} if address else {}
