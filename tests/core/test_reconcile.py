"""Situations and the plan that follows, compared as the text that people see.

What the rules say of one run is in test_rules.py; here is what becomes of several at once, and of results.
Places, attempts and leftovers have files of their own.
"""

import pytest

from cosmos.core.case import Policy
from cosmos.core.observed import BatchState, OutputState
from cosmos.core.plan import Act, Phase
from cosmos.core.problem import Location
from cosmos.core.reasons import Reason
from cosmos.core.recorded import AttemptState, Verb
from cosmos.core.run import Placement, Source
from tests.core.scene import Scene, acts, expect, phase
from tests.makers import (
    a_batch_id,
    a_blob,
    a_digest,
    a_file,
    a_ledger_entry,
    a_material,
    a_request,
    a_run,
    a_timing,
    a_want,
    an_attempt,
    an_observed_batch,
    reachable,
    unreachable,
)

SUCCEEDED, FAILED = AttemptState.SUCCEEDED, AttemptState.FAILED


# First runs and changes ---------------------------------------------------------------------------


def test_a_first_run_waits_for_its_inputs() -> None:
    scene = Scene(wants=[a_want(blobs={"color": a_blob()})], timings=[a_timing(run_s=190.0)])
    plan = expect(
        scene,
        """
        + run city   never_ran   specs/test.yaml:1   local   ~3m10s learned
        ^ stage 1 blob 1.0 MB -> local
        Plan: 1 to run; 0 unchanged.  ~3m10s of run time, 1.0 MB to upload.
        """,
    )
    assert acts(plan, "city") == ["stage", "(launch)"]
    assert phase(plan) is Phase.STAGING


def test_a_first_run_whose_inputs_are_there_starts() -> None:
    here = reachable(blobs=frozenset({a_blob().sha256}))
    scene = Scene(wants=[a_want(blobs={"color": a_blob()})], hosts={"local": here})
    plan = expect(
        scene,
        """
        + run city   never_ran   specs/test.yaml:1   local
        Plan: 1 to run; 0 unchanged.
        """,
    )
    (launch,) = plan.ready
    assert (launch.batch_id, launch.attempt, launch.folder) == (a_batch_id(), 1, a_ledger_entry().folder)
    assert phase(plan) is Phase.STARTING


def test_what_is_done_gives_an_empty_plan() -> None:
    plan = expect(
        Scene(wants=[a_want()], done=[a_ledger_entry()], attempts=[an_attempt(state=SUCCEEDED, released=True)]),
        "No changes. What exists matches the specs.",
    )
    assert plan.is_empty


def test_of_a_matrix_only_the_member_that_changed_runs_again() -> None:
    keys = [f"city/seed-{n}" for n in (1, 2, 3)]
    members = [a_want(key, at=Location("specs/city.yaml", 8)) for key in keys]
    members[1] = a_want(
        keys[1], at=Location("specs/city.yaml", 8), digest=a_digest("new"), material=a_material(params={"seed": 2})
    )
    scene = Scene(
        wants=members,
        done=[a_ledger_entry(keys[0]), a_ledger_entry(keys[1]), a_ledger_entry(keys[2])],
        previous={a_run(keys[1]).id: a_material(params={"seed": 22})},
    )
    expect(
        scene,
        """
        -/+ run city/seed-2   params_changed (seed)   specs/city.yaml:8   local
        = 2 unchanged
        Plan: 1 to run; 2 unchanged.
        """,
    )


@pytest.mark.parametrize(
    ("facet", "before", "cause"),
    [
        ("model", {"adapter": "preview", "image": "old"}, "model_changed (image)"),
        ("prompt", {"text": "Snow", "negative": ""}, "prompt_changed (text)"),
        ("inputs", {"color": "00"}, "input_changed (color)"),
        ("controls", {"edge": {"weight": 0.2, "preset": None}}, "controls_changed (edge)"),
        ("params", {"seed": 0, "steps": 9}, "params_changed (steps)"),
        ("source", {"digest": "00", "output": "video", "role": "video"}, "source_changed"),
    ],
)
def test_a_run_that_runs_again_says_what_changed(facet: str, before: object, cause: str) -> None:
    previous = a_material(**{facet: before})
    scene = Scene(wants=[a_want()], previous={a_run().id: previous})
    assert f"-/+ run city   {cause}   specs/test.yaml:1" in scene.text()


