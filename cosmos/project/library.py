"""Prompts and scenes as people look through them: from what is remembered, so that nothing is waited for."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence

from cosmos.core.gallery import Item
from cosmos.core.load import Loaded, load
from cosmos.project import scenery
from cosmos.project.accepting import OUTPUT
from cosmos.project.gallery import Gallery
from cosmos.project.rows import prompt_rows
from cosmos.project.scenery import FOLDER, Uses
from cosmos.project.wiring import Project
from cosmos.prompts import PromptRuns, Prompts
from cosmos.scenes import SceneRow


class Library:
    """The read side of one project. Safe for use from several threads.

    Args:
        project: Opens the project; called when it is first needed.
        gallery: Its runs.
    """

    def __init__(self, project: Callable[[], Project], gallery: Gallery) -> None:
        self._open = project
        self._gallery = gallery
        self._lock = threading.Lock()
        self._loaded: tuple[str, Loaded] | None = None

    def version(self) -> str:
        """Another text once a file has come to a scene or left one."""
        return scenery.stamp(self._open().settings.root / FOLDER)

    def prompts(self) -> Prompts:
        """By name."""
        loaded, (desired, items) = self._specs(), self._gallery.everything()
        phases: dict[str, Counter[str]] = {}
        for item in items:
            phases.setdefault(item.prompt, Counter())[item.status.phase.value] += 1
        scenes = set(scenery.names(self._open().settings.root / FOLDER))
        return Prompts(
            rows=tuple(prompt_rows(self._open().settings.name, loaded.prompts, desired)),
            folders={name: _scenes(scenery.paths_of(each.spec), scenes) for name, each in loaded.prompts.items()},
            phases=phases,
            problems=desired.problems,
        )

    def runs_of(self, prompt: str) -> PromptRuns:
        """The runs of one prompt, by key."""
        runs = tuple(item for item in self._gallery.everything()[1] if item.prompt == prompt)
        made = self._gallery.results(runs)
        texts = tuple((item, made[item.key]) for item in runs if item.key in made and _has_text(item))
        return PromptRuns(runs=runs, texts=texts)

    def scenes(self) -> tuple[SceneRow, ...]:
        """By name, as far as their files have been read."""
        project, used = self._open(), self._uses()
        return tuple(
            scenery.row(project, name, used, read=False) for name in scenery.names(project.settings.root / FOLDER)
        )

    def _uses(self) -> Uses:
        prompts = {name: each.spec for name, each in self._specs().prompts.items()}
        return scenery.uses(self._gallery.everything()[0], prompts)

    def _specs(self) -> Loaded:
        """Read again only when they have changed."""
        project = self._open()
        with self._lock:
            fingerprint = project.tree.fingerprint()
            if self._loaded is None or self._loaded[0] != fingerprint:
                self._loaded = (fingerprint, load(project.read()))
            return self._loaded[1]


def _scenes(paths: Sequence[str], scenes: set[str]) -> tuple[str, ...]:
    """Names of the scenes that some paths are, or are in."""
    inside = [path.removeprefix(f"{FOLDER}/") for path in paths if path.startswith(f"{FOLDER}/")]
    found = [name for path in inside for name in (path, path.rpartition("/")[0]) if name in scenes]
    return tuple(dict.fromkeys(found))


def _has_text(item: Item) -> bool:
    return item.run is not None and OUTPUT in item.run.outputs
