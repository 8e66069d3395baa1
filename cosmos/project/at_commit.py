"""A project as it was at a commit: its specs, and those of its inputs that are in git and have changed since."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from cosmos.core.desired import Desired
from cosmos.core.files import FactCache, FileFact, Inputs, Stamp
from cosmos.core.load import SourceFile
from cosmos.core.run import MediaFacts
from cosmos.engine.desire import Surroundings, desire
from cosmos.errors import StorageError
from cosmos.local_ai.probe import MediaProbe
from cosmos.project.wiring import Project
from cosmos.source.checkout import Checkout, Since
from cosmos.store.inputs import ProjectInputs


def checkout(project: Project) -> Checkout:
    return Checkout(project.settings.root)


def specs(project: Project, commit: str) -> tuple[SourceFile, ...]:
    """The spec files of a commit."""
    return checkout(project).specs(commit, project.tree.folder)


def desired(project: Project, commit: str) -> Desired:
    """What the specs of a commit asked for, of the inputs of then."""
    with _inputs(project, commit) as inputs:
        around = project.surroundings
        then = Surroundings(
            project=around.project,
            built_in=around.built_in,
            adapters=around.adapters,
            inputs=inputs,
            hosts=around.hosts,
            max_runs=around.max_runs,
        )
        return desire(specs(project, commit), then)


@contextmanager
def _inputs(project: Project, commit: str) -> Iterator[Inputs]:
    with TemporaryDirectory(prefix="cosmos-") as folder:
        yield _InputsAt(project, commit, Path(folder))


class _InputsAt:
    """Files that git has otherwise at the commit are taken from there, all others from the disk."""

    def __init__(self, project: Project, commit: str, folder: Path) -> None:
        self._commits = checkout(project)
        self._commit = commit
        self._since: Since = self._commits.since(commit)
        self._folder = folder
        self._here = project.surroundings.inputs
        self._then = ProjectInputs(folder, _OnlyMedia(project.facts), MediaProbe())

    def roles(self, folder: str) -> Mapping[str, str]:
        old = [path for path in self._since.there if path.rpartition("/")[0] == folder]
        try:
            now = self._here.roles(folder)
        except StorageError:
            if not old:
                raise
            now = {}
        kept = {role: path for role, path in now.items() if path not in self._since.there | self._since.absent}
        for path in old:
            self._fetch(path)
        return {**kept, **self._then.roles(folder)} if old else kept

    def fact(self, path: str, *, decode: bool) -> FileFact:
        if path in self._since.absent:
            raise StorageError(f"{path} was not there")
        if path not in self._since.there:
            return self._here.fact(path, decode=decode)
        self._fetch(path)
        return self._then.fact(path, decode=decode)

    def _fetch(self, path: str) -> None:
        target = self._folder / path
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            self._commits.write_file(self._commit, path, target)


class _OnlyMedia:
    """Remembers nothing of files that are soon gone, but what their bytes are."""

    def __init__(self, cache: FactCache) -> None:
        self._cache = cache

    def sha256(self, path: str, stamp: Stamp) -> str | None:
        return None

    def remember_sha256(self, path: str, stamp: Stamp, sha256: str) -> None:
        return

    def media(self, sha256: str) -> MediaFacts | str | None:
        return self._cache.media(sha256)

    def remember_media(self, sha256: str, media: MediaFacts | str) -> None:
        self._cache.remember_media(sha256, media)

    def flush(self) -> None:
        self._cache.flush()
