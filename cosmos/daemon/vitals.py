"""How a daemon is: from what its loop tells, for systemd, HTTP, and the health file.

Alive is not ready. A loop that moves is alive, whatever comes of its passes: to start it anew would mend nothing.
It is ready when it does what it is there for.
"""

import json
import logging
import math
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Any

from cosmos.core.plan import Phase
from cosmos.outcome import Pass

logger = logging.getLogger(__name__)

FILE = "daemon.json"
"""The health file, in the state folder of the project."""
LATE_S = 60.0
"""A pass that is not over so long after it was to begin is late: the daemon is not ready."""
DEAD_S = 900.0
"""After so long the loop hangs. Far more than a pass takes that reads new inputs for the first time."""


class State(StrEnum):
    STARTING = "starting"
    WORKING = "working"
    FAILING = "failing"
    STANDING_BY = "standing by"
    LATE = "late"
    HANGING = "hanging"
    ENDING = "ending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A daemon, as it began. `at` in seconds since the epoch."""

    pid: int
    machine: str
    version: str
    at: float


def this_daemon() -> Started:
    version = metadata.version("cosmos-gitops")
    return Started(pid=os.getpid(), machine=socket.gethostname(), version=version, at=time.time())


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How it is at one moment. `why` is empty when it is ready; `record` is all of it, as plain data."""

    state: State
    why: str
    record: dict[str, Any]

    @property
    def is_alive(self) -> bool:
        return self.state is not State.HANGING

    @property
    def is_ready(self) -> bool:
        return self.state is State.WORKING

    @property
    def words(self) -> str:
        """One line for a person."""
        counts = ", ".join(f"{count} {phase}" for phase, count in self.record["counts"].items())
        return f"{self.state}: {self.why or counts or 'no runs'}"


class Vitals:
    """Is told of each pass, and says how the daemon is. Any thread may call it.

    Args:
        started: The daemon.
        address: Where its server listens, if it has one.
        monotonic: Seconds that no change of the clock disturbs.
    """

    def __init__(self, started: Started, address: str = "", monotonic: Callable[[], float] = time.monotonic) -> None:
        self._started = started
        self._address = address
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._last: Pass | None = None
        self._state = State.STARTING
        self._why = "the first pass is not over"
        self._error: dict[str, str | None] | None = None
        self._next_at = started.at
        self._due = monotonic()
        self._unwritten = ""

    def passed(self, done: Pass) -> None:
        with self._lock:
            self._last, self._error = done, None
            self._tell(State.WORKING, "", done.at, done.next_at)

    def failed(self, words: str, at: float, next_at: float) -> None:
        """A pass ended with an error. Times in seconds since the epoch."""
        with self._lock:
            self._error = {"message": words, "at": rfc3339(at)}
            self._tell(State.FAILING, f"the last pass failed: {one_line(words)}", at, next_at)

    def stands_by(self, words: str, at: float, next_at: float) -> None:
        """Another controller acts; this one asks again at `next_at`."""
        with self._lock:
            self._error = None
            self._tell(State.STANDING_BY, one_line(words), at, next_at)

    def ends(self) -> None:
        """It begins nothing more. How long that may take is not for this to say."""
        with self._lock:
            self._tell(State.ENDING, "it was told to end", self._next_at, math.inf)

    def _tell(self, state: State, why: str, at: float, next_at: float) -> None:
        if self._state is State.ENDING:
            return
        self._state, self._why, self._next_at = state, why, next_at
        self._due = self._monotonic() + max(0.0, next_at - at)

    def health(self) -> Health:
        with self._lock:
            late_s = self._monotonic() - self._due
            state, why = self._state, self._why
            if late_s > DEAD_S:
                state, why = State.HANGING, f"no pass has ended for {late_s:.0f} s longer than it should take"
            elif late_s > LATE_S and state is State.WORKING:
                state, why = State.LATE, f"the next pass is {late_s:.0f} s late"
            return Health(state=state, why=why, record=self._record(state, why))

    def _record(self, state: State, why: str) -> dict[str, Any]:
        started, last = self._started, self._last
        phases = Counter(status.phase for status in last.statuses) if last is not None else Counter()
        hosts = last.hosts if last is not None else ()
        return {
            "format_version": 1,
            "state": state.value,
            "ready": state is State.WORKING,
            "why": why,
            "pid": started.pid,
            "machine": started.machine,
            "version": started.version,
            "since": rfc3339(started.at),
            "address": self._address,
            "revision": last.revision if last is not None else "",
            "held_back": last.held_back if last is not None else "",
            "last_pass": rfc3339(last.at) if last is not None else None,
            "took_s": round(last.took_s, 3) if last is not None else None,
            "next": rfc3339(self._next_at),
            "hangs_after": rfc3339(self._next_at + DEAD_S),
            "counts": {phase.value: phases[phase] for phase in Phase if phases[phase]},
            "hosts": {"reachable": sum(host.reachable for host in hosts), "all": len(hosts)},
            "away": [host.name for host in hosts if not host.reachable],
            "problems": len(last.problems) if last is not None else 0,
            "troubles": len(last.troubles) if last is not None else 0,
            "error": self._error,
        }

    def write(self, path: Path) -> None:
        """Write the health file, at once or not at all. A disk that refuses does not end a daemon; it is logged."""
        text = json.dumps(self.health().record, indent=1) + "\n"
        partial = path.with_name(f".{path.name}.{self._started.pid}")
        with self._writing:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                partial.write_text(text, encoding="utf-8")
                partial.replace(path)
            except OSError as error:
                if str(error) != self._unwritten:
                    logger.warning("the health file cannot be written: %s", error)
                self._unwritten = str(error)
            else:
                self._unwritten = ""


def rfc3339(seconds: float) -> str | None:
    """Seconds since the epoch in UTC, None for never."""
    if not math.isfinite(seconds):
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def one_line(words: str) -> str:
    return "; ".join(line.strip() for line in words.splitlines() if line.strip())
