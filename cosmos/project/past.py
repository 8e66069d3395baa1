"""What happened: the stream of events, and the history of a run over all its digests."""

import time
from collections.abc import Callable, Iterator

from cosmos.core.digest import Digest
from cosmos.core.observed import NO_COMMIT, Origin
from cosmos.core.recorded import Attempt, LedgerEntry, Request
from cosmos.core.select import Named, select
from cosmos.errors import NotFoundError
from cosmos.project.rows import event_row
from cosmos.project.wiring import Project
from cosmos.state.history import Event
from cosmos.views import EventRow, PastRow

LOOK_EVERY_S = 1.0
OVERLAP_S = 5.0
"""Clocks of those who write differ; so much is read again at each turn of a watch."""


def keys_of(project: Project, name: str) -> frozenset[str]:
    """Runs by key, matrix, id, digest or glob; those that are gone from the specs too.

    Raises:
        NotFoundError: Nothing was ever called so.
    """
    others: dict[str, set[str]] = {}
    for key, run_id, digest in project.records.known_runs():
        others.setdefault(key, set()).update({run_id, digest} - {""})
    for event in project.records.events_since(0.0):
        others.setdefault(event.subject, set())
    things = [Named(key=key, others=tuple(sorted(names))) for key, names in sorted(others.items())]
    try:
        return select(things, [name])
    except NotFoundError as error:
        hint = error.hint if things else "nothing was planned or run here yet: cosmos plan"
        raise NotFoundError(error.message, hint) from error


def events(project: Project, *, name: str, since: float, kind: str) -> list[EventRow]:
    """Events about runs of a name (empty: about all), oldest first."""
    keys = keys_of(project, name) if name else None
    found = project.records.events_since(since, kind)
    return [event_row(event) for event in found if keys is None or event.subject in keys]


def watch(project: Project, *, name: str, since: float, kind: str, wait: Callable[[float], None]) -> Iterator[EventRow]:
    """The same, and then each event as it comes, without end; one that happens again comes again.

    Runs that begin to exist meanwhile are among them.
    """
    keys = keys_of(project, name) if name else None
    seen: dict[tuple[str, str, str, str], int] = {}
    while True:
        newest = since
        for event in project.records.events_since(since, kind):
            newest = max(newest, event.last_at)
            words = (event.kind, event.subject, event.reason, event.message)
            if (keys is None or event.subject in keys) and seen.get(words, 0) < event.count:
                seen[words] = event.count
                yield event_row(event)
        since = max(since, min(newest, time.time()) - OVERLAP_S)
        wait(LOOK_EVERY_S)


def history(project: Project, name: str) -> list[PastRow]:
    """Attempts, results, requests and events of runs, over all their digests; newest last."""
    keys = keys_of(project, name)
    everything, origins = project.records.everything(), project.records.origins()
    digests = {Digest(digest): key for key, _, digest in project.records.known_runs() if key in keys and digest}
    attempts = [each for tried in everything.attempts.values() for each in tried if each.key in keys]
    hosts = {each.batch_id: each.host for tried in everything.attempts.values() for each in tried}
    rows = [_attempt(each, *origins.get(each.batch_id, ("", NO_COMMIT))) for each in attempts]
    rows += [
        _result(entry, hosts.get(entry.batch_id, ""))
        for digest, entry in everything.ledger.items()
        if digest in digests
    ]
    rows += [_request(each, digests[each.digest]) for each in project.records.requests_of(sorted(digests))]
    rows += [_event(event) for event in project.records.events_since(0.0) if event.subject in keys]
    return sorted(rows, key=lambda row: row.at)


def _attempt(attempt: Attempt, owner: str, origin: Origin) -> PastRow:
    reason = attempt.reason.value if attempt.reason else ""
    ran = attempt.started_at is not None and attempt.ended_at is not None
    return PastRow(
        at=attempt.started_at or attempt.intended_at,
        key=attempt.key,
        what=f"attempt {attempt.number} {attempt.state.value}",
        digest=attempt.digest,
        host=attempt.host,
        who=owner,
        origin=origin,
        took_s=(attempt.ended_at or 0.0) - (attempt.started_at or 0.0) if ran else None,
        reason=reason,
        words=attempt.message,
    )


def _result(entry: LedgerEntry, host: str) -> PastRow:
    return PastRow(
        at=entry.finished_at,
        key=entry.key,
        what="result",
        digest=entry.digest,
        host=host,
        took_s=entry.duration_s,
        words=f"{len(entry.manifest)} files in outputs/{entry.folder}",
    )


def _request(request: Request, key: str) -> PastRow:
    return PastRow(
        at=request.at,
        key=key,
        what=f"{request.verb.value} requested",
        digest=request.digest,
        who=request.by,
        words=request.why,
    )


def _event(event: Event) -> PastRow:
    return PastRow(
        at=event.last_at,
        key=event.subject,
        what="event",
        reason=event.reason,
        words=f"{event.message}{f' (x{event.count})' if event.count > 1 else ''}",
    )
