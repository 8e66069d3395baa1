"""Passes of a daemon, as values."""

from typing import Any

from cosmos.core.plan import Phase, RunStatus, Sync
from cosmos.core.problem import Location
from cosmos.outcome import HostNote, Pass
from tests.makers import NOW, a_digest


def a_status(key: str, phase: Phase, **fields: Any) -> RunStatus:
    fields = {
        "sync": Sync.SYNCED,
        "digest": a_digest(key),
        "run_id": f"rs_{key}",
        "at": Location("specs/a.yaml"),
        **fields,
    }
    return RunStatus(key=key, phase=phase, **fields)


def a_pass(*statuses: RunStatus, **fields: Any) -> Pass:
    """One at NOW, after which the next is due within a minute."""
    fields = {"at": NOW, "took_s": 0.25, "next_at": NOW + 60, "revision": "", "held_back": "", "hosts": (), **fields}
    return Pass(statuses=statuses, **fields)


def a_host(name: str, **fields: Any) -> HostNote:
    return HostNote(name=name, **{"reachable": True, **fields})
