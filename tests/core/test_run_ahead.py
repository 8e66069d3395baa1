"""The next run of a GPU is started in advance: it waits on the host for the batch that computes there."""

from dataclasses import dataclass, field

import pytest

from cosmos.core.case import Policy
from cosmos.core.observed import BatchState, Gpu, ObservedBatch
from cosmos.core.occupancy import occupancies
from cosmos.core.placement import HostConfig
from cosmos.core.plan import Act, Cause, Phase
from cosmos.core.reasons import Reason
from cosmos.core.recorded import Attempt, AttemptState, Verb
from cosmos.core.run import Placement
from tests.core.scene import Scene, acts, expect, phase
from tests.makers import (
    NOW,
    a_batch_id,
    a_batch_meta,
    a_blob,
    a_gpu,
    a_model,
    a_request,
    a_timing,
    a_want,
    an_attempt,
    an_observed_batch,
    reachable,
    unreachable,
)

INTENDED, CANCELLED = AttemptState.INTENDED, AttemptState.CANCELLED
ONE, TWO = Placement(gpus=1), Placement(gpus=2)
FOREIGN = a_gpu(0, holders=("blender (pid 1, 9 MiB)",))


@dataclass(frozen=True)
class Work:
    """One batch on host `lambda`: on GPUs by index, begun at a second (None: it waits), intended at another."""

    key: str
    gpus: tuple[int, ...] = (0,)
    began: float | None = -100.0
    intended: float = -200.0
    state: BatchState | None = BatchState.RUNNING
    model: str = ""

    @property
    def attempt(self) -> Attempt:
        return an_attempt(
            self.key,
            host="lambda",
            gpus=tuple(f"GPU-{index}" for index in self.gpus),
            state=INTENDED if self.began is None else AttemptState.STARTED,
            intended_at=NOW + self.intended,
            model=self.model,
        )

    @property
    def seen(self) -> list[ObservedBatch]:
        began = None if self.began is None else NOW + self.began
        return [an_observed_batch(self.key, state=self.state, started_at=began)] if self.state else []


@dataclass(frozen=True)
class Lambda:
    """What is at work on a host, and which runs want to be there too."""

    work: tuple[Work, ...] = (Work("busy"),)
    wants: dict[str, Placement] = field(default_factory=lambda: {"next": ONE})
    gpus: tuple[Gpu, ...] = (a_gpu(0),)
    slots: int = 8
    policy: Policy = field(default_factory=Policy)
    takes_s: dict[str, float] = field(default_factory=dict)

    @property
    def scene(self) -> Scene:
        working = {work.key: Placement(gpus=len(work.gpus)) for work in self.work}
        models = {work.key: work.model for work in self.work}
        return Scene(
            wants=[
                a_want(key, placement=placement, model=a_model(models.get(key, "preview")))
                for key, placement in {**working, **self.wants}.items()
            ],
            attempts=[work.attempt for work in self.work],
            hosts={"lambda": reachable(*(batch for work in self.work for batch in work.seen), gpus=self.gpus)},
            configs=[HostConfig(name="lambda", slots=self.slots)],
            policy=self.policy,
            timings=[a_timing(model, gpu="H100", run_s=takes) for model, takes in self.takes_s.items()],
        )

    @property
    def launches(self) -> dict[str, str]:
        """What is started, as `gpus`, `gpus after KEY` or, for later, `-`."""
        found = {}
        for operation in self.scene.plan().operations:
            if operation.act is Act.LAUNCH:
                gpus = " ".join(gpu.removeprefix("GPU-") for gpu in operation.gpus)
                found[operation.key] = f"{gpus} after {operation.after}" if operation.after else gpus
                found[operation.key] = found[operation.key] if operation.ready else "-"
        return found


