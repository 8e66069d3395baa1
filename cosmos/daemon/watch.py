"""Files that change wake the daemon. An event only says "look again"; what is missed, a look at intervals finds.

inotify loses events without saying so, and a folder that was removed and made again is watched no more. So every
watch is held against the folder that is there now, whenever the daemon has looked.
"""

import errno
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch
from watchdog.observers.polling import PollingObserver

from cosmos.daemon.daemon import Daemon
from cosmos.settings import Settings

logger = logging.getLogger(__name__)

QUIET_S = 0.3
"""A burst of changes is over when nothing has changed for so long,"""
BURST_S = 3.0
"""or has gone on for so long."""
POLL_S = 2.0
"""Between two looks where the system watches no files."""
_CHANGES = frozenset({"created", "modified", "deleted", "moved", "closed"})
"""Reading makes events, too; they are not among these."""


INPUTS = "inputs"
"""Folder of a project where inputs usually are; others are found to have changed after a while."""


@contextmanager
def watching(settings: Settings, daemon: Daemon) -> Iterator[None]:
    """Files of specs and inputs wake the daemon, until the end of the block."""
    inputs = [(settings.root / INPUTS, True), (settings.root, False)]
    folders = [*daemon.watched, *inputs]
    with FileWatch(folders, daemon.look) as watch:

        def renew() -> None:
            watch.renew()
            daemon.says_unwatched(watch.polls)

        renew()
        daemon.listeners.append(lambda done: renew())
        yield


class FileWatch:
    """Calls `changed` once for each burst of changes below some folders, from a thread of its own.

    Args:
        folders: Those to watch, each with whether what lies below its folders counts.
        changed: Called after each burst.
    """

    def __init__(self, folders: Iterable[tuple[Path, bool]], changed: Callable[[], None]) -> None:
        self._folders = dict(folders)
        self._changed = changed
        self._watched: dict[Path, tuple[tuple[int, int], ObservedWatch]] = {}
        self._event = threading.Event()
        self._closed = False
        self.polls = ""
        """Why it looks at files itself, and how often; empty where the system tells of changes."""
        self._observer = self._made()
        self._handler = _Handler(self._event)

    def __enter__(self) -> Self:
        self._observer.start()
        self.renew()
        threading.Thread(target=self._tell, name="cosmos-files", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        self._event.set()
        self._observer.stop()
        self._observer.join()

    def renew(self) -> None:
        """Watch what is there now: a folder that was made again, or that came back, is another one."""
        for folder, deep in self._folders.items():
            known, found = self._watched.get(folder), _identity(folder)
            if known is not None and known[0] == found:
                continue
            if known is not None:
                self._observer.unschedule(known[1])
                del self._watched[folder]
            if found is not None:
                self._schedule(folder, found, deep=deep)
                if known is not None:
                    self._event.set()

    def _schedule(self, folder: Path, identity: tuple[int, int], *, deep: bool) -> None:
        try:
            self._watched[folder] = (identity, self._observer.schedule(self._handler, str(folder), recursive=deep))
        except OSError as error:
            if self.polls:
                logger.warning("%s cannot be watched (%s): it is looked at now and then", folder, error.strerror)
                return
            self._observer.stop()
            self._observer = self._poller(error)
            self._observer.start()
            self._watched = {}
            self.renew()

    def _made(self) -> BaseObserver:
        try:
            return Observer()
        except OSError as error:
            return self._poller(error)

    def _poller(self, error: OSError) -> BaseObserver:
        """It looks by itself, as often as is bearable."""
        limit = "max_user_instances" if error.errno == errno.EMFILE else "max_user_watches"
        self.polls = (
            f"the system watches no more files for this user ({error.strerror}): it looks at them every {POLL_S:.0f} s "
            f"(raise fs.inotify.{limit} with sysctl, and start it anew)"
        )
        logger.warning("%s", self.polls)
        return PollingObserver(timeout=POLL_S)

    def _tell(self) -> None:
        while self._has_changed():
            self._changed()

    def _has_changed(self) -> bool:
        """Wait for the end of a burst; False once nobody watches any more."""
        self._event.wait()
        end = time.monotonic() + BURST_S
        while not self._closed and time.monotonic() < end:
            self._event.clear()
            if not self._event.wait(QUIET_S):
                break
        self._event.clear()
        return not self._closed


class _Handler(FileSystemEventHandler):
    def __init__(self, event: threading.Event) -> None:
        self._event = event

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in _CHANGES:
            self._event.set()


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
