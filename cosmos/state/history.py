"""What happened and what was asked: written as it happens, read by `history`, `events`, `show` and the page.

The same words about the same subject are one row with a count, so that a host that is away all night is
one line. Called by `SqlRecords`, in its transaction.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Insert, Select, bindparam, delete, desc, func, insert, or_, select

from cosmos.core.digest import Digest, Material, canonical, sha256_hex
from cosmos.core.estimate import Work
from cosmos.core.observed import BatchMeta, Member, Origin
from cosmos.core.recorded import Attempt, LedgerEntry, Request
from cosmos.state.board import printable
from cosmos.state.rows import ATTEMPT, LEDGER, REQUEST, attempt_of, entry_of, origin_of, request_of, select_attempts
from cosmos.state.tables import attempts, batches, events, ledger, materials, members, requests, runs, upsert
from cosmos.state.transaction import Statement, Transaction, is_among, some_of

EVENTS_KEPT_S = 30 * 86400.0

_Query = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, `count` times from `first_at` to `last_at`."""

    kind: str
    subject: str
    reason: str
    message: str
    count: int
    first_at: float
    last_at: float


_NEWEST = Statement(
    select(*REQUEST).where(requests.c.digest == bindparam("about")).order_by(desc(requests.c.id)).limit(1)
)
_ASK = Statement(insert(requests))


def request(transaction: Transaction, asked: Request, instead_of: Request | None = None) -> None:
    """Asking twice in a row for the same is asking once."""
    found = transaction.row(_NEWEST, about=asked.digest)
    newest = request_of(found) if found else None
    if newest is not None and (newest.verb, newest.after) == (asked.verb, asked.after):
        return
    if instead_of is not None and newest != instead_of:
        return
    row = {
        "digest": asked.digest,
        "verb": asked.verb.value,
        "after": asked.after,
        "asked_at": asked.at,
        "asked_by": printable(asked.by),
        "why": printable(asked.why),
    }
    transaction.change(_ASK, **row)


def event(transaction: Transaction, kind: str, subject: str, reason: str, message: str, at: float) -> None:
    words = (kind, subject, reason, printable(message))
    row = {
        **dict(zip(("kind", "subject", "reason", "message"), words, strict=True)),
        "fingerprint": sha256_hex(canonical(words)),
        "count": 1,
        "first_at": at,
        "last_at": at,
    }
    transaction.change(_count_event, **row)


@Statement
def _count_event(dialect: str) -> Insert:
    kept = upsert(dialect, events)
    again = {"count": events.c.count + 1, "last_at": kept.excluded.last_at}
    return kept.on_conflict_do_update(index_elements=["fingerprint"], set_=again)


def forget_events(transaction: Transaction, now: float) -> None:
    """Those that nobody reads any more."""
    transaction.change(_OLD_EVENTS, before=now - EVENTS_KEPT_S)


_OLD_EVENTS = Statement(delete(events).where(events.c.last_at < bindparam("before")))

_EVENT = tuple(field.name for field in fields(Event))
_EVENTS = select(*(events.c[name] for name in _EVENT))


def events_since(transaction: Transaction, since: float, kind: str) -> tuple[Event, ...]:
    """All that happened last at that time or later, oldest first."""
    query = _EVENTS.where(events.c.last_at >= since).order_by(events.c.last_at, events.c.id)
    return _events(transaction, query.where(events.c.kind == kind) if kind else query)


def latest_events(transaction: Transaction, *, kind: str, since: float, limit: int) -> tuple[Event, ...]:
    """Newest first."""
    query = _EVENTS.where(events.c.last_at >= since)
    return _events(transaction, _newest(query.where(events.c.kind == kind) if kind else query, limit))


def events_about(transaction: Transaction, subject: str, limit: int) -> tuple[Event, ...]:
    """The newest about a subject and, for the name of a matrix, about its members; oldest first."""
    about = or_(events.c.subject == subject, events.c.subject.startswith(f"{subject}/", autoescape=True))
    return _events(transaction, _newest(_EVENTS.where(about), limit))[::-1]


def _newest(query: _Query, limit: int) -> _Query:
    return query.order_by(desc(events.c.last_at), desc(events.c.id)).limit(limit)


def _events(transaction: Transaction, query: _Query) -> tuple[Event, ...]:
    return tuple(Event(**dict(zip(_EVENT, row, strict=True))) for row in transaction.rows(Statement(query)))


def attempts_of(transaction: Transaction, run_id: str) -> tuple[Attempt, ...]:
    """Of every digest that the run ever had, oldest first."""
    query = select_attempts().where(attempts.c.run_id == run_id)
    rows = transaction.rows(Statement(query.order_by(attempts.c.intended_at, attempts.c.digest, attempts.c.number)))
    return tuple(attempt_of(row) for row in rows)


