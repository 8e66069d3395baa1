"""Watchdog: an upper bound on calls that have none.

A peer that is stopped rather than gone keeps its kernel answering, and then most calls of paramiko (open, exec,
send, close) block for ever. The only way to end one is to cut the connection below it, from another thread.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_TICK_S = 0.2


class Watchdog:
    """Calls `cut` once when a call in progress is overdue. The thread lives until then, or until `stop`."""

    def __init__(self, cut: Callable[[], None]) -> None:
        self._cut = cut
        self._due: dict[object, float] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="cosmos-ssh-watchdog", daemon=True)
        self._thread.start()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Bound the calls made inside: they may take this long together."""
        call = object()
        with self._lock:
            self._due[call] = time.monotonic() + seconds
        try:
            yield
        finally:
            with self._lock:
                del self._due[call]

    def stop(self) -> None:
        self._stopped.set()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(_TICK_S):
            with self._lock:
                first = min(self._due.values(), default=float("inf"))
            if time.monotonic() > first:
                self._cut()
                return
