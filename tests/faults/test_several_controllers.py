"""Controllers that are started together."""

import pytest

from tests.faults.estate import ON_A_GPU, Estate
from tests.remote.site import SLOW, model, runs, until

pytestmark = pytest.mark.needs("docker", "ssh")


def test_of_three_that_are_started_together_one_acts_and_the_others_say_who(estate: Estate) -> None:
    names = [f"run{number}" for number in range(6)]
    estate.write(model(SLOW), runs(*names, more=ON_A_GPU))
    together = [estate.controller() for _ in range(3)]
    until(lambda: sum(each.has_ended() for each in together) == 2, "two have left")
    (acts,) = (each for each in together if not each.has_ended())
    assert [each.ended() for each in together if each is not acts] == [4, 4]
    said = acts.log.read_text()
    assert said.count(f"another cosmos works on this project: process {acts.pid}") == 2
    assert f"kill {acts.pid}" in said
    estate.says("run0 OutOfSync Running")
    estate.let_go(*names)
    assert acts.ended() == 0
    estate.all_done(*names)
