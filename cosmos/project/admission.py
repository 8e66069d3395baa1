"""What of new specs a daemon acts on: removals that look like a mistake wait for a person's word.

And when it stops what runs for a spec that is gone: only if that is configured, and after a time in which the spec may
come back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cosmos.core.desired import Desired
from cosmos.core.plan import Phase
from cosmos.core.removal import Admitted, Budget, admit
from cosmos.engine.cycle import Report
from cosmos.project.following import Following
from cosmos.project.handover import ACCEPTED
from cosmos.project.wiring import Project


@dataclass
class Admission:
    """Of one daemon.

    Args:
        project: Whose daemon.
        prune_after_s: How long a spec must be gone before what runs for it is stopped; None stops nothing.
    """

    project: Project
    budget: Budget
    prune_after_s: float | None
    blocked_at: str = ""
    """The specs whose removals are held back; empty where none are."""
    _seen: Desired | None = None
    _admitted: Admitted | None = None
    _gone_since: dict[str, float] = field(default_factory=dict)
    """By key, work that is under way and that no spec asks for: since when, by the monotonic clock."""

    @property
    def blocked(self) -> str:
        """Why specs are held back, with the next step."""
        words = self._admitted.blocked if self._admitted is not None else ""
        return f"{words}: they are kept as they were until `cosmos reconcile --accept-removals`" if words else ""

    def admit(self, new: Desired, following: Following) -> Desired:
        """The specs, or what is held against them."""
        identity = following.revision or new.fingerprint
        if self._admitted is None or new is not self._seen or self.blocked_at:
            accepted = self.project.records.noted(ACCEPTED) == identity
            last = self._admitted.desired if self._admitted is not None else following.before
            self._admitted = admit(
                new, last, self._known(), self.budget, rewritten=following.is_rewritten, accepted=accepted
            )
            self._seen = new
            self.blocked_at = identity if self._admitted.blocked else ""
        return self._admitted.desired

    def _known(self) -> Mapping[str, Phase]:
        return {status.key: status.phase for status in self.project.records.board().statuses}

    def see(self, report: Report) -> float | None:
        """Note what runs for nothing; returns how long until some of it is due to be stopped."""
        wanted = report.desired.by_key()
        gone = {key for key in report.live if key not in wanted and not report.desired.holds(key)}
        now = self.project.world.clock.monotonic()
        self._gone_since = {key: self._gone_since.get(key, now) for key in gone}
        if self.prune_after_s is None or not gone:
            return None
        left = [since + self.prune_after_s - now for since in self._gone_since.values()]
        return min((each for each in left if each > 0), default=None)

    def prune(self, desired: Desired) -> frozenset[str]:
        """Keys whose work is to be stopped now; none of those that are back."""
        if self.prune_after_s is None:
            return frozenset()
        now, wanted = self.project.world.clock.monotonic(), desired.by_key()
        due = {key for key, since in self._gone_since.items() if now - since >= self.prune_after_s}
        return frozenset(key for key in due if key not in wanted and not desired.holds(key))
