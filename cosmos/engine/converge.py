"""Pass after pass until what exists is what the specs ask for, or nothing more happens by itself.

Woken by the end of an act, by the exit of a batch and by timers; each only means "look again".
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from cosmos.core.case import Policy
from cosmos.core.desired import Desired
from cosmos.core.observed import Reachable
from cosmos.core.occupancy import occupancies
from cosmos.core.plan import Act
from cosmos.engine.cycle import TRIES_LIMIT, Engine, Report
from cosmos.errors import HostError

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
"""Longest time between two looks while work is live; progress is shown this fresh at worst."""
SOON_S = 0.2
"""Shortest time until the next look at what is about to begin: only behind what has begun is another run started."""
LONG_S = 10.0
"""Pause from which on nobody who did not ask to wait waits for a begin."""
WATCH_S = 20.0
"""How long one watch for exits lasts before it is begun again."""
WATCH_AGAIN_S, WATCH_AGAIN_CAP_S = 0.5, 30.0
"""Pause after a watch that broke, which doubles with each that does so after it; and the longest one."""
_DOUBLINGS = 6
"""Enough to reach the cap."""

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
    _watched: set[str] = field(default_factory=set)
    """Hosts that are being watched for exits, or will be after a pause."""
    _broken: dict[str, int] = field(default_factory=dict)
    """How many watches of a host broke in a row."""
    _watch_lock: threading.Lock = field(default_factory=threading.Lock)
    _left: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.engine.wake = self._wake.set

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
            self._left.set()

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
            self._watch(report)
            self._wake.wait(self._pause_s(report, deadline))

    def _pause_s(self, report: Report, deadline: float | None) -> float:
        world = self.engine.world
        pauses = [self.look_every_s]
        pauses += [s.until - world.clock.now() for s in report.plan.statuses if s.until is not None]
        pauses += _until_begin_s(report, world.clock.now())
        now = world.clock.monotonic()
        pauses += [t.until - now for t in report.troubles if t.count < TRIES_LIMIT and t.until > now]
        if deadline is not None:
            pauses.append(deadline - world.clock.monotonic())
        return max(0.05, min(pauses))

    def _watch(self, report: Report) -> None:
        """One watch a host. It tells of batches that start while it lasts, too; what ends between two is seen first."""
        for host, batches in report.running.items():
            with self._watch_lock:
                is_new = host not in self._watched
                self._watched.add(host)
            if is_new and host in self.engine.world.hosts:
                threading.Thread(target=self._wait_for_exit, args=(host, batches), daemon=True).start()

    def _wait_for_exit(self, host: str, batches: Sequence[str]) -> None:
        """What happens between a watch that broke and the next one is told by nobody: look then, too."""
        try:
            self.engine.world.hosts[host].wait_for_exit(batches, WATCH_S)
            self._broken.pop(host, None)
        except HostError as error:
            before = self._broken.get(host, 0)
            self._broken[host] = before + 1
            logger.debug("%s: the watch for exits broke: %s", host, error.message)
            self._left.wait(min(WATCH_AGAIN_CAP_S, WATCH_AGAIN_S * 2.0 ** min(before, _DOUBLINGS)))
        finally:
            with self._watch_lock:
                self._watched.discard(host)
        self._wake.set()


def _until_begin_s(report: Report, now: float) -> Iterator[float]:
    """One for each batch that was started and waits for nobody; longer as its inputs take longer to verify."""
    look = report.look
    for name, occupancy in occupancies(look.observed, look.recorded).items():
        view = look.observed.hosts[name]
        for holder in occupancy.holders:
            batch = view.batches.get(holder.batch_id) if isinstance(view, Reachable) else None
            if holder.is_open and batch is not None and batch.waits:
                yield max(SOON_S, (now - holder.intended_at) / 4)


def _is_over(report: Report, now: float, *, wait: bool) -> bool:
    """Nothing is under way, and nothing more would happen by itself (or, without `wait`, at once)."""
    given_up = {trouble.key for trouble in report.troubles if trouble.count >= TRIES_LIMIT}
    ready = [operation for operation in report.plan.ready if operation.key not in given_up]
    if report.busy or ready:
        return False
    if not wait:  # behind what begins in a moment the next can be started
        queued = any(operation.act is Act.LAUNCH and not operation.ready for operation in report.plan.operations)
        return not queued or min(_until_begin_s(report, now), default=LONG_S) >= LONG_S
    timers = any(status.until is not None for status in report.plan.statuses)
    return not timers and not report.live - given_up
