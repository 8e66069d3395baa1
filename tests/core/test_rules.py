"""The rule table: one row a rule, and which of two rules wins where both hold."""

from dataclasses import dataclass

import pytest

from cosmos.core.case import Policy
from cosmos.core.observed import BatchState, OutputState
from cosmos.core.placement import HostConfig
from cosmos.core.reasons import Reason
from cosmos.core.recorded import AttemptState, Verb
from cosmos.core.rules import RULES, judge
from cosmos.core.run import Source
from cosmos.core.standing import Standing
from cosmos.core.suspension import Scope
from tests.core.scene import Scene, suspended
from tests.makers import (
    NOW,
    a_digest,
    a_ledger_entry,
    a_request,
    a_want,
    an_attempt,
    an_observed_batch,
    reachable,
    unreachable,
)

STARTED, INTENDED, FAILED = AttemptState.STARTED, AttemptState.INTENDED, AttemptState.FAILED
FOLDER = a_ledger_entry().folder


@dataclass(frozen=True)
class Row:
    """A rule's sentence, the smallest situation that calls for it, and what follows in short."""

    says: str
    scene: Scene
    follows: str


ROWS = (
    Row(
        "A published result that counts is left alone.",
        Scene(wants=[a_want()], done=[a_ledger_entry()]),
        "Succeeded Synced",
    ),
    Row(
        "A result whose bytes are nowhere here is not run again unasked.",
        Scene(wants=[a_want()], done=[a_ledger_entry()], outputs={FOLDER: OutputState.LOST}),
        "Succeeded OutOfSync outputs_missing OutputMissing stuck",
    ),
    Row(
        "A result that is not as it was published is restored from the store.",
        Scene(wants=[a_want()], done=[a_ledger_entry()], outputs={FOLDER: OutputState.CORRUPT}),
        "Succeeded OutOfSync outputs_corrupt restore:outputs_corrupt",
    ),
    Row(
        "Work on a host that cannot be looked at is given up when a person says so.",
        Scene(
            wants=[a_want()],
            attempts=[an_attempt()],
            requests=[a_request(Verb.ASSUME_LOST)],
            hosts={"local": unreachable()},
        ),
        "Running OutOfSync lost AssumedLost fail:lost:AssumedLost",
    ),
    Row(
        "Work on a host that is no longer configured is left alone.",
        Scene(wants=[a_want()], attempts=[an_attempt(host="sold")]),
        "Running Unknown stuck",
    ),
    Row(
        "Could not look is not nothing there: an unreachable host changes nothing.",
        Scene(wants=[a_want()], attempts=[an_attempt()], hosts={"local": unreachable()}),
        "Running Unknown",
    ),
    Row(
        "What has exited is collected, even when a cancel came too late.",
        Scene(
            wants=[a_want()],
            attempts=[an_attempt()],
            requests=[a_request(Verb.CANCEL)],
            hosts={"local": reachable(an_observed_batch(state=BatchState.EXITED))},
        ),
        "Collecting OutOfSync exited collect:exited",
    ),
    Row(
        "Cancelled work that is alive, or could start, is stopped.",
        Scene(
            wants=[a_want()],
            attempts=[an_attempt(state=INTENDED)],
            requests=[a_request(Verb.CANCEL)],
            hosts={"local": reachable(an_observed_batch(state=BatchState.PREPARED))},
        ),
        "Starting OutOfSync cancelled stop:cancelled",
    ),
    Row(
        "Cancelled work that has no process is closed.",
        Scene(wants=[a_want()], attempts=[an_attempt(state=INTENDED)], requests=[a_request(Verb.CANCEL)]),
        "Starting OutOfSync cancelled fail:cancelled:Stopped",
    ),
    Row(
        "What runs goes on.",
        Scene(wants=[a_want()], attempts=[an_attempt()], hosts={"local": reachable(an_observed_batch())}),
        "Running OutOfSync",
    ),
    Row(
        "Processes that outlive run.sh are stopped before anything else is tried.",
        Scene(
            wants=[a_want()],
            attempts=[an_attempt()],
            hosts={"local": reachable(an_observed_batch(state=BatchState.LOST, survivors=2))},
        ),
        "Running OutOfSync lost stop:lost",
    ),
    Row(
        "A claimed batch without process and exit record is lost.",
        Scene(
            wants=[a_want()],
            attempts=[an_attempt()],
            hosts={"local": reachable(an_observed_batch(state=BatchState.LOST))},
        ),
        "Running OutOfSync lost ProcessLost fail:lost:ProcessLost",
    ),
    Row(
        "What was not started when its run, its host or the project was suspended is withdrawn.",
        Scene(wants=[a_want(suspend=True)], attempts=[an_attempt(state=INTENDED)]),
        "Starting OutOfSync suspended fail:suspended:Stopped",
    ),
    Row(
        "What waits on its host for a GPU keeps its place.",
        Scene(
            wants=[a_want()],
            attempts=[an_attempt(state=INTENDED)],
            hosts={"local": reachable(an_observed_batch(started_at=None))},
        ),
        "Queued OutOfSync",
    ),
    Row(
        "What cannot be prepared, since what it reads is not there, is withdrawn.",
        Scene(
            wants=[a_want(source=Source(key="forest"), source_digest=a_digest("forest")), a_want("forest")],
            attempts=[an_attempt(state=INTENDED)],
        ),
        "Starting OutOfSync source_changed fail:source_changed:Stopped",
    ),
    Row(
        "An intended batch that was not started is started, under the same name.",
        Scene(wants=[a_want()], attempts=[an_attempt(state=INTENDED)]),
        "Starting OutOfSync resumed places 1",
    ),
    Row(
        "A started batch whose run directory is gone is lost.",
        Scene(wants=[a_want()], attempts=[an_attempt()]),
        "Running OutOfSync lost RunDirectoryLost fail:lost:RunDirectoryLost",
    ),
    Row(
        "Our work that the database does not know is adopted.",
        Scene(wants=[a_want()], hosts={"local": reachable(an_observed_batch())}),
        "Running OutOfSync orphaned",
    ),
    Row(
        "A published result that the database does not know is recorded, and not made again.",
        Scene(wants=[a_want()], unrecorded={a_want().digest: "city/1234"}),
        "Succeeded OutOfSync orphaned adopt:orphaned",
    ),
    Row(
        "Nothing starts while an earlier attempt, recorded as over, is still alive.",
        Scene(
            wants=[a_want()],
            attempts=[an_attempt(state=FAILED, reason=Reason.PROCESS_LOST)],
            hosts={"local": reachable(an_observed_batch())},
        ),
        "Waiting OutOfSync",
    ),
    Row(
        "A cancelled run starts no more until a retry.",
        Scene(wants=[a_want()], requests=[a_request(Verb.CANCEL, after=0)]),
        "Cancelled OutOfSync cancelled",
    ),
    Row(
        "Failures that another attempt cannot mend, or too many, end a run.",
        Scene(wants=[a_want()], attempts=[an_attempt(state=FAILED, reason=Reason.PROGRAM_FAILED)]),
        "Failed OutOfSync attempt_failed ProgramFailed",
    ),
    Row("A suspended run starts nothing.", Scene(wants=[a_want(suspend=True)]), "Suspended OutOfSync"),
    Row(
        "A run that was not selected starts nothing.",
        Scene(wants=[a_want()], policy=Policy(targets=frozenset({"forest"}))),
        "Pending OutOfSync never_ran",
    ),
    Row(
        "A run that may take more GPU time than is allowed starts nothing.",
        Scene(wants=[a_want()], policy=Policy(over_budget=frozenset({"city"}))),
        "Pending OutOfSync never_ran stuck",
    ),
    Row(
        "A run starts after the runs that it needs.",
        Scene(wants=[a_want(needs=("forest",)), a_want("forest")]),
        "Waiting OutOfSync never_ran launch:never_ran",
    ),
    Row(
        "Between attempts there is a pause.",
        Scene(wants=[a_want()], attempts=[an_attempt(state=FAILED, reason=Reason.PROCESS_LOST, ended_at=NOW)]),
        "Waiting OutOfSync attempt_failed ProcessLost launch:attempt_failed",
    ),
    Row(
        "A run that no host can take waits, for a person or until that passes.",
        Scene(wants=[a_want()], configs=[]),
        "Queued OutOfSync never_ran stuck",
    ),
    Row("Everything else asks for a place.", Scene(wants=[a_want()]), "Queued OutOfSync never_ran places 1"),
)


