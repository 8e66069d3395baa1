"""A notice, and its words: what happened, to what, and what to do. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cosmos.core.plan import Phase, RunStatus
from cosmos.core.plan_text import duration
from cosmos.core.problem import Problem
from cosmos.core.reasons import REASONS
from cosmos.outcome import HostNote
from cosmos.settings import NoticeKind

MEANINGS = {
    NoticeKind.RUN_FAILED: (
        "a run failed and is not tried again by itself: why, where, what to do; the first one of a sweep that goes on"
    ),
    NoticeKind.RUN_SUCCEEDED: "a run of no sweep succeeded; those within a minute are one message",
    NoticeKind.SWEEP_DONE: (
        "nothing of a matrix moves any more by itself: how many succeeded, failed and were cancelled, and what failed"
    ),
    NoticeKind.HOST_UNREACHABLE: "a host could not be reached for `unreachable_after`",
    NoticeKind.SOURCE_HELD: "for a minute the newest commit is not the one that is applied, and why",
    NoticeKind.SPECS_BROKEN: (
        "specs have new problems: the first three with file and line; of files that are not committed, after a minute"
    ),
    NoticeKind.PRUNE_BLOCKED: "runs are gone from the specs that go on, because they are too many at once",
    NoticeKind.RECOVERED: "a host answers again, the newest commit is applied again, the specs are mended",
}
"""The table in docs/notifications.md."""

NAMED = 5
"""Names that one notice has at most; the rest is counted."""
PLACES = 3
"""Places in specs that one notice names."""
LONGEST = 300
"""Letters of one line; messages of programs and hosts may be long."""


class Tone(StrEnum):
    """Services show it as a colour, an icon or a priority."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message to people. `about` is the run, sweep or host; `ends` the kind of what has recovered."""

    kind: NoticeKind
    about: str
    tone: Tone
    title: str
    text: str
    ends: NoticeKind | None = None


def line(text: str) -> str:
    """One line that no terminal or service obeys, cut to what a message has room for."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 3]}..."


def lines(*found: str) -> str:
    return "\n".join(filter(None, found))


def failed(runs: Sequence[RunStatus], *, more: bool) -> Notice:
    """Runs that failed at one time. `more`: members of their sweeps still run."""
    first, rest = runs[0], "Further failures are told when the sweep is done." if more else ""
    if len(runs) > 1:
        title, text = f"{len(runs)} runs failed", lines(*_named(runs), "See: cosmos status", rest)
    else:
        reason = f": {first.reason.value}" if first.reason else ""
        where = f"On {first.host}, attempt {first.attempt}." if first.host else ""
        title = f"run {first.key} failed{reason}"
        text = lines(line(first.message), f"To do: {_remedy(first)}", where, rest)
    return Notice(kind=NoticeKind.RUN_FAILED, about=first.key, tone=Tone.BAD, title=title, text=text)


def _remedy(run: RunStatus) -> str:
    remedy = REASONS[run.reason].remedy if run.reason else "read the log: cosmos logs NAME"
    return remedy.replace("NAME", run.key)


def _named(runs: Sequence[RunStatus]) -> list[str]:
    return _first([f"{run.key}{f': {run.reason.value}' if run.reason else ''}" for run in runs], NAMED)


def _first(names: Sequence[str], most: int) -> list[str]:
    return [*names[:most], *([f"and {len(names) - most} more"] if len(names) > most else [])]


def succeeded(keys: Sequence[str]) -> Notice:
    """Runs of no sweep that succeeded about the same time."""
    one = len(keys) == 1
    return Notice(
        kind=NoticeKind.RUN_SUCCEEDED,
        about=keys[0],
        tone=Tone.GOOD,
        title=f"run {keys[0]} succeeded" if one else f"{len(keys)} runs succeeded",
        text=f"See: cosmos show {keys[0]}" if one else lines(*_first(keys, NAMED)),
    )


_ENDS = {
    Phase.SUCCEEDED: "succeeded",
    Phase.FAILED: "failed",
    Phase.CANCELLED: "cancelled",
    Phase.SUSPENDED: "suspended",
}


def sweep_done(name: str, members: Sequence[RunStatus]) -> Notice:
    """Nothing of a matrix moves any more by itself."""
    ends = Counter(_ENDS.get(run.phase, "cannot start") for run in members)
    bad = [run for run in members if run.phase is Phase.FAILED]
    counts = ", ".join(f"{ends[word]} {word}" for word in (*_ENDS.values(), "cannot start") if ends[word])
    return Notice(
        kind=NoticeKind.SWEEP_DONE,
        about=name,
        tone=Tone.BAD if bad else Tone.GOOD if set(ends) == {"succeeded"} else Tone.WARNING,
        title=f"sweep {name} is done: {counts}",
        text=lines(*_named(bad), f'See: cosmos list runs "{name}/*"'),
    )


def unreachable(host: HostNote, away_s: float) -> Notice:
    return Notice(
        kind=NoticeKind.HOST_UNREACHABLE,
        about=host.name,
        tone=Tone.BAD,
        title=f"host {host.name} cannot be reached",
        text=lines(
            f"For {duration(away_s)}: {line(host.why)}" if host.why else f"For {duration(away_s)}.",
            "What runs there goes on; no other host takes it over.",
            f"To do: cosmos hosts check {host.name}",
        ),
    )


def held(why: str, revision: str) -> Notice:
    return Notice(
        kind=NoticeKind.SOURCE_HELD,
        about="source",
        tone=Tone.WARNING,
        title="the newest commit is not applied",
        text=lines(line(why), f"Applied is still {revision[:10]}." if revision else ""),
    )


def broken(problems: Sequence[Problem]) -> Notice:
    places = [line(f"{one.at.short}: {f'{one.subject}: ' if one.subject else ''}{one.message}") for one in problems]
    return Notice(
        kind=NoticeKind.SPECS_BROKEN,
        about="specs",
        tone=Tone.BAD,
        title=f"{len(places)} problem{'' if len(places) == 1 else 's'} in the specs",
        text=lines(*_first(places, PLACES), "See: cosmos validate"),
    )


def blocked(why: str) -> Notice:
    return Notice(
        kind=NoticeKind.PRUNE_BLOCKED,
        about="source",
        tone=Tone.WARNING,
        title="runs that are gone from the specs go on",
        text=line(why),
    )


_AGAIN = {
    NoticeKind.HOST_UNREACHABLE: "host {} answers again",
    NoticeKind.SOURCE_HELD: "the newest commit is applied again",
    NoticeKind.SPECS_BROKEN: "the specs have no problems any more",
    NoticeKind.PRUNE_BLOCKED: "no removal from the specs is held back any more",
}


def recovered(kind: NoticeKind, about: str, lasted_s: float) -> Notice:
    """What was told is no longer so."""
    return Notice(
        kind=NoticeKind.RECOVERED,
        about=about,
        tone=Tone.GOOD,
        title=_AGAIN[kind].format(about),
        text=f"After {duration(lasted_s)}.",
        ends=kind,
    )
