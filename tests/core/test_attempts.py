"""Failures and retries, cancel and suspend: the plan that follows, as text."""

from cosmos.core.case import Policy
from cosmos.core.observed import BatchState
from cosmos.core.reasons import Reason
from cosmos.core.recorded import AttemptState, Verb
from tests.core.scene import Scene, expect
from tests.makers import (
    NOW,
    a_batch_id,
    a_ledger_entry,
    a_request,
    a_want,
    an_attempt,
    an_observed_batch,
    reachable,
)

INTENDED, SUCCEEDED = AttemptState.INTENDED, AttemptState.SUCCEEDED
FAILED, CANCELLED = AttemptState.FAILED, AttemptState.CANCELLED


# Failures and retries -----------------------------------------------------------------------------


def test_a_retry_waits_for_the_pause_between_attempts() -> None:
    attempt = an_attempt(state=FAILED, reason=Reason.PROCESS_LOST, ended_at=NOW - 1, released=True)
    plan = expect(
        Scene(wants=[a_want()], attempts=[attempt]),
        """
        -/+ run city   attempt_failed (ProcessLost; attempt 2 of 3)   specs/test.yaml:1   waits for the pause between attempts
        Plan: 1 to run; 0 unchanged.
        """,  # noqa: E501
    )
    assert plan.statuses[0].message == "ProcessLost; next attempt 2 soon"
    until = plan.statuses[0].until
    assert until is not None
    assert NOW + 1.5 <= until <= NOW + 4  # five seconds, of which the digest may take half


def test_a_retry_that_is_due_starts_as_the_next_attempt() -> None:
    attempt = an_attempt(number=4, state=FAILED, reason=Reason.PROCESS_LOST, released=True)
    plan = expect(
        Scene(wants=[a_want()], attempts=[attempt]),
        """
        -/+ run city   attempt_failed (ProcessLost; attempt 2 of 3)   specs/test.yaml:1   local
        Plan: 1 to run; 0 unchanged.
        """,
    )
    assert plan.operations[0].batch_id == a_batch_id(number=5)


def test_pauses_double_up_to_a_cap() -> None:
    policy = Policy(backoff_base_s=10, backoff_cap_s=60)
    pauses = []
    for count in range(1, 6):
        tries = [
            an_attempt(number=n, state=FAILED, reason=Reason.PROCESS_LOST, ended_at=NOW) for n in range(1, count + 1)
        ]
        until = Scene(wants=[a_want(retry_limit=9)], attempts=tries, policy=policy).plan().statuses[0].until
        assert until is not None
        pauses.append(until - NOW)
    bounds = [(5, 10), (10, 20), (20, 40), (30, 60), (30, 60)]
    assert all(low <= pause <= high for pause, (low, high) in zip(pauses, bounds, strict=True)), pauses


def test_a_failure_of_the_program_is_not_retried() -> None:
    attempt = an_attempt(state=FAILED, reason=Reason.OUTPUT_MISSING, message="out.mp4 is not there", released=True)
    plan = expect(
        Scene(wants=[a_want()], attempts=[attempt]),
        """
        ! run city   Failed OutputMissing: out.mp4 is not there
        Nothing to do now: 1 needs attention; 0 unchanged.
        """,
    )
    assert plan.is_empty


def test_a_run_fails_once_its_attempts_are_used_up() -> None:
    message = "the host restarted during the run"
    tries = [
        an_attempt(number=n, state=FAILED, reason=Reason.HOST_REBOOTED, message=message, released=True)
        for n in (1, 2, 3)
    ]
    expect(
        Scene(wants=[a_want()], attempts=tries),
        """
        ! run city   Failed HostRebooted: the host restarted during the run after 3 attempts
        Nothing to do now: 1 needs attention; 0 unchanged.
        """,
    )
    assert "attempt 3 of 3" in Scene(wants=[a_want()], attempts=tries[:2]).text()
    assert "attempt 4 of 4" in Scene(wants=[a_want(retry_limit=3)], attempts=tries).text()


def test_a_retry_request_starts_over_and_counts_anew() -> None:
    failed = an_attempt(state=FAILED, reason=Reason.PROGRAM_FAILED, released=True)
    retry = a_request(Verb.RETRY, after=1)
    expect(
        Scene(wants=[a_want()], attempts=[failed], requests=[retry]),
        """
        -/+ run city   retry_requested   specs/test.yaml:1   local
        Plan: 1 to run; 0 unchanged.
        """,
    )
    again = an_attempt(number=2, state=FAILED, reason=Reason.PROCESS_LOST, released=True)
    assert "attempt 2 of 3" in Scene(wants=[a_want()], attempts=[failed, again], requests=[retry]).text()


