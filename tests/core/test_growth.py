"""What many runs cost: ten times as many take about ten times the work, not a hundred times."""

from collections.abc import Callable

import pytest

from cosmos.core.recorded import AttemptState
from tests.core.scene import Scene
from tests.makers import a_blob, a_ledger_entry, a_want, an_attempt
from tests.work import lines_run


def finished(count: int) -> Scene:
    keys = [f"city/seed-{number}" for number in range(count)]
    return Scene(
        wants=[a_want(key) for key in keys],
        done=[a_ledger_entry(key) for key in keys],
        attempts=[an_attempt(key, state=AttemptState.SUCCEEDED, released=True) for key in keys],
    )


def new(count: int) -> Scene:
    keys = [f"city/seed-{number}" for number in range(count)]
    return Scene(wants=[a_want(key, blobs={"color": a_blob(key)}) for key in keys])


@pytest.mark.parametrize("make", [finished, new])
def test_a_plan_costs_in_proportion_to_its_runs(make: Callable[[int], Scene]) -> None:
    few, many = make(400), make(4000)
    assert lines_run(many.text) < 12 * lines_run(few.text)
