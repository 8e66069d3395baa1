"""The port below the run-directory protocol: run a command on a machine, move bytes to and from it.

`hosts.local` implements it by child processes. Everything above knows no other way to reach a host, so
one `run` is one round trip. Three outcomes, here and everywhere above: it happened (a value), it
definitely did not (`HostRefused`), nobody knows (`HostUnreachable`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

CHUNK = 1 << 20
"""Bytes moved at a time: what bounds memory, whatever the size of a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A command that ran to its end. `code` is negative when a signal ended it; `err` may be cut."""

    code: int
    out: bytes
    err: bytes


class Transport(Protocol):
    """A way to reach one machine. Safe for use from several threads."""

    def run(self, argv: Sequence[str], stdin: bytes, *, deadline_s: float, out_limit: int) -> Completed:
        """Run a command there and wait for it.

        Raises:
            HostUnreachable: It did not end in time, printed more than `out_limit` bytes, or the way to the
                machine broke. The command may or may not have had its effect.
            HostRefused: It could not be started.
        """

    def put(self, target: str, chunks: Iterable[bytes]) -> str:
        """Write a new file, durably, and return the sha256 of the bytes as they arrived.

        Nothing is left at `target` when it fails.

        Raises:
            HostRefused: The disk is full (`reason` is DiskFull) or does not take the file.
        """

    def get(self, base: str, name: str, offset: int) -> Iterator[bytes]:
        """Read the regular file `name` below `base`, from `offset` on. No link in `name` is followed.

        Raises:
            HostRefused: There is no such file.
        """

    def close(self) -> None:
        """Give back connections; what is still running over them ends with HostUnreachable."""
