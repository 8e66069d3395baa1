"""How much GPU time a plan may take, and whether that is more than was allowed. Pure.

A run of which nobody knows how long it takes counts with its `timeout`, which ends it; without one it may take any
time, and a guard that cannot know says so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cosmos.core.desired import Desired
from cosmos.core.plan import Operation, Plan
from cosmos.core.plan_text import duration
from cosmos.core.run import Run

SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """Seconds of GPUs by key, of what is still to be started; `unknown` has the keys that may take any time."""

    by_key: Mapping[str, float]
    unknown: tuple[str, ...] = ()

    @property
    def total_s(self) -> float:
        return sum(self.by_key.values())


def launches(plan: Plan) -> tuple[Operation, ...]:
    """Those that will hold GPUs, now or later."""
    return tuple(each for each in plan.launches if each.wants_gpus)


def spending(plan: Plan, desired: Desired) -> Spending:
    """What the launches of a plan may take, each tried once."""
    by_key = desired.by_key()
    found = {each.key: _seconds(each, by_key[each.key].run) for each in launches(plan) if each.key in by_key}
    known = {key: seconds for key, seconds in found.items() if seconds is not None}
    return Spending(by_key=known, unknown=tuple(sorted(found.keys() - known.keys())))


def _seconds(operation: Operation, run: Run) -> float | None:
    ends = [each for each in (operation.eta_s, run.timeout_s) if each is not None]
    return min(ends) * operation.wants_gpus if ends else None


def doubt(found: Spending, max_gpu_hours: float) -> str:
    """Why it may be more than is allowed, as a sentence; empty where it is not."""
    allowed = f"the {max_gpu_hours:g} GPU hours that are allowed"
    unknown = f"nothing tells how long {_listed(found.unknown)} will take" if found.unknown else ""
    if found.total_s > max_gpu_hours * 3600:
        more = f"; and {unknown}" if unknown else ""
        return f"~{duration(found.total_s)} of GPU time is more than {allowed}: {_largest(found.by_key)}{more}"
    return f"it may be more than {allowed}: {unknown}" if unknown else ""


def remedy(found: Spending, max_gpu_hours: float) -> str:
    """What a person can do about that."""
    if found.total_s > max_gpu_hours * 3600:
        return "name fewer runs, make them shorter, or allow more: --max-gpu-hours, or project.max_gpu_hours"
    return "give them a `timeout`, which counts then; once one has run, the time of others like it is known"


def _listed(keys: Iterable[str]) -> str:
    every = list(keys)
    more = f" and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return f"{', '.join(every[:SHOWN])}{more}"


def _largest(by_key: Mapping[str, float]) -> str:
    """The specs that take most, each with all of its runs."""
    specs: dict[str, list[float]] = {}
    for key, seconds in by_key.items():
        specs.setdefault(key.partition("/")[0], []).append(seconds)
    ranked = sorted(specs.items(), key=lambda spec: (-sum(spec[1]), spec[0]))
    words = [f"{name}{f' ({len(each)} runs)' if len(each) > 1 else ''} ~{duration(sum(each))}" for name, each in ranked]
    return _listed(words)
