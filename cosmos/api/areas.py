"""The areas of a project that are asked for by name: `cosmos.machines.check()`, `cosmos.upkeep.verify()`.

Each is a small class of `cosmos.project` that opens the project when it is used first.
"""

import logging
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from cosmos.config import ConfigManager
from cosmos.outcome import Progress
from cosmos.settings import Settings

if TYPE_CHECKING:
    from cosmos.project.acting import Acting
    from cosmos.project.doctor import Doctor
    from cosmos.project.foreseeing import Foreseeing
    from cosmos.project.gallery import Gallery
    from cosmos.project.inputs import Inputs
    from cosmos.project.library import Library
    from cosmos.project.machines import Machines
    from cosmos.project.results import Results
    from cosmos.project.review import Review
    from cosmos.project.shortcuts import Shortcuts
    from cosmos.project.specs import Specs
    from cosmos.project.spending import GpuTime
    from cosmos.project.suspending import Suspending
    from cosmos.project.sweeps import Sweeps
    from cosmos.project.upkeep import Upkeep
    from cosmos.project.wiring import Project

logger = logging.getLogger(__name__)

Listener = Callable[[Progress], None]
"""Called after each pass, and when a run's progress changes."""


class Areas:
    """An open project, and its areas.

    Args:
        project: A folder of the project; default: the current folder. Parents are tried too.
        settings: The configuration, in place of reading it.
        tell: Told what a person should know of the project; default: the log is.
    """

    def __init__(
        self,
        project: Path | str | None = None,
        *,
        settings: Settings | None = None,
        tell: Callable[[str], object] = logger.warning,
    ) -> None:
        self._start = None if project is None else Path(project)
        self._given = settings
        self._tell = tell
        self._act: Acting | None = None

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

        return open_project(self.settings, self._tell)

    def close(self) -> None:
        """Give back connections. The object opens itself again when it is used again."""
        project = self.__dict__.pop("_project", None)
        if project is not None:
            project.close()

    @cached_property
    def doctor(self) -> "Doctor":
        """What keeps the project from working; also where there is none yet."""
        from cosmos.project.doctor import Doctor

        return Doctor(lambda: self.settings, lambda: self._project)

    @cached_property
    def gallery(self) -> "Gallery":
        """Runs as people look through them: filtered, in pages, from close by; for the page."""
        from cosmos.project.gallery import Gallery

        return Gallery(lambda: self._project)

    @cached_property
    def library(self) -> "Library":
        """Prompts and scenes as people look through them; for the page."""
        from cosmos.project.library import Library

        return Library(lambda: self._project, self.gallery)

    @cached_property
    def machines(self) -> "Machines":
        """The hosts as machines: check, trust, claim, pull."""
        from cosmos.project.machines import Machines

        return Machines(lambda: self._project)

    @cached_property
    def upkeep(self) -> "Upkeep":
        """Looking after what there is: verify, clear away, back up; what happened."""
        from cosmos.project.upkeep import Upkeep

        return Upkeep(lambda: self._project)

    @cached_property
    def review(self) -> "Review":
        """Changes looked at before they are made: saved plans, specs of other commits, going back."""
        from cosmos.project.review import Review

        return Review(lambda: self._project)

    @cached_property
    def specs(self) -> "Specs":
        """The specs as they are written, and changes of them: fields, new ones, removals, ratings."""
        from cosmos.project.specs import Specs

        return Specs(lambda: self._project)

    @cached_property
    def shortcuts(self) -> "Shortcuts":
        """Specs from a few words: prompts, runs of prompts, larger versions."""
        from cosmos.project.shortcuts import Shortcuts

        return Shortcuts(lambda: self._project, lambda: self.specs)

    @cached_property
    def inputs(self) -> "Inputs":
        """The scenes: what there is, what uses them, and making them of renders."""
        from cosmos.project.inputs import Inputs

        return Inputs(lambda: self._project)

    @cached_property
    def sweeps(self) -> "Sweeps":
        """Specs that make several runs: progress, and which settings are liked."""
        from cosmos.project.sweeps import Sweeps

        return Sweeps(lambda: self._project)

    @cached_property
    def results(self) -> "Results":
        """What runs have made: taken away, traced back, looked for, compared."""
        from cosmos.project.results import Results

        return Results(lambda: self._project)

    @cached_property
    def gpu_time(self) -> "GpuTime":
        """What plans take of GPUs, and whether that is allowed."""
        from cosmos.project.spending import GpuTime

        return GpuTime(lambda: self._project)

    @cached_property
    def suspending(self) -> "Suspending":
        """Suspend and resume runs, hosts and the project."""
        from cosmos.project.suspending import Suspending

        return Suspending(
            lambda: self._project, lambda view: self._acting(None).carry_out(view, follow=False), self._user
        )

    @cached_property
    def foreseeing(self) -> "Foreseeing":
        """What cancel, retry, suspend and resume would do, before they are done."""
        from cosmos.project.foreseeing import Foreseeing

        return Foreseeing(lambda: self._project, self.suspending)

    @property
    def _user(self) -> str:
        from cosmos.project.wiring import user_name

        return user_name()

    def _acting(self, listener: Listener | None) -> "Acting":
        from cosmos.project.acting import Acting

        self._act = Acting(self._project, listener)
        return self._act
