"""Choosing among named things: exact names, ids, globs, unique prefixes and labels.

The same rules for every command and for the page. What matches nothing is an error with the
nearest name, never an empty selection.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from cosmos.core.problem import did_you_mean
from cosmos.errors import NotFoundError, RefusedError

GLOB = frozenset("*?[")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A thing that can be chosen. `others` are further names that mean it: id, digest."""

    key: str
    others: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


def select(
    things: Sequence[Named], patterns: Iterable[str], labels: Iterable[str] = (), *, kind: str = "runs"
) -> frozenset[str]:
    """Keys of the things that match any pattern (all, without patterns) and every label term.

    A pattern is a key, the name of a matrix (all its members), an id, a glob over keys, or a prefix
    of exactly one id or digest. A label term is `name=value`, `name!=value`, `name` or `!name`. `kind` is what
    `cosmos list` calls these things.

    Raises:
        NotFoundError: A pattern matches nothing, or a prefix more than one thing.
        RefusedError: A label term is not of that form.
    """
    wanted = list(patterns)
    keys: set[str] = set()
    for pattern in wanted:
        keys |= _matching(things, pattern, kind)
    chosen = [thing for thing in things if not wanted or thing.key in keys]
    for term in labels:
        chosen = [thing for thing in chosen if _has_label(thing.labels, term)]
    return frozenset(thing.key for thing in chosen)


def one(things: Sequence[Named], name: str, *, kind: str = "runs") -> str:
    """The key of exactly one thing.

    Raises:
        NotFoundError: None, or several: the first few are named.
    """
    keys = sorted(_matching(things, name, kind))
    if len(keys) > 1:
        more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
        raise NotFoundError(f'"{name}" means {len(keys)} things: {", ".join(keys[:3])}{more}', "name one of them")
    return keys[0]


@contextmanager
def among_hosts(hosts: Sequence[Named]) -> Iterator[None]:
    """Make what `select` and `one` say of hosts name them all: there are few, and a file where one is missing."""
    try:
        yield
    except NotFoundError as error:
        names = ", ".join(host.key for host in hosts)
        hint = f"the hosts of cosmos.toml are: {names}; name one of these, or add yours there"
        raise NotFoundError(error.message, hint) from error


def _matching(things: Sequence[Named], pattern: str, kind: str) -> set[str]:
    exact = {thing.key for thing in things if pattern == thing.key or pattern in thing.others}
    if exact:
        return exact
    if GLOB & set(pattern):
        found = {thing.key for thing in things if fnmatchcase(thing.key, pattern)}
    else:
        found = {thing.key for thing in things if thing.key.startswith(f"{pattern.rstrip('/')}/")}
    found = found or _by_prefix(things, pattern)
    if not found:
        names = {name for thing in things for name in (thing.key, thing.key.partition("/")[0])}
        hint = did_you_mean(pattern, names) or f"cosmos list {kind} shows the names"
        raise NotFoundError(f'nothing is called "{pattern}"', hint)
    return found


def _by_prefix(things: Sequence[Named], prefix: str) -> set[str]:
    if len(prefix) < 4:
        return set()
    found = {thing.key for thing in things if any(other.startswith(prefix) for other in thing.others)}
    if len(found) > 1:
        raise NotFoundError(f'"{prefix}" is the beginning of {len(found)} ids', f"e.g. {', '.join(sorted(found)[:3])}")
    return found


def _has_label(labels: Mapping[str, str], term: str) -> bool:
    if not term.strip("!="):
        raise RefusedError(f'"{term}" is not a label term', "use name=value, name!=value, name or !name")
    name, operator, value = term.partition("=")
    if not operator:
        return name[1:] not in labels if name.startswith("!") else name in labels
    if name.endswith("!"):
        return labels.get(name[:-1]) != value
    return labels.get(name) == value
