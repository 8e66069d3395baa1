"""Loaded specs -> drafts: matrices multiplied out, names resolved, cycles refused.

The engine calls `expand` after `load`; adapters then turn drafts into runs. A run with a problem here is
left out as a whole. What cannot be judged now is held and keeps what it has: runs of broken files, runs
that name something which may be in one, and all that wait for a run which is left out.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cosmos.core.cycles import cycles, from_the_view_of
from cosmos.core.draft import Draft
from cosmos.core.drafting import Drafted, Names, draft_members
from cosmos.core.following import follow, follows
from cosmos.core.load import Loaded
from cosmos.core.matrix import MEMBERS_MAX, members
from cosmos.core.problem import Code, Problem, quoted
from cosmos.core.references import Links, References
from cosmos.core.spec_model import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Expanded:
    """Drafts sorted by run and then as the matrix gives them; problems sorted.

    `held` has the keys of runs that cannot be judged, and where the members of a run are not known, the
    name of the run for all of them: ask `holds`.
    """

    drafts: tuple[Draft, ...] = ()
    problems: tuple[Problem, ...] = ()
    held: frozenset[str] = frozenset()

    def holds(self, key: str) -> bool:
        return key in self.held or key.partition("/")[0] in self.held


def expand(loaded: Loaded, built_in: Mapping[str, ModelSpec], project: str, max_runs: int = MEMBERS_MAX) -> Expanded:
    """Every member of every run spec.

    Args:
        loaded: Specs of the project; a Model among them replaces a built-in one of the same name.
        built_in: Model specs that come with the program, by name.
        project: Name of the project, from which ids of runs are derived.
        max_runs: Runs that one spec may make; more is taken for a slip.
    """
    found = {name: members(run, max_runs) for name, run in loaded.runs.items() if not follows(run)}
    keys = {name: [member.key for member in there] for name, (there, _) in found.items() if there}
    followers = follow(loaded, keys, max_runs) if len(found) < len(loaded.runs) else {}
    for name, each in followers.items():
        found[name] = each.members, each.problems
        if not each.problems:
            keys[name] = list(each.sources)
    still_open = frozenset(name for name, each in followers.items() if each.is_open)
    references = References(loaded, keys, {name: each.sources for name, each in followers.items()}, still_open)
    links = {name: references.links(run) for name, run in loaded.runs.items()}
    names = Names(loaded, built_in)
    drafted = {}
    for name, run in loaded.runs.items():
        only_if = followers[name].only_if if name in followers else None
        drafted[name] = draft_members(run, found[name][0], links[name], names, project, only_if)
    problems = set(_cycle_problems(loaded, links))
    for name in found:
        problems.update(found[name][1], links[name].problems, drafted[name].problems)
    refused = {problem.subject for problem in problems}
    out = [name for name in found if _subject(name) in refused]
    held = _held(loaded, keys, links, drafted, out) | still_open
    return Expanded(
        drafts=tuple(draft for each in drafted.values() for draft in each.drafts if draft.key not in held),
        problems=tuple(sorted(problems)),
        held=frozenset(held),
    )


def _subject(name: str) -> str:
    return f"run {quoted(name)}"


def _cycle_problems(loaded: Loaded, links: Mapping[str, Links]) -> Iterator[Problem]:
    told: set[str] = set()
    for cycle in cycles({name: link.runs.keys() for name, link in links.items()}):
        for position, name in enumerate(cycle):
            if name in told:
                continue
            told.add(name)
            awaited = cycle[(position + 1) % len(cycle)]
            at = loaded.runs[name].locate(links[name].runs[awaited])
            message = f"waits for itself: {from_the_view_of(name, cycle)}"
            yield Problem(at, Code.CYCLE, message, _subject(name), "remove one of these needs or sources")


def _held(
    loaded: Loaded,
    keys: Mapping[str, Sequence[str]],
    links: Mapping[str, Links],
    drafted: Mapping[str, Drafted],
    refused: Sequence[str],
) -> set[str]:
    """Keys that are held, those that wait for a held one included."""
    held = {name for kind, name in loaded.withheld if kind == "Run" and name not in loaded.runs}
    for name in refused:
        held.update(keys.get(name, [name]))
    for name, link in links.items():
        held.update(keys.get(name, [name]) if link.is_open else drafted[name].held)
    waiters: dict[str, list[str]] = {}
    for name, link in links.items():
        for awaited in link.runs:
            waiters.setdefault(awaited, []).append(name)
    queue = deque(name for name in keys if not held.isdisjoint(keys[name]))
    while queue:
        for waiter in waiters.get(queue.popleft(), ()):
            waiting = _waiting(links[waiter], keys.get(waiter, ()), held)
            if not held.issuperset(waiting):
                held.update(waiting)
                queue.append(waiter)
    return held


def _waiting(link: Links, keys: Sequence[str], held: set[str]) -> Sequence[str]:
    """Keys of the members of a spec that wait for a held one."""
    if not held.isdisjoint(link.keys):
        return keys
    return [member for member, source in link.followed.items() if source in held]
