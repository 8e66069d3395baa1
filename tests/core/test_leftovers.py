"""Hosts that are away, work that the database does not know, work that nothing asks for any more."""

from cosmos.core.case import Policy
from cosmos.core.observed import BatchState, Gpu
from cosmos.core.placement import HostConfig
from cosmos.core.plan import Act, Cause, Phase, Sync
from cosmos.core.reasons import Reason
from cosmos.core.recorded import AttemptState, Verb
from cosmos.core.run import Placement
from tests.core.scene import Scene, acts, expect, phase
from tests.makers import (
    a_batch_id,
    a_batch_meta,
    a_blob,
    a_digest,
    a_ledger_entry,
    a_material,
    a_request,
    a_run,
    a_want,
    an_attempt,
    an_observed_batch,
    reachable,
    unreachable,
)

INTENDED, SUCCEEDED, FAILED = AttemptState.INTENDED, AttemptState.SUCCEEDED, AttemptState.FAILED
BEFORE = a_digest("city, before it was edited")


# Hosts that are away, rebooted or gone ------------------------------------------------------------


TWO = (HostConfig(name="gpu-1", slots=2), HostConfig(name="local", slots=2))


def test_an_unreachable_host_changes_nothing_and_its_work_starts_nowhere_else() -> None:
    scene = Scene(
        wants=[a_want("running"), a_want("meant"), a_want("ended"), a_want("new")],
        attempts=[
            an_attempt("running", host="gpu-1"),
            an_attempt("meant", host="gpu-1", state=INTENDED),
            an_attempt("ended", host="gpu-1"),
            an_attempt("unwanted", host="gpu-1"),
            an_attempt("old", host="gpu-1", state=SUCCEEDED),
        ],
        requests=[a_request(Verb.CANCEL, key="running"), a_request(Verb.CANCEL, key="meant")],
        hosts={"gpu-1": unreachable(), "local": reachable()},
        configs=TWO,
    )
    plan = expect(
        scene,
        """
        + run new   never_ran   specs/test.yaml:1   local
        ! run ended   Running: host unreachable: the connection timed out
        ! run meant   Starting: host unreachable: the connection timed out
        ! run running   Running: host unreachable: the connection timed out
        Plan: 1 to run; 0 unchanged.
        """,
    )
    assert {status.sync for status in plan.statuses if status.key != "new"} == {Sync.UNKNOWN}


def test_a_host_that_left_the_configuration_keeps_its_work() -> None:
    expect(
        Scene(wants=[a_want()], attempts=[an_attempt(host="sold"), an_attempt("other", host="sold", state=SUCCEEDED)]),
        """
        ! run city   Running: its work is on host sold, which is not in cosmos.toml; add it again to go on, or cosmos retry city --assume-lost gives it up
        Nothing to do now: 1 needs attention; 0 unchanged.
        """,  # noqa: E501
    )


def test_a_reboot_is_told_from_a_lost_process() -> None:
    batch = an_observed_batch(state=BatchState.LOST)
    rebooted = Scene(wants=[a_want()], attempts=[an_attempt()], hosts={"local": reachable(batch, boot_id="boot-2")})
    expect(
        rebooted,
        """
        ! run city   HostRebooted: the host restarted during the run
        Plan: 1 lost; 0 unchanged.
        """,
    )
    killed = Scene(wants=[a_want()], attempts=[an_attempt()], hosts={"local": reachable(batch)})
    expect(
        killed,
        """
        ! run city   ProcessLost: the process ended without an exit record (killed, or out of memory)
        Plan: 1 lost; 0 unchanged.
        """,
    )
    unwanted = Scene(attempts=[an_attempt()], hosts={"local": reachable(batch, boot_id="boot-2")})
    assert "HostRebooted" in unwanted.text()


def test_processes_that_outlive_their_batch_are_stopped_first() -> None:
    batch = an_observed_batch(state=BatchState.LOST, survivors=1)
    for wants in ([a_want()], []):
        expect(
            Scene(wants=wants, attempts=[an_attempt()], hosts={"local": reachable(batch)}),
            """
            x stop city   lost   local
            Plan: 1 to stop; 0 unchanged.
            """,
        )


