"""Looks at several hosts: a slow one holds up no other, and what comes late about the past is not believed."""

import threading
from collections.abc import Iterable, Iterator
from typing import cast

import pytest

from cosmos.core.observed import Reachable, Unreachable
from cosmos.core.ports import Host
from cosmos.engine import looks
from cosmos.engine.looks import HostLooks
from cosmos.engine.world import SystemClock
from tests.makers import reachable

SOON_S = 30.0


class Slow:
    """A host whose answers come when the test lets them."""

    def __init__(self) -> None:
        self.lets = threading.Semaphore(0)
        self.asked = 0

    def observe(self, wanted_blobs: Iterable[str]) -> Reachable:
        self.asked += 1
        assert self.lets.acquire(timeout=SOON_S)
        return reachable(clock=float(self.asked))


class Quick:
    def observe(self, wanted_blobs: Iterable[str]) -> Reachable:
        return reachable()


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def hosts(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostLooks]:
    monkeypatch.setattr(looks, "PATIENCE_S", 0.05)
    found = HostLooks({"slow": cast(Host, slow), "quick": cast(Host, Quick())}, SystemClock())
    slow.lets.release()
    assert set(map(type, found.all(()).values())) == {Reachable}  # all are waited for at first
    yield found
    slow.lets.release(9)
    found.close()


def test_a_slow_host_is_away_and_the_others_are_seen(hosts: HostLooks, slow: Slow) -> None:
    views = hosts.all(())
    assert isinstance(views["quick"], Reachable)
    assert isinstance(views["slow"], Unreachable)
    assert "the look goes on" in views["slow"].why


def test_a_late_look_counts_once_it_is_in_and_is_not_begun_twice(hosts: HostLooks, slow: Slow) -> None:
    hosts.all(())
    hosts.all(())
    assert slow.asked == 2
    slow.lets.release()
    while isinstance(view := hosts.all(())["slow"], Unreachable):
        pass
    assert view.clock == 2.0


def test_a_late_look_is_not_believed_about_what_was_changed_meanwhile(hosts: HostLooks, slow: Slow) -> None:
    hosts.all(())
    hosts.acted("slow")
    slow.lets.release()
    while "the look goes on" in (why := getattr(hosts.all(())["slow"], "why", "")):
        pass
    assert "looked at again" in why
