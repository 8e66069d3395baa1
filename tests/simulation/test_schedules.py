"""Schedules of faults from seeds: every law at every effect, and all is well in the calm that follows."""

import logging
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.schedule import LONG, SHORT, Schedule, Size
from tests.simulation.world import Fixture

KEPT = Path(__file__).with_name("seeds.txt")
"""Seeds that have found something, for ever: one a line, and what it was."""
CHUNKS = 8
PER_CHUNK = {LONG: 40, SHORT: 80}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """A warning for every act that a schedule lets fail."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def kept_seeds() -> list[int]:
    lines = KEPT.read_text(encoding="utf-8").splitlines()
    return [int(line.split()[0]) for line in lines if line and not line.startswith("#")]


FIRST = zlib.crc32(os.environ.get("COSMOS_SEED", "").encode()) % 1_000_000 * 1000
"""The same seeds on every machine; others by setting COSMOS_SEED to any word."""


@pytest.mark.parametrize("seed", kept_seeds())
def test_a_seed_that_has_found_something_stays_found(fixture: Fixture, seed: int) -> None:
    Schedule(fixture, seed).run()


@pytest.mark.parametrize("size", PER_CHUNK, ids=["long", "short"])
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_law_holds_under_faults(fixture: Fixture, chunk: int, size: Size) -> None:
    first = FIRST + chunk * PER_CHUNK[size]
    for seed in range(first, first + PER_CHUNK[size]):
        Schedule(fixture, seed, size).run()


@pytest.mark.parametrize("seed", [1, 22, 333])
def test_a_seed_leads_to_the_same_trace_every_time(fixture: Fixture, seed: int) -> None:
    traces = []
    for _ in range(2):
        schedule = Schedule(fixture, seed)
        schedule.run()
        traces.append(schedule.world.trace)
    assert traces[0] == traces[1]
    assert len(traces[0]) > 20
