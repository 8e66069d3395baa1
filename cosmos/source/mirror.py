"""A bare mirror of our own, fetched from the repository that a daemon follows.

Nothing is read in that repository itself: its hooks and its configuration stay its own. The commit that is applied is
pinned here, so that rewriting the history there takes nothing away.
"""

import shutil
from contextlib import suppress
from pathlib import Path

from cosmos.errors import ConfigError, SourceError
from cosmos.settings import Settings
from cosmos.source.commits import Repository
from cosmos.source.git import Git
from cosmos.source.signatures import check_signatures

FOLDER = "specs.git"
FETCH_S = 120.0
NEWEST, APPLIED = "refs/cosmos/newest", "refs/cosmos/applied"


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
    ) -> None:
        self._folder = folder
        self._url = url
        self._ref = ref
        self._signers = signers
        self.watched = watched
        super().__init__(Git(folder, [_protocol(url)]), prefix)

    @property
    def is_local(self) -> bool:
        """The other repository is on this machine: asking it costs next to nothing."""
        return bool(self.watched)

    def fetch(self) -> str:
        """The newest commit there, whole here; signed, where that is asked for.

        Raises:
            SourceError: It cannot be had. What was here before is still here.
        """
        self._make()
        words = ("fetch", "--no-progress", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
        refspec = f"+{self._ref}:{NEWEST}"
        code, _, said = self._git.ask(*words, "--end-of-options", self._url, refspec, timeout_s=FETCH_S)
        if code != 0 or "rejected" in said:  # what a shallow repository has is rejected with exit code 0
            raise self._git.refused(said)
        newest = self.resolve(NEWEST)
        if self._signers is not None and newest != self.pinned():
            check_signatures(self._git, self._signers, self.pinned(), newest)
        return newest

    def pin(self, sha: str) -> None:
        """Keep a commit, whatever becomes of it elsewhere, as the one that is applied."""
        self._git.run("update-ref", APPLIED, sha)

    def pinned(self) -> str:
        """The commit that was applied last; empty where none was."""
        try:
            return self.resolve(APPLIED)
        except SourceError:
            return ""

    def _make(self) -> None:
        """Anew, where there is none or what is there is no repository."""
        if (self._folder / "HEAD").is_file():
            code, _, _ = self._git.ask("rev-parse", "--git-dir")
            if code == 0:
                return
            shutil.rmtree(self._folder)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            hint = "make it writable for this user, or set project.state to another folder"
            raise SourceError(f"cannot make {self._folder}: {error.strerror}", hint) from None
        self._git.run("init", "--quiet", "--bare", "--template=", ".")


def mirror_of(settings: Settings) -> Mirror:
    """Of the repository that the configuration names, or that the project lies in.

    Raises:
        SourceError: The project lies in no repository, and none is configured.
        ConfigError: The file of allowed signers is not there.
    """
    given = settings.git
    signers = (settings.root / Path(given.allowed_signers).expanduser()) if given.allowed_signers else None
    if signers is not None and not signers.is_file():
        raise ConfigError(f"git.allowed_signers: there is no file {signers}", "see docs/gitops.md, or leave it out")
    folder = settings.state / FOLDER
    prefix = f"{given.path.strip('/')}/" if given.path.strip("/") else ""
    if given.url:
        is_path = _protocol(given.url) == "file" and "://" not in given.url
        url = str(settings.root / Path(given.url).expanduser()) if is_path else given.url
        return Mirror(folder, url, given.ref, prefix, signers=signers)
    git = Git(settings.root)
    top = git.run("rev-parse", "--show-toplevel").decode().rstrip("\n")
    prefix = prefix or git.run("rev-parse", "--show-prefix").decode().rstrip("\n")
    return Mirror(folder, top, given.ref, prefix, signers=signers, watched=_watched(git, settings.root))


def _watched(git: Git, root: Path) -> tuple[tuple[Path, bool], ...]:
    """Where a commit on this machine shows: HEAD and the packed refs, and the refs of branches."""
    found: dict[Path, bool] = {}
    for words, deep in ((("--git-dir",), False), (("--git-common-dir",), False), (("--git-path", "refs/heads"), True)):
        with suppress(SourceError):
            found[root / git.run("rev-parse", *words).decode().rstrip("\n")] = deep
    return tuple(found.items())


def _protocol(url: str) -> str:
    """`ssh`, `https` or `file`; what else there may be is refused by the configuration."""
    scheme, found, _ = url.partition("://")
    if found:
        return "file" if scheme == "file" else scheme
    before, is_remote, _ = url.partition(":")
    return "ssh" if is_remote and "/" not in before else "file"
