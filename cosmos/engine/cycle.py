"""One pass of the loop: look, reconcile, record intents, start what is ready.

Level-triggered: a pass depends on nothing but what it finds. Acts under way are left alone, and
an act that failed is tried again after a pause that doubles.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cosmos.core.case import Policy, gives_up, published_folder
from cosmos.core.desired import Desired, DesiredRun
from cosmos.core.observed import Observed, OutputState, Reachable
from cosmos.core.placing import wanted_blobs
from cosmos.core.plan import Act, Cause, Operation, Plan
from cosmos.core.reconcile import reconcile
from cosmos.core.recorded import AttemptState, Manifest, Recorded, Verb
from cosmos.core.sweep import waits_for_its_spec
from cosmos.engine.looks import HostLooks, Lookers
from cosmos.engine.recall import unknown_results
from cosmos.engine.under_way import begun, percents, running
from cosmos.engine.workers import Workers
from cosmos.engine.world import World
from cosmos.errors import CosmosError, Fenced

if TYPE_CHECKING:
    from cosmos.engine.execute import Assignment

logger = logging.getLogger(__name__)

PAUSE_BASE_S = 1.0
PAUSE_CAP_S = 60.0
TRIES_LIMIT = 5
"""An act that failed so often in a row is reported and left to a person."""


Hold = Callable[[Plan, Desired], frozenset[str]]
"""Of a plan and what it was made from: keys of the runs that are not to be started."""


def _nothing(plan: Plan, desired: Desired) -> frozenset[str]:
    del plan, desired
    return frozenset()


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """An act that did not succeed: how often in a row, why, and when it is tried again (monotonic)."""

    key: str
    count: int
    error: CosmosError
    until: float


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one look at the database, the hosts and the outputs found."""

    recorded: Recorded
    observed: Observed


@dataclass(frozen=True, kw_only=True)
class Report:
    """One pass: the plan, what was looked at, and what is under way or in trouble after it.

    `standing` is the plan as it would be for all runs, whatever this call was asked to start.
    """

    desired: Desired
    plan: Plan
    standing: Plan
    look: Look
    busy: frozenset[str] = frozenset()
    troubles: tuple[Trouble, ...] = ()
    moved: int = 0
    """Bytes moved to and from hosts since the engine was made."""

    @property
    def live(self) -> frozenset[str]:
        """Keys of the runs whose work is open and may still end by itself.

        Not what is on a host that is no longer configured, nor what waits for its spec to be mended.
        """
        attempts = (attempt for each in self.look.recorded.attempts.values() for attempt in each)
        views = self.look.observed.hosts
        return frozenset(
            attempt.key
            for attempt in attempts
            if attempt.is_open
            and attempt.host in views
            and not waits_for_its_spec(attempt, views[attempt.host], self.desired)
        )

    @property
    def running(self) -> dict[str, tuple[str, ...]]:
        """By host: open batches that were seen running."""
        found: dict[str, list[str]] = {}
        for attempt, _ in running(self.look.recorded, self.look.observed):
            found.setdefault(attempt.host, []).append(attempt.batch_id)
        return {host: tuple(sorted(batches)) for host, batches in found.items()}


