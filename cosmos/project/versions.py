"""The versions of a run: each digest that it had, in the order in which they were first tried."""

from collections.abc import Iterator, Mapping, Sequence

from cosmos.core.digest import Digest
from cosmos.core.observed import NO_COMMIT, Origin
from cosmos.core.recorded import Attempt, AttemptState, LedgerEntry, Recorded
from cosmos.project import past
from cosmos.project.wiring import Project
from cosmos.views import VersionRow

Origins = Mapping[str, tuple[str, Origin]]
"""By batch id: who began it, and from which specs."""

_WORDS = {AttemptState.CANCELLED: "cancelled", AttemptState.SUCCEEDED: "made"}


def versions(project: Project, name: str) -> list[VersionRow]:
    """Of every run that a name means, those gone from the specs too; by run, oldest first.

    Raises:
        NotFoundError: Nothing was ever called so.
    """
    keys = past.keys_of(project, name)
    now = {want.run.key: want.digest for want in project.desire().runs if want.run.key in keys}
    everything, origins = project.records.everything(), project.records.origins()
    tried: dict[str, list[Attempt]] = {key: [] for key in keys}
    for attempts in everything.attempts.values():
        for attempt in attempts:
            if attempt.key in keys:
                tried[attempt.key].append(attempt)
    return [row for key in sorted(keys) for row in _of_run(key, tried[key], now.get(key), everything, origins)]


def _of_run(
    key: str, attempts: Sequence[Attempt], now: Digest | None, everything: Recorded, origins: Origins
) -> Iterator[VersionRow]:
    by_digest: dict[Digest, list[Attempt]] = {}
    for attempt in sorted(attempts, key=lambda each: (each.intended_at, each.number)):
        by_digest.setdefault(attempt.digest, []).append(attempt)
    if now is not None:
        by_digest.setdefault(now, [])
    for number, (digest, own) in enumerate(by_digest.items(), 1):
        entry = everything.ledger.get(digest)
        yield _version(key, number, digest, own, entry, origins, is_now=digest == now)


def _version(
    key: str,
    number: int,
    digest: Digest,
    attempts: Sequence[Attempt],
    entry: LedgerEntry | None,
    origins: Origins,
    *,
    is_now: bool,
) -> VersionRow:
    last = attempts[-1] if attempts else None
    batch = entry.batch_id if entry else last.batch_id if last else ""
    return VersionRow(
        key=key,
        number=number,
        digest=digest,
        result="made" if entry else _result(last),
        at=entry.finished_at if entry else _time(last),
        origin=origins.get(batch, ("", NO_COMMIT))[1],
        took_s=entry.duration_s if entry else _took_s(last),
        is_made=entry is not None,
        is_now=is_now,
    )


def _result(attempt: Attempt | None) -> str:
    if attempt is None:
        return "never ran"
    if attempt.is_open:
        return "under way"
    return _WORDS.get(attempt.state) or (attempt.reason.value if attempt.reason else attempt.state.value)


def _time(attempt: Attempt | None) -> float | None:
    return None if attempt is None else attempt.ended_at or attempt.started_at or attempt.intended_at


def _took_s(attempt: Attempt | None) -> float | None:
    if attempt is None or attempt.started_at is None or attempt.ended_at is None:
        return None
    return attempt.ended_at - attempt.started_at
