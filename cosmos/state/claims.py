"""The life of an attempt: intended, started, ended, released. Called by `SqlRecords`, in its transaction.

Every change names the states that it may come from and counts the rows that it changed, so a second
controller or a late message changes nothing that is already decided. Doing a thing twice does it once.
"""

from sqlalchemy import Insert, bindparam, exists, insert, select, text, update

from cosmos.core.digest import Material, canonical
from cosmos.core.estimate import Timing
from cosmos.core.observed import BatchMeta
from cosmos.core.reasons import Reason
from cosmos.core.recorded import OPEN_STATES, Attempt, AttemptState, LedgerEntry
from cosmos.errors import StateError
from cosmos.state.board import printable
from cosmos.state.rows import row_of_entry
from cosmos.state.tables import OPEN, attempts, batches, ledger, materials, members, timings, upsert
from cosmos.state.transaction import Statement, Transaction

REPORT = "look again with `cosmos plan`; if this message comes again, report it"


class TakenError(Exception):
    """Another attempt holds the digest; the transaction is to be undone."""


def intend(transaction: Transaction, attempt: Attempt, material: Material, meta: BatchMeta) -> None:
    """Claim the digest; the unique indexes of `attempts` decide who gets it.

    Raises:
        TakenError: Not this attempt.
    """
    if attempt.state not in OPEN_STATES:
        raise ValueError(f"an attempt begins open, not {attempt.state.value}")
    _insert_batch(transaction, attempt.host, meta)
    row = {
        "digest": attempt.digest,
        "number": attempt.number,
        "batch_id": attempt.batch_id,
        "run_id": attempt.run_id,
        "key": attempt.key,
        "model": attempt.model,
        "gpus": ",".join(attempt.gpus),
        "state": attempt.state.value,
        "message": printable(attempt.message),
        "intended_at": attempt.intended_at,
        "started_at": attempt.started_at,
    }
    if transaction.change(_insert_attempt, **row) != 1:
        raise TakenError
    if material:
        _keep_material(transaction, attempt, material)


def _insert_batch(transaction: Transaction, host: str, meta: BatchMeta) -> None:
    """Once a batch: the intents of its other members find it there."""
    row = {
        "batch_id": meta.batch_id,
        "host": host,
        "project": meta.project,
        "attempt": meta.attempt,
        "digest_schema": meta.digest_schema,
        "revision": meta.origin.commit,
        "author": printable(meta.origin.author),
        "committed_at": meta.origin.committed_at,
        "owner": meta.owner,
        "created_at": meta.created_at,
    }
    if transaction.change(_insert_batch_once, **row) != 1:
        return
    rows = [
        {
            "batch_id": meta.batch_id,
            "position": position,
            "run_id": member.run_id,
            "key": member.key,
            "digest": member.digest,
            "run": member.run,
            "chunks": member.work and member.work.chunks,
            "shape": member.work and printable(member.work.shape),
        }
        for position, member in enumerate(meta.members)
    ]
    transaction.change_each(_MEMBERS, rows)


def _keep_material(transaction: Transaction, attempt: Attempt, material: Material) -> None:
    """What the run was last made of, to name what changed the next time."""
    row = {"run_id": attempt.run_id, "digest": attempt.digest, "material": canonical(material).decode("ascii")}
    transaction.change(_replace_material, **row)


@Statement
def _replace_material(dialect: str) -> Insert:
    kept = upsert(dialect, materials)
    changes = {"digest": kept.excluded.digest, "material": kept.excluded.material}
    return kept.on_conflict_do_update(index_elements=["run_id"], set_=changes)


@Statement
def _insert_attempt(dialect: str) -> Insert:
    return upsert(dialect, attempts).on_conflict_do_nothing()


@Statement
def _insert_batch_once(dialect: str) -> Insert:
    return upsert(dialect, batches).on_conflict_do_nothing()


_MEMBERS = Statement(insert(members))
_OF_BATCH = attempts.c.batch_id == bindparam("which")


