"""Run directories and attempts that no desired run speaks for: kept safe, then cleared away.

A result is never lost because its spec changed while it was computed: such work runs to its end,
is collected into the ledger, and only then is the host's copy released. Nothing without our
batch.json is touched.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from cosmos.core.case import COULD_START, Policy, folder_of, gives_up, is_working, lost_because
from cosmos.core.desired import Desired
from cosmos.core.digest import Digest
from cosmos.core.observed import BatchState, HostView, Member, ObservedBatch, Reachable
from cosmos.core.plan import Act, Cause, Operation
from cosmos.core.reasons import REASONS, Reason
from cosmos.core.recorded import Attempt, AttemptState, Recorded, Verb
from cosmos.core.standing import given_up_by


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Work on hosts that no open attempt stands for."""

    orphans: Mapping[Digest, tuple[str, ObservedBatch, Member]]
    """Unknown to the database: host, batch and member; of several about one digest, the most alive."""
    ghosts: Mapping[Digest, str]
    """Alive although recorded as over: the host."""


def find(hosts: Mapping[str, HostView], recorded: Recorded) -> Found:
    """Compare what hosts have with what is recorded."""
    orphans: dict[Digest, tuple[str, ObservedBatch, Member]] = {}
    for host, batch, member in _ours(hosts):
        attempts = recorded.attempts.get(member.digest, ())
        if not any(attempt.is_open or attempt.batch_id == batch.batch_id for attempt in attempts):
            orphans.setdefault(member.digest, (host, batch, member))
    return Found(orphans=orphans, ghosts=dict(_ghosts(hosts, recorded)))


def _ghosts(hosts: Mapping[str, HostView], recorded: Recorded) -> Iterable[tuple[Digest, str]]:
    for attempts in recorded.attempts.values():
        for attempt in attempts:
            if attempt.released or attempt.is_open:
                continue
            view = hosts.get(attempt.host)
            batch = view.batches.get(attempt.batch_id) if isinstance(view, Reachable) else None
            if batch is not None and is_working(batch):
                yield attempt.digest, attempt.host


def _ours(hosts: Mapping[str, HostView]) -> Iterable[tuple[str, ObservedBatch, Member]]:
    """Everything whole with our record: what works or may be started comes before what has ended, then by attempt."""
    seen = [
        (not is_working(batch), batch.state not in COULD_START, batch.meta.attempt, batch.batch_id, host, batch)
        for host, view in hosts.items()
        if isinstance(view, Reachable)
        for batch in view.batches.values()
        if batch.meta is not None and batch.state is not BatchState.PARTIAL
    ]
    for *_, host, batch in sorted(seen, key=lambda each: each[:5]):
        yield from ((host, batch, member) for member in (batch.meta.members if batch.meta else ()))


def leftovers(
    desired: Desired,
    hosts: Mapping[str, HostView],
    recorded: Recorded,
    policy: Policy,
    *,
    found: Found,
    lost: Collection[Digest],
) -> list[Operation]:
    """Adopt what is unknown, finish what is no longer wanted, release what is durable here.

    Args:
        desired: What speaks for attempts.
        hosts: What each host has.
        recorded: What the database says.
        policy: Which run directories stay.
        found: What `find` found.
        lost: Digests whose results are gone here, so that a host's copy may be the last one.
    """
    wanted = {want.digest for want in desired.runs}
    held = {each.batch_id for attempts in recorded.attempts.values() for each in attempts if each.is_open}
    operations = [_adopt(host, batch, member) for host, batch, member in found.orphans.values()]
    held |= {batch.batch_id for _, batch, _ in found.orphans.values()}  # some of its members are recorded, and not all
    over: dict[str, list[list[Operation]]] = {}
    for attempts in recorded.attempts.values():
        for attempt in attempts:
            view = hosts.get(attempt.host)
            if not isinstance(view, Reachable):
                if attempt.digest not in wanted or _is_done(attempt, recorded):
                    operations += _given_up(attempt, recorded)
                continue
            if attempt.is_open:
                if _is_done(attempt, recorded) or not (attempt.digest in wanted or _is_kept(attempt, view, desired)):
                    operations += _unwanted(attempt, view, recorded, is_pruned=attempt.key in policy.prune)
            elif not attempt.released and attempt.batch_id not in held:
                needed = attempt.digest not in recorded.ledger and (
                    attempt.digest in wanted or desired.holds(attempt.key)
                )
                acts = _over(attempt, view, policy, is_lost=attempt.digest in lost, is_needed=needed)
                over.setdefault(attempt.batch_id, []).append(acts)
    return [*operations, *(operation for members in over.values() for operation in _over_together(members))]


def _over_together(members: Sequence[list[Operation]]) -> list[Operation]:
    """One act for a batch: it goes when no member needs it any more.

    What is said of a member whose log is out of reach holds for all.
    """
    if not all(members):
        return []
    first = next((each[0] for each in members if each[0].reason is Reason.ASSUMED_LOST), members[0][0])
    return [first]


