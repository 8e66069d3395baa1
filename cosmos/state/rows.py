"""Rows to values and back, for attempts, ledger and requests. Lists are packed as short JSON."""

import json
from collections.abc import Sequence
from sys import intern
from typing import Any

from sqlalchemy import ColumnElement, Select, select

from cosmos.core.digest import Digest
from cosmos.core.observed import Origin
from cosmos.core.recorded import Attempt, AttemptState, FileEntry, LedgerEntry, Manifest, Request, Verb
from cosmos.state.board import REASONS
from cosmos.state.tables import attempts, batches, ledger, requests

_STATES = {state.value: state for state in AttemptState}

ATTEMPT: tuple[ColumnElement[Any], ...] = (
    attempts.c.digest,
    attempts.c.number,
    attempts.c.batch_id,
    batches.c.host,
    attempts.c.run_id,
    attempts.c.key,
    attempts.c.state,
    attempts.c.gpus,
    attempts.c.model,
    attempts.c.reason,
    attempts.c.message,
    attempts.c.intended_at,
    attempts.c.started_at,
    attempts.c.ended_at,
    batches.c.released,
)


def select_attempts() -> Select[*tuple[Any, ...]]:
    return select(*ATTEMPT).join_from(attempts, batches)


def attempt_of(row: Sequence[Any]) -> Attempt:
    """The attempt of a row of ATTEMPT. A reason that a newer program wrote reads as none."""
    digest, number, batch_id, host, run_id, key, state, gpus, model, reason, message, *times, released = row
    intended_at, started_at, ended_at = times
    return Attempt(
        digest=Digest(digest),
        number=number,
        batch_id=batch_id,
        host=intern(host),
        run_id=intern(run_id),
        key=intern(key),
        state=_STATES[state],
        gpus=tuple(gpus.split(",")) if gpus else (),
        model=intern(model),
        reason=REASONS.get(reason),
        message=message,
        intended_at=intended_at,
        started_at=started_at,
        ended_at=ended_at,
        released=bool(released),
    )


LEDGER: tuple[ColumnElement[Any], ...] = (
    ledger.c.digest,
    ledger.c.digest_schema,
    ledger.c.run_id,
    ledger.c.key,
    ledger.c.attempt,
    ledger.c.batch_id,
    ledger.c.manifest,
    ledger.c.finished_at,
    ledger.c.duration_s,
    ledger.c.folder,
)


def entry_of(row: Sequence[Any]) -> LedgerEntry:
    """The ledger entry of a row of LEDGER."""
    digest, schema, run_id, key, attempt, batch_id, manifest, finished_at, duration_s, folder = row
    return LedgerEntry(
        digest=Digest(digest),
        schema=schema,
        run_id=intern(run_id),
        key=intern(key),
        attempt=attempt,
        batch_id=batch_id,
        manifest=unpack_manifest(manifest),
        finished_at=finished_at,
        duration_s=duration_s,
        folder=folder,
    )


def row_of_entry(entry: LedgerEntry) -> dict[str, object]:
    return {
        "digest": entry.digest,
        "digest_schema": entry.schema,
        "run_id": entry.run_id,
        "key": entry.key,
        "attempt": entry.attempt,
        "batch_id": entry.batch_id,
        "manifest": pack_manifest(entry.manifest),
        "finished_at": entry.finished_at,
        "duration_s": entry.duration_s,
        "folder": entry.folder,
    }


def pack_manifest(manifest: Manifest) -> str:
    return json.dumps([[file.name, file.sha256, file.size] for file in manifest], separators=(",", ":"))


def unpack_manifest(text: str) -> Manifest:
    """Names repeat from run to run, so each is kept once."""
    files = json.loads(text)
    return tuple([FileEntry(name=intern(name), sha256=sha256, size=size) for name, sha256, size in files])


REQUEST: tuple[ColumnElement[Any], ...] = (
    requests.c.digest,
    requests.c.verb,
    requests.c.after,
    requests.c.asked_at,
    requests.c.asked_by,
    requests.c.why,
)


def request_of(row: Sequence[Any]) -> Request:
    """The request of a row of REQUEST."""
    digest, verb, after, at, by, why = row
    return Request(digest=Digest(digest), verb=Verb(verb), after=after, at=at, by=by, why=why)


def origin_of(revision: str, author: str, committed_at: float | None) -> Origin:
    """Of these columns of `batches`."""
    return Origin(commit=revision, author=author, committed_at=committed_at)
