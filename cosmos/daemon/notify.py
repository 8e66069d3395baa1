"""Tells people: a listener of the daemon that sends what `notices` finds to the services of `[notify]`."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cosmos.daemon.lanes import Lane, Pace
from cosmos.daemon.notices import Notices
from cosmos.daemon.services import Service, open_services
from cosmos.daemon.wording import Notice, Tone
from cosmos.errors import RefusedError
from cosmos.outcome import Pass
from cosmos.settings import Settings

logger = logging.getLogger(__name__)

FILE = "notices.json"
"""What was told, in the state folder."""
FLUSH_S = 5.0
"""How long the end waits for messages on their way."""


class Notifier:
    """Called after each pass of a daemon; sends in threads of its own and never delays a pass.

    Without `urls` it does nothing.

    Args:
        settings: `notify`, the project's name, and the state folder.
        environment: Variables that `env:` names; default: the process's own.
        pace: How fast messages are sent.

    Raises:
        ConfigError: An URL that cannot be used.
    """

    def __init__(
        self, settings: Settings, *, environment: Mapping[str, str] | None = None, pace: Pace | None = None
    ) -> None:
        self._wanted = frozenset(settings.notify.on)
        self._file = settings.state / FILE
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        opened = open_services(settings.notify.urls, environment)
        self._remembered = _load(self._file) if opened else ""
        self._notices = Notices(settings.notify.unreachable_after, self._remembered)
        self._lanes = [Lane(service, settings.name, pace or Pace()) for service in opened]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __call__(self, done: Pass) -> None:
        """After a pass."""
        self._tell(
            lambda notices: [
                *notices.after(done),
                *notices.prune_blocked(done.removals_blocked, about=done.revision, at=done.at),
            ]
        )

    def close(self, within_s: float = FLUSH_S) -> None:
        """Send what waits, for no longer than this, and then nothing more."""
        self._tell(lambda notices: notices.rest())
        with self._lock:
            lanes, self._lanes = self._lanes, []
            if self._timer is not None:
                self._timer.cancel()
        end = time.monotonic() + within_s
        for lane in lanes:
            lane.end()
        left = sum(not lane.has_ended(max(0.0, end - time.monotonic())) for lane in lanes)
        if left:
            logger.warning("messages to %d of %d services of [notify] were still on their way", left, len(lanes))

    def _tell(self, ask: Callable[[Notices], list[Notice]]) -> None:
        with self._lock:
            if not self._lanes:
                return
            notices = [notice for notice in ask(self._notices) if self._is_wanted(notice)]
            if (remembered := self._notices.remembered) != self._remembered:
                self._remembered = remembered
                _save(self._file, remembered)
            for lane in self._lanes:
                lane.put(notices)
            self._wake_at(self._notices.next_due)

    def _is_wanted(self, notice: Notice) -> bool:
        return notice.kind in self._wanted and (notice.ends is None or notice.ends in self._wanted)

    def _wake_at(self, due: float | None) -> None:
        """What has to be told at a time is told then, also when no pass comes."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due is not None:
            self._timer = threading.Timer(max(0.1, due - time.time()), self._wake)
            self._timer.daemon = True
            self._timer.start()

    def _wake(self) -> None:
        self._tell(lambda notices: notices.due(time.time()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of a test message. `why` is empty when it was taken."""

    position: int
    to: str
    taken: bool
    why: str


def send_test(settings: Settings, environment: Mapping[str, str] | None = None) -> list[Delivery]:
    """Send one message to each service now, whatever kinds are to be told.

    Raises:
        RefusedError: There are none.
        ConfigError: An URL that cannot be used.
    """
    if not settings.notify.urls:
        raise RefusedError(
            "nobody to tell: [notify] in cosmos.toml has no `urls`", "docs/notifications.md has examples"
        )
    opened = open_services(settings.notify.urls, environment)

    def send(service: Service) -> Delivery:
        title, text = f"{settings.name}: a test", "This is how cosmos tells of failures and finished sweeps."
        answer = service.send(title, text, Tone.GOOD)
        return Delivery(position=service.position, to=service.label, taken=answer.taken, why=answer.why)

    with ThreadPoolExecutor(max_workers=len(opened)) as pool:
        return list(pool.map(send, opened))


def _load(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        logger.warning("%s cannot be read, so nothing of what was told is known: %s", path, error)
        return ""


def _save(path: Path, text: str) -> None:
    """Whole or not at all. Where it cannot be kept, a restart may tell it again; that is no reason to end."""
    partial = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        logger.warning("what was told cannot be kept in %s: %s", path, error.strerror)
