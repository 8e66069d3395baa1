"""What is learned of a batch that has ended, and how a daemon keeps to the GPU time that it was allowed."""

from dataclasses import replace

import pytest

from cosmos.adapters import ADAPTERS
from cosmos.core.estimate import Timing, Work
from cosmos.core.observed import BatchMeta, Gpu
from cosmos.core.placement import HostConfig
from cosmos.core.ports import Result
from cosmos.core.run import Placement
from cosmos.engine.timing import timing
from cosmos.project.spending import DaemonBudget
from tests.core.scene import Scene
from tests.makers import a_batch_meta, a_gpu, a_model, a_timing, a_want, an_exit, reachable

LOG = b"Loading the model\n" * 50 + b"[05-01 10:00:00|INFO|x.py] running preprocessor\n" + b"Run generation\n" * 40
TIMES = b"1000 0\n1002 60\n1060 899\n1062 948\n1064 1000\n"
RECORD = an_exit(started_at=1000.0, ended_at=1200.0)
META = a_batch_meta()
WORK = Work(chunks=2, shape="1280x704")


def found(
    meta: BatchMeta = META,
    *,
    gpus: tuple[Gpu | None, ...] = (a_gpu(1),),
    adapter: str = "cosmos-transfer1",
    log: bytes = LOG,
    times: bytes = TIMES,
    code: int = 0,
) -> Timing | None:
    measured = replace(meta, members=tuple(replace(member, work=member.work or WORK) for member in meta.members))
    result = Result(manifest=(), log=log, log_times=times)
    return timing(measured, a_model("t1"), replace(RECORD, code=code), gpus, result, ADAPTERS[adapter])


def test_loading_ends_with_the_first_line_that_comes_after_it() -> None:
    """Line 51 of the log was there when it had 948 bytes, 62 s after the begin."""
    usual = Timing(model="t1", gpu="H100", shape="1280x704", chunks=2, load_s=62.0, run_s=138.0)
    assert found() == usual
    assert found(log=LOG[:948]) == usual


@pytest.mark.parametrize(
    ("adapter", "log", "times"),
    [
        ("command", LOG, TIMES),
        ("cosmos-transfer1", LOG[:900], TIMES),
        ("cosmos-transfer1", LOG, b""),
        ("cosmos-transfer1", b"", b"damaged\n1000\n"),
    ],
    ids=["a program of which nothing tells", "a log that was cut", "no times", "nothing"],
)
def test_where_the_log_does_not_tell_all_of_it_is_the_run(adapter: str, log: bytes, times: bytes) -> None:
    took = found(adapter=adapter, log=log, times=times)
    assert took is not None
    assert (took.load_s, took.run_s) == (None, 200.0)


def test_a_batch_of_several_runs_is_one_timing_of_all_its_chunks() -> None:
    member = META.members[0]
    both = replace(META, members=(member, replace(member, key="lake", work=Work(chunks=3, shape=WORK.shape))))
    assert (took := found(both)) is not None
    assert took.chunks == 5
    mixed = replace(META, members=(member, replace(member, work=Work(chunks=3, shape="480"))))
    assert found(mixed) is None


def test_nothing_is_learned_from_a_gpu_that_is_not_known_or_of_a_program_that_failed() -> None:
    assert found(gpus=(None,)) is None
    assert found(gpus=(a_gpu(0, name="A10"), a_gpu(1))) is None
    assert found(code=1) is None
    for gpus, name in (((a_gpu(0), a_gpu(1)), "H100"), ((), "")):
        assert (took := found(gpus=gpus)) is not None
        assert took.gpu == name


def hour(run_s: float = 3600.0) -> Timing:
    return a_timing(gpu="H100", shape="720", run_s=run_s)


def scene(*keys: str, timings: tuple[Timing, ...]) -> Scene:
    wants = [a_want(key, placement=Placement(gpus=1), work=Work(chunks=1, shape="720")) for key in keys]
    wants.append(a_want("cpu"))
    hosts = {"lambda": reachable(gpus=(a_gpu(0),))}
    return Scene(wants=wants, hosts=hosts, configs=[HostConfig(name="lambda", slots=1)], timings=timings)


def test_a_daemon_goes_on_with_what_it_let_pass_and_holds_what_is_new() -> None:
    budget = DaemonBudget(2.0)

    def held(*keys: str, run_s: float = 3600.0) -> set[str]:
        now = scene(*keys, timings=(hour(run_s),))
        return set(budget.hold(now.plan(), now.desired))

    assert held("a", "b") == set()
    assert budget.held_back == ""
    assert held("a", "b", run_s=4000) == set(), "what is learned later stops nothing"
    assert held("a", "b", "c") == {"c"}
    assert budget.held_back.startswith("1 run is held back: ~3h00m of GPU time is more than the 2 GPU hours")
    assert held("b", "c") == set()
    assert budget.held_back == ""


def test_a_daemon_that_cannot_know_holds_and_says_so() -> None:
    now = scene("a", timings=())
    assert DaemonBudget(None).hold(now.plan(), now.desired) == frozenset()
    budget = DaemonBudget(100.0)
    assert budget.hold(now.plan(), now.desired) == {"a"}
    assert "nothing tells how long a will take" in budget.held_back
    assert "`timeout`" in budget.held_back