# Needs and sources --------------------------------------------------------------------------------


UP = a_want("up")
DOWN = a_want("down", source=Source(key="up", file="video.mp4"), source_digest=a_digest("up"))


def test_a_run_waits_for_its_source() -> None:
    plan = expect(
        Scene(wants=[DOWN, UP]),
        """
        + run up     never_ran   specs/test.yaml:1   local
        + run down   never_ran   specs/test.yaml:1           waits for up
        Plan: 2 to run; 0 unchanged.
        """,
    )
    assert phase(plan, "down") is Phase.WAITING


def test_the_output_of_a_source_is_staged_from_the_store() -> None:
    plan = expect(
        Scene(wants=[DOWN, UP], done=[a_ledger_entry("up")]),
        """
        + run down   never_ran   specs/test.yaml:1   local
        ^ stage 1 blob 6 B -> local
        = 1 unchanged
        Plan: 1 to run; 1 unchanged.  6 B to upload.
        """,
    )
    assert [blob.path for operation in plan.operations for blob in operation.blobs] == [""]
    video = a_file("video.mp4", b"the video")
    manifest = (a_file("a.log", b"before it"), video, a_file("z.log", b"after it"))
    plan = Scene(wants=[DOWN, UP], done=[a_ledger_entry("up", manifest=manifest)]).plan()
    assert [blob.sha256 for operation in plan.operations for blob in operation.blobs] == [video.sha256]


def test_a_run_waits_for_what_it_needs_but_for_no_failed_one() -> None:
    scene = Scene(
        wants=[a_want("a", needs=("b", "c")), a_want("b"), a_want("c"), a_want("d", needs=("a",)), a_want("e")],
        attempts=[an_attempt("c", state=FAILED, reason=Reason.PROGRAM_FAILED, message="exit code 1", released=True)],
    )
    expect(
        scene,
        """
        + run b   never_ran   specs/test.yaml:1   local
        + run e   never_ran   specs/test.yaml:1   local
        ! run a   Waiting: cannot start: needs c (Failed)
        ! run c   Failed ProgramFailed: exit code 1
        ! run d   Waiting: cannot start: needs a (Waiting)
        Plan: 2 to run; 0 unchanged.
        """,
    )


def test_a_run_cannot_start_whose_need_has_a_broken_spec_or_lost_files() -> None:
    scene = Scene(
        wants=[a_want("a", needs=("gone",)), a_want("b", needs=("lost",)), a_want("lost")],
        done=[a_ledger_entry("lost")],
        outputs={a_ledger_entry("lost").folder: OutputState.LOST},
    )
    text = scene.text()
    assert "! run a   Waiting: cannot start: needs gone (its spec has a problem)" in text
    assert "! run b   Waiting: cannot start: needs lost (its files are lost)" in text


def test_a_run_starts_although_files_of_its_source_have_to_be_restored() -> None:
    done = a_ledger_entry("up")
    plan = Scene(wants=[DOWN, UP], done=[done], outputs={done.folder: OutputState.MISSING}).plan()
    assert (acts(plan, "up"), acts(plan, "down")) == (["restore"], ["stage", "(launch)"])


# Results ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "line"),
    [
        (OutputState.MISSING, "r restore city   outputs_missing"),
        (OutputState.CORRUPT, "r restore city   outputs_corrupt"),
        (OutputState.SUPERSEDED, "r restore city   superseded"),
    ],
)
def test_a_result_that_differs_from_its_manifest_is_restored_without_a_run(state: OutputState, line: str) -> None:
    done = a_ledger_entry()
    plan = expect(
        Scene(wants=[a_want()], done=[done], outputs={done.folder: state}),
        f"""
        {line}
        Plan: 1 to restore; 0 unchanged.
        """,
    )
    assert [operation.folder for operation in plan.operations] == [done.folder]


