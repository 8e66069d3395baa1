"""The controller is killed at fifty random moments. `FAULTS_SEED=N` replays a seed that a failure has printed."""

import multiprocessing
import os
import random
import time
from collections import Counter
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from tests.faults.estate import ON_A_GPU, Estate
from tests.remote.site import WRITE, model, runs
from tests.services.gpus import Gpu

pytestmark = pytest.mark.needs("docker", "ssh")

MOMENTS = 50
RUNS = 20
GPUS = 4


def controller(root: Path) -> ForkServerProcess:
    """A process that applies. It has no start of an interpreter before it, in which a kill would show nothing."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.test_random_moments"])
    process = context.Process(target=apply, args=(root,))
    process.start()
    return process


def apply(root: Path) -> None:
    from cosmos.api import CosmosAPI
    from cosmos.config import ConfigManager

    with CosmosAPI(settings=ConfigManager(root, environment={}).settings()) as api:
        api.apply(api.plan())


def published(estate: Estate, names: list[str]) -> int:
    return sum((estate.root / "outputs" / name / "latest" / "out.txt").exists() for name in names)


@pytest.mark.timeout(600)
def test_killed_at_fifty_random_moments_each_run_is_launched_once_and_none_is_lost(estate: Estate) -> None:
    """Moments are spread over the time in which an apply that nobody kills makes its first result, more of them early.

    Twenty runs, and twenty more whenever those are done, so that there is work at each moment.
    """
    seed = int(os.environ.get("FAULTS_SEED") or random.randrange(10**6))
    print(f"FAULTS_SEED={seed}")  # noqa: T201 - pytest shows it when the test fails
    chance = random.Random(seed)
    estate.gpu_host.gpus.set(*map(Gpu, range(GPUS)))
    names: list[str] = []

    def more_runs() -> None:
        names.extend(f"run{number}" for number in range(len(names), len(names) + RUNS))
        estate.write(model(f"sleep 0.1; {WRITE}"), runs(*names, more=ON_A_GPU))

    more_runs()
    begin = time.monotonic()
    first = controller(estate.root)
    while not published(estate, names):
        time.sleep(0.01)
    span = time.monotonic() - begin
    first.kill()
    first.join()
    for _ in range(MOMENTS - 1):
        if published(estate, names) == len(names):
            more_runs()
        life = controller(estate.root)
        life.join(span * chance.betavariate(2, 6))
        life.kill()
        life.join()
    estate.finish()
    estate.all_done(*names)
    remembered = estate.starts.names  # docker knows its last 256 events
    assert len(remembered) > RUNS // 2
    assert Counter(remembered) <= Counter(f"cosmos-{launch.batch}" for launch in estate.started)