def started(transaction: Transaction, batch_id: str, at: float) -> None:
    if transaction.change(_START, which=batch_id, at=at) == 0:
        _require_known(transaction, batch_id)


_START = Statement(
    update(attempts)
    .where(_OF_BATCH, attempts.c.state == AttemptState.INTENDED.value)
    .values(state=AttemptState.STARTED.value, started_at=bindparam("at"))
)


def failed(
    transaction: Transaction, batch_id: str, reason: Reason, message: str, ended_at: float, *, cancelled: bool
) -> None:
    """Close what is still open of the batch; members that succeeded stay so."""
    state = AttemptState.CANCELLED if cancelled else AttemptState.FAILED
    closed = {"state": state.value, "reason": reason.value, "message": printable(message), "ended_at": ended_at}
    if transaction.change(_CLOSE, which=batch_id, **closed) == 0:
        _require_known(transaction, batch_id)


_CLOSE = Statement(update(attempts).where(_OF_BATCH, text(OPEN)))


def finished(transaction: Transaction, entry: LedgerEntry, ended_at: float) -> None:
    """Close the attempt and write its result; a result of an earlier attempt never replaces a later one's."""
    own = {"made": entry.digest, "nth": entry.attempt, "which": entry.batch_id}
    if transaction.change(_SUCCEED, **own, ended_at=ended_at) == 0:
        state = transaction.value(_STATE, **own)
        if state != AttemptState.SUCCEEDED.value:
            known = f"is recorded as {state}" if state else "is not recorded"
            raise StateError(f"the result of batch {entry.batch_id} was not taken: its attempt {known}", REPORT)
    transaction.change(_keep_newer, **row_of_entry(entry))


def timed(transaction: Transaction, batch_id: str, timing: Timing, ended_at: float) -> None:
    """What a batch took, once."""
    row = {
        "batch_id": batch_id,
        "model": timing.model,
        "gpu": printable(timing.gpu),
        "shape": printable(timing.shape),
        "chunks": timing.chunks,
        "load_s": timing.load_s,
        "run_s": timing.run_s,
        "ended_at": ended_at,
    }
    transaction.change(_insert_timing, **row)


@Statement
def _insert_timing(dialect: str) -> Insert:
    return upsert(dialect, timings).on_conflict_do_nothing()


_OWN = (attempts.c.digest == bindparam("made"), attempts.c.number == bindparam("nth"), _OF_BATCH)
_SUCCEED = Statement(update(attempts).where(*_OWN, text(OPEN)).values(state=AttemptState.SUCCEEDED.value))
_STATE = Statement(select(attempts.c.state).where(*_OWN))


@Statement
def _keep_newer(dialect: str) -> Insert:
    kept = upsert(dialect, ledger)
    changes = {column.name: kept.excluded[column.name] for column in ledger.c if column.name != "digest"}
    is_newer = ledger.c.attempt < kept.excluded.attempt
    return kept.on_conflict_do_update(index_elements=["digest"], set_=changes, where=is_newer)


def released(transaction: Transaction, batch_id: str) -> None:
    """Note that the host's copy is gone; of a batch that was never recorded there is nothing to note."""
    if transaction.change(_RELEASE, which=batch_id) == 0 and transaction.value(_IS_OPEN, which=batch_id):
        raise StateError(f"batch {batch_id} was released while its attempt is open", REPORT)


_STILL_OPEN = exists().where(_OF_BATCH, text(OPEN))
_IS_OPEN = Statement(select(_STILL_OPEN))
_RELEASE = Statement(
    update(batches).where(batches.c.batch_id == bindparam("which"), ~_STILL_OPEN).values(released=True)
)


def _require_known(transaction: Transaction, batch_id: str) -> None:
    """No row changed: right for a batch that is further on, wrong for one that was never recorded."""
    if not transaction.value(_KNOWN, which=batch_id):
        raise StateError(f"batch {batch_id} is not recorded, so nothing about it can be", REPORT)


_KNOWN = Statement(select(exists().where(_OF_BATCH)))
