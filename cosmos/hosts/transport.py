"""The port below the run-directory protocol: run a command on a machine, with bytes in and bytes out.

`hosts.local` implements it by child processes, `hosts.ssh` over the network. Everything above knows no other
way to reach a host, so one `stream` is one round trip. Three outcomes, here and everywhere above: it happened
(a value), it definitely did not (`HostRefused`), nobody knows (`HostUnreachable`).
"""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

CHUNK = 1 << 20
"""Bytes moved at a time: what bounds memory, whatever the size of a file."""

APART = 8 << 20
"""Bytes from which on a transfer, which takes a tenth of a second then, would be felt by commands beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A command that ran to its end. `code` is negative when a signal ended it; `err` may be cut."""

    code: int
    err: bytes


class Transport(Protocol):
    """A way to reach one machine. Safe for use from several threads."""

    def approach(self) -> None:
        """A command will follow soon: begin what it needs, and return at once. The command tells what fails."""

    def stream(
        self, argv: Sequence[str], stdin: Iterable[bytes] = (), *, patience_s: float, moving: int = 0
    ) -> Generator[bytes, None, Ended]:
        """Run a command there: feed it, yield what it prints as it comes, return how it ended.

        Memory stays bounded by a few chunks. Closing the generator early ends the command as far as we can reach it.
        What iterating over `stdin` raises ends the command too, and comes out of the generator.

        Args:
            argv: The command; every element reaches it byte for byte.
            stdin: What it is fed; a command that ends without reading all of it is no error.
            patience_s: Longest time without a byte moved in either direction.
            moving: About how many bytes will move: from APART on they keep off the connection of short commands.

        Raises:
            HostUnreachable: Nothing moved for `patience_s`, or the way to the machine broke. The command may or
                may not have had its effect.
            HostRefused: It could not be started.
        """

    def close(self) -> None:
        """Give back connections; what is still running over them ends with HostUnreachable."""
