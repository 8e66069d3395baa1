"""Statuses from the database: quickly where nothing moves, and by following another controller."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from cosmos.core.plan import ENDED, Phase, Plan, RunStatus
from cosmos.outcome import (
    DaemonNote,
    Outcome,
    PlanView,
    Progress,
    StatusView,
    daemon_from_text,
    notes_from_text,
    queue_from_text,
)
from cosmos.settings import Settings
from cosmos.source.tree import WorkingTree
from cosmos.state.board import Board
from cosmos.state.process import is_at_work
from cosmos.state.quick import read_board

if TYPE_CHECKING:
    from cosmos.state.records import SqlRecords

FINGERPRINT = "specs"
"""Note beside the statuses: the state of the spec files that they were made from."""
PROBLEMS = "problems"
"""Note beside the statuses: number of problems in the specs."""

HOSTS = "hosts"
"""Note beside the statuses: the hosts, as `outcome.notes_to_text` writes them."""

QUEUE = "queue"
"""Note beside the statuses: what is still to come, as `outcome.queue_to_text` writes it."""

ASKED = "asked"
"""Note beside the statuses: when a person last said something that changes where runs stand."""

METERS = "meters"
"""Note beside the statuses: what was measured on the hosts, as `meters.to_text` writes it."""

DAEMON = "daemon"
"""Note beside the statuses: the daemon, as `outcome.DaemonNote`; empty where none is there."""

HANDLED = "handled"
"""Note beside the statuses: what `ASKED` was when the last pass of a daemon began."""

MOVING = frozenset({Phase.STAGING, Phase.STARTING, Phase.RUNNING, Phase.COLLECTING})
"""Phases that may have passed since the last look."""


def quick_status(settings: Settings) -> StatusView | None:
    """Without SQLAlchemy, where that is possible."""
    board = read_board(settings.database_url)
    return None if board is None or board.looked_at is None else status_view(board, settings)


def known_names(settings: Settings) -> list[str]:
    """Runs as of the last look, and the names of their matrices; none before the first look."""
    quick = quick_status(settings)
    keys = [status.key for status in quick.statuses] if quick is not None else []
    return sorted({*keys, *(key.partition("/")[0] for key in keys)})


def is_fresh(view: StatusView) -> bool:
    """Nothing was under way at the last look, nor asked for since; or a daemon looks whenever there is something."""
    is_still = not view.is_overtaken and not any(_moves(status) for status in view.statuses)
    return view.looked_at is not None and (is_still or view.daemon is not None)


def _moves(status: RunStatus) -> bool:
    """What is next on a GPU has it already, and begins without anybody here."""
    return status.phase in MOVING or (status.phase is Phase.QUEUED and bool(status.gpus))


def status_view(board: Board, settings: Settings) -> StatusView:
    """A board, held against the spec files as they are now."""
    fingerprint = WorkingTree(settings.root, settings.specs).fingerprint()
    return StatusView(
        statuses=board.statuses,
        looked_at=board.looked_at,
        hosts=notes_from_text(board.notes.get(HOSTS, "")),
        stale=board.notes.get(FINGERPRINT) != fingerprint,
        problems=int(board.notes.get(PROBLEMS, "0")),
        is_overtaken=float(board.notes.get(ASKED, "0")) > (board.looked_at or 0.0),
        acting=board.holder is not None and is_at_work(*board.holder),
        daemon=present_in(board),
        queue=queue_from_text(board.notes.get(QUEUE, "")),
    )


def present_in(board: Board) -> DaemonNote | None:
    """The daemon that acts, if one does."""
    daemon = daemon_from_text(board.notes.get(DAEMON, ""))
    is_its_own = daemon is not None and daemon.epoch == board.epoch  # else of one that was killed
    return daemon if is_its_own and board.holder is not None and is_at_work(*board.holder) else None


def note_asked(records: "SqlRecords", at: float) -> float:
    """What a person says changes where runs stand; the next status looks again, and a daemon at once.

    Returns:
        The number of this asking: a pass has heard it once `HANDLED` is no less.
    """
    return records.raise_note(ASKED, at)


FOLLOW_S = 2.0
"""How long another controller is followed before somebody sees whether it is still there."""


def follow(
    read: Callable[[], Board],
    view: PlanView,
    is_detached: Callable[[], bool],
    timeout_s: float | None,
    listener: Callable[[Progress], None] | None = None,
    look_every_s: float = 0.5,
) -> Outcome:
    """Wait while another controller acts, by what it records; it is the one that collects.

    Args:
        read: Gives the newest board.
        view: What is waited for.
        is_detached: True once nobody wants to wait any more.
        timeout_s: Give up after this time.
        listener: Told of each reading.
        look_every_s: Between two readings.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    while True:
        statuses = tuple(status for status in read().statuses if status.key in view.selected)
        if listener is not None:
            listener(Progress(plan=Plan(statuses=statuses)))
        over = len(statuses) == len(view.selected) and all(status.phase in ENDED or status.stuck for status in statuses)
        late = not over and deadline is not None and time.monotonic() >= deadline
        detached = not over and is_detached()
        if over or late or detached:
            return Outcome(statuses=statuses, problems=view.problems, timed_out=late, detached=detached)
        time.sleep(look_every_s)
