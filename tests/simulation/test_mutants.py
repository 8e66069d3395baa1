"""The mutation gate: each planted bug is noticed within so many seeds."""

import logging
from collections.abc import Iterator

import pytest

from tests.simulation.gate import MOST_SEEDS, killed_by, known_killers
from tests.simulation.mutants import MUTANTS
from tests.simulation.world import Fixture


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_a_planted_bug_is_noticed(fixture: Fixture, name: str) -> None:
    seed = killed_by(fixture, name, known_killers().get(name))
    assert seed is not None, f"{name} survived {MOST_SEEDS} seeds"


def test_a_seed_that_notices_nothing_any_more_leads_to_a_search(fixture: Fixture) -> None:
    seed = known_killers()["random_names"]
    assert killed_by(fixture, "random_names", None) == seed
    assert killed_by(fixture, "random_names", MOST_SEEDS) == seed  # too late to be believed
