"""Runs that were in the specs and are not any more: whether to believe it. Pure.

A file that was deleted by mistake, a wrong branch, a history that was rewritten: each looks like a person who wants
less. Small removals are believed; large ones are held back until somebody says that they are meant.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from cosmos.core.desired import Desired, DesiredRun
from cosmos.core.plan import ENDED, Phase
from cosmos.core.recorded import Recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How many runs that are not done may go at once, as a number and as a share of those that are not."""

    most: int = 10
    percent: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """What is acted on, and why that is not all that the specs say; empty where it is."""

    desired: Desired
    blocked: str = ""


def admit(
    new: Desired,
    last: Desired | None,
    known: Mapping[str, Phase],
    budget: Budget,
    *,
    rewritten: bool = False,
    accepted: bool = False,
) -> Admitted:
    """Hold new specs against what was there before.

    A run whose spec cannot be read now goes on as it was asked for last, and so do runs whose removal is not believed.

    Args:
        new: What the specs say.
        last: What was acted on until now; None after a start.
        known: Every run that was in the specs at the last look, and where it stood.
        budget: What is believed without a word.
        rewritten: The history of the commit does not contain the one that was applied before.
        accepted: Somebody said that these removals are meant.
    """
    now = {want.run.key for want in new.runs}
    gone = {key for key in known if key not in now and not new.holds(key)}
    blocked = "" if accepted else doubt(gone, known, budget, is_empty=not now, rewritten=rewritten)
    unread = {key for key in (last.by_key() if last else ()) if key not in now and new.holds(key)}
    return Admitted(desired=_with(new, last, unread | (gone if blocked else set())), blocked=blocked)


def doubt(
    gone: Collection[str], known: Mapping[str, Phase], budget: Budget, *, is_empty: bool, rewritten: bool = False
) -> str:
    """Why a removal is not believed; empty where it is.

    Args:
        gone: Keys that are gone from the specs.
        known: What was in the specs before, and where it stood.
        budget: What is believed without a word.
        is_empty: Nothing is left in the specs.
        rewritten: The history of the commit does not contain the one that was applied before.
    """
    open_before = [key for key, phase in known.items() if phase not in ENDED]
    open_gone = [key for key in open_before if key in gone]
    if gone and is_empty:
        return f"all {len(known)} runs are gone from the specs"
    if open_gone and rewritten:
        return f"the history was rewritten, and {_gone(len(open_gone))}"
    if len(open_gone) > budget.most:
        return f"{_gone(len(open_gone))}, more than {budget.most}"
    few = len(open_gone) == 1  # of three runs one is a third, and nothing to ask about
    if not few and len(open_gone) * 100 > budget.percent * len(open_before):
        share = f"{len(open_gone)} of {len(open_before)}"
        return f"{share} runs that are not done are gone from the specs, more than {budget.percent:g} %"
    return ""


def _gone(count: int) -> str:
    are = "run that is not done is" if count == 1 else "runs that are not done are"
    return f"{count} {are} gone from the specs"


def _with(new: Desired, last: Desired | None, keys: set[str]) -> Desired:
    """Add what was asked for last, where its sources are still the same; what cannot be added keeps what it has."""
    digests = {want.run.key: want.digest for want in new.runs}
    added: dict[str, DesiredRun] = {}
    left = {want.run.key: want for want in (last.runs if last else ()) if want.run.key in keys}
    while left:
        able = [want for want in left.values() if _fits(want, digests)]
        if not able:
            break
        for want in able:
            added[want.run.key] = left.pop(want.run.key)
            digests[want.run.key] = want.digest
    runs = sorted((*new.runs, *added.values()), key=lambda want: want.run.key)
    return replace(new, runs=tuple(runs), held=frozenset(new.held | keys))


def _fits(want: DesiredRun, digests: Mapping[str, str]) -> bool:
    source = want.run.source
    known = all(key in digests for key in want.run.waits_for)
    return known and (source is None or digests[source.key] == want.source_digest)


def unasked(desired: Desired, recorded: Recorded) -> frozenset[str]:
    """Keys of what is under way and no spec asks for any more, as far as that can be judged."""
    wanted = desired.by_key()
    open_keys = {each.key for attempts in recorded.attempts.values() for each in attempts if each.is_open}
    return frozenset(key for key in open_keys if key not in wanted and not desired.holds(key))
