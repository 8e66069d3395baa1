"""Runs that follow others: `source: {runs: "city/*", where: "rating >= 4"}` makes one for each run that a glob means.

`core.expand` calls `follow` with the members of all other specs. Whether the condition holds is judged when the run
that one reads is resolved and has its digest, as a rating is about a digest: until then each is a candidate.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate

from cosmos.core.axes import Member
from cosmos.core.condition import REVIEWED, Condition, ConditionError, condition
from cosmos.core.cycles import cycles, from_the_view_of
from cosmos.core.load import Loaded, Located
from cosmos.core.matrix import too_many
from cosmos.core.member_key import member_key
from cosmos.core.problem import Code, Problem, quoted
from cosmos.core.references import GLOB, Nearest
from cosmos.core.spec import RunSpec

ALWAYS = Condition("true")


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """What a spec that follows others makes. `sources` has the run that each member reads.

    `is_open` says that it may make others besides, which are not known now.
    """

    members: tuple[Member, ...] = ()
    sources: Mapping[str, str]
    only_if: Condition = ALWAYS
    is_open: bool = False
    problems: tuple[Problem, ...] = ()


def follows(run: Located[RunSpec]) -> bool:
    return run.spec.source is not None and run.spec.source.runs is not None


def follow(loaded: Loaded, keys: Mapping[str, Sequence[str]], max_runs: int) -> dict[str, Following]:
    """Every spec that follows others, those first that others follow.

    Args:
        loaded: All specs.
        keys: Keys of the members of all specs that follow nothing; a spec whose members are not known is left out.
        max_runs: Runs that one spec may make; more is taken for a slip.
    """
    followers = {name: _Follower(run, max_runs) for name, run in loaded.runs.items() if follows(run)}
    reads = {
        name: [other for other in followers if other != name and follower.may_mean(other)]
        for name, follower in followers.items()
    }
    reads.update({name: [name] for name, follower in followers.items() if follower.is_itself})
    made = _circular(followers, reads)
    withheld = {name for kind, name in loaded.withheld if kind == "Run"}
    unknown = (withheld | loaded.runs.keys()) - keys.keys() - followers.keys()
    known = {name: tuple(members) for name, members in keys.items()}
    left = [name for name in followers if name not in made]
    unknown |= made.keys()
    while left:
        for name in [name for name in left if not any(other in left for other in reads[name])]:
            left.remove(name)
            found = followers[name].follow(known, unknown, loaded)
            made[name] = found
            known[name] = tuple(found.sources)
            if found.is_open or found.problems:
                unknown.add(name)
    return made


def _circular(followers: "Mapping[str, _Follower]", reads: Mapping[str, Sequence[str]]) -> dict[str, Following]:
    """Those that follow each other round and round."""
    found: dict[str, Following] = {}
    for cycle in cycles(reads):
        for name in cycle:
            message = f"follows itself: {from_the_view_of(name, cycle)}"
            problem = followers[name].problem(("runs",), message, "name runs that do not follow it", Code.CYCLE)
            found.setdefault(name, Following(sources={}, is_open=True, problems=(problem,)))
    return found


class _Follower:
    """One spec that follows others. A glob never means the spec itself."""

    def __init__(self, run: Located[RunSpec], most: int) -> None:
        assert run.spec.source is not None  # noqa: S101 - asked by `follows`
        self._run = run
        self._name = run.spec.name
        self._most = most
        self._source = run.spec.source
        self._pattern = self._source.runs or ""
        self._is_glob = bool(GLOB.intersection(self._pattern))
        self._base = self._pattern.partition("/")[0]
        self._whole = re.compile(translate(self._pattern))
        self._spec = re.compile(translate(self._base))

    @property
    def is_itself(self) -> bool:
        return not self._is_glob and self._base == self._name

    def may_mean(self, name: str) -> bool:
        """Whether it may mean a member of a spec, whatever members that has."""
        if not self._is_glob:
            return name == self._base
        if "/" in self._pattern:
            return bool(self._spec.match(name))
        return name.startswith(re.split(r"[*?\[]", self._pattern)[0])

    def follow(self, known: Mapping[str, Sequence[str]], unknown: set[str], loaded: Loaded) -> Following:
        meant = [name for name in known if name != self._name and self.may_mean(name)]
        keys = [key for name in meant for key in self._meant(name, known[name])]
        is_open = loaded.is_blind or any(self.may_mean(name) for name in unknown if name != self._name)
        problems = []
        if not meant and not is_open:
            hint = Nearest(known).hint(self._base)
            problems.append(self.problem(("runs",), f"no run {quoted(self._pattern)}", hint, Code.DANGLING))
        elif not keys and not is_open and all(known[name] for name in meant):
            message = f"no run {quoted(self._pattern)}"
            hint = f"{meant[0]} has {known[meant[0]][0]}"
            problems.append(self.problem(("runs",), message, hint, Code.DANGLING))
        only_if = self._condition(problems)
        if self._run.spec.matrix is not None:
            hint = "make a run of it that follows these, or name one run as `source.run`"
            problems.append(self.problem((), "runs that follow others have no matrix", hint, Code.MATRIX))
        if len(keys) > self._most:
            message = f"{len(keys)} runs are meant, more than {self._most}"
            problems.append(self.problem(("runs",), message, too_many(self._most), Code.MATRIX))
        if problems:
            return Following(sources={}, problems=tuple(problems))
        sources = {member_key(self._name, [key.replace("/", "_")]): key for key in keys}
        hidden = loaded.reviews.is_open and not REVIEWED.isdisjoint(only_if.names)
        return Following(
            members=tuple(Member(key, source=source) for key, source in sources.items()),
            sources=sources,
            only_if=only_if,
            is_open=is_open or hidden,
        )

    def _meant(self, name: str, keys: Sequence[str]) -> Iterator[str]:
        if name == self._pattern or (self._is_glob and self._whole.match(name)):
            yield from keys
        else:
            yield from (key for key in keys if key == self._pattern or (self._is_glob and self._whole.match(key)))

    def _condition(self, problems: list[Problem]) -> Condition:
        if self._source.where is None:
            return ALWAYS
        try:
            return condition(self._source.where)
        except ConditionError as error:
            problems.append(self.problem(("where",), f"where {error.message}", error.hint, Code.WRONG_VALUE))
            return ALWAYS

    def problem(self, field: tuple[str, ...], message: str, hint: str, code: Code) -> Problem:
        at = self._run.locate(("source", *field))
        return Problem(at, code, f"source: {message}", f"run {quoted(self._name)}", hint)
