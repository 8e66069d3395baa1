"""The ordered table that decides what becomes of one run. First match wins, one sentence a rule.

Order is priority: what is done beats what is running, what is running beats what could be
started. `core.reconcile` asks the table for each run and then gives out places.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cosmos.core import standing
from cosmos.core.case import Case, is_alive, is_unstarted, lacks_source, waits
from cosmos.core.observed import BatchState, OutputState, Reachable, Unreachable
from cosmos.core.plan import Cause
from cosmos.core.retries import due_at, is_exhausted
from cosmos.core.standing import Standing


@dataclass(frozen=True, slots=True)
class Rule:
    """One sentence, when it holds, and what follows."""

    says: str
    when: Callable[[Case], bool]
    then: Callable[[Case], Standing]


def judge(case: Case) -> tuple[Rule, Standing]:
    """The first rule that holds. The last one always does."""
    for rule in RULES:
        if rule.when(case):
            return rule, rule.then(case)
    raise AssertionError("the last rule holds for every case")


def _holds(state: OutputState) -> Callable[[Case], bool]:
    return lambda case: case.entry is not None and case.output is state


def _open(case: Case) -> bool:
    return case.open is not None


RULES: tuple[Rule, ...] = (
    Rule("A published result that counts is left alone.", _holds(OutputState.PRESENT), standing.done),
    Rule(
        "A result whose bytes are nowhere here is not run again unasked.",
        _holds(OutputState.LOST),
        standing.lost_output,
    ),
    Rule(
        "A result that is not as it was published is restored from the store.",
        lambda c: c.entry is not None,
        standing.restore,
    ),
    Rule(
        "Work on a host that cannot be looked at is given up when a person says so.",
        lambda c: not isinstance(c.view, Reachable) and c.is_given_up,
        standing.assume_lost,
    ),
    Rule(
        "Work on a host that is no longer configured is left alone.",
        lambda c: _open(c) and c.view is None,
        standing.no_such_host,
    ),
    Rule(
        "Could not look is not nothing there: an unreachable host changes nothing.",
        lambda c: _open(c) and isinstance(c.view, Unreachable),
        standing.unreachable,
    ),
    Rule(
        "What has exited is collected, even when a cancel came too late.",
        lambda c: _open(c) and c.state is BatchState.EXITED,
        standing.collect,
    ),
    Rule(
        "Cancelled work that is alive, or could start, is stopped.",
        lambda c: _open(c) and c.is_cancelled and is_alive(c),
        standing.stop(Cause.CANCELLED),
    ),
    Rule("Cancelled work that has no process is closed.", lambda c: _open(c) and c.is_cancelled, standing.give_up),
    Rule(
        "What runs goes on.",
        lambda c: _open(c) and c.state is BatchState.RUNNING and not waits(c),
        standing.running,
    ),
    Rule(
        "Processes that outlive run.sh are stopped before anything else is tried.",
        lambda c: _open(c) and bool(c.batch and c.batch.survivors),
        standing.stop(Cause.LOST),
    ),
    Rule(
        "A claimed batch without process and exit record is lost.",
        lambda c: _open(c) and c.state is BatchState.LOST,
        standing.fail_lost,
    ),
    Rule(
        "What was not started when its run, its host or the project was suspended is withdrawn.",
        lambda c: is_unstarted(c) and (c.is_suspended or c.host_suspension is not None),
        standing.withdraw(Cause.SUSPENDED, "suspended before it was started"),
    ),
    Rule("What waits on its host for a GPU keeps its place.", waits, standing.in_line),
    Rule(
        "What cannot be prepared, since what it reads is not there, is withdrawn.",
        lacks_source,
        standing.withdraw(Cause.SOURCE_CHANGED, "withdrawn before it was started: what it reads is not there any more"),
    ),
    Rule("An intended batch that was not started is started, under the same name.", is_unstarted, standing.resume),
    Rule("A started batch whose run directory is gone is lost.", _open, standing.fail_gone),
    Rule("Our work that the database does not know is adopted.", lambda c: bool(c.orphan_host), standing.adopt),
    Rule(
        "A published result that the database does not know is recorded, and not made again.",
        lambda c: bool(c.unrecorded),
        standing.record,
    ),
    Rule(
        "Nothing starts while an earlier attempt, recorded as over, is still alive.",
        lambda c: bool(c.ghost_host),
        standing.wait_for_end,
    ),
    Rule("A cancelled run starts no more until a retry.", lambda c: c.is_cancelled, standing.cancelled),
    Rule("Failures that another attempt cannot mend, or too many, end a run.", is_exhausted, standing.failed),
    Rule("A suspended run starts nothing.", lambda c: c.is_suspended, standing.suspended),
    Rule(
        "A run that was not selected starts nothing.",
        lambda c: c.policy.targets is not None and c.want.run.key not in c.policy.targets,
        standing.not_selected,
    ),
    Rule(
        "A run that may take more GPU time than is allowed starts nothing.",
        lambda c: c.want.run.key in c.policy.over_budget,
        standing.over_budget,
    ),
    Rule("A run starts after the runs that it needs.", lambda c: bool(c.blockers), standing.blocked),
    Rule(
        "Between attempts there is a pause.",
        lambda c: due_at(c) is not None,
        standing.back_off,
    ),
    Rule(
        "A run that no host can take waits, for a person or until that passes.",
        lambda c: c.obstacle is not None,
        standing.no_place,
    ),
    Rule("Everything else asks for a place.", lambda c: True, standing.place),
)
