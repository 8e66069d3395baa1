"""The spec files of a working tree, and the git revision they are at.

The project's wiring makes one `WorkingTree`. It reads and never writes, follows no link out of the
project, opens nothing but regular files, and fetches no more of a file than `core.load` would look at.
What cannot be read comes back as a file with a reason, not as an absence: an absent spec means that its
runs are no longer wanted.
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cosmos.errors import ConfigError, SourceError
from cosmos.source.git import Git

if TYPE_CHECKING:  # a quick status asks for the fingerprint, and must not load what reads YAML
    from cosmos.core.load import SourceFile

SUFFIXES = (".yaml", ".yml")
DIRTY = "-dirty"
"""Behind a commit: the specs were not all as it has them."""
GIT_TIMEOUT_S = 10.0

_STATUS = ("status", "--porcelain=v2", "--branch", "-z", "--no-renames", "--ignore-submodules=all")
_WITH_UNKNOWN_FILES = ("--untracked-files=all", "--ignored=traditional")
_FIELDS_BEFORE_PATH = {b"1": 8, b"u": 10, b"?": 1, b"!": 1}
"""Of each sort of line of `git status --porcelain=v2`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """The commit that a working tree is at.

    `dirty` says that the spec files are not those of the commit. Where no commit is known, `commit` is
    empty, `dirty` is True, and `why` is a sentence about it; that is no error, as cosmos works without git.
    """

    commit: str
    dirty: bool
    why: str = ""

    @property
    def words(self) -> str:
        """As attempts and results record it."""
        return f"{self.commit}{DIRTY if self.dirty and self.commit else ''}"


class WorkingTree:
    """Spec files as they are on this machine.

    Args:
        root: The project's folder.
        specs: The folder of its specs, below `root`.
    """

    def __init__(self, root: Path, specs: Path) -> None:
        self._root = root
        self._specs = specs

    @property
    def folder(self) -> str:
        """The specs, as seen from the project."""
        return self._specs.relative_to(self._root).as_posix()

    def read(self) -> "tuple[SourceFile, ...]":
        """Every file below the specs folder that ends in .yaml or .yml, sorted; hidden ones are not seen.

        Raises:
            ConfigError: There is no specs folder to read.
        """
        self._check_folder()
        found = (self._file(path, reason) for path, reason in self._entries())
        return tuple(sorted(found, key=lambda file: file.path))

    def fingerprint(self) -> str:
        """Another text whenever the spec files may have changed, from names, sizes and times alone. Raises nothing."""
        lines = sorted(f"{self._shown(path)}\0{reason}\0{_stamp(path)}\n" for path, reason in self._entries())
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def revision(self) -> Revision:
        """The commit, and whether the spec files differ from it; those that git ignores differ too."""
        try:
            out = Git(self._root).run(*_STATUS, *_WITH_UNKNOWN_FILES, "--", str(self._specs), timeout_s=GIT_TIMEOUT_S)
        except SourceError as error:
            return _unknown(error.message.removeprefix(f"{self._root}: "))
        return _revision(out.split(b"\0"))

    def tracked(self, paths: Iterable[Path]) -> str:
        """One of the files there that git tracks, as seen from the project; empty without any, or without a repository.

        Raises:
            SourceError: There is a repository, and git cannot tell.
        """
        paths = [each for path in paths for each in (path.absolute(), path.resolve())]
        inside = [str(path) for path in paths if any(map(path.is_relative_to, (self._root, self._root.resolve())))]
        if not inside:
            return ""
        try:
            out = Git(self._root).run("ls-files", "-z", "--", *inside, timeout_s=GIT_TIMEOUT_S)
        except SourceError:
            if not any((folder / ".git").exists() for folder in (self._root, *self._root.parents)):
                return ""
            raise
        return printable_path(out.split(b"\0")[0].decode("utf-8", "surrogateescape"))

    def _check_folder(self) -> None:
        hint = "make it with `cosmos init`, or set project.specs in cosmos.toml"
        try:
            is_folder = stat.S_ISDIR(self._specs.stat().st_mode)
        except FileNotFoundError:
            raise ConfigError(f"there is no folder {self._shown(self._specs)} in {self._root}", hint) from None
        except OSError as error:
            raise ConfigError(f"{self._specs} cannot be read: {error.strerror}", hint) from None
        if not is_folder:
            raise ConfigError(f"{self._specs} is a file, and should be the folder of the specs", hint)
        if not self._is_inside(self._specs):
            raise ConfigError(f"{self._specs} is outside of the project {self._root}", hint)

    def _entries(self) -> Iterator[tuple[Path, str]]:
        """Paths to read, each with the reason why it cannot be, or an empty text."""
        folders = [self._specs]
        while folders:
            folder = folders.pop()
            try:
                paths = [path for path in folder.iterdir() if not path.name.startswith(".")]
            except OSError as error:
                yield folder, f"the folder cannot be listed: {error.strerror}"
                continue
            for path in paths:
                is_spec = path.name.lower().endswith(SUFFIXES)
                is_folder = not is_spec and _is_folder(path)
                if is_spec or is_folder is None or (is_folder and path.is_symlink()):
                    yield path, self._why_not(path)
                elif is_folder:
                    folders.append(path)

    def _why_not(self, path: Path) -> str:
        """Reason why a path is not to be opened, or an empty text."""
        try:
            mode = path.stat().st_mode
        except FileNotFoundError as error:
            return "it is a link to nothing" if path.is_symlink() else str(error.strerror)
        except OSError as error:
            return str(error.strerror)
        if path.is_symlink() and not self._is_inside(path):
            return "it is a link to outside of the project; copy what it points to"
        if stat.S_ISDIR(mode):
            return (
                "it is a link to a folder; move the folder here" if path.is_symlink() else "it is a folder; rename it"
            )
        if not stat.S_ISREG(mode):
            return "it is not a regular file"
        return "" if path.name.isprintable() else "its name has characters that cannot be shown; rename it"

    def _file(self, path: Path, reason: str) -> "SourceFile":
        from cosmos.core.load import SourceFile

        shown = self._shown(path)
        if reason:
            return SourceFile(shown, None, reason)
        try:
            return SourceFile(shown, _first_bytes(path))
        except OSError as error:
            return SourceFile(shown, None, error.strerror or str(error))

    def _is_inside(self, path: Path) -> bool:
        try:
            return path.resolve(strict=True).is_relative_to(self._root.resolve())
        except (OSError, RuntimeError):
            return False

    def _shown(self, path: Path) -> str:
        """Path below the project with `/`, in characters that any terminal and any log can take."""
        inside = path.relative_to(self._root) if path.is_relative_to(self._root) else path
        return printable_path(inside.as_posix())


