"""What an act would do before it is done, for every caller of CosmosAPI."""

from dataclasses import dataclass

from cosmos.core.plan import Operation, Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """A run before and after an act; `words` say more of the second."""

    key: str
    before: Phase
    after: Phase
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What an act on runs, hosts or the project would do. Equal `digest` means that it would do the same.

    `begun` are the operations that follow from it, `dropped` those that are planned now and would not be done.
    """

    act: str
    subjects: tuple[str, ...]
    outlooks: tuple[Outlook, ...]
    begun: tuple[Operation, ...]
    dropped: tuple[Operation, ...]
    digest: str

    @property
    def changes(self) -> tuple[Outlook, ...]:
        return tuple(outlook for outlook in self.outlooks if outlook.before is not outlook.after)