def in_short(standing: Standing) -> str:
    """`Phase Sync cause Reason`, then acts as `act:cause:Reason`, then what else follows."""
    why = [word.value for word in (standing.cause, standing.reason) if word]
    acts = [":".join(w for w in (o.act, o.cause, o.reason) if w) for o in standing.operations]
    marks = ["stuck"] * standing.stuck + [f"places {standing.attempt}"] * standing.wants_place
    return " ".join([standing.phase.value, standing.sync.value, *why, *acts, *marks])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.says)
def test_the_first_rule_that_holds_is(row: Row) -> None:
    case = row.scene.case()
    first = next(rule for rule in RULES if rule.when(case))
    rule, standing = judge(case)
    assert (first.says, rule.says, in_short(standing)) == (row.says, row.says, row.follows)


def test_every_rule_has_one_row_in_the_order_of_the_table() -> None:
    assert [rule.says for rule in RULES] == [row.says for row in ROWS]


def test_the_last_rule_holds_for_every_case() -> None:
    assert all(RULES[-1].when(row.scene.case()) for row in ROWS)


def _of(says: str) -> Row:
    return next(row for row in ROWS if row.says.startswith(says))


CONFLICTS = (
    (
        "done beats an open attempt on an unreachable host",
        Scene(
            wants=[a_want()],
            done=[a_ledger_entry()],
            attempts=[an_attempt(number=2)],
            hosts={"local": unreachable()},
        ),
        "A published result that counts",
    ),
    (
        "done beats a cancel",
        Scene(wants=[a_want()], done=[a_ledger_entry()], requests=[a_request(Verb.CANCEL)]),
        "A published result that counts",
    ),
    (
        "an unreachable host beats a cancel",
        Scene(
            wants=[a_want()],
            attempts=[an_attempt()],
            requests=[a_request(Verb.CANCEL)],
            hosts={"local": unreachable()},
        ),
        "Could not look",
    ),
    (
        "what can be seen beats a person's word that it is lost",
        Scene(
            wants=[a_want()],
            attempts=[an_attempt()],
            requests=[a_request(Verb.ASSUME_LOST)],
            hosts={"local": reachable(an_observed_batch())},
        ),
        "What runs goes on",
    ),
    (
        "a person's word about an attempt says nothing about the next one",
        Scene(
            wants=[a_want()],
            attempts=[an_attempt(number=2)],
            requests=[a_request(Verb.ASSUME_LOST)],
            hosts={"local": unreachable()},
        ),
        "Could not look",
    ),
    (
        "work on a host that left the configuration is given up as well",
        Scene(wants=[a_want()], attempts=[an_attempt(host="sold")], requests=[a_request(Verb.ASSUME_LOST)]),
        "Work on a host that cannot be looked at",
    ),
    (
        "a suspension of the host withdraws what waits there for a GPU",
        Scene(
            wants=[a_want()],
            attempts=[an_attempt(state=INTENDED)],
            hosts={"local": reachable(an_observed_batch(started_at=None))},
            suspensions=suspended(Scope.HOST, "local"),
        ),
        "What was not started when its run, its host",
    ),
    (
        "a suspension of the host leaves what runs there",
        Scene(
            wants=[a_want()],
            attempts=[an_attempt()],
            hosts={"local": reachable(an_observed_batch())},
            suspensions=suspended(Scope.HOST, "local"),
        ),
        "What runs goes on",
    ),
    (
        "a suspension of the project withdraws what was not started",
        Scene(wants=[a_want()], attempts=[an_attempt(state=INTENDED)], suspensions=suspended(Scope.PROJECT, "")),
        "What was not started when its run, its host",
    ),
    (
        "a suspended run is so by a person's word too",
        Scene(wants=[a_want()], suspensions=suspended(Scope.RUN, "city")),
        "A suspended run starts nothing",
    ),
    (
        "no place is given on a suspended host",
        Scene(wants=[a_want()], suspensions=suspended(Scope.HOST, "local")),
        "A run that no host can take",
    ),
    (
        "running beats a suspend that came later",
        Scene(wants=[a_want(suspend=True)], attempts=[an_attempt()], hosts={"local": reachable(an_observed_batch())}),
        "What runs goes on",
    ),
    (
        "a running batch beats the intent that was not yet marked as started",
        Scene(
            wants=[a_want(suspend=True)],
            attempts=[an_attempt(state=INTENDED)],
            hosts={"local": reachable(an_observed_batch())},
        ),
        "What runs goes on",
    ),
    (
        "a suspend withdraws what waits for a GPU, as its program has not begun",
        Scene(
            wants=[a_want(suspend=True)],
            attempts=[an_attempt(state=INTENDED)],
            hosts={"local": reachable(an_observed_batch(started_at=None))},
        ),
        "What was not started when its run, its host",
    ),
    (
        "what is prepared has all that it reads on its host, and starts",
        Scene(
            wants=[a_want(source=Source(key="forest"), source_digest=a_digest("forest")), a_want("forest")],
            attempts=[an_attempt(state=INTENDED)],
            hosts={"local": reachable(an_observed_batch(state=BatchState.PREPARED))},
        ),
        "An intended batch that was not started",
    ),
    (
        "a cancel stops what waits for a GPU",
        Scene(
            wants=[a_want(suspend=True)],
            attempts=[an_attempt(state=INTENDED)],
            requests=[a_request(Verb.CANCEL)],
            hosts={"local": reachable(an_observed_batch(started_at=None))},
        ),
        "Cancelled work that is alive",
    ),
    (
        "a cancel stops half a run directory too, which a late start could still complete",
        Scene(
            wants=[a_want()],
            attempts=[an_attempt(state=INTENDED)],
            requests=[a_request(Verb.CANCEL)],
            hosts={"local": reachable(an_observed_batch(state=BatchState.PARTIAL))},
        ),
        "Cancelled work that is alive, or could start",
    ),
    (
        "a cancel of what died without a record closes it",
        Scene(
            wants=[a_want()],
            attempts=[an_attempt()],
            requests=[a_request(Verb.CANCEL)],
            hosts={"local": reachable(an_observed_batch(state=BatchState.LOST))},
        ),
        "Cancelled work that has no process",
    ),
    (
        "a started batch that is only prepared is started again, not failed",
        Scene(
            wants=[a_want()],
            attempts=[an_attempt()],
            hosts={"local": reachable(an_observed_batch(state=BatchState.PREPARED))},
        ),
        "An intended batch that was not started",
    ),
    (
        "an intended batch that was claimed and has no process is lost, not started twice",
        Scene(
            wants=[a_want()],
            attempts=[an_attempt(state=INTENDED)],
            hosts={"local": reachable(an_observed_batch(state=BatchState.LOST))},
        ),
        "A claimed batch without process",
    ),
    (
        "half a run directory of a started batch is a lost one",
        Scene(
            wants=[a_want()],
            attempts=[an_attempt()],
            hosts={"local": reachable(an_observed_batch(state=BatchState.PARTIAL))},
        ),
        "A started batch whose run directory",
    ),
    (
        "half a run directory of an intended batch is made whole",
        Scene(
            wants=[a_want()],
            attempts=[an_attempt(state=INTENDED)],
            hosts={"local": reachable(an_observed_batch(state=BatchState.PARTIAL))},
        ),
        "An intended batch that was not started",
    ),
    (
        "an older attempt that was adopted is the open one, not the newest",
        Scene(
            wants=[a_want()],
            attempts=[an_attempt(number=2), an_attempt(number=10, state=FAILED, reason=Reason.PROCESS_LOST)],
            hosts={"local": reachable(an_observed_batch(number=2))},
        ),
        "What runs goes on",
    ),
    (
        "cancelled beats failed",
        Scene(
            wants=[a_want()],
            attempts=[an_attempt(state=FAILED, reason=Reason.PROGRAM_FAILED)],
            requests=[a_request(Verb.CANCEL)],
        ),
        "A cancelled run",
    ),
    (
        "a cancel stands until a retry, whatever was begun at the same moment",
        Scene(
            wants=[a_want()],
            attempts=[an_attempt(number=2)],
            requests=[a_request(Verb.CANCEL, after=1)],
            hosts={"local": reachable(an_observed_batch(number=2))},
        ),
        "Cancelled work that is alive",
    ),
    (
        "an attempt withdrawn before it was started does not count as a failure",
        Scene(
            wants=[a_want()],
            attempts=[an_attempt(state=AttemptState.CANCELLED, started_at=None, reason=Reason.STOPPED)],
        ),
        "Everything else",
    ),
    (
        "an attempt that was stopped after its start does",
        Scene(wants=[a_want()], attempts=[an_attempt(state=AttemptState.CANCELLED, reason=Reason.STOPPED)]),
        "Failures that another attempt cannot mend",
    ),
    (
        "a failed run says so, suspended or not",
        Scene(
            wants=[a_want(suspend=True)],
            attempts=[an_attempt(state=FAILED, reason=Reason.PROGRAM_FAILED)],
        ),
        "Failures that another attempt cannot mend",
    ),
    (
        "what it needs comes before the pause",
        Scene(
            wants=[a_want(needs=("forest",)), a_want("forest")],
            attempts=[an_attempt(state=FAILED, reason=Reason.PROCESS_LOST, ended_at=NOW)],
        ),
        "A run starts after",
    ),
    (
        "an end far in the future is another clock's and asks for no pause",
        Scene(wants=[a_want()], attempts=[an_attempt(state=FAILED, reason=Reason.PROCESS_LOST, ended_at=NOW + 3600)]),
        "Everything else",
    ),
    (
        "a retry request makes earlier failures not count",
        Scene(
            wants=[a_want()],
            attempts=[an_attempt(state=FAILED, reason=Reason.PROGRAM_FAILED)],
            requests=[a_request(Verb.RETRY, after=1)],
        ),
        "Everything else",
    ),
    (
        "a rerun request makes the result of an earlier attempt not count",
        Scene(wants=[a_want()], done=[a_ledger_entry()], requests=[a_request(Verb.RERUN, after=1)]),
        "Everything else",
    ),
    (
        "a rerun request is done once a later attempt has a result",
        Scene(wants=[a_want()], done=[a_ledger_entry(number=2)], requests=[a_request(Verb.RERUN, after=1)]),
        "A published result that counts",
    ),
    (
        "a host that was left out of the look is not a place",
        Scene(wants=[a_want()], hosts={}, configs=[HostConfig(name="local")]),
        "A run that no host can take",
    ),
)


@pytest.mark.parametrize(("scene", "says"), [row[1:] for row in CONFLICTS], ids=[row[0] for row in CONFLICTS])
def test_where_two_rules_hold_the_first_wins(scene: Scene, says: str) -> None:
    assert judge(scene.case())[0] is next(rule for rule in RULES if rule.says == _of(says).says)
