"""How the runs of two states of the specs differ: those of another commit, and those of now. Looks at no host.

A run differs when its digest does: what it would make. Priorities, timeouts and labels change no output.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from cosmos.core.desired import Desired, DesiredRun
from cosmos.core.digest import Digest, fields_changed
from cosmos.core.estimate import Basis, Learned, Timing
from cosmos.core.problem import Location, Problem


class How(StrEnum):
    """What has become of a run."""

    NEW = "new"
    CHANGED = "changed"
    REMOVED = "removed"
    UNKNOWN = "unknown"  # on one side its spec, or one that it depends on, has a problem


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field of a digest's material, as `params.steps`."""

    field: str
    before: object
    after: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One run that differs. `at` is where it is now; where it was, for a removed one."""

    key: str
    how: How
    at: Location
    digest: str = ""
    digest_before: str = ""
    fields: tuple[FieldChange, ...] = ()
    is_made: bool = False
    """The result of `digest` exists already: nothing would run."""
    eta_s: float | None = None
    """Expected run time of what would run, where it is known."""
    basis: Basis | None = None
    """What that rests on."""
    gpus: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What differs between the specs of `base` and those of now."""

    base: str
    """As it was asked for."""
    commit: str
    differences: tuple[Difference, ...] = ()
    unchanged: int = 0
    problems: tuple[Problem, ...] = ()
    """Of the specs of now."""

    @property
    def to_run(self) -> tuple[Difference, ...]:
        """What would run."""
        return tuple(each for each in self.differences if each.how in (How.NEW, How.CHANGED) and not each.is_made)


def compare(
    before: Desired, now: Desired, made: Collection[Digest], timings: Iterable[Timing]
) -> tuple[tuple[Difference, ...], int]:
    """What differs, by key, and how many runs are equal.

    Args:
        before: The specs of the other commit.
        now: The specs of now.
        made: Digests whose results exist.
        timings: What runs took.
    """
    old, new = before.by_key(), now.by_key()
    learned = Learned(timings)
    found: list[Difference] = []
    for key in sorted(old.keys() | new.keys()):
        was, want = old.get(key), new.get(key)
        if want is None and was is not None:
            found.append(_gone(was, now))
        elif want is not None and (was is None or was.digest != want.digest):
            found.append(_come(want, was, before, made, learned))
    return tuple(found), sum(key in old and old[key].digest == want.digest for key, want in new.items())


def _gone(was: DesiredRun, now: Desired) -> Difference:
    run = was.run
    if now.holds(run.key):
        why = "its spec, or one that it depends on, has a problem now"
        return Difference(key=run.key, how=How.UNKNOWN, at=run.at, digest_before=was.digest, why=why)
    return Difference(key=run.key, how=How.REMOVED, at=run.at, digest_before=was.digest)


def _come(
    want: DesiredRun,
    was: DesiredRun | None,
    before: Desired,
    made: Collection[Digest],
    learned: Learned,
) -> Difference:
    run, is_made = want.run, want.digest in made
    held = was is None and before.holds(run.key)
    estimate = None if is_made else learned.estimate(run.model.name, want.work, None if run.placement.gpus else "")
    fields = fields_changed(was.material, want.material) if was is not None else ()
    return Difference(
        key=run.key,
        how=How.UNKNOWN if held else How.NEW if was is None else How.CHANGED,
        at=run.at,
        digest=want.digest,
        digest_before=was.digest if was is not None else "",
        fields=tuple(FieldChange(field=field, before=old, after=new) for field, old, new in fields),
        is_made=is_made,
        eta_s=estimate.total_s if estimate else None,
        basis=estimate.basis if estimate else None,
        gpus=run.placement.gpus,
        why="its spec, or one that it depends on, had a problem there" if held else "",
    )
