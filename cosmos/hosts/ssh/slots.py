"""How many commands run on one connection at a time."""

import contextlib
import threading
from collections.abc import Iterator

from cosmos.errors import HostUnreachable

CHANNELS = 6
"""Commands at a time: sshd's default MaxSessions is 10, and people log in too."""


class Slots:
    """Places for commands. Fewer than CHANNELS once a server has said that it allows fewer."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._taken = 0
        self._limit = CHANNELS

    def reset(self) -> None:
        with self._free:
            self._limit = CHANNELS
            self._free.notify_all()

    @contextlib.contextmanager
    def taken(self, name: str, patience_s: float) -> Iterator[None]:
        with self._free:
            if not self._free.wait_for(lambda: self._taken < self._limit, patience_s):
                raise HostUnreachable(f"{name}: {self._taken} commands run there and none ended", "look again")
            self._taken += 1
        try:
            yield
        finally:
            with self._free:
                self._taken -= 1
                self._free.notify()

    def wait_for_another(self, patience_s: float) -> bool:
        """The server said no to a channel: wait until another one of ours ended. False: there is none, or none did."""
        with self._free:
            if self._taken <= 1:
                return False
            self._limit = min(self._limit, self._taken - 1)
            self._taken -= 1
            got = self._free.wait_for(lambda: self._taken < self._limit, max(0.0, patience_s))
            self._taken += 1
            return got
