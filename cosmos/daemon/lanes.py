"""One lane for each service: what is to be sent waits there, so that a slow service holds up nothing else."""

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from cosmos.daemon.services import Answer, Service
from cosmos.daemon.wording import Notice, Tone

logger = logging.getLogger(__name__)

MOST_LINES = 20
"""Notices that one message names; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a lane is. `pauses_s` are those before each further try; a window has at most `most` messages."""

    most: int = 10
    window_s: float = 60.0
    most_waiting: int = 100
    pauses_s: tuple[float, ...] = (5.0, 30.0, 300.0)


class Lane:
    """Sends notices to one service, in a thread of its own.

    Args:
        service: Where to.
        project: Begins the title of each message.
        pace: How fast.
    """

    def __init__(self, service: Service, project: str, pace: Pace) -> None:
        self._service, self._project, self._pace = service, project, pace
        self._waiting: deque[Notice] = deque()
        self._sent: deque[float] = deque()
        self._dropped = 0
        self._is_behind = False
        self._is_ending = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="cosmos-notify", daemon=True)
        self._thread.start()

    def put(self, notices: Sequence[Notice]) -> None:
        """Send them later. Where too many wait, the oldest are dropped."""
        with self._changed:
            self._waiting.extend(notices)
            while len(self._waiting) > self._pace.most_waiting:
                self._waiting.popleft()
                self._dropped += 1
            self._changed.notify()

    def end(self) -> None:
        """Send what waits as one message, once and without pauses, and then no more."""
        with self._changed:
            self._is_ending = True
            self._changed.notify()

    def has_ended(self, within_s: float) -> bool:
        """Whether all is sent, or given up, after `end`."""
        self._thread.join(within_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while batch := self._next():
            self._deliver(batch)

    def _next(self) -> list[Notice]:
        """What the next message is made of; nothing at the end."""
        with self._changed:
            while not self._is_ending:
                now = time.monotonic()
                while self._sent and now - self._sent[0] >= self._pace.window_s:
                    self._sent.popleft()
                room = self._pace.most - len(self._sent)
                if self._waiting and room > 0:
                    self._sent.append(now)
                    return self._take(1 if room > 1 and not self._is_behind else len(self._waiting))
                self._changed.wait(self._pace.window_s - (now - self._sent[0]) if self._waiting else None)
            return self._take(len(self._waiting))

    def _take(self, count: int) -> list[Notice]:
        if self._dropped:
            logger.warning("%d notifications to %s dropped: too many wait", self._dropped, self._service.label)
            self._dropped = 0
        return [self._waiting.popleft() for _ in range(count)]

    def _deliver(self, batch: Sequence[Notice]) -> None:
        title, text, tone = message(self._project, batch)
        for pause_s in (*self._pace.pauses_s, None):
            is_last = pause_s is None or self._is_ending
            answer = self._service.send(title, text, tone)
            if answer.taken or is_last or not answer.again:
                break
            logger.info("%s: %s; tried again in %g s", self._service.label, answer.why, pause_s)
            with self._changed:
                self._changed.wait_for(lambda: self._is_ending, pause_s)
        self._note(batch, answer)

    def _note(self, batch: Sequence[Notice], answer: Answer) -> None:
        self._is_behind = not answer.taken
        if answer.taken:
            logger.debug("%s has taken %d notifications", self._service.label, len(batch))
        else:
            logger.warning("%d notifications not sent to %s: %s", len(batch), self._service.label, answer.why)


def message(project: str, batch: Sequence[Notice]) -> tuple[str, str, Tone]:
    """Title, text and tone of one message."""
    if len(batch) == 1:
        return f"{project}: {batch[0].title}", batch[0].text, batch[0].tone
    shown = [f"- {notice.title}" for notice in batch[:MOST_LINES]]
    more = [f"and {len(batch) - MOST_LINES} more"] if len(batch) > MOST_LINES else []
    tones = {notice.tone for notice in batch}
    worst = next(tone for tone in (Tone.BAD, Tone.WARNING, Tone.GOOD) if tone in tones)
    return f"{project}: {len(batch)} notifications", "\n".join([*shown, *more]), worst
