"""Where each run stood at the last look: written with every plan, read by `status` and the page.

Only rows that differ are written. A run that is no longer in the specs is marked `gone` and kept, so
that its name still leads to what it made. Called by `SqlRecords`, in its transaction.
"""

import math
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Insert, bindparam, select, update

from cosmos.core.plan import Plan, Sync
from cosmos.state.board import COLUMNS, HOLDER, LOOKED_AT, Board, Row, board, pack
from cosmos.state.tables import lease, notes, runs, upsert

_COLUMNS: list[ColumnElement[Any]] = [runs.c[name] for name in COLUMNS]

_STORED = select(*_COLUMNS, runs.c.gone)

_SYNC = COLUMNS.index("sync")


def save(connection: Connection, plan: Plan, looked_at: float, holds: Callable[[str], bool]) -> None:
    """Make the stored statuses those of the plan, with those of held keys as they were."""
    stored = {row[0]: tuple(row) for row in connection.execute(_STORED)}
    wanted = {status.key: pack(status) for status in plan.statuses}
    for key, row in stored.items():
        if key not in wanted and not row[-1] and holds(key):
            wanted[key] = _unknown(row[:-1])
    _write(connection, (row for key, row in wanted.items() if stored.get(key) != (*row, False)))
    _mark_gone(connection, (key for key, row in stored.items() if not row[-1] and key not in wanted))
    note(connection, LOOKED_AT, repr(looked_at))


def read(connection: Connection, *, whole: bool) -> Board:
    """The board; without its statuses, which may be many, unless it is `whole`."""
    rows = connection.execute(_STANDING).all() if whole else []
    kept = connection.execute(_KEPT)
    return board(rows, [(name, value) for name, value in kept], connection.execute(_HELD).all())


_STANDING = select(*_COLUMNS).where(~runs.c.gone).order_by(runs.c.key)
_KEPT = select(notes.c.name, notes.c.value)
_HELD = select(*(lease.c[name] for name in HOLDER)).where(lease.c.held)


def note(connection: Connection, name: str, value: str) -> None:
    connection.execute(_note(connection.dialect.name), {"name": name, "value": value})


@cache
def _note(dialect: str) -> Insert:
    kept = upsert(dialect, notes)
    return kept.on_conflict_do_update(index_elements=["name"], set_={"value": kept.excluded.value})


def noted(connection: Connection, names: Iterable[str]) -> dict[str, str]:
    """The notes of these names; empty text where there is none."""
    found = dict.fromkeys(names, "")
    found.update((name, value) for name, value in connection.execute(_NOTED, {"names": list(found)}))
    return found


_NOTED = select(notes.c.name, notes.c.value).where(notes.c.name.in_(bindparam("names", expanding=True)))


_NUMBER = select(notes.c.value).where(notes.c.name == bindparam("name")).with_for_update()


def raise_note(connection: Connection, name: str, value: float) -> float:
    """Make a note that is a number a greater one: this value, or else a little more than it was."""
    before = connection.execute(_NUMBER, {"name": name}).scalar()
    raised = max(value, math.nextafter(float(before), math.inf)) if before else value
    note(connection, name, repr(raised))
    return raised


def _unknown(row: Row) -> Row:
    """The spec cannot be read now: nobody can say whether what exists is what is asked for."""
    return (*row[:_SYNC], Sync.UNKNOWN.value, *row[_SYNC + 1 :])


def _write(connection: Connection, rows: Iterable[Row]) -> None:
    values = [{**dict(zip(COLUMNS, row, strict=True)), "gone": False} for row in rows]
    if values:
        connection.execute(_keep(connection.dialect.name), values)


@cache
def _keep(dialect: str) -> Insert:
    kept = upsert(dialect, runs)
    changes = {name: kept.excluded[name] for name in (*COLUMNS, "gone") if name != "key"}
    return kept.on_conflict_do_update(index_elements=["key"], set_=changes)


def _mark_gone(connection: Connection, keys: Iterable[str]) -> None:
    values = [{"which": key} for key in keys]
    if values:
        connection.execute(update(runs).where(runs.c.key == bindparam("which")).values(gone=True), values)
