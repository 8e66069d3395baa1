"""Notices: what people are told of, from what changes between passes. Pure: no clock, no files.

A thing is told once. What tells it apart is its kind, the run, sweep or host, the reason and the digest, never its
words; what was told is remembered for as long as it is so. The first pass of all tells nothing: it is how things were.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from cosmos.core.digest import sha256_hex
from cosmos.core.plan import ENDED, Phase, RunStatus, Sync
from cosmos.daemon import wording
from cosmos.daemon.conditions import Conditions, Kept, Key, Sight
from cosmos.daemon.wording import Notice
from cosmos.outcome import Pass
from cosmos.settings import NoticeKind

SETTLE_S = 60.0
"""What may pass by itself, or is being written, is told of after this time."""
GATHER_S = 60.0
"""Runs of no sweep that succeed within this time are one notice."""

_FORMAT = 1
_LOOKED_AT = (NoticeKind.HOST_UNREACHABLE, NoticeKind.SOURCE_HELD, NoticeKind.SPECS_BROKEN)
_RESULTS = (Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED)


@dataclass(slots=True)
class _Memory:
    """What is remembered between passes, and over a restart.

    `ended` has by key how a run ended. `open` are the sweeps with an end that was not told yet; True once one of their
    failures was. `done` are runs that succeeded, to be told together at `done_at`.
    """

    ended: dict[str, str] = field(default_factory=dict)
    open: dict[str, bool] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    done_at: float = 0.0


class Notices:
    """Told of each pass; says what people are to be told.

    Args:
        unreachable_after_s: How long a host has to be away to be told of.
        remembered: What `remembered` was before a restart; from anything else the next pass counts as the first.
    """

    def __init__(self, unreachable_after_s: float, remembered: str = "") -> None:
        self._unreachable_after_s = unreachable_after_s
        found = _read(remembered)
        self._is_first = found is None
        self._memory, kept = found or (_Memory(), {})
        self._conditions = Conditions(kept)

    @property
    def remembered(self) -> str:
        """What was told, as text. Equal as long as there is nothing new to remember; empty before the first pass."""
        return "" if self._is_first else _write(self._memory, self._conditions.kept)

    def after(self, done: Pass) -> list[Notice]:
        """What is to be told after a pass."""
        first, self._is_first = self._is_first, False
        fresh = self._runs(done)
        notices = [] if first else [*self._failures(done, fresh), *self._sweeps(done)]
        if first:
            self._memory.open.clear()
        else:
            self._gather(fresh, done.at)
        names = {host.name for host in done.hosts}
        seen = self._conditions.see(_LOOKED_AT, list(self._sights(done)), done.at, known=first)
        notices += [one for one in seen if one.ends is not NoticeKind.HOST_UNREACHABLE or one.about in names]
        return [*notices, *self._gathered(done.at)]

    def prune_blocked(self, why: str, *, about: str, at: float) -> list[Notice]:
        """What the specs no longer ask for is not stopped, as a sentence; empty once nothing is in the way.

        `about` is what would be pruned, as a commit: another one is told of again.
        """
        kind = NoticeKind.PRUNE_BLOCKED
        marks = frozenset({about})
        sights = [Sight(kind=kind, about="source", marks=marks, words=lambda _: wording.blocked(why))] if why else []
        return self._conditions.see([kind], sights, at)

    def due(self, now: float) -> list[Notice]:
        """What is to be told by now though there was no pass."""
        return [*self._conditions.due(now), *self._gathered(now)]

    @property
    def next_due(self) -> float | None:
        """When `due` has something, if no pass comes before."""
        times = [self._conditions.next_due, self._memory.done_at if self._memory.done else None]
        return min((time for time in times if time is not None), default=None)

    def rest(self) -> list[Notice]:
        """What was gathered to be told later. For the end."""
        return self._gathered(self._memory.done_at)

    # Runs ------------------------------------------------------------------------------------

    def _runs(self, done: Pass) -> list[RunStatus]:
        """Remember how runs ended; returns those that did so since the last pass."""
        before, memory = self._memory.ended, self._memory
        hidden = before.copy() if done.problems else {}  # a spec that cannot be read takes no run away
        ended, fresh = {}, []
        for run in done.statuses:
            hidden.pop(run.key, None)
            old, new = before.get(run.key), _result(run)
            if new is None and old is not None and (run.sync is Sync.UNKNOWN or run.phase is Phase.SUSPENDED):
                new = old
            elif new is not None and new != old:
                fresh.append(run)
            if new is not None:
                ended[run.key] = new
        memory.ended = {**hidden, **ended}
        for run in fresh:
            if sweep := _sweep(run):
                memory.open.setdefault(sweep, False)
        return fresh

    def _failures(self, done: Pass, fresh: Sequence[RunStatus]) -> Iterator[Notice]:
        """Failures that are told at once: of runs of no sweep, and the first of a sweep that goes on."""
        moving = {_sweep(run) for run in done.statuses if not _is_over(run)} if fresh else set()
        told, goes_on = [], False
        for run in fresh:
            sweep = _sweep(run)
            if run.phase is not Phase.FAILED or (sweep and (sweep not in moving or self._memory.open[sweep])):
                continue
            told.append(run)
            if sweep:
                self._memory.open[sweep] = goes_on = True
        if told:
            yield wording.failed(told, more=goes_on)

    def _sweeps(self, done: Pass) -> Iterator[Notice]:
        """Sweeps of which nothing moves any more."""
        members: dict[str, list[RunStatus]] = {name: [] for name in sorted(self._memory.open)}
        for run in done.statuses if members else ():
            if (sweep := _sweep(run)) in members:
                members[sweep].append(run)
        for name, runs in members.items():
            if runs and all(map(_is_over, runs)):
                yield wording.sweep_done(name, runs)
            elif runs or done.problems:
                continue
            del self._memory.open[name]

    def _gather(self, fresh: Iterable[RunStatus], now: float) -> None:
        keys = [run.key for run in fresh if run.phase is Phase.SUCCEEDED and not _sweep(run)]
        if keys and not self._memory.done:
            self._memory.done_at = now + GATHER_S
        self._memory.done += keys

    def _gathered(self, now: float) -> list[Notice]:
        keys = self._memory.done
        if not keys or now < self._memory.done_at:
            return []
        self._memory.done = []
        return [wording.succeeded(list(dict.fromkeys(keys)))]

    # Hosts, source, specs --------------------------------------------------------------------

    def _sights(self, done: Pass) -> Iterator[Sight]:
        for host in done.hosts:
            if not host.reachable:
                yield Sight(
                    kind=NoticeKind.HOST_UNREACHABLE,
                    about=host.name,
                    since=host.since,
                    grace_s=self._unreachable_after_s,
                    words=partial(wording.unreachable, host),
                )
        if done.held_back:
            yield Sight(
                kind=NoticeKind.SOURCE_HELD,
                about="source",
                grace_s=SETTLE_S,
                words=lambda _: wording.held(done.held_back, done.revision),
            )
        if done.problems:
            marks = frozenset(
                sha256_hex(f"{one.at.file} {one.code.value} {one.subject}".encode())[:8] for one in done.problems
            )
            yield Sight(
                kind=NoticeKind.SPECS_BROKEN,
                about="specs",
                marks=marks,
                grace_s=0.0 if done.revision else SETTLE_S,  # files that are being written
                words=lambda _: wording.broken(done.problems),
            )


def _sweep(run: RunStatus) -> str:
    """Name of the matrix that a run is a member of; empty for others."""
    name, slash, _ = run.key.partition("/")
    return name if slash else ""


def _result(run: RunStatus) -> str | None:
    """How a run ended, apart from any words; None while it has not."""
    if run.phase not in _RESULTS:
        return None
    return " ".join([run.phase.value, run.reason.value if run.reason else "-", (run.digest or "-")[:16]])


def _is_over(run: RunStatus) -> bool:
    """Nothing moves it by itself."""
    return run.phase in ENDED or (run.stuck and run.sync is not Sync.UNKNOWN)


def _write(memory: _Memory, kept: dict[Key, Kept]) -> str:
    rows = [[kind.value, about, one.since, sorted(one.known), one.told] for (kind, about), one in sorted(kept.items())]
    found = {
        "format": _FORMAT,
        "ended": memory.ended,
        "open": memory.open,
        "done": memory.done,
        "done_at": memory.done_at,
        "kept": rows,
    }
    return json.dumps(found, indent=0)


def _read(text: str) -> tuple[_Memory, dict[Key, Kept]] | None:
    """What `_write` made; None from what it did not."""
    try:
        found = json.loads(text)
        if found["format"] != _FORMAT:
            return None
        kept = {
            (NoticeKind(kind), str(about)): Kept(since=float(since), known=frozenset(known), told=bool(told))
            for kind, about, since, known, told in found["kept"]
        }
        ended, done = found["ended"], found["done"]
        return _Memory(dict(ended), dict(found["open"]), list(done), float(found["done_at"])), kept
    except (ValueError, TypeError, KeyError):
        return None
