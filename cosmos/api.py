"""CosmosAPI: the one facade, for the command line, the page and notebooks.

    with CosmosAPI("my-project") as cosmos:
        view = cosmos.plan()
        print(view.text)
        outcome = cosmos.apply(view)

All that a person can ask for is here; callers only show what comes back. A quick status loads no database library.
"""

import getpass
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from cosmos.config import ConfigManager, Settings
from cosmos.errors import BusyError
from cosmos.outcome import Outcome, PlanView, Progress, StatusView

if TYPE_CHECKING:
    from cosmos import views
    from cosmos.core.desired import Desired
    from cosmos.engine.converge import Converge
    from cosmos.project.machines import Machines
    from cosmos.project.suspending import Suspending
    from cosmos.project.wiring import Project
    from cosmos.scaffold import Scaffold

Listener = Callable[[Progress], None]
"""Called after each pass, and when a run's progress changes."""


class CosmosAPI:
    """One project.

    Args:
        project: A folder of the project; default: the current folder. Parents are tried too.
        settings: The configuration, in place of reading it.

    Raises:
        ConfigError: From any method, when there is no project there or its configuration is wrong.
    """

    def __init__(self, project: Path | str | None = None, *, settings: Settings | None = None) -> None:
        self._start = None if project is None else Path(project)
        self._given = settings
        self._loop: Converge | None = None
        self._detached = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @cached_property
    def settings(self) -> Settings:
        """The configuration in force."""
        return self._given or ConfigManager(self._start).settings()

    @cached_property
    def _project(self) -> "Project":
        from cosmos.project.wiring import open_project

        return open_project(self.settings)

    def close(self) -> None:
        """Give back connections. The object opens itself again when it is used again."""
        project = self.__dict__.pop("_project", None)
        if project is not None:
            project.close()

    @staticmethod
    def init(folder: Path | str, *, demo: bool = False) -> "Scaffold":
        """Make a project of a folder, on request with the sample scene and specs. Overwrites nothing."""
        from cosmos import scaffold

        return scaffold.make(Path(folder), demo=demo)

    # Reading ---------------------------------------------------------------------------------

    def validate(self) -> "Desired":
        """Everything that the specs ask for, with every problem found. Looks at no host."""
        return self._project.desire()

    def plan(self, targets: Sequence[str] = (), labels: Sequence[str] = (), *, rerun: bool = False) -> PlanView:
        """Look, and say what apply would do. Changes nothing but the record of the look.

        Targets are names, ids, globs over keys or unique prefixes; labels are terms as `name=value`, `name!=value`,
        `name`, `!name`. With `rerun` the finished runs among them are planned again.
        """
        from cosmos.project import plans

        return plans.make(self._project, targets, labels, rerun=rerun)

    def status(self, *, look: bool | None = None) -> StatusView:
        """Where every run stands. `look` True looks at the hosts first, False never does.

        None looks when work was under way at the last look, or when there was none yet.
        """
        from cosmos.project import reading

        quick = None if look else reading.quick_status(self.settings)
        if quick is not None and (look is False or not reading.is_moving(quick)):
            return quick
        if look is not False:
            self.plan()
        return reading.status_view(self._project.records.board(), self.settings)

    def runs(self, targets: Sequence[str] = (), labels: Sequence[str] = ()) -> "list[views.RunRow]":
        """Runs of the specs, by key."""
        from cosmos.project import asking

        return asking.runs(self._project, targets, labels)

    def prompts(self) -> "list[views.PromptRow]":
        """Prompts of the specs, by name."""
        from cosmos.project import asking

        return asking.prompts(self._project)

    def models(self) -> "list[views.ModelRow]":
        """Models: those that come with cosmos, and those of the specs."""
        from cosmos.project import asking

        return asking.models(self._project)

    def hosts(self) -> "list[views.HostRow]":
        """Hosts as configured and as found by a look."""
        from cosmos.project import asking

        return asking.hosts(self._project)

    @cached_property
    def machines(self) -> "Machines":
        """The hosts as machines: check, trust, pull."""
        from cosmos.project.machines import Machines

        return Machines(lambda: self._project)

    def show(self, name: str) -> "views.RunDetails | views.PromptRow | views.ModelRow":
        """All about one run, prompt or model (`run/x`, `prompt/x` and `model/x` say which)."""
        from cosmos.project import asking

        return asking.show(self._project, name)

    def explain(self, name: str) -> "views.Explanation":
        """Why a run would or would not start."""
        from cosmos.project import asking

        return asking.explain(self._project, name)

    def logs(
        self,
        name: str,
        *,
        attempt: int | None = None,
        since_s: float | None = None,
        tail: int | None = None,
        follow: bool = False,
    ) -> Iterator[bytes]:
        """The log of a run's newest attempt, or of another by its number, in pieces.

        Only what was written in the last `since_s` seconds, and only the last `tail` lines of that. With `follow` it
        goes on as the log grows, until the attempt ends.
        """
        from cosmos.project import logs

        return logs.read(self._project, name, attempt=attempt, since_s=since_s, tail=tail, follow=follow)

    def known_names(self) -> list[str]:
        """Runs as of the last look, and the names of their matrices. Fast: for completion."""
        from cosmos.project import reading

        return reading.known_names(self.settings)

    @staticmethod
    def schema() -> dict[str, object]:
        """The JSON Schema of a spec document."""
        from cosmos.core.schema import schema

        return schema()

    # Acting ----------------------------------------------------------------------------------

    def apply(
        self,
        view: PlanView,
        *,
        wait: bool = True,
        timeout_s: float | None = None,
        listener: Listener | None = None,
    ) -> Outcome:
        """Make what exists equal to what a plan was made from.

        Args:
            view: From `plan`. What it was made from is applied, whatever happened to the files since.
            wait: Stay until nothing more happens by itself. Otherwise return once everything that can
                start now has started.
            timeout_s: Stop waiting after this time; what runs goes on.
            listener: Told after each pass.

        Raises:
            BusyError: Another controller acts on this project.
        """
        from cosmos.project import requests

        self._detached = False
        with self._project.lock:
            if view.rerun:
                requests.rerun(self._project, view, getpass.getuser())
            targets = view.selected if view.targeted else None
            return self._converge(view, targets, listener, wait=wait, timeout_s=timeout_s)

    def detach(self) -> None:
        """Make a running `apply` or `wait` return soon, from any thread or signal; work on hosts goes on."""
        self._detached = True
        if self._loop is not None:
            self._loop.stop()

    def wait(
        self,
        targets: Sequence[str] = (),
        labels: Sequence[str] = (),
        *,
        timeout_s: float | None = None,
        listener: Listener | None = None,
    ) -> Outcome:
        """Stay until the work that is under way has ended, and collect it. Starts nothing."""
        from cosmos.project import plans, reading

        self._detached = False
        view = plans.make(self._project, targets, labels)
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            left = None if end is None else max(0.0, end - time.monotonic())
            try:
                with self._project.lock:
                    return self._converge(view, frozenset(), listener, wait=True, timeout_s=left)
            except BusyError:
                turn = reading.FOLLOW_S if left is None else min(reading.FOLLOW_S, left)
                outcome = reading.follow(self._project.records.board, view, lambda: self._detached, turn, listener)
            if not outcome.timed_out or (end is not None and time.monotonic() >= end):
                return outcome

    def cancel(self, names: Sequence[str], labels: Sequence[str] = (), *, why: str = "") -> Outcome:
        """Stop runs and start them no more until `retry`. Returns once those alive have stopped."""
        from cosmos.project import requests

        return self._carry_out(requests.cancel(self._project, names, labels, getpass.getuser(), why))

    def retry(
        self, names: Sequence[str], labels: Sequence[str] = (), *, why: str = "", assume_lost: bool = False
    ) -> list[str]:
        """Let failed and cancelled runs be tried again, or those whose work is on hosts that are away, by `apply`."""
        from cosmos.project import requests

        ask = requests.assume_lost if assume_lost else requests.retry
        return ask(self._project, names, labels, getpass.getuser(), why)

    @cached_property
    def suspending(self) -> "Suspending":
        """Suspend and resume runs, hosts and the project."""
        from cosmos.project.suspending import Suspending

        return Suspending(lambda: self._project, self._carry_out, getpass.getuser())

    def _carry_out(self, view: PlanView) -> Outcome:
        """Stop and close what was asked for, and start nothing; or leave it to the controller that is there."""
        try:
            with self._project.lock:
                return self._converge(view, frozenset(), None, wait=False, timeout_s=None)
        except BusyError as busy:
            return Outcome(statuses=view.plan.statuses, problems=view.problems, handed_to=busy.message)

    def _converge(
        self,
        view: PlanView,
        targets: frozenset[str] | None,
        listener: Listener | None,
        *,
        wait: bool,
        timeout_s: float | None,
    ) -> Outcome:
        from cosmos.core.case import Policy
        from cosmos.engine.converge import Converge
        from cosmos.project import plans

        with self._project.engine() as engine:
            self._loop = loop = Converge(engine, lambda report: plans.tell(report, self._project, listener))
            if self._detached:
                loop.stop()
            try:
                report = loop.run(view.desired, Policy(targets=targets), wait=wait, timeout_s=timeout_s)
            finally:
                self._loop = None
        plans.remember(self._project, view.desired)
        return plans.outcome(report, view, detached=loop.stopped, timed_out=loop.timed_out)