# Crashes, adoption, ghosts ------------------------------------------------------------------------


def test_an_intended_batch_is_resumed_under_its_name_and_in_its_place() -> None:
    gpus = tuple(Gpu(id=str(n), name="H100") for n in range(2))
    want = a_want(blobs={"color": a_blob()}, placement=Placement(gpus=1))
    scene = Scene(
        wants=[want, a_want("b", placement=Placement(gpus=1))],
        attempts=[an_attempt(number=2, state=INTENDED, gpus=("1",))],
        hosts={"local": reachable(gpus=gpus, blobs=frozenset({a_blob().sha256}))},
        configs=[HostConfig(name="local", slots=8)],
    )
    plan = expect(
        scene,
        """
        + run b      never_ran   specs/test.yaml:1   local gpu0
        + run city   resumed     specs/test.yaml:1   local gpu1
        Plan: 2 to run; 0 unchanged.
        """,
    )
    resumed = plan.operations[1]
    assert (resumed.batch_id, resumed.attempt, resumed.ready) == (a_batch_id(number=2), 2, True)


def test_a_resumed_batch_whose_inputs_are_gone_is_staged_first() -> None:
    scene = Scene(wants=[a_want(blobs={"color": a_blob()})], attempts=[an_attempt(state=INTENDED)])
    plan = scene.plan()
    assert acts(plan, "city") == ["stage", "(launch)"]
    ready = reachable(an_observed_batch(state=BatchState.PREPARED))
    prepared = Scene(wants=scene.wants, attempts=scene.attempts, hosts={"local": ready}).plan()
    assert acts(prepared, "city") == ["launch"]  # it has its inputs already


def test_a_resumed_batch_takes_no_second_slot() -> None:
    scene = Scene(wants=[a_want(), a_want("b")], attempts=[an_attempt(state=INTENDED)])
    plan = scene.plan()
    assert (acts(plan, "city"), acts(plan, "b")) == (["launch"], ["launch"])


def test_with_an_empty_database_work_is_adopted_and_keeps_its_slot() -> None:
    scene = Scene(
        wants=[a_want(), a_want("b"), a_want("c")],
        hosts={"local": reachable(an_observed_batch(number=3), an_observed_batch("gone", state=BatchState.EXITED))},
    )
    plan = expect(
        scene,
        """
        + run b   never_ran   specs/test.yaml:1   local
        + run c   never_ran   specs/test.yaml:1   local   waits for a free slot on local
        > adopt city   orphaned   local
        > adopt gone   orphaned   local
        Plan: 2 to run, 2 to adopt; 0 unchanged.
        """,
    )
    assert [operation.attempt for operation in plan.operations if operation.act is Act.ADOPT] == [3, 1]
    assert [(status.phase, status.message) for status in plan.statuses if status.key == "city"] == [
        (Phase.RUNNING, "found on local")
    ]


def test_of_several_unknown_batches_with_one_digest_the_oldest_is_adopted_alone() -> None:
    batches = [an_observed_batch(number=n, state=BatchState.EXITED) for n in (10, 2)]
    plan = Scene(wants=[a_want()], hosts={"local": reachable(*batches)}).plan()
    assert [operation.batch_id for operation in plan.operations] == [a_batch_id(number=2)]


def test_what_may_still_start_is_adopted_before_what_has_ended() -> None:
    batches = [an_observed_batch(state=BatchState.EXITED), an_observed_batch(number=2, state=BatchState.PREPARED)]
    plan = Scene(wants=[a_want()], hosts={"local": reachable(*batches)}).plan()
    assert [operation.batch_id for operation in plan.operations] == [a_batch_id(number=2)]
    batches = [batches[1], an_observed_batch(number=3)]
    plan = Scene(wants=[a_want()], hosts={"local": reachable(*batches)}).plan()
    assert [operation.batch_id for operation in plan.operations] == [a_batch_id(number=3)]