def test_a_run_that_finds_no_gpu_is_started_behind_the_one_that_computes() -> None:
    plan = expect(
        Lambda().scene,
        """
        + run next   never_ran   specs/test.yaml:1   lambda GPU-0   after busy
        Plan: 1 to run; 0 unchanged.
        """,
    )
    (launch,) = plan.ready
    assert (launch.batch_id, launch.gpus) == (a_batch_id("next"), ("GPU-0",))
    status = plan.status_of("next")
    assert status is not None
    assert (status.phase, status.message) == (Phase.QUEUED, "next on lambda gpu0, after busy")


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        (Lambda(policy=Policy(run_ahead=False)), {"next": "-"}),
        (Lambda(wants={"a": ONE, "b": ONE}), {"a": "0 after busy", "b": "-"}),
        (Lambda(gpus=(a_gpu(0), a_gpu(1))), {"next": "1"}),
        (Lambda(gpus=(a_gpu(0), a_gpu(1)), slots=1), {"next": "0 after busy"}),
        (Lambda(wants={"next": Placement()}), {"next": ""}),
        (Lambda(wants={"next": Placement()}, slots=1), {"next": "-"}),
        (Lambda(gpus=(FOREIGN,)), {"next": "-"}),
        (Lambda(work=(Work("busy", began=None, state=BatchState.PREPARED),)), {"busy": "0", "next": "-"}),
        (Lambda(work=(Work("busy", began=None),)), {"next": "-"}),
        (Lambda(work=(Work("busy", state=BatchState.LOST),)), {"next": "-"}),
        (Lambda(work=(Work("busy", state=BatchState.EXITED),)), {"next": "0"}),
        (Lambda(work=(Work("busy"), Work("first", began=None, intended=-9))), {"next": "-"}),
        (Lambda(work=(Work("busy"), Work("first", began=None, intended=-9, state=None))), {"first": "0", "next": "-"}),
        (Lambda(work=(Work("busy", (0, 1)),), gpus=(a_gpu(0), a_gpu(1))), {"next": "0 after busy"}),
        (
            Lambda(work=(Work("busy", (0, 1)),), gpus=(a_gpu(0), a_gpu(1)), wants={"a": ONE, "b": ONE}),
            {"a": "0 after busy", "b": "-"},
        ),
        (Lambda(work=(Work("busy", (0, 1)),), gpus=(FOREIGN, a_gpu(1))), {"next": "1 after busy"}),
        (
            Lambda(work=(Work("p", (0,)), Work("q", (1,))), gpus=(a_gpu(0), a_gpu(1)), wants={"a": TWO, "b": ONE}),
            {"a": "-", "b": "-"},
        ),
        (
            Lambda(work=(Work("p", (0,)), Work("q", (1,))), gpus=(a_gpu(0), a_gpu(1)), slots=1),
            {"next": "-"},
        ),
        (
            Lambda(wants={"a": Placement(), "b": ONE}, slots=1),
            {"a": "-", "b": "-"},
        ),
    ],
    ids=[
        "switched off",
        "one follower a GPU",
        "a free GPU is better",
        "where slots are short, too",
        "without a GPU there is room",
        "without a GPU nothing runs ahead",
        "not where others compute",
        "not behind what has not begun",
        "not behind what waits",
        "not behind what is lost",
        "what has exited holds nothing",
        "one follower is there",
        "one follower is intended",
        "behind a batch with more GPUs",
        "one follower a batch, as one slot comes free",
        "on those of its GPUs that are ours",
        "small ones do not starve a large one",
        "what is over the slots has no heir",
        "a slot that a run waits for is not inherited",
    ],
)
def test_who_runs_ahead_of_whom(world: Lambda, expected: dict[str, str]) -> None:
    assert world.launches == expected


