"""Suspend and resume: what people say about runs, hosts and the project as a whole. Rows in the database, no lock.

What runs goes on. What was started in advance and has not begun is withdrawn, by the controller that is there or here.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from cosmos.core.breaker import closures
from cosmos.core.recorded import AttemptState
from cosmos.core.suspension import Scope, Suspension, Suspensions
from cosmos.errors import RefusedError
from cosmos.outcome import Outcome, PlanView
from cosmos.project import following, plans, reading
from cosmos.project.wiring import Project

Subject = tuple[Scope, str]


class Suspending:
    """Of one project.

    Args:
        project: Opens the project; called when it is first needed.
        carry_out: Stops what a view says, or leaves it to the controller that is there.
        by: Who says it.
    """

    def __init__(self, project: Callable[[], Project], carry_out: Callable[[PlanView], Outcome], by: str) -> None:
        self._open = project
        self._carry_out = carry_out
        self._by = by

    def standing(self) -> Suspensions:
        """What is suspended now by somebody's word; `suspend: true` of a spec is not among it."""
        return self._open().records.suspensions()

    def suspend(
        self,
        names: Sequence[str] = (),
        labels: Sequence[str] = (),
        *,
        hosts: Sequence[str] = (),
        project: bool = False,
        why: str = "",
    ) -> list[str]:
        """Start nothing of these runs, on these hosts, in this project, until `resume`. What runs goes on.

        Returns:
            What is suspended now: keys, `host NAME`, `project`.

        Raises:
            RefusedError: Nothing is named.
        """
        subjects = self.subjects(names, labels, hosts, project=project)
        self._write(subjects, "Suspended", why, active=True)
        if self._has_unstarted():
            view = plans.make(self._open(), [], [])
            self._carry_out(replace(view, targeted=True))
        return [word(subject) for subject in subjects]

    def under_way(self, host: str) -> list[str]:
        """Keys of runs whose work is on a host, or whose result is still only there."""
        attempts = self._open().records.load({}).attempts.values()
        return sorted(each.key for tried in attempts for each in tried if each.is_open and each.host == host)

    def resume(
        self,
        names: Sequence[str] = (),
        labels: Sequence[str] = (),
        *,
        hosts: Sequence[str] = (),
        project: bool = False,
        why: str = "",
    ) -> list[str]:
        """End suspensions, and the rest of a host on which runs failed. `apply` goes on.

        Returns:
            What is resumed: keys, `host NAME`, `project`.

        Raises:
            RefusedError: None of these is suspended by a word of this kind.
        """
        subjects = self.resumable(self.subjects(names, labels, hosts, project=project))
        self._write(subjects, "Resumed", why, active=False)
        return [word(subject) for subject in subjects]

    def resumable(self, named: Sequence[Subject]) -> list[Subject]:
        """Those of which a word of this kind holds something back.

        Raises:
            RefusedError: Of none.
        """
        standing = self._open().records.suspensions()
        subjects = [subject for subject in named if subject in self._closed(standing)]
        if not subjects:
            raise self._nothing_to_resume(named, standing)
        return subjects

    def subjects(
        self, names: Sequence[str], labels: Sequence[str], hosts: Sequence[str], *, project: bool
    ) -> list[Subject]:
        """What is meant: runs by key, hosts by name, the project.

        Raises:
            RefusedError: Nothing is named.
        """
        if not (names or labels or hosts or project):
            raise RefusedError("nothing is named", 'name runs, labels, --host NAME or --project; "*" means all runs')
        keys = plans.choose(following.acted_on(self._open()), names, labels) if names or labels else frozenset()
        return [
            *((Scope.RUN, key) for key in sorted(keys)),
            *((Scope.HOST, host) for host in (self._named(hosts) if hosts else ())),
            *([(Scope.PROJECT, "")] if project else []),
        ]

    def _named(self, hosts: Sequence[str]) -> list[str]:
        from cosmos.project.machines import Machines  # it can do all that SSH can

        return Machines(self._open).named(hosts)

    def _write(self, subjects: Sequence[Subject], reason: str, why: str, *, active: bool) -> None:
        opened = self._open()
        now = opened.world.clock.now()
        for scope, subject in subjects:
            said = Suspension(scope=scope, subject=subject, active=active, at=now, by=self._by, why=why)
            opened.records.suspend(said)
            about = subject or opened.settings.name
            opened.records.event("Normal", about, reason, f"by {self._by}{': ' if why else ''}{why}", now)
        reading.note_asked(opened.records, now)

    def _closed(self, standing: Suspensions) -> set[Subject]:
        """Everything that a resume would change."""
        opened = self._open()
        names = [config.name for config in opened.world.host_configs]
        found = {(Scope.RUN, key) for key in standing.runs}
        found |= {(Scope.HOST, host) for host in closures(opened.records.load({}), names, opened.world.clock.now())}
        return found | ({(Scope.PROJECT, "")} if standing.project else set())

    def _has_unstarted(self) -> bool:
        """Something that was started in advance, or is about to start, so that it would begin by itself."""
        attempts = self._open().records.load({}).attempts.values()
        return any(attempt.state is AttemptState.INTENDED for tried in attempts for attempt in tried)

    def _nothing_to_resume(self, named: Sequence[Subject], standing: Suspensions) -> RefusedError:
        by_spec = {want.run.key: want.run.at for want in self._open().desire().runs if want.run.suspend}
        specs = [by_spec[subject].short for _, subject in named if subject in by_spec]
        if specs:
            hint = f"the spec says `suspend: true`: {specs[0]}"
        elif standing.project is not None:
            hint = "the project is suspended as a whole: cosmos resume --project"
        else:
            hint = "cosmos status shows how runs stand, cosmos hosts list how hosts do"
        return RefusedError("none of these is suspended", hint)


def word(subject: Subject) -> str:
    scope, name = subject
    return {Scope.RUN: name, Scope.HOST: f"host {name}", Scope.PROJECT: "project"}[scope]