def test_nothing_is_adopted_while_another_attempt_holds_the_digest() -> None:
    scene = Scene(
        wants=[a_want()],
        attempts=[an_attempt()],
        hosts={"local": reachable(an_observed_batch(), an_observed_batch(number=2, state=BatchState.EXITED))},
    )
    expect(scene, "Nothing to do now: 1 running; 0 unchanged.")


def test_the_gpus_of_unknown_work_are_not_given_out() -> None:
    meta = a_batch_meta(gpus=("0",))
    scene = Scene(
        wants=[a_want(placement=Placement(gpus=1)), a_want("b", placement=Placement(gpus=1))],
        hosts={"local": reachable(an_observed_batch(meta=meta), gpus=(Gpu(id="0", name="H100"),))},
    )
    plan = scene.plan()
    assert acts(plan, "b") == ["(launch)"]
    assert [operation.gpus for operation in plan.operations if operation.act is Act.ADOPT] == [("0",)]


def test_what_carries_no_record_of_ours_is_left_alone() -> None:
    strange = an_observed_batch("strange", meta=None)
    half = an_observed_batch("half", state=BatchState.PARTIAL)
    expect(Scene(hosts={"local": reachable(strange, half)}), "No changes. What exists matches the specs.")


def test_an_attempt_that_is_over_and_still_alive_is_stopped_before_the_next_and_before_its_release() -> None:
    failed = an_attempt(state=FAILED, reason=Reason.PROCESS_LOST)
    alive = Scene(wants=[a_want()], attempts=[failed], hosts={"local": reachable(an_observed_batch())})
    plan = expect(
        alive,
        """
        x stop city   lost   local
        Plan: 1 to stop; 0 unchanged.
        """,
    )
    assert phase(plan) is Phase.WAITING
    cancelled = an_attempt(state=AttemptState.CANCELLED, reason=Reason.STOPPED)
    assert "x stop city   cancelled" in Scene(attempts=[cancelled], hosts=alive.hosts).text()
    for batch in (an_observed_batch(state=BatchState.LOST, survivors=1), an_observed_batch(meta=None)):
        scene = Scene(wants=[a_want()], attempts=[failed], hosts={"local": reachable(batch)})
        assert acts(scene.plan(), "city") == ["stop"]
    ended = reachable(an_observed_batch(state=BatchState.EXITED))
    plan = Scene(wants=[a_want()], attempts=[failed], hosts={"local": ended}).plan()
    assert acts(plan, "city") == ["launch", "release"]


# What the specs no longer ask for -----------------------------------------------------------------


def test_work_whose_spec_was_edited_runs_on_beside_the_new() -> None:
    edited = a_want(material=a_material(prompt={"text": "Snow", "negative": ""}))
    running = Scene(
        wants=[edited],
        attempts=[an_attempt(digest=BEFORE)],
        previous={a_run().id: a_material()},
        hosts={"local": reachable(an_observed_batch(digest=BEFORE))},
    )
    expect(
        running,
        """
        -/+ run city   prompt_changed (text)   specs/test.yaml:1   local
        Plan: 1 to run; 0 unchanged.
        """,
    )


def test_work_that_nothing_asks_for_any_more_is_collected_then_released() -> None:
    exited = reachable(an_observed_batch(state=BatchState.EXITED))
    plan = expect(
        Scene(attempts=[an_attempt()], hosts={"local": exited}),
        """
        v collect city   exited   local
        Plan: 1 to collect; 0 unchanged.
        """,
    )
    assert plan.operations[0].folder == a_ledger_entry().folder
    expect(
        Scene(attempts=[an_attempt(state=SUCCEEDED)], done=[a_ledger_entry()], hosts={"local": exited}),
        """
        - release 1 run directory on local   durable
        Plan: upkeep only; 0 unchanged.
        """,
    )


