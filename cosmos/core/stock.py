"""What is kept somewhere, with how much room it takes and how long nothing has used it; and what clears it away."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A file, or a folder as a whole.

    `size` is what removing it frees, in bytes. `idle_s`: for so long nobody wrote to it, or made or removed a link to
    it. `links`: names that its bytes have; above 1 something else uses them.
    """

    size: int
    idle_s: float
    links: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """What a store has.

    On this machine it is the local store, and there are no `folders`.
    """

    blobs: Mapping[str, Stored] = field(default_factory=dict)
    """By sha256."""
    leftovers: Mapping[str, Stored] = field(default_factory=dict)
    """By path below the store: transfers on their way, or cut off, and run directories that were being removed."""
    folders: Mapping[str, Stored] = field(default_factory=dict)
    """By batch id: run directories of every state."""


class StockKeeper(Protocol):
    """A host as a place where things are kept: a part of `core.ports.Host`, with the same contract."""

    def stored(self) -> Stock:
        """All that is kept there, in one round trip."""

    def damaged(self, blobs: Mapping[str, int]) -> frozenset[str]:
        """Read blobs (size by sha256), in one round trip.

        Returns:
            Those that are there and have other bytes, or cannot be read.
        """

    def discard(
        self,
        *,
        unused: Iterable[str] = (),
        damaged: Mapping[str, int] | None = None,
        leftovers: Iterable[str] = (),
        idle_s: float,
    ) -> frozenset[str]:
        """Remove what nobody uses; each is judged once more there, at that moment. In one round trip.

        Args:
            unused: Blobs; removed is one that no run directory holds and nobody has touched for `idle_s`.
            damaged: Blobs (size by sha256); removed is one whose bytes are others, whoever holds it.
            leftovers: Paths of `Stock.leftovers`; removed is one in which nothing has changed for `idle_s`.
            idle_s: Seconds by the host's clock.

        Returns:
            What was removed.
        """
