"""The order in which runs get their digests, and which of the candidates become runs."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Protocol

from cosmos.core.desired import DesiredRun
from cosmos.core.draft import Draft
from cosmos.core.problem import Code, Problem
from cosmos.core.run import Run


class Resolving(Protocol):
    """What makes runs of drafts and digests of runs; each None comes with a problem that it keeps."""

    def run(self, draft: Draft) -> Run | None:
        """The run that a draft is."""

    def holds(self, draft: Draft, upstream: DesiredRun) -> bool | None:
        """Whether the condition of a candidate holds of the run that it reads."""

    def want(self, run: Run, done: Mapping[str, DesiredRun]) -> DesiredRun | None:
        """The run with its digest; what it reads is done."""

    def not_chosen(self, run: Run) -> None:
        """Refuse a run that reads one which nobody asks for."""


class Digesting:
    """Gives runs their digests, sources first. A run whose source or need is held is left out, and so held too.

    A candidate becomes a run once the run that it reads has a digest and its condition holds of it; else it is dropped,
    which is no problem: nobody asks for it now.
    """

    def __init__(self, resolving: Resolving, runs: Mapping[str, Run], candidates: Mapping[str, Draft]) -> None:
        self.done: dict[str, DesiredRun] = {}
        self.dropped: set[str] = set()
        self._resolving = resolving
        self._left = dict(runs)
        self._candidates = candidates
        self._waiting = dict(candidates)

    def digest(self) -> None:
        while True:
            has_moved = self._choose()
            able = [run for run in self._left.values() if self._is_able(run)]
            if not able and not has_moved:
                break
            for run in able:
                del self._left[run.key]
                if run.source is not None and run.source.key in self.dropped:
                    self._resolving.not_chosen(run)
                elif (want := self._resolving.want(self._with_needs(run), self.done)) is not None:
                    self.done[run.key] = want

    def choosing_none(self) -> Iterator[Problem]:
        """Specs whose condition holds of no run, though all could be judged."""
        by_spec: dict[str, list[Draft]] = {}
        for draft in self._candidates.values():
            by_spec.setdefault(draft.name, []).append(draft)
        for name, drafts in by_spec.items():
            if all(draft.key in self.dropped for draft in drafts):
                at = drafts[0].locate(("source", "where"))
                message = f"source: where holds of none of {len(drafts)} runs"
                yield Problem(at, Code.CHOOSES_NONE, message, f'run "{name}"', "cosmos rate RUN N rates an output")

    def _with_needs(self, run: Run) -> Run:
        """The run, waiting for none that nobody asks for."""
        if self.dropped.isdisjoint(run.needs):
            return run
        return replace(run, needs=tuple(key for key in run.needs if key not in self.dropped))

    def _is_able(self, run: Run) -> bool:
        return all(key in self.done or key in self.dropped for key in run.waits_for)

    def _choose(self) -> bool:
        """Judge the candidates that can be; True when that moved one."""
        if not self._waiting:
            return False
        moved = False
        for key, draft in list(self._waiting.items()):
            assert draft.source is not None  # noqa: S101 - what a candidate is of
            source = draft.source.key
            if source not in self.done and source not in self.dropped:
                continue
            moved = True
            del self._waiting[key]
            holds = source not in self.dropped and self._resolving.holds(draft, self.done[source])
            if holds is False:
                self.dropped.add(key)
            elif holds and (run := self._resolving.run(draft)) is not None:
                self._left[key] = run
        return moved