@dataclass
class Engine:
    """Looks, plans and acts for one project. Safe to call from one thread; acts run in `workers`."""

    world: World
    workers: Workers
    wake: Callable[[], None] = lambda: None
    """Called when an act ends, from whatever thread it ran in."""
    lookers: Lookers | None = None
    """How looks at hosts are run; in threads unless told otherwise."""
    _looks: HostLooks = field(init=False)
    _troubles: dict[str, Trouble] = field(default_factory=dict)
    _moved: int = 0
    _fenced: Fenced | None = None
    """What an act was told by the database or a host; the next pass raises it."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._looks = HostLooks(self.world.hosts, self.world.clock, self.lookers)

    def close(self) -> None:
        """Wait for no look that is under way. Acts are the workers' to end."""
        self._looks.close()

    def look(self, desired: Desired) -> Look:
        """Read the database, every host and the published outputs."""
        recorded = self.world.records.load({want.run.id: want.digest for want in desired.runs})
        hosts = self._looks.all(tuple(_blobs_asked(desired.runs, recorded)))
        unknown = unknown_results(desired.runs, recorded, self.world)
        published = [*_published(desired.runs, recorded), *((folder, manifest) for _, folder, manifest in unknown)]
        outputs = self.world.store.look(published)
        results = {digest: folder for digest, folder, _ in unknown if outputs[folder] is not OutputState.LOST}
        return Look(recorded=recorded, observed=Observed(hosts=hosts, outputs=outputs, results=results))

    def plan(self, desired: Desired, look: Look, policy: Policy) -> Plan:
        """Decide, from what a look found."""
        policy = replace(policy, keep_failed=self.world.keep_failed)
        now = self.world.clock.now()
        done = percents(desired, look.recorded, look.observed, self.world.adapters)
        return reconcile(
            desired, look.observed, look.recorded, self.world.host_configs, now=now, policy=policy, percents=done
        )

    def cycle(self, desired: Desired, policy: Policy, *, begin: bool = True, hold: Hold = _nothing) -> Report:
        """One pass. Returns at once; acts go on in the workers. Without `begin` it only looks.

        Args:
            desired: What the specs ask for.
            policy: How it is decided.
            begin: Whether anything is begun.
            hold: Says of the plan which runs are not to be started.

        Raises:
            Fenced: Another controller acts now; nothing more may be begun here.
        """
        self.workers.check()
        self._stop_if_fenced()
        before = self.workers.busy  # an act that ends during the look may be planned again from what it showed
        look = self._with_begun(self.look(desired))
        self._believe_what_is_seen(look)
        plan = self.plan(desired, look, policy)
        if held := hold(plan, desired):
            policy = replace(policy, over_budget=held)
            plan = self.plan(desired, look, policy)
        # what people read is where runs stand, not what this call was asked to start
        standing = plan if policy.targets is None else self.plan(desired, look, replace(policy, targets=None))
        self.world.records.save_statuses(standing, self.world.clock.now(), desired.holds)
        wants = {want.digest: want for want in desired.runs}
        own = {(want.run.key, want.digest): want for want in desired.runs}  # runs may share a digest
        for operation in plan.ready if begin else ():
            if operation.id not in before and self._may_try(operation):
                self._stop_if_fenced()
                want = own.get((operation.key, operation.digest)) or wants.get(operation.digest)
                self._begin(operation, want, look)
        self._forget(plan)
        with self._lock:
            troubles = tuple(self._troubles[name] for name in sorted(self._troubles))
            return Report(
                desired=desired,
                plan=plan,
                standing=standing,
                look=look,
                busy=self.workers.busy,
                troubles=troubles,
                moved=self._moved,
            )

    def _with_begun(self, look: Look) -> Look:
        """Record the programs that have begun, when the hosts say that they did: a start alone is not a begin."""
        news = begun(look.recorded, look.observed)
        if not news:
            return look
        attempts = dict(look.recorded.attempts)
        for attempt, at in news:
            self.world.records.started(attempt.batch_id, at)
            self.world.records.event("Normal", attempt.key, "Started", f"on {attempt.host}", self.world.clock.now())
            started = replace(attempt, state=AttemptState.STARTED, started_at=at)
            attempts[attempt.digest] = tuple(started if each == attempt else each for each in attempts[attempt.digest])
        return replace(look, recorded=replace(look.recorded, attempts=attempts))

    def _believe_what_is_seen(self, look: Look) -> None:
        """Where a host answers, a person's word that work there is lost is void, also when it is away again later."""
        for request in look.recorded.requests.values():
            if request.verb is not Verb.ASSUME_LOST:
                continue
            held = (each for each in look.recorded.attempts.get(request.digest, ()) if gives_up(request, each))
            if any(each.is_open and isinstance(look.observed.hosts.get(each.host), Reachable) for each in held):
                self.world.records.request(replace(request, verb=Verb.RETRY), instead_of=request)

    def _may_try(self, operation: Operation) -> bool:
        trouble = self._troubles.get(operation.id)
        if trouble is None:
            return True
        return trouble.count < TRIES_LIMIT and self.world.clock.monotonic() >= trouble.until

    def _begin(self, operation: Operation, want: DesiredRun | None, look: Look) -> None:
        from cosmos.engine.execute import Assignment, intend  # what only looks needs none of this

        is_new = operation.act is Act.LAUNCH and operation.cause is not Cause.RESUMED
        if is_new and (want is None or not intend(operation, want, self.world)):
            return  # another controller was first; the next look shows its attempt
        given = Assignment(
            operation=operation,
            want=want,
            view=view if isinstance(view := look.observed.hosts.get(operation.host), Reachable) else None,
            recorded=look.recorded,
            moved=self._count,
        )
        self._looks.acted(operation.host)
        self.workers.submit(operation.id, lambda: self._act(given), self.wake)

    def _act(self, given: "Assignment") -> None:
        from cosmos.engine.execute import execute

        operation = given.operation
        try:
            execute(given, self.world)
        except Fenced as error:
            self._fenced = error
        except CosmosError as error:
            self._note(operation, error)
        else:
            with self._lock:
                self._troubles.pop(operation.id, None)
        finally:
            self._looks.acted(operation.host)

    def _stop_if_fenced(self) -> None:
        if self._fenced is not None:
            raise self._fenced

    def _note(self, operation: Operation, error: CosmosError) -> None:
        with self._lock:
            count = self._troubles[operation.id].count + 1 if operation.id in self._troubles else 1
            pause = min(PAUSE_CAP_S, PAUSE_BASE_S * 2.0 ** (count - 1))
            until = self.world.clock.monotonic() + pause
            self._troubles[operation.id] = Trouble(key=operation.key, count=count, error=error, until=until)
        logger.warning("%s %s did not succeed (try %d): %s", operation.act.value, operation.key, count, error.message)
        reason = f"{operation.act.value.capitalize()}Failed"
        try:
            self.world.records.event("Warning", operation.key, reason, error.message, self.world.clock.now())
        except Fenced as fenced:
            self._fenced = fenced

    def _forget(self, plan: Plan) -> None:
        """A trouble with an act that nothing asks for any more is none."""
        asked = {operation.id for operation in plan.operations} | self.workers.busy
        with self._lock:
            self._troubles = {name: trouble for name, trouble in self._troubles.items() if name in asked}

    def _count(self, moved: int) -> None:
        with self._lock:
            self._moved += moved


def _blobs_asked(runs: Iterable[DesiredRun], recorded: Recorded) -> set[str]:
    """Inputs of what is not done: nobody needs to know whether the others are still on a host."""
    asked: set[str] = set()
    for want in runs:
        if want.digest not in recorded.ledger or want.digest in recorded.requests:
            asked.update(blob.sha256 for blob in wanted_blobs(want, recorded))
    return asked


def _published(runs: Iterable[DesiredRun], recorded: Recorded) -> list[tuple[str, Manifest]]:
    published = []
    for want in runs:
        entry = recorded.ledger.get(want.digest)
        if entry is not None:
            published.append((published_folder(want.run.key, entry), entry.manifest))
    return published
