"""Runs as people look through them: fast for ten thousand, because specs are read again only when they changed.

Where runs stand comes from the last look, as a controller left it; nothing here looks at a host or changes anything.
"""

import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cosmos import meters
from cosmos.core.desired import Desired
from cosmos.core.digest import Digest
from cosmos.core.gallery import Choices, Found, Item, Query, choices, find, items, next_first
from cosmos.core.idle import Busy, busy
from cosmos.core.plan import Phase
from cosmos.core.recorded import Attempt, LedgerEntry
from cosmos.errors import NotFoundError
from cosmos.meters import Meters
from cosmos.outcome import DaemonNote, HostNote, notes_from_text
from cosmos.project.reading import HOSTS, METERS, PROBLEMS, present_in
from cosmos.project.rows import event_row
from cosmos.project.scenery import is_part
from cosmos.project.wiring import Project
from cosmos.source.tree import Revision, WorkingTree
from cosmos.state.board import Board
from cosmos.state.process import is_at_work
from cosmos.state.quick import read_board
from cosmos.views import EventRow

SHOWN = frozenset({".mp4", ".webm", ".mov", ".jpg", ".jpeg", ".png", ".webp", ".json", ".log", ".txt"})
"""Suffixes of files that are given out: nothing that a browser would run."""
NEWEST = 12
BUSY_S = 86400.0
BUSY_ATTEMPTS = 500
"""Of a host, as many as are looked at for how busy it was."""
EVENTS_SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The whole project at a glance. `items` are those that a person wants to see first, by phase."""

    project: str
    revision: Revision
    looked_at: float | None
    problems: int
    counts: dict[str, int]
    sync: dict[str, int]
    acting: bool
    daemon: DaemonNote | None
    hosts: tuple[HostNote, ...]
    running: tuple[Item, ...]
    queued: tuple[Item, ...]
    failed: tuple[Item, ...]
    newest: tuple[Item, ...]
    disk_free: int
    disk_total: int
    meters: Meters = meters.NONE
    busy: dict[str, Busy] = field(default_factory=dict)
    """By host: how busy its GPUs were in the last day."""
    usual_s: dict[str, float] = field(default_factory=dict)
    """How long runs of a model take, as the last results tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """One run from close by."""

    item: Item
    entry: LedgerEntry | None
    attempts: tuple[Attempt, ...]
    events: tuple[EventRow, ...]


