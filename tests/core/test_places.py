"""Who gets which slot, GPU and host, in which order, and whose inputs are uploaded when."""

from dataclasses import replace

from cosmos.core.case import Policy
from cosmos.core.observed import BatchState, Gpu
from cosmos.core.placement import HostConfig
from cosmos.core.plan import Act, Cause, Phase, Sync
from cosmos.core.run import Placement, Requires
from tests.core.scene import Scene, acts, expect, phase
from tests.makers import (
    a_blob,
    a_run,
    a_want,
    an_attempt,
    an_observed_batch,
    reachable,
    unreachable,
)

ONE_SLOT = (HostConfig(name="local", slots=1),)


# Places -------------------------------------------------------------------------------------------


def test_runs_beyond_the_slots_wait_for_one() -> None:
    scene = Scene(
        wants=[a_want(key) for key in "abcd"],
        attempts=[an_attempt("a")],
        hosts={"local": reachable(an_observed_batch("a"))},
    )
    plan = expect(
        scene,
        """
        + run b   never_ran   specs/test.yaml:1   local
        + run c   never_ran   specs/test.yaml:1   local   waits for a free slot on local
        + run d   never_ran   specs/test.yaml:1   local   waits for a free slot on local
        Plan: 3 to run; 0 unchanged.
        """,
    )
    assert [phase(plan, key) for key in "abcd"] == [Phase.RUNNING, Phase.STARTING, Phase.QUEUED, Phase.QUEUED]


def test_the_slot_of_what_has_exited_is_free_while_it_is_collected() -> None:
    scene = Scene(
        wants=[a_want("a"), a_want("b")],
        configs=ONE_SLOT,
        attempts=[an_attempt("a")],
        hosts={"local": reachable(an_observed_batch("a", state=BatchState.EXITED))},
    )
    plan = scene.plan()
    assert (acts(plan, "a"), acts(plan, "b")) == (["collect"], ["launch"])


def test_priority_orders_the_queue_and_then_the_key() -> None:
    scene = Scene(
        wants=[a_want("a"), a_want("b", priority=90), a_want("c", priority=60), a_want("d", priority=60)],
        configs=ONE_SLOT,
    )
    expect(
        scene,
        """
        + run b   never_ran   specs/test.yaml:1   local
        + run c   never_ran   specs/test.yaml:1   local   waits for a free slot on local
        + run d   never_ran   specs/test.yaml:1   local   waits for a free slot on local
        + run a   never_ran   specs/test.yaml:1   local   waits for a free slot on local
        Plan: 4 to run; 0 unchanged.
        """,
    )


def test_the_inputs_of_the_run_that_is_first_in_the_queue_are_uploaded_first() -> None:
    scene = Scene(
        wants=[a_want("a", blobs={"color": a_blob("a")}), a_want("b", blobs={"color": a_blob("b")}, priority=90)]
    )
    assert [operation.key for operation in scene.plan().operations if operation.act is Act.STAGE] == ["b", "a"]


def test_a_run_goes_where_most_slots_are_free() -> None:
    scene = Scene(
        wants=[a_want("a"), a_want("b"), a_want("c")],
        hosts={"one": reachable(), "two": reachable()},
        configs=[HostConfig(name="one", slots=1), HostConfig(name="two", slots=2)],
    )
    expect(
        scene,
        """
        + run a   never_ran   specs/test.yaml:1   two
        + run b   never_ran   specs/test.yaml:1   one
        + run c   never_ran   specs/test.yaml:1   two
        Plan: 3 to run; 0 unchanged.
        """,
    )


def test_runs_wait_where_the_queue_is_shortest_for_the_slots_there() -> None:
    scene = Scene(
        wants=[a_want(f"run-{number}") for number in range(9)],
        hosts={"one": reachable(), "two": reachable()},
        configs=[HostConfig(name="one", slots=1), HostConfig(name="two", slots=2)],
    )
    waiting = [operation for operation in scene.plan().operations if operation.waits]
    assert [waiter.waits.rpartition(" ")[2] for waiter in waiting] == ["one", "two", "two", "one", "two", "two"]


def test_a_host_that_has_more_work_than_slots_takes_no_more() -> None:
    scene = Scene(
        wants=[a_want(key) for key in "abc"],
        configs=ONE_SLOT,
        attempts=[an_attempt("a"), an_attempt("b")],
        hosts={"local": reachable(an_observed_batch("a"), an_observed_batch("b"))},
    )
    assert acts(scene.plan(), "c") == ["(launch)"]


