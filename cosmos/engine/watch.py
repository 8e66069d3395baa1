"""When to look again: what exits on a host wakes a loop, and every report says how long the loop may rest.

A wake-up only means "look again"; what is missed is seen at the next look.
"""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cosmos.core.observed import Reachable
from cosmos.core.occupancy import occupancies
from cosmos.core.ports import Clock, Host
from cosmos.engine.cycle import TRIES_LIMIT, Report
from cosmos.errors import HostError

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
"""Longest time between two looks while work is live; progress is shown this fresh at worst."""
SOON_S = 0.2
"""Shortest time until the next look at what is about to begin: only behind what has begun is another run started."""
WATCH_S = 20.0
"""How long one watch for exits lasts before it is begun again."""
WATCH_AGAIN_S, WATCH_AGAIN_CAP_S = 0.5, 30.0
"""Pause after a watch that broke, which doubles with each that does so after it; and the longest one."""
_DOUBLINGS = 6
"""Enough to reach the cap."""


@dataclass
class Watches:
    """Wakes when a batch on a host exits. One watch a host, in a thread of its own.

    Args:
        hosts: By name.
        wake: Set when there may be something to see.
    """

    hosts: Mapping[str, Host]
    wake: threading.Event
    _watched: set[str] = field(default_factory=set)
    """Hosts that are being watched for exits, or will be after a pause."""
    _broken: dict[str, int] = field(default_factory=dict)
    """How many watches of a host broke in a row."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _left: threading.Event = field(default_factory=threading.Event)

    def leave(self) -> None:
        """Begin no watch any more."""
        self._left.set()

    def see(self, report: Report) -> None:
        """Watch where something runs. What starts while a watch lasts is told of, too; the next look sees the rest."""
        for host, batches in report.running.items():
            with self._lock:
                is_new = host not in self._watched
                self._watched.add(host)
            if is_new and host in self.hosts:
                threading.Thread(target=self._wait_for_exit, args=(host, batches), daemon=True).start()

    def _wait_for_exit(self, host: str, batches: Sequence[str]) -> None:
        """What happens between a watch that broke and the next one is told by nobody: look then, too."""
        try:
            self.hosts[host].wait_for_exit(batches, WATCH_S)
            self._broken.pop(host, None)
        except HostError as error:
            before = self._broken.get(host, 0)
            self._broken[host] = before + 1
            logger.debug("%s: the watch for exits broke: %s", host, error.message)
            self._left.wait(min(WATCH_AGAIN_CAP_S, WATCH_AGAIN_S * 2.0 ** min(before, _DOUBLINGS)))
        finally:
            with self._lock:
                self._watched.discard(host)
        self.wake.set()


def rest_s(report: Report, clock: Clock, look_every_s: float) -> float:
    """How long a loop may rest if nothing wakes it."""
    pauses = [look_every_s]
    timers = (status.until - clock.now() for status in report.plan.statuses if status.until is not None)
    pauses += [left for left in timers if left > -SOON_S]  # one that is long over means nothing any more
    pauses += until_begin_s(report, clock.now())
    now = clock.monotonic()
    pauses += [t.until - now for t in report.troubles if t.count < TRIES_LIMIT and t.until > now]
    return max(0.05, min(pauses))


def until_begin_s(report: Report, now: float) -> Iterator[float]:
    """One for each batch that was started and waits for nobody; longer as its inputs take longer to verify."""
    look = report.look
    for name, occupancy in occupancies(look.observed, look.recorded).items():
        view = look.observed.hosts[name]
        for holder in occupancy.holders:
            batch = view.batches.get(holder.batch_id) if isinstance(view, Reachable) else None
            if holder.is_open and batch is not None and batch.waits:
                yield max(SOON_S, (now - holder.intended_at) / 4)
