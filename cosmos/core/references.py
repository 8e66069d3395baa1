"""Which runs wait for which: `source` and `needs` of run specs resolved to keys, and cycles among them.

`core.expand` asks. A reference that leads nowhere is a problem only when it is certain: what may be
defined in a file that is broken holds the run back instead.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import translate

from cosmos.core.draft import Path
from cosmos.core.load import Loaded, Located
from cosmos.core.problem import Code, Problem, did_you_mean, quoted
from cosmos.core.spec import RunSpec

HINTS_MAX = 25
"""Names for which the nearest one is looked for; each costs milliseconds among thousands."""

CYCLE_SHOWN = 20

GLOB = frozenset("*?[")


class Nearest:
    """Hints for unknown names among known ones: each name is looked up once, and only so many are."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = sorted(known)
        self._hints: dict[str, str] = {}

    def hint(self, name: str) -> str:
        if name not in self._hints:
            self._hints[name] = did_you_mean(name, self._known) if len(self._hints) < HINTS_MAX else ""
        return self._hints[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """What one run spec waits for, in the order of the file.

    `is_open` says that some of it may be in a broken file. `runs` gives, for each run spec waited for,
    the field that says so.
    """

    source: str | None = None
    needs: tuple[str, ...] = ()
    runs: Mapping[str, Path]
    followed: Mapping[str, str] = field(default_factory=dict)
    """Where it follows several: the run that each of its members reads."""
    is_open: bool = False
    problems: tuple[Problem, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        return self.needs if self.source is None else (self.source, *self.needs)


_NONE = Links(runs={})


@dataclass(frozen=True, slots=True)
class _Found:
    """`is_empty`: it means a spec that makes no run now, which is no mistake."""

    keys: tuple[str, ...] = ()
    is_open: bool = False
    is_empty: bool = False


class References:
    """Resolves names of runs.

    Args:
        loaded: All specs.
        keys: Keys of the members by run spec; a spec whose members are not known is left out.
        followed: Of the specs that follow others, the run that each of their members reads.
        still_open: Those of them that may make other runs, which are not among the keys.
    """

    def __init__(
        self,
        loaded: Loaded,
        keys: Mapping[str, Sequence[str]],
        followed: Mapping[str, Mapping[str, str]] | None = None,
        still_open: frozenset[str] = frozenset(),
    ) -> None:
        self._keys = keys
        self._followed = followed or {}
        self._open = still_open
        self._all = {key: name for name, members in keys.items() for key in members}
        withheld = {name for kind, name in loaded.withheld if kind == "Run"}
        self._unknown = (withheld | loaded.runs.keys()) - keys.keys()
        self._is_blind = loaded.is_blind
        self._nearest = Nearest(keys.keys() | self._unknown)
        self._cache: dict[str, _Found] = {}

    def links(self, run: Located[RunSpec]) -> Links:
        """What `run` waits for, with problems for what does not exist."""
        spec = run.spec
        if spec.source is None and not spec.needs:
            return _NONE
        wanted: list[tuple[Path, str]] = [(("needs", index), name) for index, name in enumerate(spec.needs)]
        needs: dict[str, None] = {}
        runs: dict[str, Path] = {}
        problems: list[Problem] = []
        is_open = spec.name in self._open
        source: str | None = None
        if spec.source is not None and spec.source.run is not None:
            wanted.insert(0, (("source", "run"), spec.source.run))
        for at, name in wanted:
            found = self._find(name, spec.name)
            is_open = is_open or found.is_open
            if not found.keys and not found.is_open and not (found.is_empty and at[0] == "needs"):
                problems.append(self._problem(run, at, f"no run {quoted(name)}", self._hint(name)))
            elif at[0] == "source" and len(found.keys) > 1:
                few = ", ".join(found.keys[:3])
                message = f"source is {quoted(name)}, which is {len(found.keys)} runs"
                problems.append(self._problem(run, at, message, f"name one, such as {few}"))
            elif at[0] == "source":
                source = next(iter(found.keys), None)
            else:
                needs.update(dict.fromkeys(found.keys))
            for key in found.keys:
                runs.setdefault(self._all[key], at)
        followed = self._followed.get(spec.name, {})
        for key in followed.values():
            runs.setdefault(self._all[key], ("source", "runs"))
        return Links(
            source=source,
            needs=tuple(needs),
            runs=runs,
            followed=followed,
            is_open=is_open,
            problems=tuple(problems),
        )

    def _find(self, name: str, own: str) -> _Found:
        """Keys that `name` means to the run `own`: a glob never means the run itself."""
        if name not in self._cache:
            self._cache[name] = self._matching(name) if GLOB.intersection(name) else self._named(name)
        found = self._cache[name]
        if GLOB.intersection(name) and any(self._all[key] == own for key in found.keys):
            return replace(found, keys=tuple(key for key in found.keys if self._all[key] != own))
        return found

    def _named(self, name: str) -> _Found:
        if name in self._keys:
            return _Found(tuple(self._keys[name]), name in self._open, is_empty=not self._keys[name])
        if name in self._all:
            return _Found((name,))
        base = name.partition("/")[0]
        is_open = base in self._unknown | self._open or (self._is_blind and base not in self._keys)
        return _Found(is_open=is_open)

    def _matching(self, pattern: str) -> _Found:
        whole, base = re.compile(translate(pattern)), re.compile(translate(pattern.partition("/")[0]))
        keys: list[str] = []
        for name, members in self._keys.items():
            keys += members if whole.match(name) else (key for key in members if whole.match(key))
        is_open = self._is_blind or any(whole.match(name) or base.match(name) for name in self._unknown | self._open)
        is_empty = not keys and any(whole.match(name) or base.match(name) for name in self._followed)
        return _Found(tuple(keys), is_open, is_empty)

    def _hint(self, name: str) -> str:
        base, _, member = name.partition("/")
        members = self._keys.get(base, ())
        if not member or not members:
            return self._nearest.hint(base)
        if list(members) == [base]:
            return f'"{base}" has no matrix'
        return did_you_mean(name, members[:1000]) or f"a member is {members[0]}"

    def _problem(self, run: Located[RunSpec], at: Path, message: str, hint: str) -> Problem:
        return Problem(run.locate(at), Code.DANGLING, message, f"run {quoted(run.spec.name)}", hint)
