"""The loop of a daemon: pass after pass under the lease, for as long as it is wanted.

Woken by events (specs, exits, the end of an act), by what others ask through the database, and by timers. Each only
means "look again". A pass that fails is tried again, later each time; what runs on hosts goes on meanwhile.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from cosmos.core.case import Policy
from cosmos.core.desired import Desired
from cosmos.core.removal import Budget
from cosmos.engine.cycle import Engine, Report
from cosmos.engine.watch import LOOK_EVERY_S, Watches, rest_s
from cosmos.errors import CosmosError, Fenced, StateError
from cosmos.outcome import DaemonNote, HostNote, Pass
from cosmos.project import handover, host_rows, plans
from cosmos.project.admission import Admission
from cosmos.project.following import CommitFollowing, Following, TreeFollowing
from cosmos.project.spending import DaemonBudget
from cosmos.project.wiring import Project
from cosmos.source.mirror import Mirror
from cosmos.state.lease import Hold

logger = logging.getLogger(__name__)

ASK_EVERY_S = 0.5
"""How often the database is asked what others ask for: well below a thousandth of a core."""
AWAY_EVERY_S = 10.0
"""Longest time between two looks while what is under way is only where nobody can look."""
FAILED_BASE_S, FAILED_CAP_S = 1.0, 60.0
"""Pause after a pass that failed, which doubles with each that does so after it; and the longest one."""

Failed = Callable[[str, float, float], None]
"""Called with what went wrong in a pass, when, and when the next one is (seconds since the epoch)."""


class Keeper:
    """Keeps what exists equal to what the specs ask for.

    `run` belongs to one thread; everything else may be called from any.

    Args:
        project: What it acts on.
        following: Where the specs come from.
        admission: What of them is acted on.
        budget: What is started of that.
        resync_s: Longest time between two looks when nothing is under way.
        listener: Told of each pass.
        failed: Told of each pass that failed.
    """

    def __init__(
        self,
        project: Project,
        following: Following,
        admission: Admission,
        budget: DaemonBudget,
        *,
        resync_s: float,
        listener: Callable[[Pass], None],
        failed: Failed,
    ) -> None:
        self._project = project
        self._following = following
        self._admission = admission
        self._budget = budget
        self._resync_s = resync_s
        self._listener = listener
        self._failed = failed
        self._wake = threading.Event()
        self._asked = 1
        """How often a look was asked for. Only ever another number, so that none is lost between two threads."""
        self._seen = 0
        self._read_at = 0.0
        self._heard = handover.Asked("", 0.0)
        self._failures = 0
        self._said: DaemonNote | None = None
        self.stopped = False
        self.unwatched = ""
        """For people: why the system does not tell of changed files."""
        self.watched = following.watched
        """Folders in which something changes with the specs; none where they come from elsewhere."""

    def look(self) -> None:
        """Something may have happened: begin a pass now, and read the specs again in it."""
        self._asked += 1
        self._wake.set()

    def stop(self) -> None:
        """Begin nothing more; `run` returns once the acts under way have ended."""
        self.stopped = True
        self._wake.set()

    def run(self) -> None:
        """Take the lease, and pass after pass until it is stopped, or somebody else asks for a turn.

        Raises:
            BusyError: Another controller acts.
            Fenced: Another one took over meanwhile.
            CosmosError: The state cannot be opened.
        """
        project = self._project
        if handover.asked(project).wants_turn(project.world.clock.now()):
            return
        with project.lease.held(watch=False) as hold, project.engine(hold) as engine:
            engine.wake = self._wake.set
            watches = Watches(engine.world.hosts, self._wake)
            try:
                while not self.stopped and not handover.asked(project).wants_turn(project.world.clock.now()):
                    self._rest(self._pass(engine, watches, hold))
            finally:
                watches.leave()
                self._said = None
                handover.leave(project, hold.epoch)

    def _pass(self, engine: Engine, watches: Watches, hold: Hold) -> float:
        """One pass; returns how long to rest."""
        clock = self._project.world.clock
        self._wake.clear()
        began, asked = clock.monotonic(), self._asked
        again = asked != self._seen or began - self._read_at >= self._resync_s
        try:
            self._heard = handover.asked(self._project)
            desired = self._admission.admit(self._following.desire(again=again), self._following)
            engine.world = replace(engine.world, origin=self._following.origin)
            policy = Policy(prune=self._admission.prune(desired))
            report = engine.cycle(desired, policy, hold=self._budget.hold)
            hosts = self._note(report, desired, hold)
        except Fenced:
            raise
        except CosmosError as error:
            return self._after_failure(error, hold)
        self._failures = 0
        if not self._admission.blocked_at:
            self._following.settle()
        if again:
            self._read_at, self._seen = began, asked
        watches.see(report)
        pause = rest_s(report, clock, self._look_every_s(report))
        pause = min(pause, self._admission.see(report) or pause, self._following.poll_s)
        self._listener(self._told(report, hosts, clock.monotonic() - began, pause))
        return pause

    def _note(self, report: Report, desired: Desired, hold: Hold) -> tuple[HostNote, ...]:
        """For who reads the board, and for who asked."""
        project = self._project
        hosts = host_rows.remember(project, report.look, report.standing)
        plans.remember(project, desired)
        self._say(hold)
        handover.handled(project, self._heard)
        return hosts

    @property
    def _held_back(self) -> str:
        return self._following.held_back or self._admission.blocked or self._budget.held_back

    def _say(self, hold: Hold, failed: str = "") -> None:
        said = DaemonNote(
            epoch=hold.epoch,
            name=self._project.lease.name,
            follows=self._following.follows,
            revision=self._following.revision,
            held_back=self._held_back,
            blocked_at=self._admission.blocked_at,
            failed=failed,
            unwatched=self.unwatched,
        )
        if said != self._said:
            handover.announce(self._project, said)
            self._said = said

    def _after_failure(self, error: CosmosError, hold: Hold) -> float:
        pause = min(FAILED_CAP_S, FAILED_BASE_S * 2.0 ** min(self._failures, 10))
        self._failures += 1
        logger.warning("the pass failed (%d in a row), next in %.0f s: %s", self._failures, pause, error)
        now = self._project.world.clock.now()
        self._failed(str(error), now, now + pause)
        with suppress(StateError):  # which may be what went wrong
            self._say(hold, str(error))
            handover.handled(self._project, self._heard)  # who asked is told of the failure
        return pause

    def _look_every_s(self, report: Report) -> float:
        if report.busy or report.running or report.plan.ready:
            return LOOK_EVERY_S
        return min(AWAY_EVERY_S, self._resync_s) if report.live else self._resync_s

    def _told(self, report: Report, hosts: tuple[HostNote, ...], took_s: float, pause: float) -> Pass:
        now = self._project.world.clock.now()
        return Pass(
            at=now,
            took_s=took_s,
            next_at=now + pause,
            revision=self._following.revision,
            held_back=self._following.held_back,
            removals_blocked=self._admission.blocked,
            statuses=report.standing.statuses,
            hosts=hosts,
            problems=report.desired.problems,
            troubles=tuple(f"{trouble.key}: {trouble.error}" for trouble in report.troubles),
            moved=report.moved,
        )

    def _rest(self, pause: float) -> None:
        """Until something wakes, or others have asked for something."""
        clock = self._project.world.clock
        end = clock.monotonic() + pause
        while (left := end - clock.monotonic()) > 0:
            if self._wake.wait(min(left, ASK_EVERY_S)):
                return
            if handover.asked(self._project) != self._heard:
                self._asked += 1
                return


def keeper(project: Project, mirror: Mirror | None, *, listener: Callable[[Pass], None], failed: Failed) -> Keeper:
    """As the project's configuration wants it; of the working tree where there is no mirror of commits."""
    given = project.settings.daemon
    budget = Budget(most=given.removals, percent=given.removals_percent)
    admission = Admission(project, budget, given.prune_after if given.prune else None)
    following = (
        TreeFollowing(project) if mirror is None else CommitFollowing(project, mirror, project.settings.git.poll)
    )
    spending = DaemonBudget(project.settings.max_gpu_hours)
    return Keeper(project, following, admission, spending, resync_s=given.resync, listener=listener, failed=failed)
