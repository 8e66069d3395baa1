"""Looks at hosts beside each other, so that one that is slow to answer holds up no other."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from cosmos.core.observed import HostView, Unreachable
from cosmos.core.ports import Clock, Host
from cosmos.errors import HostUnreachable

PATIENCE_S = 5.0
"""How long a pass waits for hosts after the first. One that is slower is away until its look comes in."""


class Lookers(Protocol):
    """Runs looks: beside each other in threads, or one after the other where order must be the seed's alone."""

    def submit(self, look: Callable[[], HostView]) -> Future[HostView]:
        """Begin a look."""

    def wait(self, looks: Iterable[Future[HostView]], timeout_s: float | None) -> None:
        """Until all have come in, or for so long."""

    def close(self) -> None:
        """Begin no more."""


class ThreadLookers:
    """A thread for each of so many hosts."""

    def __init__(self, hosts: int) -> None:
        self._pool = ThreadPoolExecutor(max_workers=max(1, hosts), thread_name_prefix="cosmos-look")

    def submit(self, look: Callable[[], HostView]) -> Future[HostView]:
        return self._pool.submit(look)

    def wait(self, looks: Iterable[Future[HostView]], timeout_s: float | None) -> None:
        wait(looks, timeout=timeout_s)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Begun:
    at: float
    future: Future[HostView]


class HostLooks:
    """One look a host at a time. Safe for one thread that looks, and others that tell of acts.

    Args:
        hosts: By name.
        clock: For times that people read.
        lookers: How looks are run; in threads unless told otherwise.
    """

    def __init__(self, hosts: Mapping[str, Host], clock: Clock, lookers: Lookers | None = None) -> None:
        self._hosts = hosts
        self._clock = clock
        self._lookers = lookers or ThreadLookers(len(hosts))
        self._begun: dict[str, _Begun] = {}
        self._acted: dict[str, float] = {}
        self._patience_s: float | None = None

    def all(self, blobs: tuple[str, ...]) -> dict[str, HostView]:
        """Every host. The first time all are waited for, so that a person reads why one is away."""
        now = self._clock.monotonic()
        for name in sorted(self._hosts.keys() - self._begun.keys()):
            self._begun[name] = _Begun(now, self._lookers.submit(partial(self._view, name, blobs)))
        self._lookers.wait([look.future for look in self._begun.values()], self._patience_s)
        self._patience_s = PATIENCE_S
        return {name: self._seen(name, now) for name in self._hosts}

    def acted(self, host: str) -> None:
        """Something begins or ends there: a look that is under way may show neither before nor after."""
        self._acted[host] = self._clock.monotonic()

    def close(self) -> None:
        self._lookers.close()

    def _seen(self, name: str, now: float) -> HostView:
        look = self._begun[name]
        if not look.future.done():
            waited = self._clock.monotonic() - look.at
            return self._away(f"has not answered for {waited:.0f} s; the look goes on")
        del self._begun[name]
        is_late = look.at < now
        if is_late and self._acted.get(name, look.at) > look.at:
            return self._away("answered late, about what has changed since; it is looked at again")
        return look.future.result()

    def _away(self, why: str) -> Unreachable:
        return Unreachable(since=self._clock.now(), why=why)

    def _view(self, name: str, blobs: tuple[str, ...]) -> HostView:
        try:
            return self._hosts[name].observe(blobs)
        except HostUnreachable as error:
            why = f"{error.message}; {error.hint}" if error.hint else error.message
            return self._away(why)
