"""`load`: everything the planner needs, in one consistent reading. Called by `SqlRecords`.

Tables are read whole and sifted here: one pass over 10,000 rows is far cheaper than 10,000 questions.
"""

import heapq
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from cosmos.core.digest import Digest, Material
from cosmos.core.recorded import OPEN_STATES, Attempt, LedgerEntry, Recorded, Request
from cosmos.state import suspending
from cosmos.state.rows import ATTEMPT, LEDGER, REQUEST, attempt_of, entry_of, request_of, select_attempts
from cosmos.state.tables import attempts, ledger, materials, requests

ENDED_KEPT = 64
"""Attempts of each host that are over and given to the planner, whatever their digests."""

_HOST = [column.name for column in ATTEMPT].index("host")
_ENDED_AT = [column.name for column in ATTEMPT].index("ended_at")

_ATTEMPTS = select_attempts()
_LEDGER = select(*LEDGER).execution_options(yield_per=1000)
_REQUESTS = select(*REQUEST).order_by(requests.c.id)
_MADE = select(materials.c.run_id, materials.c.digest)
_OF_ATTEMPT = (ledger.c.digest == attempts.c.digest) & (ledger.c.attempt == attempts.c.number)
_MEANS = (
    select(attempts.c.model, func.avg(ledger.c.duration_s))
    .join_from(ledger, attempts, _OF_ATTEMPT)
    .where(attempts.c.model != "")
    .group_by(attempts.c.model)
)


def load(connection: Connection, wanted: Mapping[str, Digest]) -> Recorded:
    """All about the wanted digests, and about those that still have something on a host."""
    desired = frozenset(wanted.values())
    rows = connection.execute(_ATTEMPTS).all()
    tried = _attempts(rows, desired)
    relevant = desired | tried.keys()
    return Recorded(
        ledger=_ledger(connection, relevant),
        attempts=tried,
        requests=_requests(connection, relevant),
        previous=_previous(connection, wanted),
        suspensions=suspending.read(connection),
        ended=_ended(rows),
        durations_s=_durations(connection),
    )


def everything(connection: Connection) -> Recorded:
    """Every result, attempt and newest request, of runs that are gone from the specs too."""
    rows = connection.execute(_ATTEMPTS).all()
    known = frozenset(row[0] for row in rows)
    asked = frozenset(connection.execute(select(requests.c.digest).distinct()).scalars())
    return Recorded(
        ledger=_ledger(connection, known),
        attempts=_attempts(rows, known),
        requests=_requests(connection, asked),
    )


def _attempts(rows: Sequence[Any], desired: Collection[Digest]) -> dict[Digest, tuple[Attempt, ...]]:
    relevant = {row[0] for row in rows if row[0] in desired or not row[-1] or row[6] in OPEN_STATES}
    found: dict[Digest, list[Attempt]] = {}
    for row in rows:
        if row[0] in relevant:
            attempt = attempt_of(row)
            found.setdefault(attempt.digest, []).append(attempt)
    return {digest: tuple(sorted(tried, key=lambda attempt: attempt.number)) for digest, tried in found.items()}


def _ended(rows: Sequence[Any]) -> dict[str, tuple[Attempt, ...]]:
    """By host, the newest that are over: enough to see whether it has become unfit."""
    by_host: dict[str, list[Any]] = {}
    for row in rows:
        if row[_ENDED_AT] is not None:
            by_host.setdefault(row[_HOST], []).append(row)
    newest = {host: heapq.nlargest(ENDED_KEPT, over, key=lambda row: row[_ENDED_AT]) for host, over in by_host.items()}
    return {host: tuple(attempt_of(row) for row in over) for host, over in newest.items()}


def _ledger(connection: Connection, relevant: Collection[Digest]) -> dict[Digest, LedgerEntry]:
    rows = connection.execute(_LEDGER)
    return {row[0]: entry_of(row) for row in rows if row[0] in relevant}


def _requests(connection: Connection, relevant: Collection[Digest]) -> dict[Digest, Request]:
    """The newest of each digest, by order of arrival: clocks of those who ask may differ."""
    rows = connection.execute(_REQUESTS)
    newest = {row[0]: row for row in rows if row[0] in relevant}
    return {digest: request_of(row) for digest, row in newest.items()}


def _previous(connection: Connection, wanted: Mapping[str, Digest]) -> dict[str, Material]:
    made = connection.execute(_MADE)
    stale = [run_id for run_id, digest in made if wanted.get(run_id, digest) != digest]
    found: dict[str, Material] = {}
    for start in range(0, len(stale), 500):
        some = materials.c.run_id.in_(stale[start : start + 500])
        rows: Any = connection.execute(select(materials.c.run_id, materials.c.material).where(some))
        found.update((run_id, json.loads(material)) for run_id, material in rows)
    return found


def _durations(connection: Connection) -> dict[str, float]:
    return {model: float(mean) for model, mean in connection.execute(_MEANS)}
