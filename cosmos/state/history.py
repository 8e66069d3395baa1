"""What happened and what was asked: written as it happens, read by `history`, `events`, `show` and the page.

The same words about the same subject are one row with a count, so that a host that is away all night is
one line. Called by `SqlRecords`, in its transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache

from sqlalchemy import Connection, Insert, Select, bindparam, delete, desc, func, insert, or_, select

from cosmos.core.digest import Digest, canonical, sha256_hex
from cosmos.core.observed import BatchMeta, Member
from cosmos.core.recorded import Attempt, LedgerEntry, Request
from cosmos.state.board import printable
from cosmos.state.rows import ATTEMPT, LEDGER, REQUEST, attempt_of, entry_of, request_of, select_attempts
from cosmos.state.tables import attempts, batches, events, ledger, members, requests, runs, upsert

EVENTS_KEPT_S = 30 * 86400.0


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


_NEWEST = select(*REQUEST).where(requests.c.digest == bindparam("about")).order_by(desc(requests.c.id)).limit(1)


def request(connection: Connection, asked: Request, instead_of: Request | None = None) -> None:
    """Asking twice in a row for the same is asking once."""
    newest = connection.execute(_NEWEST, {"about": asked.digest}).first()
    if newest is not None and (newest.verb, newest.after) == (asked.verb.value, asked.after):
        return
    if instead_of is not None and (newest is None or request_of(newest) != instead_of):
        return
    row = {
        "digest": asked.digest,
        "verb": asked.verb.value,
        "after": asked.after,
        "asked_at": asked.at,
        "asked_by": printable(asked.by),
        "why": printable(asked.why),
    }
    connection.execute(insert(requests), [row])


def event(connection: Connection, kind: str, subject: str, reason: str, message: str, at: float) -> None:
    words = (kind, subject, reason, printable(message))
    row = {
        **dict(zip(("kind", "subject", "reason", "message"), words, strict=True)),
        "fingerprint": sha256_hex(canonical(words)),
        "count": 1,
        "first_at": at,
        "last_at": at,
    }
    connection.execute(_count_event(connection.dialect.name), row)


@cache
def _count_event(dialect: str) -> Insert:
    kept = upsert(dialect, events)
    again = {"count": events.c.count + 1, "last_at": kept.excluded.last_at}
    return kept.on_conflict_do_update(index_elements=["fingerprint"], set_=again)


def forget_events(connection: Connection, now: float) -> None:
    """Those that nobody reads any more."""
    connection.execute(_OLD_EVENTS, {"before": now - EVENTS_KEPT_S})


_OLD_EVENTS = delete(events).where(events.c.last_at < bindparam("before"))

_EVENT = tuple(field.name for field in fields(Event))


def events_since(connection: Connection, since: float, kind: str) -> tuple[Event, ...]:
    """All that happened last at that time or later, oldest first."""
    query = select(events).where(events.c.last_at >= since).order_by(events.c.last_at, events.c.id)
    rows = connection.execute(query.where(events.c.kind == kind) if kind else query)
    return tuple(Event(**{name: row[name] for name in _EVENT}) for row in rows.mappings())


def latest_events(connection: Connection, *, kind: str, since: float, limit: int) -> tuple[Event, ...]:
    """Newest first."""
    query = select(events).where(events.c.last_at >= since)
    return _events(connection, query.where(events.c.kind == kind) if kind else query, limit)


def events_about(connection: Connection, subject: str, limit: int) -> tuple[Event, ...]:
    """The newest about a subject and, for the name of a matrix, about its members; oldest first."""
    about = or_(events.c.subject == subject, events.c.subject.startswith(f"{subject}/", autoescape=True))
    return _events(connection, select(events).where(about), limit)[::-1]


def _events(connection: Connection, query: Select[*tuple[object, ...]], limit: int) -> tuple[Event, ...]:
    rows = connection.execute(query.order_by(desc(events.c.last_at), desc(events.c.id)).limit(limit))
    return tuple(Event(**{name: row[name] for name in _EVENT}) for row in rows.mappings())


def attempts_of(connection: Connection, run_id: str) -> tuple[Attempt, ...]:
    """Of every digest that the run ever had, oldest first."""
    query = select_attempts().where(attempts.c.run_id == run_id)
    rows = connection.execute(query.order_by(attempts.c.intended_at, attempts.c.digest, attempts.c.number))
    return tuple(attempt_of(row) for row in rows)


def gpu_attempts(connection: Connection, per_host: int) -> tuple[Attempt, ...]:
    """The newest attempts that were given GPUs, so many of each host; oldest first."""
    turn = func.row_number().over(partition_by=batches.c.host, order_by=desc(attempts.c.intended_at)).label("turn")
    numbered = select(*ATTEMPT, turn).join_from(attempts, batches).where(attempts.c.gpus != "").subquery()
    query = select(*(column for column in numbered.c if column.name != "turn")).where(numbered.c.turn <= per_host)
    rows = connection.execute(query.order_by(numbered.c.intended_at, numbered.c.digest))
    return tuple(attempt_of(row) for row in rows)


def ledger_of(connection: Connection, run_id: str) -> tuple[LedgerEntry, ...]:
    """Of every digest that the run ever had, newest first."""
    query = select(*LEDGER).where(ledger.c.run_id == run_id)
    rows = connection.execute(query.order_by(desc(ledger.c.finished_at), ledger.c.digest))
    return tuple(entry_of(row) for row in rows)


def results(connection: Connection, digests: Sequence[Digest]) -> tuple[LedgerEntry, ...]:
    """What is done of some digests."""
    rows = connection.execute(select(*LEDGER).where(ledger.c.digest.in_(digests)))
    return tuple(entry_of(row) for row in rows)


def requests_of(connection: Connection, digests: Sequence[Digest]) -> tuple[Request, ...]:
    """Oldest first."""
    rows = connection.execute(select(*REQUEST).where(requests.c.digest.in_(digests)).order_by(requests.c.id))
    return tuple(request_of(row) for row in rows)


_BATCH = select(batches).where(batches.c.batch_id == bindparam("which"))
_MEMBERS = select(members).where(members.c.batch_id == bindparam("which")).order_by(members.c.position)


def meta(connection: Connection, batch_id: str) -> BatchMeta | None:
    """`batch.json` as it was intended, or None where the batch is not recorded."""
    row = connection.execute(_BATCH, {"which": batch_id}).first()
    if row is None:
        return None
    return BatchMeta(
        batch_id=batch_id,
        project=row.project,
        members=tuple(
            Member(run_id=member.run_id, key=member.key, digest=Digest(member.digest), run=member.run)
            for member in connection.execute(_MEMBERS, {"which": batch_id})
        ),
        attempt=row.attempt,
        digest_schema=row.digest_schema,
        commit=row.revision,
        owner=row.owner,
        created_at=row.created_at,
    )


def known_runs(connection: Connection) -> tuple[tuple[str, str, str], ...]:
    """Key, id and digest of every run that ever was, once for each digest."""
    now = select(runs.c.key, runs.c.run_id, func.coalesce(runs.c.digest, ""))
    ever = select(attempts.c.key, attempts.c.run_id, attempts.c.digest)
    return tuple((key, run_id, digest) for key, run_id, digest in connection.execute(now.union(ever)))


def origins(connection: Connection) -> dict[str, tuple[str, str]]:
    """By batch id: who began it, and from which revision."""
    rows = connection.execute(select(batches.c.batch_id, batches.c.owner, batches.c.revision))
    return {batch_id: (owner, revision) for batch_id, owner, revision in rows}


def find_keys(connection: Connection, word: str, limit: int) -> tuple[str, ...]:
    """Keys whose key, id or digest begins with a word; one that equals it is the only answer.

    Runs that are gone from the specs are found too.
    """
    exact = connection.execute(select(runs.c.key).where(or_(runs.c.key == word, runs.c.run_id == word))).scalars().all()
    if exact:
        return tuple(exact)
    starts = [column.startswith(word, autoescape=True) for column in (runs.c.key, runs.c.run_id, runs.c.digest)]
    return tuple(connection.execute(select(runs.c.key).where(or_(*starts)).order_by(runs.c.key).limit(limit)).scalars())
