"""What acts: apply, wait, cancel, each under the lease. What people ask for is written down before, without it."""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from cosmos.core.case import Policy
from cosmos.core.plan import Plan
from cosmos.engine.converge import Converge
from cosmos.errors import BusyError, RefusedError
from cosmos.outcome import DaemonNote, Outcome, PlanView, Progress
from cosmos.project import following, handover, plans, reading, requests, saved, spending
from cosmos.project.wiring import Project
from cosmos.state.lease import Hold, Tell

HAND_OVER_S = 60.0
"""How long a daemon is followed that stops something: longer than programs are given to end."""

Listener = Callable[[Progress], None]


class Acting:
    """One call that acts. `detach` may be called from any thread; whoever acts then returns soon."""

    def __init__(self, project: Project, listener: Listener | None) -> None:
        self._project = project
        self._listener = listener
        self._loop: Converge | None = None
        self._detached = False

    def detach(self) -> None:
        """Begin nothing more; work on hosts goes on."""
        self._detached = True
        if self._loop is not None:
            self._loop.stop()

    def apply(
        self, view: PlanView, by: str, *, wait: bool, timeout_s: float | None, max_gpu_hours: float | None
    ) -> Outcome:
        spending.require(view, max_gpu_hours)
        expected = saved.planned(self._project, view) if view.exact else None
        try:
            with self._project.lease.held(tell=self._tell(view.plan), is_detached=lambda: self._detached) as hold:
                if expected is not None:  # another controller may have acted since
                    view = saved.again(self._project, expected, "the plan")
                if view.rerun:
                    requests.rerun(self._project, view, by)
                targets = view.selected if view.targeted else None
                return self._converge(hold, view, targets, wait=wait, timeout_s=timeout_s)
        except BusyError:
            daemon = handover.present(self._project)
            if daemon is None or view.exact or view.prune:  # a daemon does all that its specs ask for, not one plan
                raise
        end = None if timeout_s is None else time.monotonic() + timeout_s
        self._tell(view.plan)(f"the daemon ({daemon.name}) does it")
        with suppress(handover.GoneError):
            if self._is_heard(end):
                handover.check_same(self._project, daemon, view)
                if view.rerun:
                    requests.rerun(self._project, view, by)
                    view = replace(view, rerun=False)
            outcome = self._hand_over(daemon, view, end, follow=wait)
            if outcome is not None:
                return outcome
        left = None if end is None else max(0.0, end - time.monotonic())
        return self.apply(view, by, wait=wait, timeout_s=left, max_gpu_hours=max_gpu_hours)

    def reconcile(self, timeout_s: float | None, *, accept_removals: bool) -> bool:
        """Ask the daemon for a look; True once a pass that began afterwards has ended."""
        daemon = handover.present(self._project)
        if daemon is None:
            raise RefusedError(
                "no daemon acts on this project", "cosmos daemon starts one; cosmos apply does it once, here"
            )
        if accept_removals:
            handover.accept(self._project, daemon)
        return self._is_heard(None if timeout_s is None else time.monotonic() + timeout_s)

    def _is_heard(self, end: float | None) -> bool:
        """A pass of the daemon that began after this has ended."""
        return handover.await_pass(self._project, handover.ask(self._project), end, lambda: self._detached)

    def wait(self, targets: Sequence[str], labels: Sequence[str], timeout_s: float | None) -> Outcome:
        self._project.approach()
        view = plans.of(self._project, following.acted_on(self._project), targets, labels)[0]
        end = None if timeout_s is None else time.monotonic() + timeout_s
        told = False
        while True:
            left = None if end is None else max(0.0, end - time.monotonic())
            try:
                with self._project.lease.held(watch=False) as hold:
                    return self._converge(hold, view, frozenset(), wait=True, timeout_s=left)
            except BusyError as busy:  # followed meanwhile; one that is silent for long enough is taken over from
                if not told:
                    self._tell(view.plan)(f"{busy.message}; waiting for what it does")
                told = True
                turn = reading.FOLLOW_S if left is None else min(reading.FOLLOW_S, left)
                outcome = self._look(view, turn)
            if not outcome.timed_out or (end is not None and time.monotonic() >= end):
                return outcome

    def cancel(self, names: Sequence[str], labels: Sequence[str], by: str, why: str) -> Outcome:
        return self.carry_out(requests.cancel(self._project, names, labels, by, why), follow=True)

    def carry_out(self, view: PlanView, *, follow: bool) -> Outcome:
        """Stop and close what was asked for, and start nothing; or leave it to the controller that is there.

        Args:
            view: What was asked for, and about which runs.
            follow: Where a daemon does it, stay until these runs have ended.
        """
        try:
            with self._project.lease.held(tell=self._tell(view.plan), is_detached=lambda: self._detached) as hold:
                return self._converge(hold, view, frozenset(), wait=False, timeout_s=None)
        except BusyError as busy:
            daemon = handover.present(self._project)
            if daemon is None:
                return Outcome(statuses=view.plan.statuses, problems=view.problems, handed_to=busy.message)
        self._tell(view.plan)(f"the daemon ({daemon.name}) does it")
        with suppress(handover.GoneError):
            outcome = self._hand_over(daemon, view, time.monotonic() + HAND_OVER_S, follow=follow)
            if outcome is not None:
                return outcome
        return self.carry_out(view, follow=follow)

    def _hand_over(self, daemon: DaemonNote, view: PlanView, end: float | None, *, follow: bool) -> Outcome | None:
        """Let the daemon do it, and follow what it records; None when it is no more."""
        heard = self._is_heard(end)
        if heard and follow:
            return self._follow(view, end)
        outcome = self._look(view, 0.0)
        return replace(outcome, timed_out=not heard and not self._detached, handed_to=daemon.name)

    def _follow(self, view: PlanView, end: float | None) -> Outcome | None:
        """Until these runs have ended; None when the daemon is no more."""
        while True:
            left = math.inf if end is None else max(0.0, end - time.monotonic())
            outcome = self._look(view, min(reading.FOLLOW_S, left))
            if not outcome.timed_out or left == 0.0:
                return outcome
            if handover.present(self._project) is None:
                return None

    def _look(self, view: PlanView, for_s: float) -> Outcome:
        """Where the runs stand that the acting one knows, followed for a while."""
        known = frozenset(status.key for status in self._project.records.board().statuses)
        view = replace(view, selected=view.selected & known)
        return reading.follow(self._project.records.board, view, lambda: self._detached, for_s, self._listener)

    def _tell(self, plan: Plan) -> Tell:
        """Why nothing happens yet."""

        def tell(words: str) -> None:
            if self._listener is not None:
                self._listener(Progress(plan=plan, waits=words))

        return tell

    def _converge(
        self, hold: Hold, view: PlanView, targets: frozenset[str] | None, *, wait: bool, timeout_s: float | None
    ) -> Outcome:
        with self._project.engine(hold) as engine:
            self._loop = loop = Converge(engine, lambda report: plans.tell(report, self._project, self._listener))
            if self._detached:
                loop.stop()
            policy = Policy(targets=targets, prune=view.prune)
            report = loop.run(view.desired, policy, wait=wait, timeout_s=timeout_s)
        plans.remember(self._project, view.desired)
        return plans.outcome(report, view, detached=loop.stopped, timed_out=loop.timed_out)