def test_a_new_attempt_never_has_a_number_that_a_request_speaks_of() -> None:
    """The attempts are forgotten, the request is not: number 1 would be covered by it for ever."""
    plan = Scene(wants=[a_want()], requests=[a_request(Verb.RETRY, after=3)]).plan()
    assert plan.operations[0].attempt == 4


# Cancel and suspend -------------------------------------------------------------------------------


def test_a_cancel_stops_what_runs() -> None:
    scene = Scene(
        wants=[a_want()],
        attempts=[an_attempt()],
        hosts={"local": reachable(an_observed_batch())},
        requests=[a_request(Verb.CANCEL)],
    )
    expect(
        scene,
        """
        x stop city   cancelled   local
        Plan: 1 to stop; 0 unchanged.
        """,
    )


def test_a_cancel_of_a_queued_run_keeps_it_from_starting() -> None:
    expect(
        Scene(wants=[a_want()], requests=[a_request(Verb.CANCEL, after=0, by="ann")]),
        """
        ! run city   Cancelled: cancelled by ann; cosmos retry city starts it again
        Nothing to do now: 1 needs attention; 0 unchanged.
        """,
    )


def test_a_cancel_by_nobody_known_names_nobody() -> None:
    text = Scene(wants=[a_want()], requests=[a_request(Verb.CANCEL, after=0)]).text()
    assert text.startswith("! run city   Cancelled: cancelled; cosmos retry city starts it again\n")


def test_a_cancel_that_comes_too_late_loses_no_result() -> None:
    scene = Scene(
        wants=[a_want()],
        attempts=[an_attempt()],
        hosts={"local": reachable(an_observed_batch(state=BatchState.EXITED))},
        requests=[a_request(Verb.CANCEL)],
    )
    expect(
        scene,
        """
        v collect city   exited   local
        Plan: 1 to collect; 0 unchanged.
        """,
    )


def test_a_cancel_of_what_was_never_started_closes_it() -> None:
    scene = Scene(wants=[a_want()], attempts=[an_attempt(state=INTENDED)], requests=[a_request(Verb.CANCEL)])
    expect(
        scene,
        """
        ! run city   Stopped: cancelled
        Plan: 1 to close; 0 unchanged.
        """,
    )


def test_a_cancelled_rerun_leaves_the_result_that_was_there() -> None:
    scene = Scene(
        wants=[a_want()],
        done=[a_ledger_entry()],
        attempts=[
            an_attempt(state=SUCCEEDED, released=True),
            an_attempt(number=2, state=CANCELLED, reason=Reason.STOPPED, released=True),
        ],
        requests=[a_request(Verb.CANCEL, after=2)],
    )
    expect(scene, "No changes. What exists matches the specs.")


def test_a_suspended_run_starts_nothing_but_what_runs_goes_on() -> None:
    expect(
        Scene(wants=[a_want(suspend=True)]),
        """
        ! run city   Suspended: suspend: true at specs/test.yaml:1
        Nothing to do now: 1 needs attention; 0 unchanged.
        """,
    )
    running = {"local": reachable(an_observed_batch())}
    expect(
        Scene(wants=[a_want(suspend=True)], attempts=[an_attempt()], hosts=running),
        "Nothing to do now: 1 running; 0 unchanged.",
    )


def test_what_was_intended_before_a_suspend_is_withdrawn_on_the_host_first() -> None:
    scene = Scene(
        wants=[a_want(suspend=True)],
        attempts=[an_attempt(state=INTENDED)],
        hosts={"local": reachable(an_observed_batch(state=BatchState.PREPARED))},
    )
    expect(
        scene,
        """
        x stop city   suspended   local
        Plan: 1 to stop; 0 unchanged.
        """,
    )


# What a status tells -----------------------------------------------------------------------------


def test_a_status_tells_of_the_open_attempt_or_else_of_the_last() -> None:
    gpus = ("GPU-1",)
    open_one = an_attempt(number=2, gpus=gpus)
    over = an_attempt(state=FAILED, reason=Reason.PROGRAM_FAILED, ended_at=NOW - 5, released=True)
    running = {"local": reachable(an_observed_batch(number=2))}
    (status,) = Scene(wants=[a_want()], attempts=[over, open_one], hosts=running).plan().statuses
    assert (status.host, status.attempt, status.gpus, status.since) == ("local", 2, gpus, open_one.started_at)
    (status,) = Scene(wants=[a_want()], attempts=[over]).plan().statuses
    assert (status.host, status.attempt, status.gpus, status.since) == ("local", 1, (), NOW - 5)
    assert (status.reason, status.folder) == (Reason.PROGRAM_FAILED, "")
    (status,) = Scene(wants=[a_want()]).plan().statuses
    assert (status.host, status.attempt, status.since, status.folder) == ("", 0, None, "")
    done = a_ledger_entry()
    (status,) = Scene(wants=[a_want()], done=[done]).plan().statuses
    assert (status.since, status.folder) == (done.finished_at, done.folder)
