"""SshTransport: `Transport` to a machine that is reached over SSH.

Short commands share one connection. Many bytes go another way, so that a look never waits behind an upload: over a
second connection that stays open or, where it is installed and worth its start, by the program `ssh`.
"""

from collections.abc import Generator, Iterable, Sequence

from cosmos.hosts.ssh import program as ssh_program
from cosmos.hosts.ssh.manager import SSHManager
from cosmos.hosts.ssh.target import SshTarget
from cosmos.hosts.transport import APART, Ended

BY_PROGRAM = 128 << 20
"""Bytes from which on the program is the better of the two ways. It starts in 0.3 s and 0.2 s of CPU, as much as the
library needs for 64 MiB; after that it needs 1.6 ms of our CPU a megabyte up and 2.1 down, the library 2.5 and 3.8."""


class SshTransport:
    """Connects when it is first used.

    Args:
        target: The machine.
        program: Whether the program `ssh` carries many bytes. Default: where it is installed.
    """

    def __init__(self, target: SshTarget, *, program: bool | None = None) -> None:
        self._control = SSHManager(target)
        wanted = ssh_program.is_installed() if program is None else program
        self._program = ssh_program.SshProgram() if wanted else None
        self._second = SSHManager(target)

    def approach(self) -> None:
        self._control.approach()

    def stream(
        self, argv: Sequence[str], stdin: Iterable[bytes] = (), *, patience_s: float, moving: int = 0
    ) -> Generator[bytes, None, Ended]:
        if moving < APART:
            return (yield from self._control.stream(argv, stdin, patience_s=patience_s))
        if self._program is None or moving < BY_PROGRAM:
            return (yield from self._second.stream(argv, stdin, patience_s=patience_s, moving=moving))
        connection = self._control.connected(patience_s)
        return (yield from self._program.stream(connection, argv, stdin, patience_s))

    def close(self) -> None:
        self._control.close()
        self._second.close()
        if self._program is not None:
            self._program.close()
