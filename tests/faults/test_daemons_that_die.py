"""A Docker daemon that is killed or restarted under work, watched by a controller in a process of its own."""

import pytest

from cosmos.core.reasons import Fault
from tests.faults.estate import ON_A_GPU, Estate
from tests.remote.site import SLOW, model, runs, until

pytestmark = pytest.mark.needs("docker", "ssh")

AWAY = ("docker does not answer", "systemctl status docker")


def test_what_ends_while_the_daemon_is_dead_is_collected_and_not_started_again(estate: Estate) -> None:
    estate.write(model(SLOW), runs("one", more=ON_A_GPU))
    controller = estate.running("one")
    estate.docker.kill()
    estate.let_go("one")
    until((estate.batch("one") / "exit.json").exists, "it has ended")
    estate.says("one Unknown Running", *AWAY)
    assert not controller.has_ended()
    estate.docker.start()
    assert controller.ended() == 0
    estate.all_done("one")


@pytest.mark.parametrize("how", ["TERM", "KILL"])
def test_what_a_restart_of_the_daemon_ends_is_tried_again_once_it_is_dead(estate: Estate, how: str) -> None:
    estate.write(model(SLOW), runs("one", more=ON_A_GPU))
    controller = estate.running("one")
    if how == "TERM":
        estate.docker.stop()
    else:
        estate.docker.kill()
    estate.says("one Unknown Running", *AWAY)
    assert len(estate.started) == 1
    estate.docker.start()
    estate.seen_running("one", attempt=2)
    assert len(estate.live()) == 1
    estate.let_go("one", attempt=2)
    assert controller.ended() == 0
    assert estate.faults("one") == [Fault.INFRA]
    estate.all_done("one", attempts=2)
