"""reconcile(desired, observed, recorded, ...) -> Plan: pure, so that the same look gives the same plan.

Three steps: a `Case` for each run is judged by the rule table; runs that want a place get one, in
order of priority; run directories that belong to no desired run are swept (adopted, collected,
stopped when cancelled, released once durable). Nothing is decided anywhere else.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from cosmos.core import sweep
from cosmos.core.case import Blocker, Case, Policy, folder_of
from cosmos.core.desired import Desired, DesiredRun
from cosmos.core.digest import Digest
from cosmos.core.observed import Observed, OutputState
from cosmos.core.placement import HostConfig, Offers
from cosmos.core.placing import Placing, offer
from cosmos.core.plan import ENDED, Act, Operation, Phase, Plan, RunStatus
from cosmos.core.recorded import Attempt, LedgerEntry, Recorded, Verb
from cosmos.core.rules import judge
from cosmos.core.standing import Standing


def reconcile(
    desired: Desired,
    observed: Observed,
    recorded: Recorded,
    hosts: Sequence[HostConfig],
    *,
    now: float,
    policy: Policy,
) -> Plan:
    """Decide what to do next. Times in seconds since the epoch."""
    standings = judge_all(desired, observed, recorded, now, policy)
    operations = [operation for _, standing in standings.values() for operation in standing.operations]
    offers = Offers([offer(host, observed, recorded) for host in hosts])
    placing = Placing(observed, recorded, offers, policy)
    placed = {key: placing.place(case, standing) for key, (case, standing) in _queue(standings) if standing.wants_place}
    operations += sweep.leftovers(desired, observed.hosts, recorded, policy)
    statuses = [_status(case, placed.get(key, standing), recorded) for key, (case, standing) in standings.items()]
    operations += placing.operations
    return Plan(
        operations=tuple(sorted(_mend_eta(operations, desired, recorded), key=_order)),
        statuses=tuple(sorted(statuses, key=lambda status: status.key)),
        readers=placing.readers,
    )


# Judging -----------------------------------------------------------------------------------------

Standings = dict[str, tuple[Case, Standing]]


def judge_all(desired: Desired, observed: Observed, recorded: Recorded, now: float, policy: Policy) -> Standings:
    """Runs after those that they wait for; runs with one digest after the one that leads it."""
    by_key = desired.by_key()
    ordered = _upstream_first(desired.runs, by_key)
    leaders = _leaders(ordered, policy)
    orphans = sweep.orphans(observed.hosts, recorded)
    done: Standings = {}
    for want in ordered:
        run = want.run
        case = _case(want, observed, recorded, orphans, now, policy)
        case = replace(case, blockers=tuple(_blockers(want, done)))
        leader = leaders[want.digest]
        if leader == run.key or case.entry is not None:
            done[run.key] = (case, judge(case)[1])
        else:
            done[run.key] = (case, _follow(leader, done[leader][1] if leader in done else None))
    return done


def _case(
    want: DesiredRun,
    observed: Observed,
    recorded: Recorded,
    orphans: Mapping[Digest, str],
    now: float,
    policy: Policy,
) -> Case:
    run = want.run
    attempts = recorded.attempts.get(want.digest, ())
    request = recorded.requests.get(want.digest)
    entry = recorded.ledger.get(want.digest)
    rerun = request is not None and request.verb is Verb.RERUN and entry is not None and entry.attempt <= request.after
    folder = folder_of(run.key, want.digest, entry, attempts[-1].number if attempts else 1)
    entry = None if rerun else entry
    open_host = attempts[-1].host if attempts and attempts[-1].is_open else ""
    return Case(
        want=want,
        now=now,
        policy=policy,
        entry=entry,
        output=observed.outputs.get(folder, OutputState.MISSING) if entry else None,
        folder=folder,
        attempts=attempts,
        request=request,
        view=observed.hosts.get(open_host),
        orphan_host="" if open_host else orphans.get(want.digest, ""),
        previous=recorded.previous.get(run.id),
    )


def _leaders(ordered: Iterable[DesiredRun], policy: Policy) -> dict[Digest, str]:
    """Of the runs with one digest, the key of the one that does the work: the first that may start.

    First in upstream order, so that no leader waits for a run that follows it.
    """
    leaders: dict[Digest, tuple[bool, str]] = {}
    for want in ordered:
        unselected = policy.targets is not None and want.run.key not in policy.targets
        idle = want.run.suspend or unselected
        if want.digest not in leaders or leaders[want.digest][0] > idle:
            leaders[want.digest] = (idle, want.run.key)
    return {digest: key for digest, (_, key) in leaders.items()}


def _follow(leader: str, standing: Standing | None) -> Standing:
    message = f"same settings as {leader}; its result is shared"
    if standing is None:
        return Standing(phase=Phase.WAITING, message=message)
    return replace(standing, message=message, operations=(), wants_place=False, until=None)


def _upstream_first(runs: Sequence[DesiredRun], by_key: Mapping[str, DesiredRun]) -> list[DesiredRun]:
    """Expansion has refused cycles, so that every run appears once, after what it waits for."""
    ordered: dict[str, DesiredRun] = {}
    for start in sorted(runs, key=lambda want: want.run.key):
        stack = [start]
        while stack:
            want = stack[-1]
            missing = [by_key[key] for key in want.run.waits_for if key in by_key and key not in ordered]
            if missing:
                stack.extend(missing)
            else:
                ordered[stack.pop().run.key] = want
    return list(ordered.values())


def _blockers(want: DesiredRun, done: Standings) -> Iterable[Blocker]:
    for key in want.run.waits_for:
        if key not in done:
            yield Blocker(key=key, phase=Phase.PENDING, ended=True)  # its spec has a problem
            continue
        case, standing = done[key]
        is_done = case.entry is not None and case.output is not OutputState.LOST
        if not is_done and case.want.digest != want.digest:
            yield Blocker(key=key, phase=standing.phase, ended=standing.phase in ENDED or standing.stuck)


def _queue(standings: Standings) -> list[tuple[str, tuple[Case, Standing]]]:
    return sorted(standings.items(), key=lambda item: (-item[1][0].want.run.priority, item[0]))


# Putting together --------------------------------------------------------------------------------


def _status(case: Case, standing: Standing, recorded: Recorded) -> RunStatus:
    run, attempt = case.want.run, case.open
    last = case.attempts[-1] if case.attempts else None
    return RunStatus(
        key=run.key,
        run_id=run.id,
        digest=case.want.digest,
        sync=standing.sync,
        phase=standing.phase,
        at=run.at,
        cause=standing.cause,
        reason=standing.reason,
        message=standing.message,
        host=attempt.host if attempt else last.host if last else "",
        gpus=attempt.gpus if attempt else (),
        attempt=attempt.number if attempt else last.number if last else 0,
        folder=case.folder if case.entry else "",
        since=_since(case.entry, last),
        until=standing.until,
        stuck=standing.stuck,
    )


def _since(entry: LedgerEntry | None, last: Attempt | None) -> float | None:
    if entry is not None:
        return entry.finished_at
    return None if last is None else last.ended_at or last.started_at or last.intended_at


def _mend_eta(operations: Iterable[Operation], desired: Desired, recorded: Recorded) -> Iterable[Operation]:
    models = {want.digest: want.run.model.name for want in desired.runs}
    for operation in operations:
        eta = recorded.durations_s.get(models.get(operation.digest, ""))
        yield replace(operation, eta_s=eta) if operation.act is Act.LAUNCH and eta is not None else operation


_ACT_ORDER = (Act.ADOPT, Act.STOP, Act.FAIL, Act.COLLECT, Act.RESTORE, Act.STAGE, Act.LAUNCH, Act.RELEASE)


def _order(operation: Operation) -> tuple[int, bool, str, str]:
    """Cheap and freeing acts first; then what can be done now; then by key."""
    return _ACT_ORDER.index(operation.act), not operation.ready, operation.key, operation.batch_id
