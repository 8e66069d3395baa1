"""Several hosts with several GPUs: slots that follow from the machine, GPUs that others use, who goes where."""

from collections.abc import Mapping

import pytest

from cosmos.core.observed import Observed, Reachable
from cosmos.core.offering import slots_of
from cosmos.core.placement import HostConfig
from cosmos.core.plan import Act, Phase, Sync
from cosmos.core.run import Placement
from cosmos.core.standing import LOOK_AGAIN_S
from tests.core.scene import Scene, phase
from tests.makers import NOW, a_gpu, a_model, a_want, an_attempt, an_observed_batch, reachable

BLENDER = a_gpu(0, holders=("blender (pid 4711, 3,120 MiB)",))
ONE, TWO = Placement(gpus=1), Placement(gpus=2)


@pytest.mark.parametrize(
    ("slots", "cores", "gpus", "chosen", "expected"),
    [
        (0, 1, 0, None, 1),
        (0, 3, 0, None, 3),
        (0, 64, 0, None, 4),
        (0, 64, 1, None, 4),
        (0, 64, 8, None, 8),
        (0, 64, 8, ("0", "GPU-5"), 4),
        (0, 2, 3, None, 3),
        (2, 64, 8, None, 2),
        (9, 1, 0, None, 9),
    ],
)
def test_slots_follow_from_the_machine_where_nobody_configured_them(
    slots: int, cores: int, gpus: int, chosen: tuple[str, ...] | None, expected: int
) -> None:
    view = reachable(cores=cores, gpus=tuple(map(a_gpu, range(gpus))))
    assert slots_of(HostConfig(name="local", slots=slots, gpus=chosen), view) == expected


def test_a_plan_uses_those_slots() -> None:
    scene = Scene(
        wants=[a_want(key) for key in "abc"],
        hosts={"local": reachable(cores=2)},
        configs=[HostConfig(name="local", slots=0)],
    )
    assert [operation.ready for operation in scene.plan().operations] == [True, True, False]


def gpus_given(config: HostConfig, view: Reachable, runs: int = 4) -> list[tuple[str, ...]]:
    wants = [a_want(f"run-{number}", placement=ONE) for number in range(runs)]
    plan = Scene(wants=wants, hosts={config.name: view}, configs=[config]).plan()
    return [operation.gpus for operation in plan.ready if operation.act is Act.LAUNCH]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (None, ["GPU-0", "GPU-1", "GPU-2"]),
        (("1",), ["GPU-1"]),
        (("GPU-2", "0"), ["GPU-0", "GPU-2"]),
        (("9",), []),
        ((), []),
    ],
)
def test_only_gpus_of_the_configuration_are_given_out(chosen: tuple[str, ...] | None, expected: list[str]) -> None:
    view = reachable(gpus=tuple(map(a_gpu, range(3))))
    assert gpus_given(HostConfig(name="local", slots=8, gpus=chosen), view) == [(gpu,) for gpu in expected]


@pytest.mark.parametrize(("shared", "expected"), [(False, [("GPU-1",)]), (True, [("GPU-0",), ("GPU-1",)])])
def test_a_gpu_that_others_use_is_given_out_only_when_it_is_shared(shared: bool, expected: list[object]) -> None:
    view = reachable(gpus=(BLENDER, a_gpu(1)))
    assert gpus_given(HostConfig(name="local", slots=8, share_gpus=shared), view) == expected


def test_who_waits_for_a_gpu_that_others_use_is_told_by_whom_and_is_looked_at_again() -> None:
    scene = Scene(
        wants=[a_want(placement=ONE)],
        hosts={"lambda": reachable(gpus=(BLENDER,))},
        configs=[HostConfig(name="lambda", slots=0)],
    )
    (status,) = scene.plan().statuses
    assert status.phase is Phase.QUEUED
    assert status.message == "waits for a free GPU on lambda: gpu0 is used by blender (pid 4711, 3,120 MiB)"
    assert status.until is not None
    assert status.until > NOW
    assert not status.stuck


def test_who_waits_for_a_slot_is_not_told_of_gpus() -> None:
    scene = Scene(
        wants=[a_want("a"), a_want("b")],
        hosts={"local": reachable(gpus=(BLENDER,))},
        configs=[HostConfig(name="local", slots=1)],
    )
    status = scene.plan().status_of("b")
    assert status is not None
    assert (status.message, status.until) == ("waits for a free slot on local", None)


def places(looks: Mapping[str, Reachable], placement: Placement, runs: int, slots: int = 8) -> list[str]:
    """Hosts in the order in which equal runs get them."""
    wants = [a_want(f"run-{number}", placement=placement) for number in range(runs)]
    configs = [HostConfig(name=name, slots=slots) for name in looks]
    plan = Scene(wants=wants, hosts=looks, configs=configs).plan()
    by_key = {operation.key: operation for operation in plan.operations if operation.act is Act.LAUNCH}
    return [by_key[want.run.key].host if by_key[want.run.key].ready else "-" for want in wants]