def test_a_restore_is_about_no_host_although_a_rerun_is_under_way_on_one() -> None:
    done = a_ledger_entry()
    scene = Scene(
        wants=[a_want()],
        done=[done],
        outputs={done.folder: OutputState.MISSING},
        attempts=[an_attempt(number=2)],
        hosts={"local": unreachable()},
    )
    (restore,) = scene.plan().operations
    assert (restore.act, restore.host, restore.batch_id) == (Act.RESTORE, "", "")


def test_a_result_that_is_lost_here_is_not_run_again_and_its_copy_on_the_host_stays() -> None:
    done = a_ledger_entry()
    host = reachable(an_observed_batch(state=BatchState.EXITED))
    scene = Scene(
        wants=[a_want()],
        done=[done],
        outputs={done.folder: OutputState.LOST},
        attempts=[an_attempt(state=SUCCEEDED)],
        hosts={"local": host},
    )
    expect(
        scene,
        """
        ! run city   Succeeded OutputMissing: its files are gone from outputs/ and from the store; bring them back from a backup, or --rerun
        Nothing to do now: 1 needs attention; 0 unchanged.
        """,  # noqa: E501
    )


def test_a_rerun_runs_again_and_gets_a_folder_of_its_own() -> None:
    first = an_attempt(state=SUCCEEDED, released=True)
    rerun = a_request(Verb.RERUN, after=1)
    asked = Scene(wants=[a_want()], done=[a_ledger_entry()], attempts=[first], requests=[rerun])
    plan = expect(
        asked,
        """
        -/+ run city   forced   specs/test.yaml:1   local
        Plan: 1 to run; 0 unchanged.
        """,
    )
    own = f"{a_ledger_entry().folder}-a2"
    assert plan.operations[0].folder == own
    exited = {"local": reachable(an_observed_batch(number=2, state=BatchState.EXITED))}
    plan = Scene(
        wants=[a_want()],
        done=[a_ledger_entry()],
        attempts=[first, an_attempt(number=2)],
        requests=[rerun],
        hosts=exited,
    ).plan()
    assert [(operation.act, operation.folder) for operation in plan.operations] == [(Act.COLLECT, own)]


def test_a_failed_rerun_of_a_forgotten_request_does_not_move_the_result() -> None:
    scene = Scene(
        wants=[a_want()],
        done=[a_ledger_entry()],
        attempts=[
            an_attempt(state=SUCCEEDED, released=True),
            an_attempt(number=2, state=FAILED, reason=Reason.PROGRAM_FAILED, released=True),
        ],
    )
    plan = expect(scene, "No changes. What exists matches the specs.")
    assert plan.statuses[0].folder == a_ledger_entry().folder


def test_an_old_attempt_that_ends_after_a_newer_result_gets_a_folder_of_its_own() -> None:
    newer = a_ledger_entry(number=2, folder=f"{a_ledger_entry().folder}-a2")
    scene = Scene(
        wants=[a_want()],
        done=[newer],
        attempts=[an_attempt(), an_attempt(number=2, state=SUCCEEDED, released=True)],
        hosts={"local": reachable(an_observed_batch(state=BatchState.EXITED))},
    )
    (collect,) = scene.plan().operations
    assert (collect.act, collect.folder) == (Act.COLLECT, f"{a_ledger_entry().folder}-a1")


# Several runs with one digest ---------------------------------------------------------------------


TWIN = a_want("twin", digest=a_digest("city"))


def test_of_two_runs_with_one_digest_one_does_the_work() -> None:
    plan = expect(
        Scene(wants=[a_want(), TWIN]),
        """
        + run city   never_ran   specs/test.yaml:1   local
        Plan: 1 to run; 0 unchanged.
        """,
    )
    assert [(status.phase, status.message) for status in plan.statuses] == [
        (Phase.STARTING, ""),
        (Phase.STARTING, "same settings as city; its result is shared"),
    ]


def test_the_result_of_a_digest_appears_below_each_key() -> None:
    plan = expect(
        Scene(wants=[a_want(), TWIN], done=[a_ledger_entry()]),
        """
        r restore twin   outputs_missing
        = 1 unchanged
        Plan: 1 to restore; 1 unchanged.
        """,
    )
    assert plan.operations[0].folder == f"twin/{a_digest('city')[:8]}"