def waits_for_its_spec(attempt: Attempt, view: HostView, desired: Desired) -> bool:
    """What has not started is neither started nor given up while nobody can say whether it is wanted."""
    batch = view.batches.get(attempt.batch_id) if isinstance(view, Reachable) else None
    idle = attempt.state is AttemptState.INTENDED and (batch is None or batch.state in COULD_START)
    unjudged = all(want.digest != attempt.digest for want in desired.runs)
    return idle and unjudged and desired.holds(attempt.key)


def _is_kept(attempt: Attempt, view: Reachable, desired: Desired) -> bool:
    """Nobody can say now whether it is wanted, and its program has not begun. What waits for a GPU keeps its place."""
    batch = view.batches.get(attempt.batch_id)
    in_line = batch is not None and batch.waits and desired.holds(attempt.key)
    return in_line or waits_for_its_spec(attempt, view, desired)


def _is_done(attempt: Attempt, recorded: Recorded) -> bool:
    """The digest has a result that this attempt is not needed for."""
    entry, request = recorded.ledger.get(attempt.digest), recorded.requests.get(attempt.digest)
    rerun = request is not None and request.verb is Verb.RERUN
    return entry is not None and not (rerun and request is not None and entry.attempt <= request.after)


def _adopt(host: str, batch: ObservedBatch, member: Member) -> Operation:
    return Operation(
        act=Act.ADOPT,
        cause=Cause.ORPHANED,
        key=member.key,
        digest=member.digest,
        host=host,
        batch_id=batch.batch_id,
        attempt=batch.meta.attempt if batch.meta else 1,
        gpus=batch.meta.gpus if batch.meta else (),
    )


def _over(attempt: Attempt, view: Reachable, policy: Policy, *, is_lost: bool, is_needed: bool) -> list[Operation]:
    """Nothing that lives is released, nor what may be the last copy of a result."""
    batch = view.batches.get(attempt.batch_id)
    succeeded = attempt.state is AttemptState.SUCCEEDED
    if batch is not None and is_working(batch):
        return [_act(attempt, Act.STOP, Cause.CANCELLED if attempt.state is AttemptState.CANCELLED else Cause.LOST)]
    kept = batch is not None and is_lost if succeeded else attempt.host in policy.keep_failed
    if attempt.reason is Reason.ASSUMED_LOST:  # nobody has looked at what it left: it may be the result
        kept = kept or (batch is not None and is_needed)
    return [] if kept else [_act(attempt, Act.RELEASE, Cause.DURABLE, reason=attempt.reason)]


def _given_up(attempt: Attempt, recorded: Recorded) -> list[Operation]:
    """Work that no spec asks for any more, on a host that cannot be looked at."""
    request = recorded.requests.get(attempt.digest)
    lost = attempt.is_open and gives_up(request, attempt)
    return [_fail(attempt, Reason.ASSUMED_LOST, given_up_by(request))] if lost else []


def _unwanted(attempt: Attempt, view: Reachable, recorded: Recorded, *, is_pruned: bool) -> list[Operation]:
    """The spec is gone or asks for something else now: run on, collect, never start."""
    batch = view.batches.get(attempt.batch_id)
    request = recorded.requests.get(attempt.digest)
    cancelled = request is not None and request.verb is Verb.CANCEL
    if batch is None:
        intended = attempt.state is AttemptState.INTENDED
        return [_withdraw(attempt) if intended else _fail(attempt, *_GONE)]
    if batch.state is BatchState.EXITED:
        folder = folder_of(attempt.key, attempt.digest, recorded.ledger.get(attempt.digest), attempt.number)
        return [_act(attempt, Act.COLLECT, Cause.EXITED, folder=folder)]
    if batch.state in COULD_START or batch.waits:
        return [_act(attempt, Act.STOP, Cause.CANCELLED if cancelled else Cause.NOT_WANTED)]
    if batch.survivors or (cancelled and batch.state is BatchState.RUNNING):
        return [_act(attempt, Act.STOP, Cause.CANCELLED if cancelled else Cause.LOST)]
    if batch.state is BatchState.RUNNING:
        return [_act(attempt, Act.STOP, Cause.REMOVED)] if is_pruned else []
    return [_fail(attempt, *lost_because(batch, view))]


_GONE = (Reason.RUN_DIRECTORY_LOST, REASONS[Reason.RUN_DIRECTORY_LOST].meaning)


def _withdraw(attempt: Attempt) -> Operation:
    detail = "withdrawn before it was started: nothing asks for it any more"
    return _act(attempt, Act.FAIL, Cause.NOT_WANTED, reason=Reason.STOPPED, detail=detail)


def _fail(attempt: Attempt, reason: Reason, detail: str) -> Operation:
    return _act(attempt, Act.FAIL, Cause.LOST, reason=reason, detail=detail)


def _act(
    attempt: Attempt, act: Act, cause: Cause, *, folder: str = "", reason: Reason | None = None, detail: str = ""
) -> Operation:
    return Operation(
        act=act,
        cause=cause,
        key=attempt.key,
        digest=attempt.digest,
        host=attempt.host,
        batch_id=attempt.batch_id,
        attempt=attempt.number,
        gpus=attempt.gpus,
        folder=folder,
        reason=reason,
        detail=detail,
    )
