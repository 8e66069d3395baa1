"""Host keys: which key a server must show, who said so, and where that is written.

In this order: `host_key` in cosmos.toml, the project's own known_hosts (written only by `trust`), the user's
~/.ssh/known_hosts. A key that is in none of them is refused; nothing is ever accepted by itself.
Lines are read one by one here, since a library that gives up at the first bad line would lock everybody out.
"""

import base64
import binascii
import fcntl
import fnmatch
import hashlib
import hmac
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cosmos.errors import HostUnreachable, StorageError
from cosmos.hosts.ssh.target import SshTarget

USERS_FILE = Path("~/.ssh/known_hosts")
EDIT_HOST_KEY = "compare the key with `ssh-keygen -lf` on the machine itself, then edit host_key in cosmos.toml"


class HostKeyRefused(HostUnreachable):
    """The server's key is not the one we know. Nothing was sent to it."""


@dataclass(frozen=True, slots=True)
class HostKey:
    """A server's public key: its type, as in "ssh-ed25519", and its bytes on the wire."""

    type: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """As OpenSSH prints it."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    @property
    def line(self) -> str:
        """As in known_hosts, after the names."""
        return f"{self.type} {base64.b64encode(self.blob).decode()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """What is known about the key of one server.

    Attributes:
        expected: Fingerprint -> where that is written. Empty: the server is not known.
        revoked: The same, for keys that must not be used any more.
        types: Types of the expected keys, where known: what to ask the server for.
    """

    expected: dict[str, str]
    revoked: dict[str, str]
    types: tuple[str, ...] = ()


def find_pin(target: SshTarget, users_file: Path = USERS_FILE) -> Pin:
    """What is known about the key of a server, from the first source that says anything.

    Raises:
        HostKeyRefused: A file is there and cannot be read: nobody knows what it says.
    """
    files = [list(_matching(path, target.known_as)) for path in (target.pins, users_file.expanduser())]
    revoked = {key.fingerprint: where for found in files for marker, key, where in found if marker == "@revoked"}
    if target.host_key:
        return Pin(expected={target.host_key.rstrip("="): "host_key in cosmos.toml"}, revoked=revoked)
    for found in files:
        plain = [(key, where) for marker, key, where in found if not marker]
        if plain:
            types = tuple(dict.fromkeys(key.type for key, _ in plain))
            return Pin(expected={key.fingerprint: where for key, where in plain}, revoked=revoked, types=types)
    return Pin(expected={}, revoked=revoked)


def check(target: SshTarget, pin: Pin, key: HostKey) -> None:
    """Compare the key that a server shows with what is known.

    Raises:
        HostKeyRefused: It is unknown, another one, or revoked.
    """
    shown = key.fingerprint
    server = f"{target.name}: the host key of {target.known_as}"
    if where := pin.revoked.get(shown):
        raise HostKeyRefused(
            f"{server} is revoked in {where}; nothing was sent", "give the server a new key, or correct that line"
        )
    if shown in pin.expected:
        return
    if not pin.expected:
        raise HostKeyRefused(
            f"{server} is not known: {key.type} {shown}; nothing was sent",
            f"compare it with `ssh-keygen -lf` on the machine itself, then `cosmos hosts trust {target.name}`",
        )
    expected = ", ".join(f"{fingerprint} ({where})" for fingerprint, where in pin.expected.items())
    hint = (
        "if the machine was made anew, compare the key with `ssh-keygen -lf` there, "
        f"then correct what is named above, or `cosmos hosts trust {target.name}`"
    )
    raise HostKeyRefused(
        f"{server} has changed: expected {expected}, got {key.type} {shown}; nothing was sent",
        f"somebody may be in between; {EDIT_HOST_KEY if target.host_key else hint}",
    )


def trust(target: SshTarget, key: HostKey) -> None:
    """Pin a key in the project's file; it takes the place of what was pinned for that server.

    Raises:
        StorageError: The file cannot be read or written.
    """
    path = target.pins
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            old = path.read_text("utf-8", "surrogateescape").splitlines() if path.exists() else []
            kept = [line for line in old if line.split(maxsplit=1)[:1] != [target.known_as]]
            _replace(path, "".join(f"{line}\n" for line in (*kept, f"{target.known_as} {key.line}")))
        finally:
            os.close(folder)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", "see that the state folder is writable") from error


def _replace(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _matching(path: Path, name: str) -> Iterator[tuple[str, HostKey, str]]:
    """Marker ("" or "@revoked"), key and place of each line about a server."""
    try:
        text = path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return
    except OSError as error:
        raise HostKeyRefused(
            f"{path}: {error.strerror}", "make it readable: it says which servers are known"
        ) from error
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        marker = fields.pop(0) if line.startswith("@") and fields else ""
        if marker not in ("", "@revoked") or len(fields) < 3 or line.startswith("#") or not _names(fields[0], name):
            continue
        if key := _read_key(fields[1], fields[2]):
            yield marker, key, f"{path}:{number}"


def _names(patterns: str, name: str) -> bool:
    found = False
    for pattern in patterns.split(","):
        if pattern.startswith("|1|"):
            found |= _is_hash_of(pattern, name)
        elif fnmatch.fnmatchcase(name, pattern.removeprefix("!").lower().replace("[", "[[]")):
            if pattern.startswith("!"):
                return False
            found = True
    return found


def _is_hash_of(pattern: str, name: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in pattern.removeprefix("|1|").split("|"))
    except ValueError:  # also what base64 raises
        return False
    return hmac.compare_digest(hmac.digest(salt, name.encode(), "sha1"), digest)


def _read_key(type_: str, text: str) -> HostKey | None:
    try:
        blob = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    name = type_.encode("utf-8", "replace")
    # The type is written twice: a line cut or edited by hand is seen by that.
    return HostKey(type_, blob) if blob[:4] == len(name).to_bytes(4, "big") and blob[4:].startswith(name) else None
