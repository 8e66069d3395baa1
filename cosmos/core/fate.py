"""The members of a batch share its fate: what is decided for each of them must fit together. Pure.

A batch is prepared and started with all its members, or with none: when one of them is withdrawn before the start, the
others are too, at no cost of theirs, and get another place. Used by `core.reconcile` once every run has been judged.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from cosmos.core.observed import Observed, Reachable
from cosmos.core.plan import Act, Cause, Operation
from cosmos.core.reasons import Reason
from cosmos.core.recorded import Attempt, Recorded


def one_fate(operations: Sequence[Operation], observed: Observed, recorded: Recorded) -> list[Operation]:
    """The operations, with those of each batch made to agree."""
    members = _open_members(recorded)
    by_batch: dict[str, list[Operation]] = {}
    for operation in operations:
        if operation.batch_id in members:
            by_batch.setdefault(operation.batch_id, []).append(operation)
    changed = {
        name: _agreed(own, members[name], _is_there(observed, members[name][0])) for name, own in by_batch.items()
    }
    kept = [operation for operation in operations if operation.batch_id not in changed]
    return [*kept, *(operation for own in changed.values() for operation in own)]


def _open_members(recorded: Recorded) -> dict[str, list[Attempt]]:
    """Open attempts by batch, of the batches that have several."""
    found: dict[str, list[Attempt]] = {}
    for attempts in recorded.attempts.values():
        for attempt in attempts:
            if attempt.is_open:
                found.setdefault(attempt.batch_id, []).append(attempt)
    return {name: each for name, each in found.items() if len(each) > 1}


def _is_there(observed: Observed, attempt: Attempt) -> bool:
    view = observed.hosts.get(attempt.host)
    return isinstance(view, Reachable) and attempt.batch_id in view.batches


def _agreed(own: list[Operation], members: Sequence[Attempt], is_there: bool) -> list[Operation]:
    launches = [operation for operation in own if operation.act is Act.LAUNCH]
    others = [operation for operation in own if operation.act is not Act.LAUNCH]
    if not launches:
        return own
    if len(launches) < len(members):
        if any(operation.act is Act.STOP for operation in others):
            return others
        told = {operation.digest for operation in others}
        cause = next((operation.cause for operation in others), Cause.NOT_WANTED)
        rest = [attempt for attempt in members if attempt.digest not in told]
        return [*others, *_withdrawn(rest, cause, _keys(others), is_there)]
    waits = next((operation.waits for operation in launches if not operation.ready), "")
    return [*others, *(replace(operation, ready=not waits, waits=waits) for operation in launches)]


def _withdrawn(members: Sequence[Attempt], cause: Cause, keys: str, is_there: bool) -> Iterable[Operation]:
    """What is on its host is stopped, so that it cannot start any more; of what is not, the attempts are closed."""
    why = f": {keys} is not run any more" if keys else ""
    for attempt in members[:1] if is_there else members:
        yield Operation(
            act=Act.STOP if is_there else Act.FAIL,
            cause=cause,
            key=attempt.key,
            digest=attempt.digest,
            host=attempt.host,
            gpus=attempt.gpus,
            batch_id=attempt.batch_id,
            attempt=attempt.number,
            reason=None if is_there else Reason.NOT_REACHED,
            detail="" if is_there else f"its batch was withdrawn before it was started{why}",
        )


def _keys(operations: Iterable[Operation]) -> str:
    return ", ".join(sorted({operation.key for operation in operations}))
