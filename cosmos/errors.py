"""The tree of errors. Every message says what happened, to what, and what to do next.

    CosmosError
    |-- SpecError           specs that cannot be used; carries every problem found
    |-- ConfigError         cosmos.toml or a COSMOS_ variable
    |-- SourceError         the repository of the specs: away, damaged, not to be trusted
    |-- NotFoundError       a name, id or prefix that matches nothing (or too much)
    |-- RefusedError        a request that is understood and declined
    |-- StaleError          a saved plan that would be another one now
    |-- BusyError           another controller works on this project
    |-- Fenced              another controller took over from this one, which was silent too long
    |-- StateError          the database: locked, corrupt, newer than the program
    |-- StorageError        the local disk: full, read-only, not writable
    `-- HostError           a machine that runs work
        |-- HostUnreachable could not look: says nothing about the work there
        |-- HostRefused     the host answered, and the answer is no
        `-- TransferError   bytes did not arrive whole

`exit_code` is what the command line returns (docs/cli.md publishes the table); `retryable`
tells the engine whether the same act may succeed later without a person.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cosmos.core.problem import Problem


class CosmosError(Exception):
    """A failure with a remedy.

    Args:
        message: What happened, and to what.
        hint: The next step for a person, as one sentence or command.
    """

    exit_code = 1
    retryable = False

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class SpecError(CosmosError):
    """Specs that cannot be used. `problems` names each with file, line and column."""

    def __init__(self, problems: "Sequence[Problem]") -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} in the specs")


class ConfigError(CosmosError):
    """The configuration cannot be used."""


class SourceError(CosmosError):
    """The specs of a commit cannot be had. What was applied last stays applied."""

    retryable = True


class NotFoundError(CosmosError):
    """Nothing, or more than one thing, has this name, id or prefix."""


class RefusedError(CosmosError):
    """The request is understood and declined; the message says why."""


class StaleError(CosmosError):
    """What was agreed to is not what would be done now. Nothing was done."""

    exit_code = 4


class BusyError(CosmosError):
    """Another controller holds the project."""

    exit_code = 4
    retryable = True


class Fenced(CosmosError):  # noqa: N818 - the word of docs/recovery.md
    """Another controller acts now, in place of this one. Nothing was changed, and nothing may be tried again."""

    exit_code = 4


class StateError(CosmosError):
    """The database cannot be used as it is."""


class StorageError(CosmosError):
    """The local disk refused a write or a read."""


class HostError(CosmosError):
    """Something about a machine that runs work."""


class HostUnreachable(HostError):  # noqa: N818 - the word of docs/laws.md
    """Could not look. Nothing is known about the work on the host; nothing may be concluded."""

    exit_code = 6
    retryable = True


class HostRefused(HostError):  # noqa: N818
    """The host answered with a definite no (permission, missing program, full disk).

    Args:
        message: What happened, and to what.
        hint: The next step for a person.
        reason: Name of a `core.reasons.Reason` when the evidence is that clear, else empty.
    """

    def __init__(self, message: str, hint: str = "", reason: str = "") -> None:
        super().__init__(message, hint)
        self.reason = reason


class TransferError(HostError):
    """Bytes did not arrive whole, or differ from their sha256."""

    retryable = True
