"""Where every run stood at the last look, for readers that do not look for themselves.

Read in two ways: `cosmos.state.quick` (SQLite, no SQLAlchemy) and `SqlRecords.board`. Both select
`COLUMNS` of the table `runs` and get the same values from here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from cosmos.core.estimate import Basis
from cosmos.core.plan import Cause, Phase, RunStatus, Sync
from cosmos.core.problem import Location
from cosmos.core.reasons import Reason
from cosmos.state.process import Process

COLUMNS = (
    *("key", "run_id", "digest", "sync", "phase", "cause", "reason", "message", "host", "gpus"),
    *("attempt", "folder", "since", "until", "stuck", "file", "line", "col"),
    *("takes_s", "basis", "ends_at"),
)
"""Of the table `runs`, in the order of `pack` and `unpack`."""

LOOKED_AT = "looked_at"
"""The note that holds the time of the last look."""

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Statuses sorted by key, and what was noted with them; `looked_at` is None before the first look."""

    statuses: tuple[RunStatus, ...]
    looked_at: float | None
    notes: Mapping[str, str]
    holder: tuple[Process, float] | None = None
    """Who has the lease, and when its beat last moved."""
    epoch: int = 0
    """Of that lease."""


HOLDER = (*(field.name for field in fields(Process)), "beat_at", "epoch")
"""Of the table `lease`, where it is held."""


def board(rows: Iterable[Sequence[Any]], notes: Iterable[Sequence[str]], holders: Iterable[Sequence[Any]]) -> Board:
    by_name = {name: str(value) for name, value in notes}
    looked_at = by_name.pop(LOOKED_AT, None)
    statuses = tuple(unpack(row) for row in rows)
    held = [dict(zip(HOLDER, row, strict=True)) for row in holders]
    beats = [(float(row.pop("beat_at")), int(row.pop("epoch"))) for row in held]
    return Board(
        statuses=statuses,
        looked_at=None if looked_at is None else float(looked_at),
        notes=by_name,
        holder=(Process(**held[0]), beats[0][0]) if held else None,
        epoch=beats[0][1] if held else 0,
    )


def pack(status: RunStatus) -> Row:
    """A row; equal statuses give equal rows."""
    return (
        status.key,
        status.run_id,
        status.digest,
        status.sync.value,
        status.phase.value,
        status.cause.value if status.cause else None,
        status.reason.value if status.reason else None,
        printable(status.message),
        status.host,
        ",".join(status.gpus),
        status.attempt,
        status.folder,
        status.since,
        status.until,
        status.stuck,
        status.at.file,
        status.at.line,
        status.at.column,
        status.takes_s,
        status.basis.value if status.basis else None,
        status.ends_at,
    )


def unpack(row: Sequence[Any]) -> RunStatus:
    """The status of a row. A cause or reason that a newer program wrote reads as none."""
    key, run_id, digest, sync, phase, cause, reason, message, host, gpus, attempt, folder, *rest = row
    since, until, stuck, file, line, column, takes_s, basis, ends_at = rest
    return RunStatus(
        key=key,
        run_id=run_id,
        digest=digest,
        sync=_SYNCS[sync],
        phase=_PHASES.get(phase, Phase.PENDING),
        at=Location(file, line, column),
        cause=_CAUSES.get(cause),
        reason=REASONS.get(reason),
        message=message,
        host=host,
        gpus=tuple(gpus.split(",")) if gpus else (),
        attempt=attempt,
        folder=folder,
        since=since,
        until=until,
        stuck=bool(stuck),
        takes_s=takes_s,
        basis=_BASES.get(basis),
        ends_at=ends_at,
    )


_SYNCS = {member.value: member for member in Sync}
_PHASES = {member.value: member for member in Phase}
_BASES = {member.value: member for member in Basis}
_CAUSES = {member.value: member for member in Cause}
REASONS = {member.value: member for member in Reason}

MESSAGE_MAX = 2000


def printable(message: str) -> str:
    """Text that every database takes: no NUL, no half surrogates, not endless. A host's words may have all three."""
    return message[:MESSAGE_MAX].encode("utf-8", "replace").decode("utf-8").replace("\0", "?")
