"""Cycles in a graph of names. `core.expand` refuses every run on one, as none of them could ever start."""

from collections import deque
from collections.abc import Collection, Iterator, Mapping

SHOWN_MAX = 20
"""Names of a cycle that a message spells out."""

Graph = Mapping[str, Collection[str]]


def cycles(edges: Graph) -> Iterator[tuple[str, ...]]:
    """Short cycles that together have every name that is on any. The order depends on the names alone.

    Args:
        edges: What each name waits for; names without edges may be left out.
    """
    if not any(edges.values()):
        return
    left = _turned(_without_ends(_turned(_without_ends(edges))))
    told: set[str] = set()
    for name in sorted(left):
        if name not in told and (cycle := _back_to(name, left)):
            told.update(cycle)
            yield cycle


def from_the_view_of(name: str, cycle: tuple[str, ...]) -> str:
    """`b -> c -> a -> b` for b."""
    start = cycle.index(name)
    turned = (*cycle[start:], *cycle[:start])
    if len(turned) > SHOWN_MAX:
        turned = (*turned[:SHOWN_MAX], f"({len(turned) - SHOWN_MAX} more)")
    return " -> ".join((*turned, name))


def _without_ends(edges: Graph) -> dict[str, list[str]]:
    """The graph without names that wait for nothing, again and again: all that is left leads to a cycle."""
    waiters = _turned(edges)
    count = {name: sum(target in edges for target in targets) for name, targets in edges.items()}
    ends = [name for name, many in count.items() if not many]
    while ends:
        name = ends.pop()
        del count[name]
        for waiter in waiters[name]:
            count[waiter] -= 1
            if not count[waiter]:
                ends.append(waiter)
    return {name: [target for target in edges[name] if target in count] for name in count}


def _turned(edges: Graph) -> dict[str, list[str]]:
    """The graph with every edge turned round, sorted."""
    turned: dict[str, list[str]] = {name: [] for name in sorted(edges)}
    for name in sorted(edges):
        for target in edges[name]:
            if target in turned:
                turned[target].append(name)
    return turned


def _back_to(start: str, edges: Mapping[str, list[str]]) -> tuple[str, ...]:
    """The shortest way from a name back to itself, or nothing."""
    before: dict[str, str] = {}
    queue = deque([start])
    while queue:
        name = queue.popleft()
        for target in edges[name]:
            if target == start:
                way = [name]
                while way[-1] != start:
                    way.append(before[way[-1]])
                return tuple(reversed(way))
            if target not in before:
                before[target] = name
                queue.append(target)
    return ()
