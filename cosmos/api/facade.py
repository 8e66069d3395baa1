"""CosmosAPI: the one facade, for the command line, the page and notebooks.

    with CosmosAPI("my-project") as cosmos:
        view = cosmos.plan()
        print(view.text)
        outcome = cosmos.apply(view)

All that a person can ask for is here or in one of its areas (`cosmos.machines`, `cosmos.review`, ...); callers only
show what comes back. A quick status loads no database library.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cosmos.api.areas import Areas, Listener
from cosmos.outcome import Outcome, Pass, PlanView, StatusView

if TYPE_CHECKING:
    from cosmos import views
    from cosmos.core.desired import Desired
    from cosmos.project.keeping import Keeper
    from cosmos.prompts import PromptRow
    from cosmos.scaffold import Scaffold


class CosmosAPI(Areas):
    """One project.

    Args:
        project: A folder of the project; default: the current folder. Parents are tried too.
        settings: The configuration, in place of reading it.
        tell: Told what a person should know of the project; default: the log is.

    Raises:
        ConfigError: From any method, when there is no project there or its configuration is wrong.
    """

    @staticmethod
    def init(folder: Path | str, *, demo: bool = False) -> "Scaffold":
        """Make a project of a folder, on request with the sample scene and specs. Overwrites nothing."""
        from cosmos import scaffold

        return scaffold.make(Path(folder), demo=demo)

    # Reading ---------------------------------------------------------------------------------

    def validate(self) -> "Desired":
        """Everything that the specs ask for, with every problem found. Looks at no host."""
        return self._project.desire()

    def plan(
        self,
        targets: Sequence[str] = (),
        labels: Sequence[str] = (),
        *,
        rerun: bool = False,
        prune: bool = False,
        accept_removals: bool = False,
    ) -> PlanView:
        """Look, and say what apply would do. Changes nothing but the record of the look.

        Targets are names, ids, globs over keys or unique prefixes; labels are terms as `name=value`, `name!=value`,
        `name`, `!name`. `rerun` plans the finished ones again; `prune` stops what runs for specs that are gone,
        as many as a daemon would believe, or with `accept_removals` all.
        """
        from cosmos.project import plans

        return plans.make(self._project, targets, labels, rerun=rerun, prune=prune, accept_removals=accept_removals)

    def status(self, *, look: bool | None = None) -> StatusView:
        """Where every run stands. `look` True looks at the hosts first, False never does.

        None looks when work was under way at the last look, or there was none yet. Where a daemon is, it is asked to.
        """
        from cosmos.project import reading

        view = reading.quick_status(self.settings) or reading.status_view(self._project.records.board(), self.settings)
        if look is False or (look is None and reading.is_fresh(view)):
            return view
        if view.daemon is not None:
            self.reconcile(timeout_s=60.0)
        else:
            self.plan()
        return reading.status_view(self._project.records.board(), self.settings)

    def runs(self, targets: Sequence[str] = (), labels: Sequence[str] = (), *, where: str = "") -> "list[views.RunRow]":
        """Runs of the specs, by key; those for which `where` holds, as in `source.where` of a spec."""
        from cosmos.project import asking

        return asking.runs(self._project, targets, labels, where)

    def prompts(self) -> "list[PromptRow]":
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

    def show(self, name: str) -> "views.RunDetails | PromptRow | views.ModelRow":
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
        max_gpu_hours: float | None = None,
        listener: Listener | None = None,
    ) -> Outcome:
        """Make what exists equal to what a plan was made from.

        Args:
            view: From `plan`. What it was made from is applied, whatever happened to the files since.
            wait: Stay until nothing more happens by itself. Otherwise return once everything that can
                start now has started.
            timeout_s: Stop waiting after this time; what runs goes on.
            max_gpu_hours: Refuse a plan that may take more; default: project.max_gpu_hours.
            listener: Told after each pass.

        A daemon that is there does it, and is followed.

        Raises:
            RefusedError: It may take more GPU time than is allowed; nothing was recorded.
            BusyError: Another controller acts on this project, or a daemon that follows other specs.
            Fenced: Another one took over meanwhile, because this one was silent too long.
        """
        most = self.settings.max_gpu_hours if max_gpu_hours is None else max_gpu_hours
        return self._acting(listener).apply(view, self._user, wait=wait, timeout_s=timeout_s, max_gpu_hours=most)

    def detach(self) -> None:
        """Make a running `apply` or `wait` return soon, from any thread or signal; work on hosts goes on."""
        if self._act is not None:
            self._act.detach()

    def wait(
        self,
        targets: Sequence[str] = (),
        labels: Sequence[str] = (),
        *,
        timeout_s: float | None = None,
        listener: Listener | None = None,
    ) -> Outcome:
        """Stay until the work that is under way has ended, and collect it. Starts nothing."""
        return self._acting(listener).wait(targets, labels, timeout_s)

    def cancel(
        self, names: Sequence[str], labels: Sequence[str] = (), *, why: str = "", listener: Listener | None = None
    ) -> Outcome:
        """Stop runs and start them no more until `retry`. Returns once those alive have stopped."""
        return self._acting(listener).cancel(names, labels, self._user, why)

    def retry(
        self, names: Sequence[str], labels: Sequence[str] = (), *, why: str = "", assume_lost: bool = False
    ) -> list[str]:
        """Let failed and cancelled runs be tried again, or those whose work is on hosts that are away, by `apply`."""
        from cosmos.project import requests

        ask = requests.assume_lost if assume_lost else requests.retry
        return ask(self._project, names, labels, self._user, why)

    def keeper(
        self, *, working_tree: bool, listener: Callable[[Pass], None], failed: Callable[[str, float, float], None]
    ) -> "Keeper":
        """The loop of a daemon. It follows the commits or, with `working_tree`, the spec files as they are.

        `listener` is told of each pass; `failed` of each one that failed, when, and when the next one is.
        """
        from cosmos.project import keeping
        from cosmos.source.mirror import mirror_of

        mirror = None if working_tree else mirror_of(self.settings)
        return keeping.keeper(self._project, mirror, listener=listener, failed=failed)

    def reconcile(self, *, accept_removals: bool = False, timeout_s: float | None = None) -> bool:
        """Ask the daemon of this project to look now, and wait until a pass that began after this has ended.

        `accept_removals` says that the removals which it holds back are meant. False when the time was over first.

        Raises:
            RefusedError: No daemon is there, or it holds no removals back.
        """
        return self._acting(None).reconcile(timeout_s, accept_removals=accept_removals)