class Gallery:
    """The read side of one project. Safe for use from several threads.

    Args:
        project: Opens the project; called when it is first needed.
    """

    def __init__(self, project: Callable[[], Project]) -> None:
        self._open = project
        self._lock = threading.Lock()
        self._desired: Desired | None = None
        self._items: tuple[Item, ...] = ()
        self._choices: Choices | None = None
        self._made_of: tuple[str, str] | None = None

    def version(self) -> str:
        """Another text once there may be something new to show; asked often, so cheap."""
        project = self._open()
        return f"{self._fingerprint(project)}{_stamp(project.records.board(statuses=False))}"

    def everything(self) -> tuple[Desired, tuple[Item, ...]]:
        """What the specs ask for, and every run with where it stands."""
        everything = self._everything()
        assert self._desired is not None  # noqa: S101 - made with the items
        return self._desired, everything

    def find(self, query: Query) -> Found:
        """One page of runs."""
        return find(self._everything(), query, time.time())

    def choices(self) -> Choices:
        """What filters can be set to."""
        everything = self._everything()
        if self._choices is None:
            self._choices = choices(everything)
        return self._choices

    def of(self, keys: Sequence[str]) -> tuple[Item, ...]:
        """Runs by key, in the order asked for; those that are not there are left out."""
        by_key = {item.key: item for item in self._everything()}
        return tuple(by_key[key] for key in keys if key in by_key)

    def all(self) -> tuple[Item, ...]:
        """Every run, by key."""
        return self._everything()

    def results(self, found: Sequence[Item]) -> dict[str, LedgerEntry]:
        """What is done of some runs, by key."""
        digests = [Digest(item.status.digest) for item in found if item.status.digest]
        entries = {entry.digest: entry for entry in self._open().records.results(digests)}
        return {item.key: entries[item.status.digest] for item in found if item.status.digest in entries}

    def close(self, key: str) -> Close:
        """One run, by its key.

        Raises:
            NotFoundError: There is none.
        """
        found = self.of([key])
        if not found:
            raise NotFoundError(f'no run is called "{key}"', "the specs may have changed: see the list of runs")
        records = self._open().records
        return Close(
            item=found[0],
            entry=self.results(found).get(key),
            attempts=records.attempts_of(found[0].status.run_id),
            events=tuple(map(event_row, records.history(key, EVENTS_SHOWN))),
        )

    def overview(self) -> Overview:
        """Counts, what runs, waits and failed, and what came last."""
        project, everything = self._open(), self._everything()
        board = project.records.board(statuses=False)
        by_phase: dict[Phase, list[Item]] = {}
        for item in everything:
            by_phase.setdefault(item.status.phase, []).append(item)
        sync: dict[str, int] = {}
        for item in everything:
            sync[item.status.sync.value] = sync.get(item.status.sync.value, 0) + 1
        disk = shutil.disk_usage(project.settings.state)
        running = [item for phase in _AT_WORK for item in by_phase.get(phase, [])]
        newest = _latest(by_phase.get(Phase.SUCCEEDED, []))
        measured = meters.from_text(board.notes.get(METERS, ""))
        return Overview(
            project=project.settings.name,
            revision=WorkingTree(project.settings.root, project.settings.specs).revision(),
            looked_at=board.looked_at,
            problems=int(board.notes.get(PROBLEMS, "0")),
            counts={phase.value: len(by_phase[phase]) for phase in Phase if phase in by_phase},
            sync=sync,
            acting=board.holder is not None and is_at_work(*board.holder),
            daemon=present_in(board),
            hosts=notes_from_text(board.notes.get(HOSTS, "")),
            running=tuple(running[:NEWEST]),
            queued=tuple(sorted((i for phase in _TO_COME for i in by_phase.get(phase, [])), key=next_first))[:NEWEST],
            failed=_latest(by_phase.get(Phase.FAILED, [])),
            newest=newest,
            disk_free=disk.free,
            disk_total=disk.total,
            meters=measured,
            busy=_busy(project, measured),
            usual_s=self._usual(newest),
        )

    def _usual(self, newest: Sequence[Item]) -> dict[str, float]:
        took: dict[str, list[float]] = {}
        entries = self.results(newest)
        for item in newest:
            if item.key in entries:
                took.setdefault(item.model, []).append(entries[item.key].duration_s)
        return {model: sorted(times)[len(times) // 2] for model, times in took.items()}

    def result_file(self, digest: str, name: str) -> Path:
        """A published file of a result, by what the ledger says and nothing else.

        Raises:
            NotFoundError: There is none, or it is none that is given out.
        """
        project = self._open()
        for entry in project.records.results([Digest(digest)]):
            for file in entry.manifest:
                path = project.world.store.path(file.sha256)
                if file.name == name and Path(name).suffix.lower() in SHOWN and path.is_file():
                    return path
        raise NotFoundError(f"{name} of {digest[:8]} is not here", "cosmos verify names what is missing")

    def input_file(self, path: str) -> Path:
        """A file of a scene, or one that a run of this project reads, by its path in the project.

        Raises:
            NotFoundError: It is neither, or none that is given out.
        """
        root = self._open().settings.root.resolve()
        real = (root / path).resolve()
        is_read = is_part(path) or any(path in item.inputs for item in self._everything())
        if is_read and real.is_relative_to(root) and real.suffix.lower() in SHOWN and real.is_file():
            return real
        raise NotFoundError(f"{path} is no input of a run", "only files of scenes, and those that runs read, are shown")

    def _everything(self) -> tuple[Item, ...]:
        project = self._open()
        with self._lock:
            fingerprint = self._fingerprint(project)
            stamp = _stamp(project.records.board(statuses=False))
            if self._made_of == (fingerprint, stamp):
                return self._items
            if self._desired is None or self._made_of is None or self._made_of[0] != fingerprint:
                self._desired = project.desire()
            board = read_board(project.settings.database_url) or project.records.board()
            self._items = items(self._desired, board.statuses)
            self._choices = None
            self._made_of = (fingerprint, stamp)
            return self._items

    @staticmethod
    def _fingerprint(project: Project) -> str:
        return WorkingTree(project.settings.root, project.settings.specs).fingerprint()


_AT_WORK = (Phase.RUNNING, Phase.COLLECTING, Phase.STARTING, Phase.STAGING)
_TO_COME = (Phase.QUEUED, Phase.WAITING, Phase.PENDING)


def _busy(project: Project, measured: Meters) -> dict[str, Busy]:
    gpus = {host.host: len(host.gpus) for host in measured.hosts}
    if not any(gpus.values()):
        return {}
    return busy(project.records.gpu_attempts(BUSY_ATTEMPTS), gpus, time.time(), BUSY_S)


def _latest(found: Sequence[Item]) -> tuple[Item, ...]:
    return tuple(sorted(found, key=lambda item: (-(item.status.since or 0.0), item.key))[:NEWEST])


def _stamp(board: Board) -> str:
    """Whatever a look leaves changes it; the beat of a controller that only waits does not."""
    return repr((board.looked_at, sorted(board.notes.items()), board.epoch, board.holder is not None))
