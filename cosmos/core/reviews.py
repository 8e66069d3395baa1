"""Reviews as the program uses them: which one is about which output of which run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cosmos.core.problem import Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What a person thinks of one output. `digest` is as it is written: whole, or its first digits."""

    run: str
    digest: str
    rating: int | None = None
    note: str = ""
    tags: tuple[str, ...] = ()
    at: Location

    def is_about(self, digest: str) -> bool:
        return digest.startswith(self.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviews:
    """All reviews by the key of their run. `is_open` says that a broken file may have more."""

    by_run: Mapping[str, Sequence[Review]] = field(default_factory=dict)
    is_open: bool = False

    def of(self, key: str, digest: str) -> Review | None:
        """The review of an output of a run; what was said about another output of it does not count."""
        return next((review for review in self.by_run.get(key, ()) if review.is_about(digest)), None)

    def __len__(self) -> int:
        return sum(map(len, self.by_run.values()))

    def all_of(self, key: str) -> tuple[Review, ...]:
        """Reviews of every output that a run ever had."""
        return tuple(self.by_run.get(key, ()))


def average(ratings: Iterable[int | None]) -> tuple[float | None, int]:
    """Mean of the ratings that there are, and how many there are."""
    given = [rating for rating in ratings if rating is not None]
    return (sum(given) / len(given) if given else None), len(given)
