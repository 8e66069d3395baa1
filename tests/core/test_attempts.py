"""Failures and retries, cancel and suspend: the plan that follows, as text."""

from dataclasses import replace

from cosmos.core.case import Policy
from cosmos.core.observed import BatchState
from cosmos.core.plan import Phase
from cosmos.core.reasons import Reason
from cosmos.core.recorded import Attempt, AttemptState, Verb
from tests.core.scene import Scene, expect, phase
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
        -/+ run city   attempt_failed (ProcessLost; attempt 2 of 6)   specs/test.yaml:1   waits for the pause between attempts
        Plan: 1 to run; 0 unchanged.
        """,  # noqa: E501
    )
    assert plan.statuses[0].message == "ProcessLost; next attempt 2 soon"
    until = plan.statuses[0].until
    assert until is not None
    assert NOW < until <= NOW + 4  # five seconds after the end, of which the digest may take all


def test_a_retry_that_is_due_starts_as_the_next_attempt() -> None:
    attempt = an_attempt(number=4, state=FAILED, reason=Reason.PROCESS_LOST, released=True)
    plan = expect(
        Scene(wants=[a_want()], attempts=[attempt]),
        """
        -/+ run city   attempt_failed (ProcessLost; attempt 2 of 6)   specs/test.yaml:1   local
        Plan: 1 to run; 0 unchanged.
        """,
    )
    assert plan.operations[0].batch_id == a_batch_id(number=5)


def test_pauses_double_up_to_a_cap_and_differ_from_run_to_run() -> None:
    policy = Policy(backoff_base_s=10, backoff_cap_s=60)
    longest = []
    for count in range(1, 6):
        pauses = [_pause(key, count, policy) for key in ("city", "forest", *map(str, range(60)))]
        assert len(set(pauses)) == len(pauses), "all at once again"
        assert min(pauses) < 0.2 * max(pauses), "no full jitter"
        longest.append(max(pauses))
    caps = [10, 20, 40, 60, 60]
    assert all(0.9 * cap < pause <= cap for pause, cap in zip(longest, caps, strict=True)), longest


def _pause(key: str, count: int, policy: Policy) -> float:
    tries = [
        an_attempt(key, number=n, state=FAILED, reason=Reason.PROCESS_LOST, ended_at=NOW) for n in range(1, count + 1)
    ]
    until = Scene(wants=[a_want(key)], attempts=tries, policy=policy).plan().statuses[0].until
    assert until is not None
    return until - NOW


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


def _tries(*reasons: Reason, since: float = NOW - 120) -> list[Attempt]:
    """Failed attempts in this order, each begun a second after the one before it."""
    return [
        an_attempt(number=n, state=FAILED, reason=reason, intended_at=since + n, message=f"try {n}", released=True)
        for n, reason in enumerate(reasons, 1)
    ]


def test_failures_of_the_infrastructure_park_a_run_once_there_were_too_many_within_a_day() -> None:
    tries = _tries(*[Reason.HOST_REBOOTED] * 6)
    expect(
        Scene(wants=[a_want()], attempts=tries),
        """
        ! run city   Failed HostRebooted: try 6 after 6 attempts, 6 of them failed by the infrastructure within 24 h
        Nothing to do now: 1 needs attention; 0 unchanged.
        """,
    )
    assert "attempt 6 of 6" in Scene(wants=[a_want()], attempts=tries[:5]).text()
    early = [replace(tries[0], intended_at=NOW - 90000), *tries[1:]]
    assert "attempt 6 of 6" in Scene(wants=[a_want()], attempts=early).text()


def test_failures_of_the_infrastructure_use_up_nothing_of_the_limit_of_a_run() -> None:
    reasons = [Reason.PROGRAM_FAILED, *[Reason.PROCESS_LOST] * 4, Reason.PROGRAM_FAILED]
    want = a_want(retry_limit=2, retry_on=("ProgramFailed",))
    assert "ProgramFailed; attempt 3 of 3" in Scene(wants=[want], attempts=_tries(*reasons)).text()
    assert "ProcessLost; attempt 5 of 6" in Scene(wants=[want], attempts=_tries(*reasons[:-1])).text()
    one_more = [*reasons, Reason.PROGRAM_FAILED]
    plan = Scene(wants=[want], attempts=_tries(*one_more)).plan()
    assert plan.statuses[0].message == "try 7 after 7 attempts"
    assert phase(plan) is Phase.FAILED


def test_only_what_a_spec_lists_is_tried_again_besides() -> None:
    failed, stalled = _tries(Reason.PROGRAM_FAILED), _tries(Reason.STALLED)
    listed = a_want(retry_on=("ProgramFailed", "Timeout"))
    assert "ProgramFailed; attempt 2 of 3" in Scene(wants=[listed], attempts=failed).text()
    assert phase(Scene(wants=[listed], attempts=stalled).plan()) is Phase.FAILED
    assert phase(Scene(wants=[a_want()], attempts=failed).plan()) is Phase.FAILED
    assert "Stalled; attempt 2 of 3" in Scene(wants=[a_want()], attempts=stalled).text()


def test_with_a_limit_of_nothing_a_run_is_never_tried_again() -> None:
    for reason in (Reason.HOST_REBOOTED, Reason.STALLED):
        plan = Scene(wants=[a_want(retry_limit=0)], attempts=_tries(reason)).plan()
        assert (phase(plan), plan.statuses[0].message) == (Phase.FAILED, "try 1")


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
    assert "attempt 2 of 6" in Scene(wants=[a_want()], attempts=[failed, again], requests=[retry]).text()


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
