"""The daemon on a real host: killed and started again under load, and through what befalls the host meanwhile."""

import random
import signal
import time

import pytest

from tests.faults.estate import ON_A_GPU, Controller, Estate
from tests.remote.site import SLOW, WRITE, model, runs, until

pytestmark = pytest.mark.needs("docker", "ssh")


def daemon(estate: Estate) -> Controller:
    return estate.controller("daemon", "--working-tree")


def has_output(estate: Estate, *names: str) -> bool:
    return all((estate.root / "outputs" / name / "latest" / "out.txt").exists() for name in names)


def end(controller: Controller) -> None:
    controller.signal(signal.SIGTERM)
    assert controller.ended() == 0


def test_killed_and_started_again_under_load_it_makes_each_run_once(estate: Estate) -> None:
    names = [f"run{number:02}" for number in range(12)]
    rng = random.Random(33)
    estate.write(model(f"sleep 0.3; {WRITE}"), runs(*names, more=ON_A_GPU))
    controller = daemon(estate)
    for _ in range(6):
        time.sleep(rng.uniform(0.3, 2.5))
        controller.kill()
        controller = daemon(estate)
    until(lambda: has_output(estate, *names), "all is made")
    estate.says("12 in sync.", "follows the working tree")
    until(lambda: estate.containers() == [], "nothing is left on the host")
    end(controller)
    estate.all_done(*names)


def test_it_goes_on_when_the_host_is_back(estate: Estate) -> None:
    estate.write(model(SLOW), runs("one", more=ON_A_GPU))
    controller = daemon(estate)
    estate.seen_running("one")
    estate.says("one OutOfSync Running")
    estate.gpu_host.sshd.freeze()
    estate.says("one Unknown Running", "host unreachable")
    estate.let_go("one")
    assert not controller.has_ended()
    estate.gpu_host.sshd.thaw()
    until(lambda: has_output(estate, "one"), "it is collected")
    until(lambda: estate.containers() == [], "nothing is left on the host")
    end(controller)
    estate.all_done("one")