@pytest.mark.parametrize(
    ("p", "q", "takes_s", "expected"),
    [
        (Work("p", (0,), -100), Work("q", (1,), -200), {}, "1 after q"),
        (Work("p", (0,), -200), Work("q", (1,), -100), {}, "0 after p"),
        (Work("p", (0,), -100), Work("q", (1,), -100), {}, "0 after p"),
        (Work("p", (0,), -200, model="old"), Work("q", (1,), -99, model="fast"), {"old": 900, "fast": 60}, "1 after q"),
        (Work("p", (0,), -200, model="new"), Work("q", (1,), -100, model="fast"), {"fast": 60}, "1 after q"),
        (Work("p", (0,), -200, model="new"), Work("q", (1,), -100, model="new"), {"fast": 60}, "0 after p"),
    ],
    ids=["began first", "began first too", "by name", "ends first", "known first", "both unknown"],
)  # fmt: skip
def test_the_holder_that_ends_first_is_followed(p: Work, q: Work, takes_s: dict[str, float], expected: str) -> None:
    world = Lambda(work=(p, q), gpus=(a_gpu(0), a_gpu(1)), takes_s=takes_s)
    assert world.launches == {"next": expected}


def test_the_clocks_of_two_hosts_need_not_agree() -> None:
    """`a` began 50 s ago by its clock, `b` 100 s ago by its own, which is an hour slow."""
    hosts = {
        "a": reachable(an_observed_batch("p", started_at=NOW - 50), gpus=(a_gpu(0),)),
        "b": reachable(an_observed_batch("q", started_at=NOW - 3700), gpus=(a_gpu(0),), clock=NOW - 3600),
        "c": reachable(an_observed_batch("r", started_at=NOW + 3540), gpus=(a_gpu(0),), clock=NOW + 3600),
    }
    attempts = [an_attempt(key, host=host, gpus=("GPU-0",)) for key, host in zip("pqr", "abc", strict=True)]
    wants = [a_want(key, placement=ONE) for key in ("p", "q", "r", "x", "y", "z")]
    configs = [HostConfig(name=name, slots=2) for name in hosts]
    plan = Scene(wants=wants, attempts=attempts, hosts=hosts, configs=configs).plan()
    assert {operation.key: operation.after for operation in plan.operations} == {"x": "q", "y": "r", "z": "p"}


def test_inputs_are_staged_ahead_before_the_start() -> None:
    def scene(*there: str, stage_ahead: int = 2) -> Scene:
        wants = [a_want("busy", placement=ONE), a_want("next", placement=ONE, blobs={"color": a_blob()})]
        return Scene(
            wants=wants,
            attempts=[an_attempt("busy", gpus=("GPU-0",))],
            hosts={"local": reachable(an_observed_batch("busy"), gpus=(a_gpu(0),), blobs=frozenset(there))},
            policy=Policy(stage_ahead=stage_ahead),
        )

    assert acts(scene().plan(), "next") == ["stage", "(launch)"]
    assert acts(scene(stage_ahead=0).plan(), "next") == ["(stage)", "(launch)"]
    assert acts(scene(a_blob().sha256).plan(), "next") == ["launch"]
    for plan in (scene().plan(), scene(a_blob().sha256).plan()):
        status = plan.status_of("next")
        assert status is not None
        assert (status.phase, status.message) == (Phase.QUEUED, "next on local gpu0, after busy")


def test_what_waits_on_its_host_is_queued_and_says_after_whom() -> None:
    plan = Lambda(work=(Work("busy"), Work("next", began=None, intended=-9)), wants={}).scene.plan()
    assert plan.is_empty
    status = plan.status_of("next")
    assert status is not None
    assert (status.phase, status.message) == (Phase.QUEUED, "next on lambda gpu0, after busy")
    assert (status.host, status.gpus, status.attempt) == ("lambda", ("GPU-0",), 1)


def test_what_waits_for_nobody_that_is_known_is_about_to_begin() -> None:
    plan = Lambda(work=(Work("next", began=None),), wants={}).scene.plan()
    status = plan.status_of("next")
    assert status is not None
    assert (status.phase, status.message) == (Phase.QUEUED, "about to begin on lambda")


@pytest.mark.parametrize(
    ("slots", "expected"),
    [(1, "-"), (2, "")],
)
def test_a_follower_has_no_slot_while_it_waits_and_its_holders_once_that_has_ended(slots: int, expected: str) -> None:
    waiting = Work("first", began=None, intended=-9)
    for busy in (Work("busy"), Work("busy", state=BatchState.EXITED)):
        world = Lambda(work=(busy, waiting), wants={"other": Placement()}, slots=slots)
        assert world.launches == {"other": expected}


