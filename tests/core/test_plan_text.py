"""The text and the JSON of a plan: last lines, units, stable keys, and no trace of the order of the specs."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos.core import plan_text
from cosmos.core.desired import DesiredRun
from cosmos.core.observed import BatchState, OutputState
from cosmos.core.placement import HostConfig
from cosmos.core.plan import Act, Cause, Operation, Phase, Plan, RunStatus, Sync
from cosmos.core.problem import Location
from cosmos.core.reasons import Reason
from cosmos.core.recorded import AttemptState, Verb
from tests.core.scene import Scene
from tests.makers import (
    a_blob,
    a_digest,
    a_ledger_entry,
    a_request,
    a_run,
    a_timing,
    a_want,
    an_attempt,
    an_observed_batch,
    reachable,
)


def an_operation(act: Act, cause: Cause = Cause.NEVER_RAN, key: str = "city", **fields: object) -> Operation:
    return Operation(act=act, cause=cause, key=key, digest=a_digest(key), **fields)  # type: ignore[arg-type]


def a_status(phase: Phase, sync: Sync = Sync.OUT_OF_SYNC, key: str = "city", **fields: object) -> RunStatus:
    return RunStatus(
        key=key,
        run_id=a_run(key).id,
        digest=a_digest(key),
        at=Location("specs/test.yaml"),
        phase=phase,
        sync=sync,
        **fields,  # type: ignore[arg-type]
    )


DONE = a_status(Phase.SUCCEEDED, Sync.SYNCED)


# The last line -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operations", "statuses", "line"),
    [
        ([], [], "No changes. What exists matches the specs."),
        ([], [DONE], "No changes. What exists matches the specs."),
        ([], [DONE, a_status(Phase.RUNNING)], "Nothing to do now: 1 running; 1 unchanged."),
        (
            [],
            [a_status(Phase.QUEUED), a_status(Phase.RUNNING), a_status(Phase.RUNNING), a_status(Phase.FAILED)],
            "Nothing to do now: 1 queued, 2 running, 1 needs attention; 0 unchanged.",
        ),
        (
            [],
            [a_status(Phase.FAILED), a_status(Phase.CANCELLED), DONE],
            "Nothing to do now: 2 need attention; 1 unchanged.",
        ),
        ([an_operation(Act.RELEASE, Cause.DURABLE)], [DONE], "Plan: upkeep only; 1 unchanged."),
        (
            [
                an_operation(Act.ADOPT),
                an_operation(Act.STOP),
                an_operation(Act.FAIL, Cause.LOST),
                an_operation(Act.FAIL, Cause.CANCELLED),
                an_operation(Act.COLLECT),
                an_operation(Act.RESTORE),
                an_operation(Act.LAUNCH),
                an_operation(Act.LAUNCH),
            ],
            [],
            "Plan: 2 to run, 1 to adopt, 1 to collect, 1 to restore, 1 to stop, 1 lost, 1 to close; 0 unchanged.",
        ),
        (
            [an_operation(Act.LAUNCH, eta_s=100.0), an_operation(Act.LAUNCH, eta_s=90.0), an_operation(Act.LAUNCH)],
            [],
            "Plan: 3 to run; 0 unchanged.  ~3m10s of run time, 1 of unknown length.",
        ),
        (
            [
                an_operation(Act.STAGE, host="one", blobs=(a_blob("a"), a_blob("b"))),
                an_operation(Act.STAGE, host="one", blobs=(a_blob("a"),)),
                an_operation(Act.STAGE, host="two", blobs=(a_blob("a"),)),
            ],
            [],
            "Plan: upkeep only; 0 unchanged.  3.0 MB to upload.",
        ),
    ],
)
def test_the_last_line_counts(operations: Sequence[Operation], statuses: Sequence[RunStatus], line: str) -> None:
    plan = Plan(operations=tuple(operations), statuses=tuple(statuses))
    assert plan_text.summary(plan) == line
    assert plan_text.text(plan).splitlines()[-1] == line


# Units -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "1s"),
        (0.4, "1s"),
        (45.4, "45s"),
        (59.7, "1m00s"),
        (190.0, "3m10s"),
        (3599.6, "1h00m"),
        (7500.0, "2h05m"),
        (360_000.0, "100h00m"),
    ],
)
def test_durations_are_shown_in_two_units_at_most(seconds: float, shown: str) -> None:
    assert plan_text.duration(seconds) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (29_000_000, "29.0 MB"),
        (999_999_999, "1.0 GB"),
        (7_300_000_000_000, "7.3 TB"),
        (2_500_000_000_000_000, "2500.0 TB"),
    ],
)
def test_sizes_are_shown_in_the_largest_unit_that_fits(count: int, shown: str) -> None:
    assert plan_text.size(count) == shown


@given(st.integers(min_value=0, max_value=10**18))
def test_a_size_is_never_shown_as_a_thousand_of_a_unit_that_has_a_larger_one(count: int) -> None:
    number, unit = plan_text.size(count).split()
    assert float(number) < 1000 or unit == "TB"


def test_a_gpu_is_shown_by_its_number_or_the_start_of_its_name() -> None:
    gpus = ("0", "GPU-8f3a09c1-6b5e-11ee-be56-0242ac120002")
    plan = Plan(operations=(an_operation(Act.LAUNCH, host="local", gpus=gpus),))
    assert plan_text.text(plan).splitlines()[0] == "+ run city   never_ran   local gpu0 GPU-8f3a09c1"


# JSON --------------------------------------------------------------------------------------------

BUSY = Scene(
    wants=[a_want(blobs={"color": a_blob()}), a_want("b"), a_want("c", suspend=True)],
    done=[a_ledger_entry("b")],
    attempts=[an_attempt(state=AttemptState.FAILED, reason=Reason.DISK_FULL, released=True)],
    timings=[a_timing(run_s=12.5)],
)


def test_the_json_form_has_these_keys_and_no_others() -> None:
    data = json.loads(json.dumps(plan_text.as_json(BUSY.plan()), allow_nan=False))
    assert list(data) == ["format_version", "operations", "runs", "summary"]
    assert data["format_version"] == 1
    assert data["summary"] == {
        "stage": 1,
        "launch": 1,
        "adopt": 0,
        "stop": 0,
        "collect": 0,
        "restore": 0,
        "release": 0,
        "fail": 0,
        "unchanged": 1,
        "eta_s": 12.5,
        "gpu_s": 0.0,
        "wall_s": 12.5,
        "unknown": 0,
        "upload_bytes": 1_000_000,
    }
    keys = {
        *("act", "cause", "key", "digest", "file", "line", "host", "gpus", "batch", "attempt", "detail", "reason"),
        *("blobs", "eta_s", "basis", "wants_gpus", "after", "ready", "waits"),
    }
    assert [set(operation) for operation in data["operations"]] == [keys, keys]
    runs = {
        *("key", "id", "digest", "sync", "phase", "cause", "reason", "message", "host", "gpus", "attempt", "folder"),
        *("since", "until", "stuck", "takes_s", "basis", "ends_at", "file", "line"),
    }
    assert [set(run) for run in data["runs"]] == [runs, runs, runs]


def test_the_json_form_says_what_the_text_says() -> None:
    data = json.loads(json.dumps(plan_text.as_json(BUSY.plan())))
    launch = data["operations"][1]
    assert {name: launch[name] for name in ("act", "cause", "key", "host", "attempt", "detail", "ready", "waits")} == {
        "act": "launch",
        "cause": "attempt_failed",
        "key": "city",
        "host": "local",
        "attempt": 2,
        "detail": "DiskFull; attempt 2 of 6",
        "ready": False,
        "waits": "inputs",
    }
    assert [(run["key"], run["phase"], run["sync"]) for run in data["runs"]] == [
        ("b", "Succeeded", "Synced"),
        ("c", "Suspended", "OutOfSync"),
        ("city", "Staging", "OutOfSync"),
    ]


# Order -------------------------------------------------------------------------------------------

RUNS = (
    a_want("a", blobs={"color": a_blob("shared"), "edge": a_blob("a")}),
    a_want("b", priority=70, blobs={"color": a_blob("shared")}, needs=("a", "h")),
    a_want("c", digest=a_digest("a"), priority=90, model=a_run().model),
    a_want("d", suspend=True),
    a_want("e", digest=a_digest("d")),
    a_want("f"),
    a_want("g", needs=("f",)),
    a_want("h", digest=a_digest("f")),
    a_want("i"),
    a_want("j"),
)
RECORDED = Scene(
    done=[a_ledger_entry("f")],
    outputs={a_ledger_entry("f").folder: OutputState.CORRUPT},
    attempts=[an_attempt("i"), an_attempt("j"), an_attempt("old", state=AttemptState.SUCCEEDED)],
    requests=[a_request(Verb.CANCEL, key="j")],
    hosts={
        "one": reachable(an_observed_batch("x", state=BatchState.EXITED)),
        "local": reachable(an_observed_batch("i", state=BatchState.EXITED), an_observed_batch("j")),
    },
    configs=[HostConfig(name="one"), HostConfig(name="local", slots=2)],
)


def _plan(runs: Sequence[DesiredRun], *, backwards: bool = False) -> Plan:
    turn = -1 if backwards else 1
    return Scene(
        wants=runs,
        done=RECORDED.done,
        outputs=RECORDED.outputs,
        attempts=RECORDED.attempts[::turn],
        requests=RECORDED.requests,
        hosts=dict(list(RECORDED.hosts.items())[::turn]),
        configs=RECORDED.configs[::turn],
    ).plan()


@given(st.permutations(RUNS), st.booleans())
def test_equal_inputs_in_any_order_give_an_equal_plan_and_equal_text(runs: list[DesiredRun], backwards: bool) -> None:
    plan, first = _plan(runs, backwards=backwards), _plan(RUNS)
    assert plan == first
    assert plan_text.text(plan) == plan_text.text(first)
    assert json.dumps(plan_text.as_json(plan)) == json.dumps(plan_text.as_json(first))


def test_operations_have_ids_that_tell_them_apart() -> None:
    ids = [operation.id for operation in _plan(RUNS).operations]
    assert len(ids) == len(set(ids)) > 5


def test_a_status_is_found_by_its_key() -> None:
    plan = _plan(RUNS)
    assert [plan.status_of(status.key) for status in plan.statuses] == list(plan.statuses)
    assert [plan.status_of(key) for key in ("", "aa", "zz")] == [None, None, None]
    assert Plan().status_of("a") is None


def test_a_large_sweep_is_one_line_and_its_members_are_still_counted() -> None:
    launches = tuple(
        Operation(
            act=Act.LAUNCH,
            cause=Cause.NEVER_RAN,
            key=f"sweep/seed-{number}",
            digest=a_digest(str(number)),
            at=Location("specs/a.yaml", 3),
            host="local",
            eta_s=60.0,
            ready=number == 0,
        )
        for number in range(plan_text.FOLD + 1)
    )

    assert plan_text.text(Plan(operations=launches)).splitlines() == [
        "+ 21 runs sweep/*   never_ran   specs/a.yaml:3   local   ~21m00s   1 of them now",
        "Plan: 21 to run; 0 unchanged.  ~21m00s of run time.",
    ]
    assert len(plan_text.text(Plan(operations=launches[: plan_text.FOLD])).splitlines()) == plan_text.FOLD + 1
