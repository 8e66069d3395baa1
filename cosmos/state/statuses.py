"""Where each run stood at the last look: written with every plan, read by `status` and the page.

Only rows that differ are written. A run that is no longer in the specs is marked `gone` and kept, so
that its name still leads to what it made. Called by `SqlRecords`, in its transaction.
"""

import math
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Insert, bindparam, select, update

from cosmos.core.plan import Plan, Sync
from cosmos.state.board import COLUMNS, HOLDER, LOOKED_AT, Board, Row, board, pack
from cosmos.state.tables import lease, notes, runs, upsert
from cosmos.state.transaction import Statement, Transaction

_COLUMNS: list[ColumnElement[Any]] = [runs.c[name] for name in COLUMNS]

_STORED = Statement(select(*_COLUMNS, runs.c.gone))

_SYNC = COLUMNS.index("sync")


def save(transaction: Transaction, plan: Plan, looked_at: float, holds: Callable[[str], bool]) -> None:
    """Make the stored statuses those of the plan, with those of held keys as they were."""
    stored = {row[0]: row for row in transaction.rows(_STORED)}
    wanted = {status.key: pack(status) for status in plan.statuses}
    for key, row in stored.items():
        if key not in wanted and not row[-1] and holds(key):
            wanted[key] = _unknown(row[:-1])
    _write(transaction, (row for key, row in wanted.items() if stored.get(key) != (*row, False)))
    _mark_gone(transaction, (key for key, row in stored.items() if not row[-1] and key not in wanted))
    note(transaction, LOOKED_AT, repr(looked_at))


def read(transaction: Transaction, *, whole: bool) -> Board:
    """The board; without its statuses, which may be many, unless it is `whole`."""
    # sorted here: a server sorts words as its people do
    rows = sorted(transaction.rows(_STANDING), key=itemgetter(0)) if whole else ()
    return board(rows, transaction.rows(_KEPT), transaction.rows(_HELD))


_STANDING = Statement(select(*_COLUMNS).where(~runs.c.gone))
_KEPT = Statement(select(notes.c.name, notes.c.value))
_HELD = Statement(select(*(lease.c[name] for name in HOLDER)).where(lease.c.held))


def note(transaction: Transaction, name: str, value: str) -> None:
    transaction.change(_keep_note, name=name, value=value)


@Statement
def _keep_note(dialect: str) -> Insert:
    kept = upsert(dialect, notes)
    return kept.on_conflict_do_update(index_elements=["name"], set_={"value": kept.excluded.value})


def noted(transaction: Transaction, names: Iterable[str]) -> dict[str, str]:
    """The notes of these names; empty text where there is none."""
    found = dict.fromkeys(names, "")
    found.update((name, value) for name, value in transaction.rows(_KEPT) if name in found)
    return found


_NUMBER = Statement(select(notes.c.value).where(notes.c.name == bindparam("name")).with_for_update())


def raise_note(transaction: Transaction, name: str, value: float) -> float:
    """Make a note that is a number a greater one: this value, or else a little more than it was."""
    before = transaction.value(_NUMBER, name=name)
    raised = max(value, math.nextafter(float(before), math.inf)) if before else value
    note(transaction, name, repr(raised))
    return raised


def _unknown(row: Row) -> Row:
    """The spec cannot be read now: nobody can say whether what exists is what is asked for."""
    return (*row[:_SYNC], Sync.UNKNOWN.value, *row[_SYNC + 1 :])


def _write(transaction: Transaction, rows: Iterable[Row]) -> None:
    transaction.change_each(_keep, [{**dict(zip(COLUMNS, row, strict=True)), "gone": False} for row in rows])


@Statement
def _keep(dialect: str) -> Insert:
    kept = upsert(dialect, runs)
    changes = {name: kept.excluded[name] for name in (*COLUMNS, "gone") if name != "key"}
    return kept.on_conflict_do_update(index_elements=["key"], set_=changes)


def _mark_gone(transaction: Transaction, keys: Iterable[str]) -> None:
    transaction.change_each(_GO, [{"which": key} for key in keys])


_GO = Statement(update(runs).where(runs.c.key == bindparam("which")).values(gone=True))
