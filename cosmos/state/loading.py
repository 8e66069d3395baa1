"""`load`: everything the planner needs, in one consistent reading. Called by `SqlRecords`.

Tables are read whole and sifted here: one pass over 10,000 rows is far cheaper than 10,000 questions.
"""

import heapq
import json
from collections.abc import Collection, Mapping, Sequence
from sys import intern
from typing import Any

from sqlalchemy import desc, func, select

from cosmos.core.digest import Digest, Material
from cosmos.core.estimate import LAST, Timing
from cosmos.core.recorded import OPEN_STATES, Attempt, LedgerEntry, Recorded, Request
from cosmos.state import suspending
from cosmos.state.rows import ATTEMPT, LEDGER, REQUEST, attempt_of, entry_of, request_of, select_attempts
from cosmos.state.tables import materials, requests, timings
from cosmos.state.transaction import Statement, Transaction, is_among, some_of

ENDED_KEPT = 64
"""Attempts of each host that are over and given to the planner, whatever their digests."""

_HOST = [column.name for column in ATTEMPT].index("host")
_ENDED_AT = [column.name for column in ATTEMPT].index("ended_at")

_ATTEMPTS = Statement(select_attempts())
_LEDGER = Statement(select(*LEDGER))
_REQUESTS = Statement(select(*REQUEST).order_by(requests.c.id))
_ASKED = Statement(select(requests.c.digest).distinct())
_MADE = Statement(select(materials.c.run_id, materials.c.digest))
_MATERIALS = Statement(select(materials.c.run_id, materials.c.material).where(is_among(materials.c.run_id)))
_TIMING = (
    *(timings.c.model, timings.c.gpu, timings.c.shape, timings.c.chunks, timings.c.load_s, timings.c.run_s),
    *(timings.c.ended_at, timings.c.batch_id),
)
_turn = (
    func.row_number()
    .over(partition_by=[timings.c.model, timings.c.gpu, timings.c.shape], order_by=desc(timings.c.ended_at))
    .label("turn")
)
_numbered = select(*_TIMING, _turn).subquery()
_TIMINGS = Statement(
    select(*(_numbered.c[column.name] for column in _TIMING))
    .where(_numbered.c.turn <= LAST)
    .order_by(desc(_numbered.c.ended_at), _numbered.c.batch_id)
)


def load(transaction: Transaction, wanted: Mapping[str, Digest]) -> Recorded:
    """All about the wanted digests, and about those that still have something on a host."""
    desired = frozenset(wanted.values())
    rows = list(transaction.rows(_ATTEMPTS))
    tried = _attempts(rows, desired)
    relevant = desired | tried.keys()
    return Recorded(
        ledger=_ledger(transaction, relevant),
        attempts=tried,
        requests=_requests(transaction, relevant),
        previous=_previous(transaction, wanted),
        suspensions=suspending.read(transaction),
        ended=_ended(rows),
        timings=_timings(transaction),
    )


def everything(transaction: Transaction) -> Recorded:
    """Every result, attempt and newest request, of runs that are gone from the specs too."""
    rows = list(transaction.rows(_ATTEMPTS))
    known = frozenset(row[0] for row in rows)
    asked = frozenset(digest for (digest,) in transaction.rows(_ASKED))
    return Recorded(
        ledger=_ledger(transaction, known),
        attempts=_attempts(rows, known),
        requests=_requests(transaction, asked),
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


def _ledger(transaction: Transaction, relevant: Collection[Digest]) -> dict[Digest, LedgerEntry]:
    rows = transaction.rows(_LEDGER)
    return {row[0]: entry_of(row) for row in rows if row[0] in relevant}


def _requests(transaction: Transaction, relevant: Collection[Digest]) -> dict[Digest, Request]:
    """The newest of each digest, by order of arrival: clocks of those who ask may differ."""
    rows = transaction.rows(_REQUESTS)
    newest = {row[0]: row for row in rows if row[0] in relevant}
    return {digest: request_of(row) for digest, row in newest.items()}


def _previous(transaction: Transaction, wanted: Mapping[str, Digest]) -> dict[str, Material]:
    made = transaction.rows(_MADE)
    stale = [run_id for run_id, digest in made if wanted.get(run_id, digest) != digest]
    found: dict[str, Material] = {}
    for some in some_of(stale):
        found.update((run_id, json.loads(material)) for run_id, material in transaction.rows(_MATERIALS, **some))
    return found


def _timings(transaction: Transaction) -> tuple[Timing, ...]:
    """Of many thousand the few that estimates rest on."""
    return tuple(
        Timing(model=intern(model), gpu=intern(gpu), shape=intern(shape), chunks=chunks, load_s=load_s, run_s=run_s)
        for model, gpu, shape, chunks, load_s, run_s, *_ in transaction.rows(_TIMINGS)
    )
