"""Run directories and attempts that no desired run speaks for: kept safe, then cleared away.

A result is never lost because its spec changed while it was computed: such work runs to its end,
is collected into the ledger, and only then is the host's copy released. Nothing without our
batch.json is touched.
"""

from collections.abc import Iterable, Mapping

from cosmos.core.case import Policy, folder_of
from cosmos.core.desired import Desired
from cosmos.core.digest import Digest
from cosmos.core.observed import BatchState, HostView, Member, ObservedBatch, Reachable
from cosmos.core.plan import Act, Cause, Operation
from cosmos.core.reasons import REASONS, Reason
from cosmos.core.recorded import Attempt, AttemptState, Recorded, Verb


def orphans(hosts: Mapping[str, HostView], recorded: Recorded) -> dict[Digest, str]:
    """Host by digest, for batches that carry our record and that the database does not know."""
    return {member.digest: host for host, _, member in _unknown(hosts, recorded)}


def leftovers(desired: Desired, hosts: Mapping[str, HostView], recorded: Recorded, policy: Policy) -> list[Operation]:
    """Adopt what is unknown, finish what is no longer wanted, release what is durable here."""
    wanted = {want.digest for want in desired.runs}
    operations = [_adopt(host, batch, member) for host, batch, member in _unknown(hosts, recorded)]
    for attempts in recorded.attempts.values():
        for attempt in attempts:
            view = hosts.get(attempt.host)
            if not isinstance(view, Reachable):
                continue
            if not attempt.is_open:
                operations += _release(attempt, policy)
            elif attempt.digest not in wanted or _is_done(attempt, recorded):
                operations += _unwanted(attempt, view, recorded)
    return operations


def _is_done(attempt: Attempt, recorded: Recorded) -> bool:
    """The digest has a result that this attempt is not needed for."""
    entry, request = recorded.ledger.get(attempt.digest), recorded.requests.get(attempt.digest)
    rerun = request is not None and request.verb is Verb.RERUN
    return entry is not None and not (rerun and request is not None and entry.attempt <= request.after)


def _unknown(hosts: Mapping[str, HostView], recorded: Recorded) -> Iterable[tuple[str, ObservedBatch, Member]]:
    known = {attempt.batch_id for attempts in recorded.attempts.values() for attempt in attempts}
    for host, view in sorted(hosts.items()):
        for batch in sorted(view.batches.values(), key=lambda b: b.batch_id) if isinstance(view, Reachable) else ():
            if batch.batch_id not in known and batch.meta is not None and batch.state is not BatchState.PARTIAL:
                yield from ((host, batch, member) for member in batch.meta.members)


def _adopt(host: str, batch: ObservedBatch, member: Member) -> Operation:
    return Operation(
        act=Act.ADOPT,
        cause=Cause.ORPHANED,
        key=member.key,
        digest=member.digest,
        host=host,
        batch_id=batch.batch_id,
        attempt=batch.meta.attempt if batch.meta else 1,
    )


def _release(attempt: Attempt, policy: Policy) -> list[Operation]:
    kept = attempt.state is not AttemptState.SUCCEEDED and attempt.host in policy.keep_failed
    return [] if attempt.released or kept else [_act(attempt, Act.RELEASE, Cause.DURABLE)]


def _unwanted(attempt: Attempt, view: Reachable, recorded: Recorded) -> list[Operation]:
    """The spec is gone or asks for something else now: run on, collect, never start."""
    batch = view.batches.get(attempt.batch_id)
    request = recorded.requests.get(attempt.digest)
    cancelled = request is not None and request.verb is Verb.CANCEL and request.after >= attempt.number
    if batch is None:
        return [_fail(attempt, Reason.RUN_DIRECTORY_LOST)]
    if batch.state is BatchState.EXITED:
        folder = folder_of(attempt.key, attempt.digest, recorded.ledger.get(attempt.digest), attempt.number)
        return [_act(attempt, Act.COLLECT, Cause.EXITED, folder=folder)]
    if batch.survivors or (cancelled and batch.state is BatchState.RUNNING):
        return [_act(attempt, Act.STOP, Cause.CANCELLED if cancelled else Cause.LOST)]
    if batch.state is BatchState.RUNNING:
        return []
    if batch.state is BatchState.LOST:
        rebooted = bool(batch.boot_id) and batch.boot_id != view.boot_id
        return [_fail(attempt, Reason.HOST_REBOOTED if rebooted else Reason.PROCESS_LOST)]
    return [_fail(attempt, Reason.STOPPED)]


def _fail(attempt: Attempt, reason: Reason) -> Operation:
    return _act(attempt, Act.FAIL, Cause.LOST, reason=reason, detail=REASONS[reason].meaning)


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
        folder=folder,
        reason=reason,
        detail=detail,
    )