def test_gpus_are_given_by_id_and_never_twice() -> None:
    gpus = tuple(Gpu(id=f"GPU-{n}{n}{n}{n}{n}{n}{n}{n}-a", name="H100", index=n) for n in range(4))
    scene = Scene(
        wants=[
            a_want("a", placement=Placement(gpus=1)),
            a_want("b", placement=Placement(gpus=2)),
            a_want("c", placement=Placement(gpus=1)),
            a_want("d", placement=Placement(gpus=1)),
            a_want("e"),
        ],
        attempts=[an_attempt("a", gpus=(gpus[1].id,))],
        hosts={"local": reachable(an_observed_batch("a"), gpus=gpus)},
        configs=[HostConfig(name="local", slots=8)],
        policy=Policy(run_ahead=False),
    )
    plan = expect(
        scene,
        """
        + run b   never_ran   specs/test.yaml:1   local GPU-00000000 GPU-22222222
        + run c   never_ran   specs/test.yaml:1   local GPU-33333333
        + run e   never_ran   specs/test.yaml:1   local
        + run d   never_ran   specs/test.yaml:1   local                             waits for a free GPU on local
        Plan: 4 to run; 0 unchanged.
        """,
    )
    assert [operation.gpus for operation in plan.operations][:2] == [(gpus[0].id, gpus[2].id), (gpus[3].id,)]


def test_a_run_that_needs_many_gpus_is_not_starved_by_small_ones_behind_it() -> None:
    gpus = (Gpu(id="0", name="H100"), Gpu(id="1", name="H100"))
    scene = Scene(
        wants=[
            a_want("busy", placement=Placement(gpus=1)),
            a_want("large", placement=Placement(gpus=2), priority=60),
            a_want("small", placement=Placement(gpus=1)),
        ],
        attempts=[an_attempt("busy", gpus=("0",))],
        hosts={"local": reachable(an_observed_batch("busy"), gpus=gpus)},
        configs=[HostConfig(name="local", slots=8)],
    )
    expect(
        scene,
        """
        + run large   never_ran   specs/test.yaml:1   local   waits for a free GPU on local
        + run small   never_ran   specs/test.yaml:1   local   waits for a free GPU on local
        Plan: 2 to run; 0 unchanged.
        """,
    )


def test_labels_and_host_names_choose_among_hosts_and_a_run_that_fits_none_says_why() -> None:
    scene = Scene(
        wants=[
            a_want("a", placement=Placement(labels={"disk": "ssd"})),
            a_want("b", placement=Placement(labels={"disk": "tape"})),
            a_want("c", placement=Placement(host="two")),
            a_want("d", needs=("b",)),
        ],
        hosts={"one": reachable(), "two": reachable()},
        configs=[
            HostConfig(name="one", labels={"disk": "ssd"}),
            HostConfig(name="two", labels={"disk": "hdd"}),
        ],
    )
    plan = expect(
        scene,
        """
        + run a   never_ran   specs/test.yaml:1   one
        + run c   never_ran   specs/test.yaml:1   two
        ! run b   Queued: no host fits: needs label disk=tape; one has disk=ssd; two has disk=hdd
        ! run d   Waiting: cannot start: needs b (Queued)
        Plan: 2 to run; 0 unchanged.
        """,
    )
    assert [status.stuck for status in plan.statuses] == [False, True, False, True]


def test_a_run_that_wants_more_gpus_than_any_host_has_says_how_many() -> None:
    for count, words in ((1, "1 GPU;"), (2, "2 GPUs;")):
        text = Scene(wants=[a_want(placement=Placement(gpus=count))]).text()
        assert f"! run city   Queued: no host fits: needs {words} local has 0 GPUs" in text


def test_a_model_with_an_image_goes_only_where_images_are_started() -> None:
    image = a_run().model
    scene = Scene(
        wants=[a_want(model=type(image)(name="big", adapter="preview", image="registry.example/big@sha256:00"))],
        hosts={"local": reachable(), "gpu-1": reachable()},
        configs=[HostConfig(name="local", slots=9), HostConfig(name="gpu-1", containers=True)],
    )
    (launch,) = scene.plan().operations
    assert launch.host == "gpu-1"


