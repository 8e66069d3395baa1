"""A plan as it is kept for later: what it was made from and what it would do, and how another one differs.

`project.saved` writes it to a file. What the moment decides is left out of the comparison: which GPU, what waits for
what, the expected time, and lines that moved in a file.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cosmos.core.codec import run_to_json
from cosmos.core.desired import Desired, DesiredRun
from cosmos.core.digest import FACETS, canonical, sha256_hex
from cosmos.core.plan import Plan
from cosmos.core.plan_text import operation_json

OF_THE_MOMENT = frozenset({"line", "gpus", "eta_s", "basis", "after", "ready", "waits", "detail"})
"""Fields of an operation that may differ without another plan."""

HASH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """A run as the plan found it. `facets` has a hash of each part of the digest, `rest` of what is in none."""

    digest: str
    facets: Mapping[str, str]
    rest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a plan was made from, and its operations as JSON has them."""

    project: str
    revision: str
    targets: tuple[str, ...]
    labels: tuple[str, ...]
    rerun: bool
    runs: Mapping[str, PlannedRun]
    """Those that were selected, by key."""
    held: tuple[str, ...]
    operations: tuple[Mapping[str, object], ...]


def planned_runs(desired: Desired, selected: frozenset[str]) -> dict[str, PlannedRun]:
    """What is kept of the runs that a plan is about."""
    return {want.run.key: _planned(want) for want in desired.runs if want.run.key in selected}


def planned_operations(plan: Plan) -> tuple[Mapping[str, object], ...]:
    """Operations as they are kept."""
    return tuple(operation_json(operation) for operation in plan.operations)


def _planned(want: DesiredRun) -> PlannedRun:
    settings = json.loads(run_to_json(want.run))
    settings["at"] = settings["model"]["at"] = None
    return PlannedRun(
        digest=want.digest,
        facets={facet: _hash(want.material.get(facet)) for facet in FACETS},
        rest=_hash(settings),
    )


def _hash(value: object) -> str:
    return sha256_hex(canonical(value))[:HASH]


def differences(before: Planned, now: Planned) -> tuple[str, ...]:
    """How a plan that is made now differs, a sentence each; empty where it is the same."""
    changed = {key: words for key in sorted(before.runs.keys() | now.runs.keys()) if (words := _run(key, before, now))}
    found = [f"{key} {words}" for key, words in changed.items()]
    found += [f"{key} {words}" for key, words in _operations(before, now) if key not in changed]
    newly = sorted(set(now.held) - set(before.held) - before.runs.keys())
    found += [f"{key} is held back now: its spec, or one that it depends on, has a problem" for key in newly]
    found += [f"{key} is not held back any more" for key in sorted(set(before.held) - set(now.held) - now.runs.keys())]
    return tuple(found)


def _run(key: str, before: Planned, now: Planned) -> str:
    """What has become of a run, or an empty text."""
    old, new = before.runs.get(key), now.runs.get(key)
    if new is None:
        held = key in now.held or key.partition("/")[0] in now.held
        return "is held back now: its spec has a problem" if held else "is not among the runs any more"
    if old is None:
        return "is among the runs now, and was not"
    if old == new:
        return ""
    facets = [facet for facet in FACETS if old.facets.get(facet) != new.facets.get(facet)]
    if facets:
        return f"has changed: {', '.join(facets)}"
    return "has changed in what its output does not depend on" if old.digest == new.digest else "has another digest"


def _operations(before: Planned, now: Planned) -> Iterator[tuple[str, str]]:
    """Keys and what would be done otherwise about them."""
    old, new = _by_name(before.operations), _by_name(now.operations)
    for name in sorted(old.keys() | new.keys()):
        key, act = name[0], name[1]
        if name not in new:
            yield key, f"needs no {act} any more"
        elif name not in old:
            yield key, f"needs a {act} that the plan does not have ({new[name]['cause']})"
        else:
            fields = [field for field in new[name] if canonical(old[name].get(field)) != canonical(new[name][field])]
            if fields:
                yield key, f"{act}: {', '.join(_change(field, old[name], new[name]) for field in fields)}"


def _by_name(operations: Sequence[Mapping[str, object]]) -> dict[tuple[str, ...], Mapping[str, object]]:
    """What is compared of each operation, by what tells it from the others of its run."""
    found: dict[tuple[str, ...], Mapping[str, object]] = {}
    turns: Counter[tuple[str, ...]] = Counter()
    for operation in operations:
        name = tuple(str(operation.get(field)) for field in _TELLS_APART)
        found[*name, str(turns[name])] = {key: value for key, value in operation.items() if key not in OF_THE_MOMENT}
        turns[name] += 1
    return found


_TELLS_APART = ("key", "act", "digest")


def _change(field: str, old: Mapping[str, object], new: Mapping[str, object]) -> str:
    if field == "blobs":
        return "other inputs are to be uploaded"
    return f"{field} would be {new[field] or 'none'}, was {old.get(field) or 'none'}"
