"""A controller that dies at each effect of a story that has every act in it, and at each pair of them."""

import logging
from collections.abc import Iterator

import pytest

from cosmos.core.plan import Act
from tests.simulation.scripted import Story, pairs
from tests.simulation.seam import Fate
from tests.simulation.world import Fixture

EVERY = 151
"""Of the pairs, one in so many; `python -m tests.simulation --pairs` takes all."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def length(fixture: Fixture, *, containers: bool) -> int:
    """Effects of the story when nothing goes wrong."""
    story = Story(fixture, {}, containers=containers)
    story.run()
    return story.crasher.count


@pytest.mark.parametrize("containers", [False, True])
def test_the_story_has_every_act(fixture: Fixture, containers: bool) -> None:
    story = Story(fixture, {}, containers=containers)
    story.run()
    assert story.acts == set(Act)


@pytest.mark.parametrize(("fate", "containers"), [(Fate.CRASH_BEFORE, False), (Fate.CRASH_AFTER, True)])
@pytest.mark.parametrize("part", range(2))
def test_a_crash_at_any_effect_loses_nothing(fixture: Fixture, fate: Fate, containers: bool, part: int) -> None:
    """After an effect on a host is before its record; after one effect is before the next."""
    for place in range(part, length(fixture, containers=containers), 2):
        Story(fixture, {place: fate}, containers=containers).run()


@pytest.mark.parametrize("part", range(2))
def test_two_crashes_lose_nothing(fixture: Fixture, part: int) -> None:
    for first, second in list(pairs(length(fixture, containers=True)))[part * EVERY :: 2 * EVERY]:
        Story(fixture, {first: Fate.CRASH_AFTER, second: Fate.CRASH_AFTER}, containers=True).run()
