"""Which hosts are given nothing, or one run as a trial: those that people suspended, and those that eat runs.

A host on which attempts of different runs failed one after the other, each by the infrastructure, rests. A
rest that is over is followed by one run as a trial; when that fails too, the next rest is twice as long. Pure:
it follows from the attempts that are recorded.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cosmos.core.digest import Digest
from cosmos.core.reasons import is_infra
from cosmos.core.recorded import Attempt, AttemptState, Recorded
from cosmos.core.suspension import moment

FAILING_RUNS = 3
"""Different runs whose attempts failed by the infrastructure, with none between that did not."""
REST_S = 60.0
REST_CAP_S = 1800.0
PROVEN_S = 600.0
"""A trial that computes for so long is as good as one that succeeded: else a long run would hold up all GPUs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """Why a host is given nothing, or one run as a trial. It ends at `until`; without that, when a person says so.

    `is_tried`: the trial is under way.
    """

    word: str
    why: str
    until: float | None = None
    is_trial: bool = False
    is_tried: bool = False

    @property
    def is_shut(self) -> bool:
        return not self.is_trial


def closures(recorded: Recorded, hosts: Iterable[str], now: float) -> dict[str, Closure]:
    """By host, of those that are not simply open."""
    found = {}
    for host in hosts:
        suspension = recorded.suspensions.hosts.get(host)
        if suspension is not None:
            found[host] = Closure(word="Suspended", why=suspension.words)
        elif closure := _resting(host, recorded, now):
            found[host] = closure
    return found


@dataclass(frozen=True, slots=True)
class _Rest:
    since: float
    length_s: float = REST_S

    @property
    def until(self) -> float:
        return self.since + self.length_s

    def after(self, trial: Attempt, now: float) -> "_Rest":
        return _Rest(_end(trial, now), min(REST_CAP_S, 2 * self.length_s))


def _resting(host: str, recorded: Recorded, now: float) -> Closure | None:
    streak = _streak(recorded.ended.get(host, ()), recorded.suspensions.resumed.get(host, 0.0), now)
    rest = _rest(streak, now)
    if rest is None:
        return None
    last = streak[-1]
    reason = last.reason.value if last.reason else "failed"
    command = f"(cosmos resume --host {host} ends it)"
    why = f"{command}: its last {len(streak)} attempts failed by the infrastructure ({reason}: {last.message})"
    if now < rest.until:
        return Closure(word="Resting", why=f"rests until {moment(rest.until)} {why}", until=rest.until)
    trials = _trials(host, rest, recorded.attempts)
    if any(each.state is AttemptState.STARTED and now - each.intended_at >= PROVEN_S for each in trials):
        return None
    tried = f"{trials[0].key} is its trial" if trials else "takes one run as a trial"
    return Closure(word="On trial", why=f"{tried} {why}", is_trial=True, is_tried=bool(trials))


def _streak(ended: Sequence[Attempt], resumed_at: float, now: float) -> list[Attempt]:
    """Failures of the infrastructure since anything else ended there, oldest first. What was stopped says nothing."""
    streak: list[Attempt] = []
    for attempt in sorted(ended, key=lambda each: (_end(each, now), each.batch_id), reverse=True):
        if attempt.state is AttemptState.CANCELLED or attempt.intended_at <= resumed_at:
            continue
        if attempt.state is not AttemptState.FAILED or attempt.reason is None or not is_infra(attempt.reason):
            break
        streak.append(attempt)
    return streak[::-1]


def _rest(streak: Sequence[Attempt], now: float) -> _Rest | None:
    """What was under way before a rest is no trial: many may fail at one blow."""
    runs: set[str] = set()
    rest: _Rest | None = None
    for attempt in streak:
        if rest is not None and attempt.intended_at >= rest.until:
            rest = rest.after(attempt, now)
        elif rest is None:
            runs.add(attempt.run_id)
            rest = _Rest(_end(attempt, now)) if len(runs) >= FAILING_RUNS else None
    return rest


def _trials(host: str, rest: _Rest, attempts: Mapping[Digest, Sequence[Attempt]]) -> list[Attempt]:
    return [
        each for tried in attempts.values() for each in tried
        if each.is_open and each.host == host and each.intended_at >= rest.until
    ]  # fmt: skip


def _end(attempt: Attempt, now: float) -> float:
    """By the host's clock, where that can be; else when the controller began it."""
    ended = attempt.ended_at or 0.0
    return ended if attempt.intended_at <= ended <= now else attempt.intended_at