def test_a_batch_that_the_database_does_not_know_holds_and_waits_too() -> None:
    hosts = {
        "local": reachable(
            an_observed_batch("p", meta=a_batch_meta("p", gpus=("GPU-0",), created_at=NOW - 9)),
            an_observed_batch("q", meta=a_batch_meta("q", gpus=("GPU-0",), created_at=NOW - 99), started_at=None),
            gpus=(a_gpu(0),),
        )
    }
    scene = Scene(wants=[a_want("next", placement=ONE)], hosts=hosts)
    (found,) = occupancies(scene.observed, scene.recorded).values()
    assert [holder.key for holder in found.holders] == ["p"]
    assert found.after(a_batch_id("q")) == "p"
    assert acts(scene.plan(), "next") == ["(launch)"]


def test_what_has_begun_holds_even_where_another_is_not_yet_seen_to_have_ended() -> None:
    """A look takes a moment, in which one batch may end and the next begin."""
    work = (Work("busy"), Work("first", began=-1, intended=-9))
    assert Lambda(work=work, wants={"other": Placement()}, slots=2).launches == {"other": "-"}
    assert Lambda(work=work, wants={"other": Placement()}, slots=3).launches == {"other": ""}


def test_gpus_that_a_follower_waits_for_are_not_free() -> None:
    """`large` was intended for two free GPUs; then work that was taken for lost came back on one of them."""
    ghost = an_attempt("ghost", state=AttemptState.FAILED, reason=Reason.PROCESS_LOST, gpus=("GPU-0",))
    large = an_attempt("large", state=INTENDED, gpus=("GPU-0", "GPU-1"))
    scene = Scene(
        wants=[a_want("large", placement=TWO), a_want("next", placement=ONE)],
        attempts=[ghost, large],
        hosts={"local": reachable(an_observed_batch("ghost"), gpus=(a_gpu(0), a_gpu(1)))},
        configs=[HostConfig(name="local", slots=8)],
    )
    plan = scene.plan()
    assert (acts(plan, "ghost"), acts(plan, "large"), acts(plan, "next")) == (["stop"], ["launch"], ["(launch)"])


def test_a_resumed_follower_is_started_under_its_name_and_counted_once() -> None:
    work = (Work("busy"), Work("next", began=None, intended=-9, state=BatchState.PREPARED))
    world = Lambda(work=work, wants={"cpu": Placement(), "other": ONE}, slots=2)
    plan = world.scene.plan()
    resumed = next(operation for operation in plan.ready if operation.key == "next")
    assert (resumed.cause, resumed.gpus, resumed.batch_id) == (Cause.RESUMED, ("GPU-0",), a_batch_id("next"))
    assert world.launches == {"next": "0", "cpu": "", "other": "-"}


# Withdrawing ---------------------------------------------------------------------------------------


def follower(**fields: object) -> Scene:
    """`busy` computes, `city` waits behind it."""
    waiting = an_attempt("city", state=INTENDED, gpus=("GPU-0",), intended_at=NOW - 9)
    return Scene(
        **{
            "wants": [a_want("busy", placement=ONE), a_want("city", placement=ONE)],
            "attempts": [an_attempt("busy", gpus=("GPU-0",)), waiting],
            "hosts": {
                "local": reachable(
                    an_observed_batch("busy"), an_observed_batch("city", started_at=None), gpus=(a_gpu(0),)
                )
            },
            **fields,
        }  # type: ignore[arg-type]
    )


BUSY = a_want("busy", placement=ONE)


