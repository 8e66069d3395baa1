"""The mutation gate: whether each planted bug is noticed. The seed that noticed it the last time is tried first."""

from collections.abc import Callable
from pathlib import Path

from tests.simulation.laws import LawBroken
from tests.simulation.mutants import MUTANTS, planted
from tests.simulation.schedule import Schedule
from tests.simulation.world import Fixture

MOST_SEEDS = 800
HEAD = "# Planted bugs, and the first seed that notices each. `python -m tests.simulation --mutants` writes this."
KILLERS = Path(__file__).with_name("killers.txt")
"""By mutant, the first seed that noticed it when that was last looked for."""


def known_killers() -> dict[str, int]:
    lines = KILLERS.read_text(encoding="utf-8").splitlines()
    return {name: int(seed) for name, seed in (line.split() for line in lines if not line.startswith("#"))}


def is_noticed(fixture: Fixture, name: str, seed: int) -> bool:
    """Is the bug seen by this seed, which finds nothing wrong with the product as it is?"""
    with planted(MUTANTS[name]()):
        try:
            Schedule(fixture, seed).run()
        except (LawBroken, ValueError, KeyError, AssertionError):
            is_seen = True
        else:
            is_seen = False
    if is_seen:
        Schedule(fixture, seed).run()
    return is_seen


def killed_by(fixture: Fixture, name: str, first: int | None) -> int | None:
    """A seed of the first so many that notices a bug; `first` is tried before all others."""
    if first is not None and first < MOST_SEEDS and is_noticed(fixture, name, first):
        return first
    return next((seed for seed in range(MOST_SEEDS) if is_noticed(fixture, name, seed)), None)


def search(fixture: Fixture, tell: Callable[[str], None]) -> int:
    """Look for the first seed of every mutant and write them down; returns how many mutants survive."""
    lines = [HEAD]
    survivors = 0
    for name in sorted(MUTANTS):
        seed = killed_by(fixture, name, None)
        if seed is None:
            survivors += 1
            tell(f"{name} survives {MOST_SEEDS} seeds")
            continue
        tell(f"{name} {seed}")
        lines.append(f"{name} {seed}")
    KILLERS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return survivors
