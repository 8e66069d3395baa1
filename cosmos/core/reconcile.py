"""reconcile(desired, observed, recorded, ...) -> Plan: pure, so that the same look gives the same plan.

Three steps: a `Case` for each run is judged by the rule table; runs that want a place get one, in
order of priority; run directories that belong to no desired run are swept (adopted, collected,
stopped when cancelled, released once durable). Nothing is decided anywhere else.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter

from cosmos.core import sweep
from cosmos.core.breaker import closures
from cosmos.core.case import Blocker, Case, Policy, published_folder
from cosmos.core.desired import Desired, DesiredRun
from cosmos.core.digest import Digest
from cosmos.core.forecast import Forecast
from cosmos.core.observed import Observed, OutputState
from cosmos.core.occupancy import Occupancy, occupancies
from cosmos.core.offering import offers
from cosmos.core.placement import HostConfig, Offers
from cosmos.core.placing import Placing
from cosmos.core.plan import ENDED, Act, Cause, Operation, Phase, Plan, RunStatus
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
    percents: Mapping[str, int] | None = None,
) -> Plan:
    """Decide what to do next. Times in seconds since the epoch.

    `percents` says by batch id how much is done of it, where its log tells.
    """
    found = sweep.find(observed.hosts, recorded)
    occupied = occupancies(observed, recorded)
    closed = closures(recorded, (host.name for host in hosts), now)
    forecast = Forecast(desired, observed, recorded, hosts, percents or {})
    room = offers(hosts, observed, occupied, policy, forecast.ends(_attempts(recorded)), closed)
    scene = _Scene(
        observed=observed, recorded=recorded, found=found, occupied=occupied, room=room, now=now, policy=policy
    )
    judged = _judge(desired, scene)
    placing = Placing(observed, recorded, room, policy)
    _give_places(judged, placing)
    lost = {case.want.digest for case, _ in judged.values() if case.output is OutputState.LOST}
    operations = [operation for _, standing in judged.values() for operation in standing.operations]
    operations += sweep.leftovers(desired, observed.hosts, recorded, policy, found=found, lost=lost)
    operations += placing.operations
    arranged = _arrange(operations, desired, forecast)
    timed = [each for each in arranged if each.act is Act.LAUNCH and each.eta_s is not None]
    order = [case.want for case, _ in judged.values()]
    return Plan(
        operations=arranged,
        statuses=tuple(_status(*judged[key], forecast) for key in sorted(judged)),
        held=len(desired.held),
        readers=placing.readers,
        wall_s=forecast.wall_s(timed, _attempts(recorded), order) if timed else None,
    )


# Judging -----------------------------------------------------------------------------------------

Standings = dict[str, tuple[Case, Standing]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """What all cases share."""

    observed: Observed
    recorded: Recorded
    found: sweep.Found
    occupied: Mapping[str, Occupancy]
    room: Offers | None
    now: float
    policy: Policy


def judge_all(
    desired: Desired,
    observed: Observed,
    recorded: Recorded,
    now: float,
    policy: Policy,
    hosts: Sequence[HostConfig] | None = None,
) -> Standings:
    """The case of every run and what its rule says, before places are given out.

    Without `hosts`, nobody asks whether one could take a run.
    """
    found = sweep.find(observed.hosts, recorded)
    occupied = occupancies(observed, recorded)
    closed = closures(recorded, (host.name for host in hosts or ()), now)
    lasts_s = Forecast(desired, observed, recorded, hosts or (), {}).ends(_attempts(recorded))
    room = None if hosts is None else offers(hosts, observed, occupied, policy, lasts_s, closed)
    scene = _Scene(
        observed=observed, recorded=recorded, found=found, occupied=occupied, room=room, now=now, policy=policy
    )
    return _judge(desired, scene)


def _judge(desired: Desired, scene: _Scene) -> Standings:
    """Runs after those that they wait for. Of the runs with one digest one leads, the others share its result."""
    done: Standings = {}
    leaders: dict[Digest, str] = {}
    for want in _upstream_first(desired):
        case = _case(want, scene, tuple(_blockers(want, leaders, done)))
        done[want.run.key] = (case, _standing(case, leaders, done))
    for key, (case, standing) in done.items():
        if standing.follows:
            done[key] = (case, _follow(leaders[case.want.digest], done))
    return done


def _upstream_first(desired: Desired) -> list[DesiredRun]:
    """Equal for equal runs in any order. Expansion has refused cycles."""
    by_key = desired.by_key()
    waiting = {key: want.run.waits_for for key, want in sorted(by_key.items()) if want.run.waits_for}
    later = (key for key in TopologicalSorter(waiting).static_order() if key in waiting)
    first = sorted(by_key.keys() - waiting.keys())
    return [by_key[key] for key in (*first, *later)]


def _case(want: DesiredRun, scene: _Scene, blockers: tuple[Blocker, ...]) -> Case:
    run, digest = want.run, want.digest
    attempts = scene.recorded.attempts.get(digest, ())
    request = scene.recorded.requests.get(digest)
    made = scene.recorded.ledger.get(digest)
    rerun = request is not None and request.verb is Verb.RERUN and made is not None and made.attempt <= request.after
    entry = None if rerun else made
    held = next((attempt for attempt in attempts if attempt.is_open), None)
    open_host = held.host if held else ""
    return Case(
        want=want,
        now=scene.now,
        policy=scene.policy,
        made=made,
        entry=entry,
        output=scene.observed.outputs.get(published_folder(run.key, entry), OutputState.MISSING) if entry else None,
        attempts=attempts,
        request=request,
        view=scene.observed.hosts.get(open_host),
        orphan_host=scene.found.orphans[digest][0] if digest in scene.found.orphans else "",
        unrecorded=scene.observed.results.get(digest, ""),
        ghost_host=scene.found.ghosts.get(digest, ""),
        after=scene.occupied[open_host].after(held.batch_id) if held and open_host in scene.occupied else "",
        obstacle=None if entry or open_host or scene.room is None else scene.room.obstacle(run),
        blockers=blockers,
        previous=scene.recorded.previous.get(run.id),
        suspension=scene.recorded.suspensions.of_run(run.key),
        host_suspension=scene.recorded.suspensions.hosts.get(open_host),
    )


def _blockers(want: DesiredRun, leaders: Mapping[Digest, str], done: Standings) -> Iterable[Blocker]:
    for key in want.run.waits_for:
        if key not in done:
            yield Blocker(key=key, phase=Phase.PENDING, ended=True, why="its spec has a problem")
            continue
        case, _ = done[key]
        is_done = case.entry is not None and case.output is not OutputState.LOST
        if not is_done and case.want.digest != want.digest:
            _, standing = done[leaders.get(case.want.digest, key)]
            yield _blocker(key, case, standing)


def _blocker(key: str, case: Case, standing: Standing) -> Blocker:
    unselected = standing.phase is Phase.PENDING
    why = "its files are lost" if case.entry is not None else standing.message if unselected else ""
    ended = standing.stuck or unselected or standing.phase in ENDED
    return Blocker(key=key, phase=standing.phase, ended=ended, why=why)


def _standing(case: Case, leaders: dict[Digest, str], done: Standings) -> Standing:
    """What the rules say; or, for one of several runs with a digest, that another does the work.

    The first leads, until one comes that can do more. Nobody leads by what comes later in upstream
    order, so that no leader waits for a run that follows it.
    """
    key, digest = case.want.run.key, case.want.digest
    own = judge(case)[1]
    if case.entry is not None:
        return own
    leader = leaders.setdefault(digest, key)
    if leader == key:
        return own
    before = done[leader][1]
    if _can_do(own) <= _can_do(before):
        return _follow(leader, done)
    leaders[digest] = key
    if before.operations:
        done[leader] = (done[leader][0], replace(before, follows=key))
    return own


def _can_do(standing: Standing) -> int:
    """A suspended run withdraws nothing that another run still asks for."""
    if standing.cause is Cause.SUSPENDED:
        return -1
    if standing.wants_place or any(operation.ready for operation in standing.operations):
        return 2
    return 1 if standing.operations else 0


def _follow(leader: str, done: Standings) -> Standing:
    message = f"same settings as {leader}; its result is shared"
    return replace(done[leader][1], message=message, operations=(), wants_place=False, until=None, follows=leader)


# Places ------------------------------------------------------------------------------------------


def _give_places(judged: Standings, placing: Placing) -> None:
    """Replace the standings that asked for a place, in order of priority, and those that follow them."""
    asking = [(case, standing) for case, standing in judged.values() if standing.wants_place]
    for case, standing in sorted(asking, key=lambda asked: (-asked[0].want.run.priority, asked[0].want.run.key)):
        judged[case.want.run.key] = (case, placing.place(case, standing))
    following = [(key, standing.follows) for key, (_, standing) in judged.items() if standing.follows]
    for key, leader in following:
        judged[key] = (judged[key][0], _follow(leader, judged))


# Putting together --------------------------------------------------------------------------------

_ACT_ORDER = (Act.ADOPT, Act.STOP, Act.FAIL, Act.COLLECT, Act.RESTORE, Act.STAGE, Act.LAUNCH, Act.RELEASE)


def _attempts(recorded: Recorded) -> Iterable[Attempt]:
    return (attempt for tried in recorded.attempts.values() for attempt in tried)


def _arrange(operations: Iterable[Operation], desired: Desired, forecast: Forecast) -> tuple[Operation, ...]:
    """Cheap and freeing acts first; then what can be done now; then by priority and key."""
    by_key = desired.by_key()

    def place(operation: Operation) -> tuple[int, bool, int, str, str, str]:
        want = by_key.get(operation.key)
        rank = (_ACT_ORDER.index(operation.act), not operation.ready, -want.run.priority if want else 0)
        return *rank, operation.key, operation.batch_id, operation.host

    timed = (forecast.timed(operation, by_key.get(operation.key)) for operation in operations)
    return tuple(sorted(timed, key=place))


def _status(case: Case, standing: Standing, forecast: Forecast) -> RunStatus:
    run, attempt = case.want.run, case.open
    last = case.attempts[-1] if case.attempts else None
    shown = attempt or last
    expected = forecast.expected(case.want, attempt, case.now)
    return RunStatus(
        key=run.key,
        run_id=run.id,
        digest=case.want.digest,
        sync=standing.sync,
        phase=standing.phase,
        at=run.at,
        cause=standing.cause,
        reason=standing.reason,
        message=standing.message or expected.warning,
        host=shown.host if shown else "",
        gpus=attempt.gpus if attempt else (),
        attempt=shown.number if shown else 0,
        folder=case.folder if case.entry else "",
        since=_since(case.entry, shown),
        until=standing.until,
        stuck=standing.stuck,
        takes_s=expected.takes_s,
        basis=expected.basis,
        ends_at=expected.ends_at,
    )


def _since(entry: LedgerEntry | None, last: Attempt | None) -> float | None:
    if entry is not None:
        return entry.finished_at
    return None if last is None else last.ended_at or last.started_at or last.intended_at