def printable_path(text: str) -> str:
    """A path in characters that any terminal and any log can take."""
    return text if text.isprintable() else text.encode("unicode_escape", "surrogatepass").decode("ascii")


def _is_folder(path: Path) -> bool | None:
    """None where one may not even ask, so that there may be specs behind it."""
    try:
        return path.is_dir()
    except OSError:
        return None


def _first_bytes(path: Path) -> bytes:
    """One byte more than is looked at, so that the reader can tell that it was too much.

    O_NONBLOCK: what was a regular file a moment ago may be a pipe now, and opening that would wait.
    """
    from cosmos.core.yaml12 import BYTES_MAX

    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        return file.read(BYTES_MAX + 1)


def _stamp(path: Path) -> str:
    try:
        found = path.stat()
    except OSError as error:
        return str(error.errno)
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino} {found.st_mode}"


def _unknown(why: str) -> Revision:
    return Revision(commit="", dirty=True, why=why)


def _revision(lines: list[bytes]) -> Revision:
    """Read NUL-separated lines of `git status --porcelain=v2 --branch`."""
    heads = [line.split(b" ", 2)[2] for line in lines if line.startswith(b"# branch.oid ")]
    if not heads or heads[0] == b"(initial)":
        return _unknown("the repository has no commit yet")
    return Revision(commit=heads[0].decode("ascii"), dirty=any(_is_about_a_spec(line) for line in lines))


def _is_about_a_spec(line: bytes) -> bool:
    sort = line[:1]
    if sort not in _FIELDS_BEFORE_PATH:
        return False
    path = line.split(b" ", _FIELDS_BEFORE_PATH[sort])[-1]
    return path.lower().endswith(tuple(suffix.encode() for suffix in SUFFIXES))
