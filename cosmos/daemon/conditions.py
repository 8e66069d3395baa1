"""What holds for a time, and is told once: when it has held for long enough, and when it no longer does. Pure."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from cosmos.daemon.wording import Notice, recovered
from cosmos.settings import NoticeKind

Key = tuple[NoticeKind, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Something that holds now. Times in seconds since the epoch.

    `marks` tell one trouble from another of the same kind, whatever its words are: with a new one it is told again.
    `words` makes the notice from how long it has been so.
    """

    kind: NoticeKind
    about: str
    words: Callable[[float], Notice]
    marks: frozenset[str] = frozenset({""})
    since: float | None = None
    grace_s: float = 0.0

    @property
    def key(self) -> Key:
        return self.kind, self.about


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is remembered of a sight. `known` are the marks that need not be told; `told` is False when none was."""

    since: float
    known: frozenset[str] = frozenset()
    told: bool = False


class Conditions:
    """What holds, and what was told of it.

    Args:
        kept: What `kept` was before a restart.
    """

    def __init__(self, kept: Mapping[Key, Kept]) -> None:
        self.kept = dict(kept)
        self._sights: dict[Key, Sight] = {}

    def see(
        self, kinds: Collection[NoticeKind], sights: Sequence[Sight], now: float, *, known: bool = False
    ) -> list[Notice]:
        """Of these kinds, that and no more holds now. With `known` it is no news, nor is its end."""
        seen = {sight.key: sight for sight in sights}
        gone = [key for key in {**self.kept, **self._sights} if key[0] in kinds and key not in seen]
        notices = [notice for key in sorted(gone) for notice in self._forget(key, now)]
        self._sights |= seen
        for key, sight in seen.items():
            old = self.kept.get(key) or Kept(since=now if sight.since is None else min(sight.since, now))
            self.kept[key] = replace(old, known=sight.marks if known else old.known & sight.marks)
        return [*notices, *self.due(now)]

    def due(self, now: float) -> list[Notice]:
        """What has held for long enough by now."""
        notices = []
        for key, at in sorted(self._pending().items()):
            if now >= at:
                sight, old = self._sights[key], self.kept[key]
                self.kept[key] = replace(old, known=sight.marks, told=True)
                notices.append(sight.words(now - old.since))
        return notices

    @property
    def next_due(self) -> float | None:
        """When `due` has something to tell, if nothing changes."""
        return min(self._pending().values(), default=None)

    def _pending(self) -> dict[Key, float]:
        news = {key: sight for key, sight in self._sights.items() if sight.marks - self.kept[key].known}
        return {key: self.kept[key].since + sight.grace_s for key, sight in news.items()}

    def _forget(self, key: Key, now: float) -> list[Notice]:
        self._sights.pop(key, None)
        old = self.kept.pop(key)
        return [recovered(*key, now - old.since)] if old.told else []