def with_gpus(*used: int) -> Reachable:
    return reachable(gpus=tuple(a_gpu(index, used=mib) for index, mib in enumerate(used)))


@pytest.mark.parametrize(
    ("looks", "placement", "expected"),
    [
        ({"a": with_gpus(0), "b": with_gpus(0, 0)}, ONE, ["b", "a", "b", "-"]),
        ({"a": with_gpus(0, 0, 0), "b": with_gpus(0, 0)}, TWO, ["a", "b", "-"]),
        ({"a": with_gpus(0, 0, 0, 0), "b": with_gpus(0, 0)}, TWO, ["a", "a", "b", "-"]),
        ({"a": with_gpus(900), "b": with_gpus(0)}, ONE, ["b", "a", "-"]),
        ({"a": with_gpus(0), "b": with_gpus(0)}, ONE, ["a", "b", "-"]),
        ({"a": with_gpus(0), "b": reachable()}, ONE, ["a", "-"]),
        ({"a": with_gpus(900), "b": with_gpus(0)}, Placement(), ["a", "b", "a"]),
    ],
    ids=["most GPUs", "pairs of GPUs", "by pairs", "most memory", "by name", "no GPU", "memory does not matter"],
)
def test_hosts_are_filled_by_free_places_then_memory_then_name(
    looks: Mapping[str, Reachable], placement: Placement, expected: list[str]
) -> None:
    assert places(looks, placement, len(expected)) == expected


def test_the_gpu_with_most_free_memory_comes_first() -> None:
    view = with_gpus(500, 0, 20)
    assert gpus_given(HostConfig(name="local", slots=8), view) == [("GPU-1",), ("GPU-2",), ("GPU-0",)]


def test_a_run_that_fits_none_is_told_about_each_host() -> None:
    image = a_model(image="registry.example/big@sha256:00")
    hosts = {"one": with_gpus(0), "two": with_gpus(0, 0), "three": reachable()}
    configs = [
        HostConfig(name="one", labels={"disk": "hdd"}, containers=True),
        HostConfig(name="two"),
        HostConfig(name="three", labels={"disk": "ssd"}, containers=True),
    ]
    wants = [
        a_want("a", model=image, placement=Placement(gpus=2, labels={"disk": "ssd"})),
        a_want("b", placement=Placement(host="four")),
        a_want("c", placement=Placement(host="one", gpus=2)),
    ]
    plan = Scene(wants=wants, hosts=hosts, configs=configs).plan()
    assert [status.message for status in plan.statuses] == [
        "no host fits: needs label disk=ssd, 2 GPUs, a runtime that starts image registry.example/big@sha256:00; "
        "one has disk=hdd and has 1 GPU; three has 0 GPUs; two has no label disk and starts no containers",
        "no host fits: needs host four; there are one, three, two",
        "no host fits: needs host one, 2 GPUs; one has 1 GPU and starts only containers",
    ]
    assert all(status.stuck for status in plan.statuses)


def test_gpus_left_out_by_the_configuration_do_not_count() -> None:
    scene = Scene(
        wants=[a_want(placement=TWO)],
        hosts={"local": with_gpus(0, 0)},
        configs=[HostConfig(name="local", gpus=("1",))],
    )
    assert scene.plan().statuses[0].message == "no host fits: needs 2 GPUs; local has 1 GPU"


def test_a_gpu_of_ours_is_taken_whatever_the_device_shows() -> None:
    """A program that has not allocated memory yet does not show on the GPU."""
    scene = Scene(
        wants=[a_want("a", placement=ONE), a_want("b", placement=ONE)],
        attempts=[an_attempt("a", gpus=("GPU-0",))],
        hosts={"local": reachable(an_observed_batch("a"), gpus=(a_gpu(0), a_gpu(1, used=70_000)))},
        configs=[HostConfig(name="local", slots=8)],
    )
    (launch,) = scene.plan().operations
    assert launch.gpus == ("GPU-1",)
    assert phase(scene.plan(), "b") is Phase.STARTING
    assert isinstance(scene.observed, Observed)


def test_gpus_that_cannot_be_seen_are_not_absent_and_are_looked_at_again() -> None:
    words = "nvidia-smi ended with 124"
    scene = Scene(wants=[a_want("a", placement=ONE), a_want("b")], hosts={"local": reachable(gpu_trouble=words)})
    plan = scene.plan()
    a, b = plan.statuses
    assert a.message == f"the GPUs of local cannot be seen: {words}"
    assert (a.sync, a.stuck, a.until) == (Sync.UNKNOWN, False, NOW + LOOK_AGAIN_S)
    assert b.phase is Phase.STARTING
