"""The mutation gate: each planted bug is noticed within so many seeds."""

import logging
from collections.abc import Iterator

import pytest

from tests.simulation.laws import LawBroken
from tests.simulation.mutants import MUTANTS, planted
from tests.simulation.schedule import Schedule
from tests.simulation.world import Fixture

MOST_SEEDS = 800


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def killed_by(fixture: Fixture, name: str) -> int | None:
    """The first seed that notices a bug."""
    with planted(MUTANTS[name]()):
        for seed in range(MOST_SEEDS):
            try:
                Schedule(fixture, seed).run()
            except (LawBroken, ValueError, KeyError, AssertionError):
                return seed
    return None


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_a_planted_bug_is_noticed(fixture: Fixture, name: str) -> None:
    seed = killed_by(fixture, name)
    assert seed is not None, f"{name} survived {MOST_SEEDS} seeds"
