"""Which runs share one load of their model: one batch, its members in the order of the queue. Pure.

Asked by `core.placing` for each run that asks for a place, in the order of the queue. The rule (docs/batches.md):

- A run that a free place could take now opens a batch of its own there. It joins one instead only where the load that
  this saves is longer than the time for which it then waits for the members before it.
- A run that nothing could take now joins the batch of its kind that has the least to do, unless a run of higher
  priority waits for a place: that one would be held up.
- Caps hold for both: so many runs, and so long by what is expected. Nobody joins who brings more to upload.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from cosmos.core.case import Case, Policy
from cosmos.core.desired import DesiredRun
from cosmos.core.estimate import Estimate
from cosmos.core.placement import Place
from cosmos.core.reasons import Reason

Expect = Callable[[DesiredRun, str], Estimate | None]
"""What is expected of a run on a host of this name; None where nothing tells."""


@dataclass(slots=True)
class Pack:
    """A batch that is being put together. `missing` are the blobs that it waits for."""

    batch_id: str
    place: Place
    missing: Collection[str]
    load_s: float | None
    run_s: list[float | None] = field(default_factory=list)

    @property
    def ahead_s(self) -> float | None:
        """How long its members compute, in all."""
        known = [each for each in self.run_s if each is not None]
        return sum(known) if len(known) == len(self.run_s) else None

    def has_room(self, run_s: float | None, policy: Policy) -> bool:
        if self.place.is_trial or len(self.run_s) >= policy.batch_runs:
            return False
        return (self.load_s or 0.0) + (self.ahead_s or 0.0) + (run_s or 0.0) <= policy.batch_s


_Kind = tuple[str, int, str, int, tuple[tuple[str, str], ...]]


class Packs:
    """Batches that are being put together for one plan."""

    def __init__(self, policy: Policy, expect: Expect) -> None:
        self._policy = policy
        self._expect = expect
        self._packs: dict[_Kind, list[Pack]] = {}
        self._waiting: int | None = None
        """The highest priority of a run that has no place."""

    def join(self, case: Case, number: int, missing: Callable[[str], Collection[str]], *, is_room: bool) -> Pack | None:
        """Add a run to a batch, or say that it should have a place of its own.

        Args:
            case: The run.
            number: Of its attempt: that of all members is one, since the batch is named by it.
            missing: The blobs that a host lacks for it.
            is_room: Something could take it now.
        """
        kind = _kind(case, number)
        if kind is None or (not is_room and self._is_held_back(case)):
            return None
        fitting = [
            pack for pack in self._packs.get(kind, ()) if self._takes(pack, case, missing(pack.place.host), is_room)
        ]
        if not fitting:
            return None
        best = min(fitting, key=lambda pack: (pack.ahead_s or 0.0, len(pack.run_s)))
        best.run_s.append(self._run_s(case, best.place.host))
        return best

    def open(self, case: Case, number: int, place: Place, batch_id: str, missing: Collection[str]) -> None:
        """Remember a run that has a place of its own, for others to join it; or that it has none."""
        if not place.now and not place.after:
            waiting = case.want.run.priority if self._waiting is None else self._waiting
            self._waiting = max(case.want.run.priority, waiting)
            return
        kind = _kind(case, number)
        if kind is not None:
            expected = self._expect(case.want, place.host)
            load_s = None if expected is None else expected.load_s
            pack = Pack(batch_id, place, missing, load_s, [self._run_s(case, place.host)])
            self._packs.setdefault(kind, []).append(pack)

    def saved_s(self, batch_id: str) -> float | None:
        """What sharing one load saves of a batch, in seconds."""
        for pack in (pack for packs in self._packs.values() for pack in packs):
            if pack.batch_id == batch_id and pack.load_s is not None:
                return pack.load_s * (len(pack.run_s) - 1)
        return None

    def _is_held_back(self, case: Case) -> bool:
        return self._waiting is not None and self._waiting > case.want.run.priority

    def _run_s(self, case: Case, host: str) -> float | None:
        expected = self._expect(case.want, host)
        return None if expected is None else expected.run_s

    def _takes(self, pack: Pack, case: Case, missing: Collection[str], is_room: bool) -> bool:
        if not pack.has_room(self._run_s(case, pack.place.host), self._policy) or not set(missing) <= set(pack.missing):
            return False
        if not is_room:
            return True
        is_known = pack.load_s is not None and pack.ahead_s is not None
        return is_known and set(missing) == set(pack.missing) and (pack.load_s or 0.0) > (pack.ahead_s or 0.0)


def _kind(case: Case, number: int) -> _Kind | None:
    """What the members of a batch have in common; None for a run that goes alone.

    One that has failed is tried by itself: what ails it then ails nobody else.
    """
    want, placement = case.want, case.want.run.placement
    if not want.group or case.failures:
        return None
    return want.group, number, placement.host, placement.gpus, tuple(sorted(placement.labels.items()))


SHARED_FAULTS = frozenset(
    {
        Reason.MISSING_CHECKPOINT,
        Reason.SECRET_MISSING,
        Reason.OTHER_COMMIT,
        Reason.GATED_MODEL,
        Reason.PROGRAM_NOT_FOUND,
        Reason.IMAGE_MISSING,
    }
)
"""Failures of what all members share: when none of them was made, each has failed by it."""
