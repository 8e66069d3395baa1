"""The daemon around the loop: it stays, whatever happens to a pass, and ends when it is told to.

The loop itself is `cosmos.project.keeping`. Here is what surrounds it for hours: standing by while another controller
acts, standing aside for one that asks, trying again after what nobody foresaw, and the grace at the end.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from cosmos.errors import BusyError, CosmosError, Fenced
from cosmos.outcome import Pass

if TYPE_CHECKING:
    from cosmos.api import CosmosAPI
    from cosmos.daemon.audience import Audience

logger = logging.getLogger(__name__)

STANDBY_S = 1.0
"""Pause before the lease is asked for again."""
ASIDE_S = 0.2
"""The same while somebody has a turn."""
AGAIN_BASE_S, AGAIN_CAP_S = 1.0, 60.0
"""Pause after an error that ended the loop, which doubles with each that does so after it; and the longest one."""

LAST_WORDS_S = 0.2
"""For the log to be written, before the process leaves without waiting for anything."""

Listener = Callable[[Pass], None]


class Daemon:
    """One daemon of one project.

    Args:
        cosmos: The project.
        working_tree: Follow the files as they are, not the commits.
        grace_s: How long acts under way may take once it is told to end.
        listeners: Told of each pass, in the daemon's thread.
    """

    def __init__(
        self,
        cosmos: "CosmosAPI",
        *,
        working_tree: bool,
        grace_s: float,
        listeners: Iterable[Listener] = (),
    ) -> None:
        self._grace_s = grace_s
        self.listeners = list(listeners)
        self._audience: Audience | None = None
        self._keeper = cosmos.keeper(working_tree=working_tree, listener=self._passed, failed=self._failed)
        self._stop = threading.Event()
        self._errors = 0
        self._failing = False
        self._standing_by = ""
        self.look = self._keeper.look
        self.watched = self._keeper.watched

    def says_unwatched(self, words: str) -> None:
        """Have those who ask told why the system does not tell of changed files; empty where it does."""
        self._keeper.unwatched = words

    def stop(self) -> None:
        """Begin nothing more. `run` returns once the acts under way have ended, or the process ends with the grace."""
        if self._stop.is_set():
            return
        logger.info("told to end: acts under way have %.0f s", self._grace_s)
        self._stop.set()
        self._keeper.stop()
        if self._audience is not None:
            self._audience.ends()
        timer = threading.Timer(self._grace_s, self._leave)
        timer.daemon = True
        timer.start()

    def run(self, audience: "Audience") -> None:
        """Until `stop`.

        Args:
            audience: Who watches from outside.
        """
        self._audience = audience
        while not self._stop.is_set():
            self._stop.wait(self._once())

    def _once(self) -> float:
        """The loop, until something ends it; returns how long to wait before the next one."""
        try:
            self._keeper.run()
        except BusyError as busy:
            return self._stand_by(busy)
        except Fenced as fenced:
            logger.warning("%s", fenced.message)
            return STANDBY_S
        except CosmosError as error:
            return self._try_again(str(error))
        except Exception as error:
            logger.exception("a fault of cosmos; the daemon goes on")
            return self._try_again(f"a fault of cosmos: {type(error).__name__}: {error}")
        return ASIDE_S

    def _passed(self, done: Pass) -> None:
        if self._failing:
            logger.info("it goes on: what failed before is over")
        self._errors, self._failing, self._standing_by = 0, False, ""
        for listener in self.listeners:
            listener(done)
        if self._audience is not None:
            self._audience.passed(done)

    def _failed(self, words: str, at: float, next_at: float) -> None:
        self._failing = True
        if self._audience is not None:
            self._audience.failed(words, at, next_at)

    def _stand_by(self, busy: BusyError) -> float:
        if busy.message != self._standing_by:
            logger.info("standing by: %s", busy.message)
            self._standing_by = busy.message
        now = time.time()
        if self._audience is not None:
            self._audience.stands_by(busy.message, now, now + STANDBY_S)
        return STANDBY_S

    def _try_again(self, words: str) -> float:
        pause = min(AGAIN_CAP_S, AGAIN_BASE_S * 2.0 ** min(self._errors, 10))
        self._errors += 1
        logger.warning("the loop ended, next in %.0f s: %s", pause, words)
        now = time.time()
        self._failed(words, now, now + pause)
        return pause

    def _leave(self) -> None:
        """Every instant is safe to be killed at: what is under way is found again."""
        logger.warning("the grace of %.0f s is over: leaving acts under way", self._grace_s)
        time.sleep(LAST_WORDS_S)
        os._exit(0)
