"""Records and hosts held against each other: what `cosmos verify` finds without reading a file. Pure."""

import re
from collections.abc import Iterable, Mapping

from cosmos.core.case import is_working
from cosmos.core.digest import DIGEST_SCHEMA, SHORT
from cosmos.core.flaw import Flaw, FlawKind
from cosmos.core.observed import BatchState, HostView, ObservedBatch, Reachable
from cosmos.core.recorded import Attempt, AttemptState, LedgerEntry, Recorded

APPLY = "the next cosmos apply"

OUR_BATCH = re.compile(r"rs_[0-9a-f]{10}-[0-9a-f]{8}-a[0-9]+")
"""A name that `core.digest.batch_id` gives: without a batch.json all that tells a run directory of ours."""


def unknown_schemas(entries: Iterable[LedgerEntry]) -> list[Flaw]:
    """Results that a newer cosmos has made: this one cannot tell whether they are those of a spec."""
    return [
        Flaw(
            kind=FlawKind.SCHEMA_UNKNOWN,
            subject=entry.key,
            words=f"result {entry.digest[:SHORT]} has digest schema {entry.schema}; known are 1 to {DIGEST_SCHEMA}",
            remedy="use the cosmos that made it (pip install -U cosmos-gitops)",
        )
        for entry in entries
        if not 1 <= entry.schema <= DIGEST_SCHEMA
    ]


def by_batch(recorded: Recorded) -> dict[str, list[Attempt]]:
    """Attempts by batch id."""
    found: dict[str, list[Attempt]] = {}
    for attempts in recorded.attempts.values():
        for attempt in attempts:
            found.setdefault(attempt.batch_id, []).append(attempt)
    return found


def on_hosts(before: Recorded, hosts: Mapping[str, HostView], after: Recorded) -> list[Flaw]:
    """What hosts and records say differently.

    Args:
        before: The records before the hosts were looked at.
        hosts: The looks; a host that is not among them was not to be looked at.
        after: The records afterwards. What another controller did meanwhile differs between the two, and is no flaw.
    """
    known = by_batch(after)
    flaws = []
    for name, view in sorted(hosts.items()):
        if isinstance(view, Reachable):
            for batch in view.batches.values():
                flaws += _directory(name, batch, known.get(batch.batch_id, []), before)
        else:
            remedy = "nothing was concluded about it; cosmos hosts check says more"
            flaws.append(Flaw(kind=FlawKind.HOST_UNREACHABLE, subject=name, words=view.why, remedy=remedy, host=name))
    return [*flaws, *_open(before, hosts, after)]


def _directory(host: str, batch: ObservedBatch, attempts: list[Attempt], before: Recorded) -> list[Flaw]:
    def flaw(kind: FlawKind, words: str, remedy: str) -> list[Flaw]:
        return [Flaw(kind=kind, subject=batch.batch_id, words=words, remedy=remedy, host=host)]

    if any(attempt.is_open for attempt in attempts):
        return []
    if batch.state is BatchState.PARTIAL and (attempts or OUR_BATCH.fullmatch(batch.batch_id)):
        words = "its preparation was cut off, and nothing asks for it"
        return flaw(FlawKind.RUN_DIRECTORY_INCOMPLETE, words, f"cosmos gc --host {host} removes it")
    if attempts and is_working(batch):
        words = f"is alive, and recorded as {attempts[-1].state.value}"
        return flaw(FlawKind.STILL_ALIVE, words, f"{APPLY} stops it")
    if attempts:
        words = f"{attempts[0].key} ended ({attempts[-1].state.value}), and its run directory is still there"
        return flaw(FlawKind.RUN_DIRECTORY_KEPT, words, f"{APPLY}, or cosmos gc --host {host}, removes it")
    if batch.meta is None:
        words = "its batch.json cannot be read: nobody knows whose work this is"
        return flaw(FlawKind.RUN_DIRECTORY_UNREADABLE, words, "look at it there; it is never removed by itself")
    if any(member.digest in before.ledger for member in batch.meta.members):
        words = "another result of a run that is done; the database does not know the batch"
    else:
        words = (
            f"work of {batch.meta.members[0].key if batch.meta.members else 'nobody'} that the database does not know"
        )
    return flaw(FlawKind.RUN_DIRECTORY_UNKNOWN, words, f"{APPLY} adopts it")


def _open(before: Recorded, hosts: Mapping[str, HostView], after: Recorded) -> list[Flaw]:
    """Attempts that were open all the while, with nothing there."""
    were_open = {attempt for attempts in before.attempts.values() for attempt in attempts if attempt.is_open}
    flaws = []
    for attempts in after.attempts.values():
        for attempt in attempts:
            view = hosts.get(attempt.host)
            gone = isinstance(view, Reachable) and attempt.batch_id not in view.batches
            if attempt in were_open and gone:
                flaws.append(_gone(attempt))
    return flaws


def _gone(attempt: Attempt) -> Flaw:
    is_started = attempt.state is AttemptState.STARTED
    words = "was started, and its host has nothing of it" if is_started else "is not on its host yet"
    return Flaw(
        kind=FlawKind.WORK_GONE if is_started else FlawKind.WORK_NOT_STARTED,
        subject=attempt.key,
        words=f"attempt {attempt.number} {words}",
        remedy=f"{APPLY} {'closes it, and says why' if is_started else 'goes on with it'}",
        host=attempt.host,
    )


def without_host(recorded: Recorded, configured: Iterable[str]) -> list[Flaw]:
    """Attempts that are open on a host that the configuration does not have."""
    names = set(configured)
    return [
        Flaw(
            kind=FlawKind.HOST_NOT_CONFIGURED,
            subject=attempt.key,
            words=f"attempt {attempt.number} is open on {attempt.host}, which is not in cosmos.toml",
            remedy="put the host back; until then nothing is concluded about it",
            host=attempt.host,
        )
        for attempts in recorded.attempts.values()
        for attempt in attempts
        if attempt.is_open and attempt.host not in names
    ]