def test_work_that_nothing_asks_for_and_that_was_not_started_never_is() -> None:
    prepared = reachable(an_observed_batch(state=BatchState.PREPARED))
    expect(
        Scene(attempts=[an_attempt(state=INTENDED)], hosts={"local": prepared}),
        """
        x stop city   not_wanted   local
        Plan: 1 to stop; 0 unchanged.
        """,
    )
    expect(
        Scene(attempts=[an_attempt(state=INTENDED)]),
        """
        ! run city   Stopped: withdrawn before it was started: nothing asks for it any more
        Plan: 1 to close; 0 unchanged.
        """,
    )
    half = reachable(an_observed_batch(state=BatchState.PARTIAL))
    assert "x stop city   not_wanted" in Scene(attempts=[an_attempt(state=INTENDED)], hosts={"local": half}).text()
    cancel = [a_request(Verb.CANCEL)]
    cancelled = Scene(attempts=[an_attempt(state=INTENDED)], hosts={"local": prepared}, requests=cancel)
    assert "x stop city   cancelled" in cancelled.text()


def test_work_that_nothing_asks_for_and_that_is_gone_is_lost() -> None:
    gone = Scene(attempts=[an_attempt()])
    killed = Scene(attempts=[an_attempt()], hosts={"local": reachable(an_observed_batch(state=BatchState.LOST))})
    for scene, reason in ((gone, Reason.RUN_DIRECTORY_LOST), (killed, Reason.PROCESS_LOST)):
        (operation,) = scene.plan().operations
        assert (operation.act, operation.cause, operation.reason) == (Act.FAIL, Cause.LOST, reason)


def test_what_was_intended_waits_while_its_spec_cannot_be_judged() -> None:
    intended = [an_attempt(state=INTENDED)]
    held = frozenset({"city"})
    for batches in ((), (an_observed_batch(state=BatchState.PREPARED),)):
        assert Scene(attempts=intended, hosts={"local": reachable(*batches)}, held=held).plan().is_empty
    exited = reachable(an_observed_batch(state=BatchState.EXITED))
    assert acts(Scene(attempts=[an_attempt()], hosts={"local": exited}, held=held).plan(), "city") == ["collect"]
    assert acts(Scene(attempts=[an_attempt()], held=held).plan(), "city") == ["fail"]
    same = a_want("forest", digest=a_digest("city"))  # asks for the digest too, and is not held
    assert [operation.key for operation in Scene(wants=[same], attempts=intended, held=held).plan().ready] == ["forest"]


def test_unwanted_work_runs_on_unless_it_is_cancelled() -> None:
    running = {"local": reachable(an_observed_batch())}
    assert Scene(attempts=[an_attempt()], hosts=running).plan().is_empty
    cancelled = Scene(attempts=[an_attempt()], hosts=running, requests=[a_request(Verb.CANCEL)])
    assert "x stop city   cancelled   local" in cancelled.text()


def test_work_whose_spec_is_gone_is_stopped_where_that_was_said() -> None:
    running = {"local": reachable(an_observed_batch())}
    pruned = Policy(prune=frozenset({"city"}))
    expect(
        Scene(attempts=[an_attempt()], hosts=running, policy=pruned),
        """
        x stop city   removed_from_specs   local
        Plan: 1 to stop; 0 unchanged.
        """,
    )
    assert (
        Scene(attempts=[an_attempt("b")], hosts={"local": reachable(an_observed_batch("b"))}, policy=pruned)
        .plan()
        .is_empty
    )
    assert Scene(wants=[a_want()], attempts=[an_attempt()], hosts=running, policy=pruned).plan().is_empty


def test_run_directories_of_failures_stay_where_the_host_keeps_them() -> None:
    failed = an_attempt(state=FAILED, reason=Reason.PROGRAM_FAILED)
    good = an_attempt("b", state=SUCCEEDED)
    policy = Policy(keep_failed=frozenset({"local"}))
    plan = Scene(attempts=[failed, good], policy=policy).plan()
    assert (acts(plan, "city"), acts(plan, "b")) == ([], ["release"])
    assert plan.operations[0].cause is Cause.DURABLE