@pytest.mark.parametrize(
    ("scene", "stops"),
    [
        (follower(), []),
        (follower(wants=[BUSY, a_want("city", placement=ONE, suspend=True)]), [Cause.SUSPENDED]),
        (follower(wants=[BUSY]), [Cause.NOT_WANTED]),
        (follower(requests=[a_request(Verb.CANCEL)]), [Cause.CANCELLED]),
        (follower(wants=[BUSY], requests=[a_request(Verb.CANCEL)]), [Cause.CANCELLED]),
        (follower(wants=[BUSY], held=frozenset({"city"})), []),
        (follower(hosts={"local": unreachable()}), []),
    ],
    ids=["wanted", "suspended", "removed", "cancelled", "removed and cancelled", "cannot be judged", "host away"],
)
def test_a_follower_is_stopped_when_it_is_not_wanted_any_more(scene: Scene, stops: list[Cause]) -> None:
    stopped = [operation for operation in scene.plan().operations if operation.act is Act.STOP]
    assert [operation.cause for operation in stopped] == stops
    assert all(operation.batch_id == a_batch_id() for operation in stopped)


@pytest.mark.parametrize("keys", [("city", "other"), ("other", "city")])
def test_a_suspended_run_withdraws_nothing_that_another_run_asks_for(keys: tuple[str, str]) -> None:
    digest = a_want("city").digest
    suspended, asking = (a_want(key, placement=ONE, digest=digest, suspend=key == keys[0]) for key in keys)
    for batch in (an_observed_batch("city", started_at=None), an_observed_batch("city", state=BatchState.PREPARED)):
        view = reachable(an_observed_batch("busy"), batch, gpus=(a_gpu(0),))
        plan = follower(wants=[BUSY, suspended, asking], hosts={"local": view}).plan()
        assert [operation for operation in plan.operations if operation.act is Act.STOP] == []


def test_an_edit_stops_the_follower_that_was_made_from_the_old_spec() -> None:
    edited = a_want("city", placement=ONE, digest=a_want("edited").digest)
    plan = follower(wants=[BUSY, edited]).plan()
    stops = [(operation.cause, operation.batch_id) for operation in plan.operations if operation.act is Act.STOP]
    assert stops == [(Cause.NOT_WANTED, a_batch_id())]
    assert [operation.ready for operation in plan.operations if operation.act is Act.LAUNCH] == [False]


def test_what_computes_goes_on_whatever_the_spec_says() -> None:
    for wants in ([], [a_want("busy", placement=ONE, suspend=True)]):
        stopped = [operation.key for operation in follower(wants=wants).plan().operations if operation.act is Act.STOP]
        assert stopped == ["city"]


def test_a_withdrawn_follower_does_not_count_against_the_limit() -> None:
    withdrawn = [
        an_attempt(number=n, state=CANCELLED, reason=Reason.STOPPED, started_at=None, released=True) for n in (1, 2, 3)
    ]
    plan = Scene(wants=[a_want()], attempts=withdrawn).plan()
    (launch,) = plan.ready
    assert (launch.attempt, launch.cause) == (4, Cause.NEVER_RAN)
    assert phase(plan) is Phase.STARTING


# Lost batches --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("evidence", "boot", "reason", "detail"),
    [
        ("", "boot-1", Reason.PROCESS_LOST, "(killed, or out of memory)"),
        ("exited with 137", "boot-1", Reason.PROCESS_LOST, "(killed, or out of memory): exited with 137"),
        ("exited with 137, OOMKilled", "boot-1", Reason.HOST_OUT_OF_MEMORY, "memory: exited with 137, OOMKilled"),
        ("", "boot-2", Reason.HOST_REBOOTED, "the host restarted during the run"),
        ("container exited with 255", "boot-2", Reason.HOST_REBOOTED, "during the run: container exited with 255"),
        ("OOMKilled", "boot-2", Reason.HOST_OUT_OF_MEMORY, "free memory: OOMKilled"),
    ],
)  # fmt: skip
def test_a_lost_batch_has_the_reason_that_the_runtime_knows(
    evidence: str, boot: str, reason: Reason, detail: str
) -> None:
    view = reachable(an_observed_batch(state=BatchState.LOST, evidence=evidence), boot_id=boot)
    for wants in ([a_want()], []):
        (fail,) = Scene(wants=wants, attempts=[an_attempt()], hosts={"local": view}).plan().operations
        assert (fail.act, fail.reason) == (Act.FAIL, reason)
        assert fail.detail.endswith(detail)
