"""Where operations run: beside each other in threads, or one after the other in the caller's.

The engine hands over named acts and asks which are still under way. Threads serve people; the
inline form serves tests and the simulated world, where order must be the seed's alone.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol


class Workers(Protocol):
    """Runs acts, at most one of a name at a time."""

    @property
    def busy(self) -> frozenset[str]:
        """Names of acts that are under way."""

    def submit(self, name: str, act: Callable[[], None], then: Callable[[], None]) -> bool:
        """Run an act, then call `then` whatever came of it. False when one of that name is under way."""

    def check(self) -> None:
        """Raise what an act raised: acts handle what they foresee, so that this is a fault of the program."""

    def close(self) -> None:
        """Wait for what is under way; what has not begun does not begin."""


class InlineWorkers:
    """Runs each act at once, in the caller's thread."""

    busy: frozenset[str] = frozenset()

    def submit(self, name: str, act: Callable[[], None], then: Callable[[], None]) -> bool:
        del name
        try:
            act()
        finally:
            then()
        return True

    def check(self) -> None:
        pass

    def close(self) -> None:
        pass


class ThreadWorkers:
    """Runs up to `limit` acts beside each other."""

    def __init__(self, limit: int) -> None:
        self._pool = ThreadPoolExecutor(max_workers=limit, thread_name_prefix="cosmos")
        self._lock = threading.Lock()
        self._busy: set[str] = set()
        self._faults: list[BaseException] = []

    @property
    def busy(self) -> frozenset[str]:
        with self._lock:
            return frozenset(self._busy)

    def submit(self, name: str, act: Callable[[], None], then: Callable[[], None]) -> bool:
        with self._lock:
            if name in self._busy:
                return False
            self._busy.add(name)

        def run() -> None:
            try:
                act()
            finally:
                with self._lock:
                    self._busy.discard(name)
                then()

        self._pool.submit(run).add_done_callback(self._keep_fault)
        return True

    def check(self) -> None:
        with self._lock:
            if self._faults:
                raise self._faults.pop(0)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _keep_fault(self, future: Future[None]) -> None:
        fault = None if future.cancelled() else future.exception()
        if fault is not None:
            with self._lock:
                self._faults.append(fault)