def gpu_attempts(transaction: Transaction, per_host: int) -> tuple[Attempt, ...]:
    """The newest attempts that were given GPUs, so many of each host; oldest first."""
    turn = func.row_number().over(partition_by=batches.c.host, order_by=desc(attempts.c.intended_at)).label("turn")
    numbered = select(*ATTEMPT, turn).join_from(attempts, batches).where(attempts.c.gpus != "").subquery()
    query = select(*(column for column in numbered.c if column.name != "turn")).where(numbered.c.turn <= per_host)
    rows = transaction.rows(Statement(query.order_by(numbered.c.intended_at, numbered.c.digest)))
    return tuple(attempt_of(row) for row in rows)


def ledger_of(transaction: Transaction, run_id: str) -> tuple[LedgerEntry, ...]:
    """Of every digest that the run ever had, newest first."""
    query = select(*LEDGER).where(ledger.c.run_id == run_id)
    rows = transaction.rows(Statement(query.order_by(desc(ledger.c.finished_at), ledger.c.digest)))
    return tuple(entry_of(row) for row in rows)


def results(transaction: Transaction, digests: Sequence[Digest]) -> tuple[LedgerEntry, ...]:
    """What is done of some digests."""
    return tuple([entry_of(row) for some in some_of(digests) for row in transaction.rows(_DONE, **some)])


_DONE = Statement(select(*LEDGER).where(is_among(ledger.c.digest)))


def requests_of(transaction: Transaction, digests: Sequence[Digest]) -> tuple[Request, ...]:
    """Oldest first."""
    rows = [row for some in some_of(digests) for row in transaction.rows(_ASKED, **some)]
    return tuple(request_of(row) for _, *row in sorted(rows))


_ASKED = Statement(select(requests.c.id, *REQUEST).where(is_among(requests.c.digest)))

_BATCH = Statement(
    select(
        batches.c.project,
        batches.c.attempt,
        batches.c.digest_schema,
        batches.c.owner,
        batches.c.created_at,
        batches.c.revision,
        batches.c.author,
        batches.c.committed_at,
    ).where(batches.c.batch_id == bindparam("which"))
)
_MEMBERS = Statement(
    select(members.c.run_id, members.c.key, members.c.digest, members.c.run, members.c.chunks, members.c.shape)
    .where(members.c.batch_id == bindparam("which"))
    .order_by(members.c.position)
)


def meta(transaction: Transaction, batch_id: str) -> BatchMeta | None:
    """`batch.json` as it was intended, or None where the batch is not recorded."""
    row = transaction.row(_BATCH, which=batch_id)
    if row is None:
        return None
    project, attempt, schema, owner, created_at, *origin = row
    rows = transaction.rows(_MEMBERS, which=batch_id)
    return BatchMeta(
        batch_id=batch_id,
        project=project,
        members=tuple(map(_member, rows)),
        attempt=attempt,
        digest_schema=schema,
        origin=origin_of(*origin),
        owner=owner,
        created_at=created_at,
    )


def _member(row: Sequence[Any]) -> Member:
    run_id, key, digest, run, chunks, shape = row
    work = None if chunks is None else Work(chunks=chunks, shape=shape)
    return Member(run_id=run_id, key=key, digest=digest, run=run, work=work)


def known_runs(transaction: Transaction) -> tuple[tuple[str, str, str], ...]:
    """Key, id and digest of every run that ever was, once for each digest."""
    return tuple((key, run_id, digest) for key, run_id, digest in transaction.rows(_KNOWN))


_KNOWN = Statement(
    select(runs.c.key, runs.c.run_id, func.coalesce(runs.c.digest, "")).union(
        select(attempts.c.key, attempts.c.run_id, attempts.c.digest)
    )
)


def materials_of(transaction: Transaction) -> dict[str, tuple[Digest, Material]]:
    """By run id: the digest that was launched or adopted last, and what it was made of."""
    return {run_id: (Digest(digest), json.loads(material)) for run_id, digest, material in transaction.rows(_MADE_OF)}


_MADE_OF = Statement(select(materials.c.run_id, materials.c.digest, materials.c.material))


def origins(transaction: Transaction) -> dict[str, tuple[str, Origin]]:
    """By batch id: who began it, and from which specs."""
    return {batch_id: (owner, origin_of(*origin)) for batch_id, owner, *origin in transaction.rows(_ORIGINS)}


_ORIGINS = Statement(
    select(batches.c.batch_id, batches.c.owner, batches.c.revision, batches.c.author, batches.c.committed_at)
)


def find_keys(transaction: Transaction, word: str, limit: int) -> tuple[str, ...]:
    """Keys whose key, id or digest begins with a word; one that equals it is the only answer.

    Runs that are gone from the specs are found too.
    """
    called = select(runs.c.key).where(or_(runs.c.key == word, runs.c.run_id == word))
    exact = tuple(key for (key,) in transaction.rows(Statement(called)))
    if exact:
        return exact
    starts = [column.startswith(word, autoescape=True) for column in (runs.c.key, runs.c.run_id, runs.c.digest)]
    found = select(runs.c.key).where(or_(*starts)).order_by(runs.c.key).limit(limit)
    return tuple(sorted(key for (key,) in transaction.rows(Statement(found))))
