"""A bare mirror of our own, fetched from the repository that a daemon follows.

Nothing is read in that repository itself: its hooks and its configuration stay its own. The commit that is applied is
pinned here, so that rewriting the history there takes nothing away. A mirror that is damaged is fetched anew.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cosmos.errors import ConfigError, SourceError
from cosmos.settings import Settings
from cosmos.source import bare
from cosmos.source.commits import IncompleteError, Repository
from cosmos.source.git import Git
from cosmos.source.signatures import check_signatures

if TYPE_CHECKING:
    from cosmos.core.load import SourceFile

logger = logging.getLogger(__name__)

FOLDER = "specs.git"
FETCH_S = 3600.0
"""For all of a fetch: the first one of a large repository over a thin line."""
SILENT_S = 60.0
"""Without a word of progress, the other side hangs."""
CHECK_S = 600.0
FETCHED, NEWEST, APPLIED = "refs/cosmos/fetched", "refs/cosmos/newest", "refs/cosmos/applied"

_FETCH = (
    *("fetch", "--progress", "--no-tags", "--no-prune", "--no-prune-tags", "--no-write-fetch-head"),
    *("--no-recurse-submodules", "--no-auto-maintenance", "--no-auto-gc", "--end-of-options"),
)
_ELSEWHERE = (
    *("could not read from remote", "unable to access", "couldn't find remote ref", "dubious ownership"),
    *("did not answer", "does not appear to be", "could not read username", "shallow", "no space left"),
)
"""What says nothing about the mirror."""


class Mirror(Repository):
    """The commits of one ref of one repository.

    Args:
        folder: Where the mirror is, or is to be.
        url: The other repository: a path, or an address.
        ref: What of it is followed; `HEAD` is what is checked out there.
        prefix: Folder of the project in it, ending in `/`; empty where that is the top.
        signers: File of those whose commits are taken; None takes all.
        watched: Folders in which something changes with a commit, and whether what lies below counts; none if it is
            elsewhere.
        silent_s: A fetch without a word for so long is given up.
    """

    def __init__(
        self,
        folder: Path,
        url: str,
        ref: str = "HEAD",
        prefix: str = "",
        *,
        signers: Path | None = None,
        watched: tuple[tuple[Path, bool], ...] = (),
        silent_s: float = SILENT_S,
    ) -> None:
        self._folder = folder
        self._url = url
        self._ref = ref
        self._signers = signers
        self._silent_s = silent_s
        self.watched = watched
        super().__init__(Git(folder, bare=True), prefix)

    @property
    def is_local(self) -> bool:
        """The other repository is on this machine: asking it costs next to nothing."""
        return bool(self.watched)

    def fetch(self) -> str:
        """The newest commit there, whole here; signed, where that is asked for.

        Raises:
            SourceError: It cannot be had. What was here before is still here.
        """
        with bare.held(self._folder):
            self._bring_newest()
            newest = self._fetched()
            if self._signers is not None:
                check_signatures(self._git, self._signers, self.pinned(), newest)
            if bare.ref(self._folder, NEWEST) != newest:
                self._git.run("update-ref", NEWEST, newest)
                self._gather()
        return newest

    def pin(self, sha: str) -> None:
        """Keep a commit, whatever becomes of it elsewhere, as the one that is applied."""
        with bare.held(self._folder):
            self._git.run("update-ref", "--end-of-options", APPLIED, self.resolve(sha))

    def pinned(self) -> str:
        """The commit that was applied last, whether or not it can be read; empty where none was.

        Raises:
            SourceError: That cannot be told.
        """
        return bare.ref(bare.there(self._folder), APPLIED)

    def specs(self, sha: str, folder: str) -> "tuple[SourceFile, ...]":
        with self._noting_damage():
            return super().specs(sha, folder)

    def file(self, sha: str, path: str) -> bytes:
        with self._noting_damage():
            return super().file(sha, path)

    @contextmanager
    def _noting_damage(self) -> Iterator[None]:
        try:
            yield
        except IncompleteError:
            bare.mark_damaged(self._folder)
            raise

    def _bring_newest(self) -> None:
        bare.recover(self._folder)
        if not bare.is_ours(self._folder):
            self._make_anew()
            return
        bare.tidy(self._folder)
        try:
            self._bring(self._folder, self._url, f"+{self._ref}:{FETCHED}")
        except SourceError as error:
            bare.tidy(self._folder)
            if any(words in error.message.lower() for words in _ELSEWHERE) or self._is_whole():
                raise
            self._make_anew()

    def _bring(self, folder: Path, url: str, refspec: str) -> None:
        far = Git(folder, [_protocol(url)], bare=True)
        code, _, said = far.ask(*_FETCH, url, refspec, timeout_s=FETCH_S, silent_s=self._silent_s)
        if code != 0 or "rejected" in said:  # what a shallow repository has is rejected with exit code 0
            raise far.refused(said, about=_shown(url))

    def _is_whole(self) -> bool:
        """Every commit and folder can be read, and every file is there."""
        words = ("rev-list", "--objects", "--quiet", "--all")
        code, _, _ = self._git.ask(*words, timeout_s=CHECK_S)
        return code == 0

    def _make_anew(self) -> None:
        """In another folder first, so that a fetch that fails leaves what there was."""
        new = self._folder.with_name(f"{self._folder.name}.new")
        if self._folder.exists():
            logger.warning("%s is damaged or was not made by cosmos: it is fetched anew", self._folder)
        bare.make(new)
        self._bring(new, self._url, f"+{self._ref}:{FETCHED}")
        if pinned := self.pinned():
            self._keep(pinned, new)
        bare.put_in_place(new, self._folder)

    def _keep(self, pinned: str, new: Path) -> None:
        """The pin, from the other repository, or from what is left of the mirror."""
        git = Git(new, bare=True)
        for url, refspec in ((self._url, f"{pinned}:{APPLIED}"), (str(self._folder), f"{APPLIED}:{APPLIED}")):
            with suppress(SourceError):
                if git.ask("cat-file", "-e", f"{pinned}^{{commit}}")[0] == 0:
                    git.run("update-ref", APPLIED, pinned)
                else:
                    self._bring(new, url, refspec)
                return
        logger.warning("the commit that was applied last, %s, is lost: what it asked for cannot be told", pinned[:10])

    def _fetched(self) -> str:
        """A tag may stand before the commit."""
        try:
            return self.resolve(FETCHED)
        except SourceError:
            raise SourceError(
                f"{self._ref} of {_shown(self._url)} is no commit", "set git.ref to a branch or tag"
            ) from None

    def _gather(self) -> None:
        if bare.has_many_packs(self._folder):
            try:
                self._git.run("gc", "--quiet", timeout_s=CHECK_S)
            except SourceError as error:  # another day
                logger.warning("the packs of %s cannot be made one: %s", self._folder, error.message)


def mirror_of(settings: Settings) -> Mirror:
    """Of the repository that the configuration names, or that the project lies in.

    Raises:
        SourceError: The project lies in no repository, and none is configured.
        ConfigError: The file of allowed signers is not there, or where a commit could change it.
    """
    given = settings.git
    signers = _signers(settings)
    folder = settings.state / FOLDER
    prefix = f"{given.path.strip('/')}/" if given.path.strip("/") else ""
    if given.url:
        is_path = _protocol(given.url) == "file" and "://" not in given.url
        url = str(settings.root / Path(given.url).expanduser()) if is_path else given.url
        return Mirror(folder, url, given.ref, prefix, signers=signers)
    git = Git(settings.root)
    top = _line(git, "--show-toplevel")
    prefix = prefix or _line(git, "--show-prefix")
    return Mirror(folder, top, given.ref, prefix, signers=signers, watched=_watched(git, settings.root))


def _signers(settings: Settings) -> Path | None:
    given = settings.git.allowed_signers
    if not given:
        return None
    path = settings.root / Path(given).expanduser()
    if path.resolve().is_relative_to(settings.root.resolve()):
        what = f"git.allowed_signers: {path} lies in the project, where a commit could change it"
        raise ConfigError(what, "keep it elsewhere, as ~/.config/cosmos/allowed_signers")
    if not path.is_file():
        raise ConfigError(f"git.allowed_signers: there is no file {path}", "see docs/daemon.md, or leave it out")
    return path


def _line(git: Git, *words: str) -> str:
    return git.run("rev-parse", *words).decode("utf-8", "surrogateescape").removesuffix("\n")


def _watched(git: Git, root: Path) -> tuple[tuple[Path, bool], ...]:
    """Where a commit on this machine shows: HEAD and the packed refs, and the refs of branches."""
    found: dict[Path, bool] = {}
    for words, deep in ((("--git-dir",), False), (("--git-common-dir",), False), (("--git-path", "refs/heads"), True)):
        with suppress(SourceError):
            found[root / _line(git, *words)] = deep
    return tuple(found.items())


def _protocol(url: str) -> str:
    """`ssh`, `https` or `file`; what else there may be is refused by the configuration."""
    scheme, found, _ = url.partition("://")
    if found:
        return scheme if scheme in ("file", "ssh", "https") else "none"
    before, is_remote, _ = url.partition(":")
    return "ssh" if is_remote and "/" not in before else "file"


def _shown(url: str) -> str:
    """Without who logs in there: some write a token in that place."""
    scheme, found, rest = url.partition("://")
    place = rest.partition("/")[0].rpartition("@")[2] + "/" + rest.partition("/")[2]
    return f"{scheme}://{place}" if found and scheme == "https" else url
