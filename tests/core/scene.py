"""A situation in a few words, and the plan that follows from it.

What is not named is as it would be after nothing happened: one host `local` with two slots that was
looked at and has no work, results as they were published, an empty database.
"""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cosmos.core import plan_text
from cosmos.core.case import Case, Policy
from cosmos.core.desired import Desired, DesiredRun
from cosmos.core.digest import Digest, Material
from cosmos.core.estimate import Timing
from cosmos.core.observed import HostView, Observed, OutputState
from cosmos.core.placement import HostConfig
from cosmos.core.plan import Phase, Plan
from cosmos.core.reconcile import judge_all, reconcile
from cosmos.core.recorded import Attempt, LedgerEntry, Recorded, Request
from cosmos.core.suspension import Scope, Suspension, Suspensions
from tests.makers import NOW, reachable


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Looks by host; `outputs` are those that are not PRESENT, by folder; `unrecorded` are folders by digest."""

    wants: Sequence[DesiredRun] = ()
    hosts: Mapping[str, HostView] = field(default_factory=lambda: {"local": reachable()})
    configs: Sequence[HostConfig] = (HostConfig(name="local", slots=2),)
    done: Sequence[LedgerEntry] = ()
    outputs: Mapping[str, OutputState] = field(default_factory=dict)
    unrecorded: Mapping[Digest, str] = field(default_factory=dict)
    attempts: Sequence[Attempt] = ()
    requests: Sequence[Request] = ()
    previous: Mapping[str, Material] = field(default_factory=dict)
    timings: Sequence[Timing] = ()
    percents: Mapping[str, int] = field(default_factory=dict)
    suspensions: Suspensions = field(default_factory=Suspensions)
    held: frozenset[str] = frozenset()
    policy: Policy = field(default_factory=Policy)
    now: float = NOW

    @property
    def desired(self) -> Desired:
        return Desired(runs=tuple(self.wants), held=self.held)

    @property
    def observed(self) -> Observed:
        present = {entry.folder: OutputState.PRESENT for entry in self.done}
        return Observed(hosts=self.hosts, outputs={**present, **self.outputs}, results=self.unrecorded)

    @property
    def recorded(self) -> Recorded:
        ended: dict[str, list[Attempt]] = {}
        for attempt in self.attempts:
            if not attempt.is_open:
                ended.setdefault(attempt.host, []).append(attempt)
        return Recorded(
            ledger={entry.digest: entry for entry in self.done},
            attempts=_by_digest(self.attempts),
            requests={request.digest: request for request in self.requests},
            previous=self.previous,
            suspensions=self.suspensions,
            ended={host: tuple(over) for host, over in ended.items()},
            timings=tuple(self.timings),
        )

    def plan(self) -> Plan:
        return reconcile(
            self.desired,
            self.observed,
            self.recorded,
            self.configs,
            now=self.now,
            policy=self.policy,
            percents=self.percents,
        )

    def text(self) -> str:
        return plan_text.text(self.plan())

    def case(self, key: str = "city") -> Case:
        """The case of one run, as the rules see it."""
        return judge_all(self.desired, self.observed, self.recorded, self.now, self.policy, self.configs)[key][0]


def _by_digest(attempts: Iterable[Attempt]) -> dict[Digest, tuple[Attempt, ...]]:
    """As the database gives them: oldest first."""
    found: dict[Digest, tuple[Attempt, ...]] = {}
    for attempt in sorted(attempts, key=lambda attempt: attempt.number):
        found[attempt.digest] = (*found.get(attempt.digest, ()), attempt)
    return found


def suspended(scope: Scope, subject: str, by: str = "ann", why: str = "") -> Suspensions:
    """One thing that a person has suspended ten minutes ago."""
    said = Suspension(scope=scope, subject=subject, active=True, at=NOW - 600, by=by, why=why)
    return Suspensions(
        project=said if scope is Scope.PROJECT else None,
        hosts={subject: said} if scope is Scope.HOST else {},
        runs={subject: said} if scope is Scope.RUN else {},
    )


def expect(scene: Scene, text: str) -> Plan:
    assert scene.text() == inspect.cleandoc(text)
    return scene.plan()


def acts(plan: Plan, key: str) -> list[str]:
    """What is done about a run, as `act` or, for later, `(act)`."""
    mine = [operation for operation in plan.operations if operation.key == key]
    return [operation.act.value if operation.ready else f"({operation.act.value})" for operation in mine]


def phase(plan: Plan, key: str = "city") -> Phase:
    status = plan.status_of(key)
    assert status is not None
    return status.phase