def test_a_model_goes_only_where_it_finds_what_it_requires() -> None:
    needs = Requires(gpu_memory_bytes=60 << 30, driver="570.124.06", disk_bytes=20 << 30)
    model = replace(a_run().model, requires=needs, secrets=("HF_TOKEN",))
    wants = [a_want(model=model, placement=Placement(gpus=1))]
    large = Gpu(id="GPU-1", name="H100", index=0, memory_total_mib=80 << 10)

    def text(gpu: Gpu = large, driver: str = "570.124.06", disk_free: int = 50 << 30, secret: str = "HF_TOKEN") -> str:
        config = HostConfig(name="local", secrets=frozenset({secret}))
        view = replace(reachable(), gpus=(gpu,), driver=driver, disk_free=disk_free)
        return Scene(wants=wants, hosts={"local": view}, configs=[config]).text()

    wanted = "needs 1 GPU, 60 GiB of memory on each, driver 570.124.06, secret HF_TOKEN; local"
    assert "+ run city   never_ran" in text()
    assert f"{wanted} has GPUs of 24 GiB" in text(gpu=replace(large, memory_total_mib=24 << 10))
    assert f"{wanted} has driver 535.86" in text(driver="535.86")
    assert f"{wanted} has no secret HF_TOKEN" in text(secret="OTHER")
    assert "local has 5 GiB of free disk, and the model needs 20 GiB" in text(disk_free=5 << 30)
    assert "waits for a free GPU on local" in text(gpu=replace(large, memory_used_mib=30 << 10))


def test_a_run_that_fits_only_a_host_that_is_away_is_unknown_not_failed() -> None:
    scene = Scene(wants=[a_want()], hosts={"local": unreachable()})
    plan = expect(
        scene,
        """
        ! run city   Queued: local is unreachable: the connection timed out
        Nothing to do now: 1 needs attention; 0 unchanged.
        """,
    )
    assert plan.statuses[0].sync is Sync.UNKNOWN


# Staging ------------------------------------------------------------------------------------------


def test_a_blob_that_many_runs_read_is_staged_once() -> None:
    shared = a_blob("shared", size=29_000_000)
    scene = Scene(
        wants=[
            a_want("a", blobs={"color": shared, "edge": a_blob("a")}),
            a_want("b", blobs={"color": shared}),
        ]
    )
    plan = expect(
        scene,
        """
        + run a   never_ran   specs/test.yaml:1   local
        + run b   never_ran   specs/test.yaml:1   local
        ^ stage 2 blobs 30.0 MB -> local   (1 shared by 2 runs)
        Plan: 2 to run; 0 unchanged.  30.0 MB to upload.
        """,
    )
    assert (acts(plan, "a"), acts(plan, "b")) == (["stage", "(launch)"], ["(launch)"])
    assert plan.operations[0].cause is Cause.INPUTS_ABSENT


def test_a_blob_for_two_hosts_is_uploaded_twice() -> None:
    scene = Scene(
        wants=[a_want(key, blobs={"color": a_blob()}, placement=Placement(host=key)) for key in ("one", "two")],
        hosts={"one": reachable(), "two": reachable()},
        configs=[HostConfig(name="one"), HostConfig(name="two")],
    )
    assert scene.text().endswith("2.0 MB to upload.")


def test_inputs_of_waiting_runs_are_staged_ahead_up_to_the_limit() -> None:
    scene = Scene(
        wants=[a_want(key, blobs={"color": a_blob(key)}) for key in "abcde"],
        configs=ONE_SLOT,
        policy=Policy(stage_ahead=2),
    )
    plan = scene.plan()
    assert {key: acts(plan, key)[0] for key in "abcde"} == {
        "a": "stage",  # it has the slot
        "b": "stage",
        "c": "stage",
        "d": "(stage)",
        "e": "(stage)",
    }
    assert [phase(plan, key) for key in "abe"] == [Phase.STAGING, Phase.QUEUED, Phase.QUEUED]


def test_a_run_with_a_slot_is_staged_whatever_waits_before_it() -> None:
    """Three runs wait for a GPU with the blob that a run without one reads too."""
    gpu = Gpu(id="0", name="H100")
    waiting = [a_want(key, blobs={"color": a_blob()}, placement=Placement(gpus=1)) for key in "bcd"]
    for stage_ahead in (0, 1):
        scene = Scene(
            wants=[a_want("a", placement=Placement(gpus=1)), *waiting, a_want("e", blobs={"color": a_blob()})],
            attempts=[an_attempt("a", gpus=("0",))],
            hosts={"local": reachable(an_observed_batch("a"), gpus=(gpu,))},
            configs=[HostConfig(name="local", slots=8)],
            policy=Policy(stage_ahead=stage_ahead),
        )
        staged = {
            blob.sha256 for operation in scene.plan().ready if operation.act is Act.STAGE for blob in operation.blobs
        }
        assert staged == {a_blob().sha256}
