"""One writer a key: acts that run beside each other and bring the same bytes take turns."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class KeyedLocks:
    """Locks by name, made when first asked for and forgotten with their last holder."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._holders: Counter[str] = Counter()

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Wait until nobody else holds the name, and hold it."""
        with self._guard:
            lock = self._locks.setdefault(name, threading.Lock())
            self._holders[name] += 1
        try:
            with lock:
                yield
        finally:
            with self._guard:
                self._holders[name] -= 1
                if not self._holders[name]:
                    del self._holders[name], self._locks[name]
