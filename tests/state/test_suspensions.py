"""The table of suspensions, and the attempts that are over, as the planner is given them."""

from cosmos.core.reasons import Reason
from cosmos.core.suspension import Scope, Suspension, Suspensions
from cosmos.state.loading import ENDED_KEPT
from cosmos.state.records import SqlRecords
from tests.contracts.records_contract import intended
from tests.makers import NOW, a_batch_meta
from tests.state.both import ON_BOTH

pytestmark = ON_BOTH


def said(scope: Scope, subject: str, *, active: bool = True, at: float = NOW, why: str = "") -> Suspension:
    return Suspension(scope=scope, subject=subject, active=active, at=at, by="ann", why=why)


def test_the_newest_word_about_a_thing_holds(records: SqlRecords) -> None:
    """By order of arrival: clocks of those who say it may differ."""
    assert records.load({}).suspensions == Suspensions()
    run, host = said(Scope.RUN, "city", why="a\0b"), said(Scope.HOST, "lambda")
    for each in (
        run,
        host,
        said(Scope.PROJECT, ""),
        said(Scope.RUN, "lambda"),
        said(Scope.HOST, "lambda", why="again"),
    ):
        records.suspend(each)
    found = records.load({}).suspensions
    assert found == records.suspensions()
    assert found.project == said(Scope.PROJECT, "")
    assert (found.hosts["lambda"].why, found.runs["city"].why) == ("again", "a?b")
    assert found.of_run("forest") == found.project
    for scope, subject in ((Scope.PROJECT, ""), (Scope.HOST, "lambda"), (Scope.RUN, "city")):
        records.suspend(said(scope, subject, active=False, at=NOW - 9))
    left = records.load({}).suspensions
    assert (left.project, dict(left.hosts), set(left.runs)) == (None, {}, {"lambda"})
    assert left.resumed == {"lambda": NOW - 9}


def test_the_newest_attempts_of_each_host_that_are_over_are_given_whatever_their_digests(records: SqlRecords) -> None:
    for place in range(ENDED_KEPT + 3):
        one_that_ended(records, f"run-{place}", "lambda", NOW + place)
    one_that_ended(records, "other", "local", NOW)
    still = intended("open", host="lambda")
    records.intend(still, {}, a_batch_meta("open"))
    ended = records.load({}).ended
    assert {host: len(over) for host, over in ended.items()} == {"lambda": ENDED_KEPT, "local": 1}
    assert min(each.ended_at or 0.0 for each in ended["lambda"]) == NOW + 3


def one_that_ended(records: SqlRecords, key: str, host: str, at: float) -> None:
    attempt = intended(key, host=host)
    records.intend(attempt, {}, a_batch_meta(key))
    records.failed(attempt.batch_id, Reason.HOST_REFUSED, "", at, cancelled=False)
    records.released(attempt.batch_id)
