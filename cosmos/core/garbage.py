"""What may be removed: things of our own that neither a result, nor live work, nor a spec refers to. Pure.

On doubt nothing is garbage: what keeps us from knowing is returned beside it, as words.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from cosmos.core.audit import OUR_BATCH, by_batch
from cosmos.core.case import is_working
from cosmos.core.desired import Desired
from cosmos.core.digest import Digest
from cosmos.core.observed import BatchState, ObservedBatch, Reachable
from cosmos.core.placing import wanted_blobs
from cosmos.core.recorded import Attempt, AttemptState, Recorded
from cosmos.core.stock import Stock, Stored

GRACE_S = 600.0
"""What was used within so many seconds is left alone, whatever a person says: it may be on its way."""


class Kind(StrEnum):
    """What is removed, in the order in which it is shown."""

    RUN_DIRECTORY = "run directory"
    BLOB = "blob"
    LEFTOVER = "leftover"
    LOG = "log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Where to look, and how long something must have been unused (seconds). `store` means this machine, logs too.

    `finished`: inputs of finished runs are not needed on hosts any more.
    """

    store: bool = False
    hosts: Sequence[str] = ()
    idle_s: float = GRACE_S
    finished: bool = False

    def on(self, hosts: Sequence[str]) -> Self:
        """The same, on these hosts."""
        return replace(self, hosts=tuple(hosts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbage:
    """One thing to remove. `place` is a host, `store` or `logs`."""

    kind: Kind
    place: str
    name: str
    size: int
    idle_s: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """Garbage, and what was held back because something is not known. `away`: why the host could not be looked at."""

    garbage: tuple[Garbage, ...] = ()
    held: tuple[str, ...] = ()
    away: str = ""


def needed_blobs(desired: Desired, recorded: Recorded, *, finished: bool) -> frozenset[str] | None:
    """Inputs that runs of the specs still need on a host.

    Args:
        desired: What is asked for.
        recorded: What is done.
        finished: Count inputs of finished runs as needed no more.

    Returns:
        None when a spec that cannot be judged may need any.
    """
    if desired.held or desired.is_blind:
        return None
    return frozenset(
        blob.sha256
        for want in desired.runs
        if not finished or want.digest not in recorded.ledger or want.digest in recorded.requests
        for blob in wanted_blobs(want, recorded)
    )


def on_host(
    host: str,
    view: Reachable,
    stock: Stock,
    recorded: Recorded,
    *,
    needed: Collection[str] | None,
    durable: Collection[Digest],
    idle_s: float,
) -> Sorted:
    """What a host need not keep.

    Args:
        host: Its name.
        view: A look at it.
        stock: What it keeps.
        recorded: Everything that is recorded.
        needed: From `needed_blobs`.
        durable: Digests whose results are whole in the local store.
        idle_s: Only what nobody has used for so long.
    """
    idle_s = max(GRACE_S, idle_s)
    garbage, held = _directories(host, view, stock, recorded, durable, idle_s)
    for path, kept in sorted(stock.leftovers.items()):
        if kept.idle_s >= GRACE_S:
            garbage.append(_garbage(Kind.LEFTOVER, host, path, kept, "was cut off on its way"))
    unused = {sha256: kept for sha256, kept in stock.blobs.items() if kept.links == 1 and kept.idle_s >= idle_s}
    if needed is None and unused:
        held.append(f"blobs on {host}: a spec that cannot be judged may need any of them; cosmos validate names it")
    elif needed is not None:
        for sha256, kept in sorted(unused.items()):
            if sha256 not in needed:
                garbage.append(_garbage(Kind.BLOB, host, sha256, kept, "no run that is to be made needs it"))
    return Sorted(garbage=tuple(garbage), held=tuple(held))


def _directories(
    host: str, view: Reachable, stock: Stock, recorded: Recorded, durable: Collection[Digest], idle_s: float
) -> tuple[list[Garbage], list[str]]:
    known = by_batch(recorded)
    garbage, held = [], []
    for batch_id, batch in sorted(view.batches.items()):
        attempts, kept = known.get(batch_id, []), stock.folders.get(batch_id)
        if kept is None or any(attempt.is_open for attempt in attempts):
            continue
        why, doubt = _judged(batch, attempts, durable)
        least = GRACE_S if batch.state is BatchState.PARTIAL else idle_s
        if doubt:
            held.append(f"{batch_id} on {host}: {doubt}")
        elif kept.idle_s >= least:
            garbage.append(_garbage(Kind.RUN_DIRECTORY, host, batch_id, kept, why))
    return garbage, held


def _judged(batch: ObservedBatch, attempts: list[Attempt], durable: Collection[Digest]) -> tuple[str, str]:
    """Why a run directory is garbage, or what keeps it."""
    if is_working(batch):
        return "", "it is alive though recorded as over; cosmos apply stops it" if attempts else "it is alive"
    if batch.state is BatchState.PARTIAL and (attempts or OUR_BATCH.fullmatch(batch.batch_id)):
        return "its preparation was cut off", ""
    if batch.meta is None and not attempts:
        return "", "it has no batch.json that can be read, so nothing says that it is ours"
    if not attempts:
        return "", "the database does not know it; cosmos apply adopts it"
    if any(attempt.state is AttemptState.SUCCEEDED and attempt.digest not in durable for attempt in attempts):
        return "", "it may be the last copy of its result; cosmos verify --fix brings that back"
    return f"its attempt {attempts[-1].state.value}", ""


def in_store(
    stock: Stock, recorded: Recorded, published: Collection[str], *, idle_s: float, place: str = "store"
) -> Sorted:
    """What the local store need not keep.

    Args:
        stock: What it has.
        recorded: Everything that is recorded.
        published: sha256 of files in outputs/ that are copies, not links.
        idle_s: Only what nobody has used for so long.
        place: What it is called.
    """
    idle_s = max(GRACE_S, idle_s)
    referred = {file.sha256 for entry in recorded.ledger.values() for file in entry.manifest} | set(published)
    unused = [
        _garbage(Kind.BLOB, place, sha256, kept, "neither a result nor outputs/ refer to it")
        for sha256, kept in sorted(stock.blobs.items())
        if sha256 not in referred and kept.links == 1 and kept.idle_s >= idle_s
    ]
    partial = [
        _garbage(Kind.LEFTOVER, place, path, kept, "was cut off on its way")
        for path, kept in sorted(stock.leftovers.items())
        if kept.idle_s >= GRACE_S
    ]
    if unused and not recorded.ledger:
        words = (
            "blobs of the store: the database knows no result at all, so it may be a new one; see docs/operations.md"
        )
        return Sorted(garbage=tuple(partial), held=(words,))
    return Sorted(garbage=(*unused, *partial))


def logs(kept: Mapping[str, Stored], recorded: Recorded, wanted: Iterable[str], *, idle_s: float) -> Sorted:
    """Logs that need not be kept; the newest of each run of the specs stays.

    Args:
        kept: By the own name of the attempt.
        recorded: Everything that is recorded.
        wanted: Ids of the runs of the specs.
        idle_s: Only what nobody has used for so long.
    """
    known = {attempt.name: attempt for attempts in recorded.attempts.values() for attempt in attempts}
    newest: dict[str, Attempt] = {}
    for attempt in known.values():
        if attempt.run_id not in newest or newest[attempt.run_id].intended_at < attempt.intended_at:
            newest[attempt.run_id] = attempt
    stay = {newest[run_id].name for run_id in wanted if run_id in newest}
    return Sorted(
        garbage=tuple(
            _garbage(Kind.LOG, "logs", name, found, f"of attempt {known[name].number}, which is over")
            for name, found in sorted(kept.items())
            if name in known and name not in stay and not known[name].is_open and found.idle_s >= max(GRACE_S, idle_s)
        )
    )


def _garbage(kind: Kind, place: str, name: str, kept: Stored, why: str) -> Garbage:
    return Garbage(kind=kind, place=place, name=name, size=kept.size, idle_s=kept.idle_s, why=why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """What may be removed or, when it is `done`, was. A sentence for each thing that was not.

    `held` was held back on doubt, `away` are hosts that could not be looked at, `failed` what could not be removed.
    """

    garbage: tuple[Garbage, ...] = ()
    held: tuple[str, ...] = ()
    away: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    done: bool = False

    def sums(self) -> dict[tuple[str, Kind], tuple[int, int]]:
        """By place and kind: how many, and bytes."""
        found: dict[tuple[str, Kind], tuple[int, int]] = {}
        for each in self.garbage:
            count, size = found.get((each.place, each.kind), (0, 0))
            found[each.place, each.kind] = (count + 1, size + each.size)
        return found