def test_a_run_that_may_not_start_leaves_the_work_to_its_twin() -> None:
    for first in (
        a_want(suspend=True),
        a_want(needs=("nothing",)),
        a_want(placement=Placement(labels={"disk": "tape"})),
    ):
        assert acts(Scene(wants=[first, TWIN]).plan(), "twin") == ["launch"], first
    unselected = Scene(wants=[a_want(), TWIN], policy=Policy(targets=frozenset({"twin"})))
    assert acts(unselected.plan(), "twin") == ["launch"]


def test_a_run_that_waits_leaves_the_work_to_a_twin_that_need_not() -> None:
    plan = Scene(wants=[a_want("slow"), a_want(needs=("slow",)), a_want("hasty", digest=a_digest("city"))]).plan()
    assert (acts(plan, "hasty"), acts(plan, "city")) == (["launch"], [])
    later = a_want("later", digest=a_digest("city"), needs=("slow", "other"))
    for twin in (later, a_want("later", digest=a_digest("city"), suspend=True)):
        plan = Scene(wants=[a_want("slow"), a_want("other"), a_want(needs=("slow",)), twin]).plan()
        assert (acts(plan, "city"), acts(plan, "later")) == (["(launch)"], [])


def test_a_waiting_run_gives_way_to_a_twin_that_comes_later_and_can_start() -> None:
    """The twin needs a run too, but one that is done; so it is judged after the one that waits."""
    twin = a_want("twin", digest=a_digest("city"), needs=("done",))
    scene = Scene(wants=[a_want(needs=("slow",)), a_want("slow"), a_want("done"), twin], done=[a_ledger_entry("done")])
    plan = scene.plan()
    assert (acts(plan, "city"), acts(plan, "twin")) == ([], ["launch"])
    (status,) = [status for status in plan.statuses if status.key == "city"]
    assert (status.phase, status.message) == (Phase.STARTING, "same settings as twin; its result is shared")


def test_what_needs_a_suspended_run_waits_for_the_twin_that_does_its_work() -> None:
    plan = Scene(wants=[a_want(suspend=True), TWIN, a_want("after", needs=("city",))]).plan()
    assert (acts(plan, "twin"), acts(plan, "after")) == (["launch"], ["(launch)"])
    assert phase(plan) is Phase.SUSPENDED


def test_a_run_that_waits_for_its_own_twin_shares_its_result() -> None:
    plan = Scene(wants=[a_want(needs=("twin",)), TWIN]).plan()
    assert [operation.key for operation in plan.ready] == ["twin"]
    done = Scene(wants=[a_want(needs=("twin",)), TWIN], done=[a_ledger_entry()]).plan()
    assert phase(done) is Phase.SUCCEEDED


def test_a_twin_of_a_run_that_cannot_start_cannot_either() -> None:
    plan = Scene(wants=[a_want(), TWIN], configs=[]).plan()
    assert [(status.key, status.stuck) for status in plan.statuses] == [("city", True), ("twin", True)]


# Selections ---------------------------------------------------------------------------------------


def test_only_selected_runs_start_and_none_of_them_waits_for_one_that_is_not() -> None:
    scene = Scene(
        wants=[a_want("a"), a_want("b", needs=("a",)), a_want("c")],
        policy=Policy(targets=frozenset({"b", "c"})),
    )
    plan = expect(
        scene,
        """
        + run c   never_ran   specs/test.yaml:1   local
        ! run b   Waiting: cannot start: needs a (not selected)
        Plan: 1 to run; 0 unchanged.
        """,
    )
    assert phase(plan, "a") is Phase.PENDING


def test_what_runs_is_collected_selected_or_not() -> None:
    scene = Scene(
        wants=[a_want()],
        attempts=[an_attempt()],
        hosts={"local": reachable(an_observed_batch(state=BatchState.EXITED))},
        policy=Policy(targets=frozenset()),
    )
    assert acts(scene.plan(), "city") == ["collect"]
