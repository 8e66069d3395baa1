"""Pass after pass until what exists is what the specs ask for, or nothing more happens by itself.

Woken by the end of an act, by the exit of a batch and by timers; each only means "look again".
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from cosmos.core.case import Policy
from cosmos.core.desired import Desired
from cosmos.core.plan import Act
from cosmos.engine.cycle import TRIES_LIMIT, Engine, Report
from cosmos.engine.watch import LOOK_EVERY_S, Watches, rest_s, until_begin_s

LONG_S = 10.0
"""Pause from which on nobody who did not ask to wait waits for a begin."""

Listener = Callable[[Report], None]


@dataclass
class Converge:
    """Drives an engine. `stop` may be called from another thread or a signal."""

    engine: Engine
    listener: Listener
    look_every_s: float = LOOK_EVERY_S
    _wake: threading.Event = field(default_factory=threading.Event)
    stopped: bool = False
    timed_out: bool = False
    _watches: Watches = field(init=False)

    def __post_init__(self) -> None:
        self.engine.wake = self._wake.set
        self._watches = Watches(self.engine.world.hosts, self._wake)

    def stop(self) -> None:
        """Begin nothing more; `run` returns after the pass that is under way."""
        self.stopped = True
        self._wake.set()

    def run(self, desired: Desired, policy: Policy, *, wait: bool = True, timeout_s: float | None = None) -> Report:
        """Converge.

        Args:
            desired: What to converge to; fixed for the whole call.
            policy: How to decide.
            wait: Stay until nothing more happens by itself; otherwise until everything that can be
                started now is started.
            timeout_s: Give up waiting after this time; what runs goes on.

        Returns:
            The last pass.
        """
        try:
            return self._passes(desired, policy, wait=wait, timeout_s=timeout_s)
        finally:
            self._watches.leave()

    def _passes(self, desired: Desired, policy: Policy, *, wait: bool, timeout_s: float | None) -> Report:
        clock = self.engine.world.clock
        deadline = None if timeout_s is None else clock.monotonic() + timeout_s
        while True:
            self._wake.clear()
            late = deadline is not None and clock.monotonic() >= deadline
            leaving = late or self.stopped
            report = self.engine.cycle(desired, policy, begin=not leaving)
            self.listener(report)
            is_over = _is_over(report, clock.now(), wait=wait)
            if leaving or is_over:
                self.timed_out = late and not is_over
                return report
            self._watches.see(report)
            pause_s = rest_s(report, clock, self.look_every_s)
            self._wake.wait(pause_s if deadline is None else max(0.05, min(pause_s, deadline - clock.monotonic())))


def _is_over(report: Report, now: float, *, wait: bool) -> bool:
    """Nothing is under way, and nothing more would happen by itself (or, without `wait`, at once)."""
    given_up = {trouble.key for trouble in report.troubles if trouble.count >= TRIES_LIMIT}
    ready = [operation for operation in report.plan.ready if operation.key not in given_up]
    if report.busy or ready:
        return False
    if not wait:  # behind what begins in a moment the next can be started
        queued = any(operation.act is Act.LAUNCH and not operation.ready for operation in report.plan.operations)
        return not queued or min(until_begin_s(report, now), default=LONG_S) >= LONG_S
    timers = any(status.until is not None for status in report.plan.statuses)
    return not timers and not report.live - given_up
