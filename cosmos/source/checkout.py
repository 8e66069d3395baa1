"""A working tree and its repository: what differs between them, and making a commit.

Reading goes through `Git`, which runs no hook. Making a commit runs the user's hooks, with their settings and name, as
it does when they type it: it is the one thing in cosmos that does, and that writes to their repository.
"""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cosmos.errors import RefusedError, SourceError
from cosmos.source.commits import Repository
from cosmos.source.git import Git

COMMIT_S = 900.0
"""Longest time of a commit with its hooks."""
SAID = 10
"""Lines of what git or a hook said that are shown."""

_OF_ANOTHER = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")
"""A hook that calls cosmos has these, and they may name another repository."""


@dataclass(frozen=True, slots=True)
class Since:
    """Files that differ between a commit and the working tree: those that it has, and those that it has not."""

    there: frozenset[str]
    absent: frozenset[str]


class Checkout:
    """The working tree around a project. Paths are relative to the project, with `/`.

    Every method raises SourceError when git cannot do it.

    Args:
        folder: The project's folder, at the top of the working tree or below.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._git = Git(folder)

    def repository(self) -> Repository:
        """Its commits."""
        return Repository(self._git, self._git.run("rev-parse", "--show-prefix").decode().rstrip("\n"))

    def since(self, commit: str) -> Since:
        """Files of the project that are in git and differ between a commit and the working tree."""
        words = ("--name-status", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules", "--relative")
        fields = self._git.run("diff", "-z", *words, commit, "--", ".").decode("utf-8", "backslashreplace").split("\0")
        paths = dict(zip(fields[1::2], fields[::2], strict=False))
        absent = frozenset(path for path, status in paths.items() if status == "A")
        return Since(there=frozenset(paths) - absent, absent=absent)

    def file_of(self, commit: str, path: str) -> bytes:
        """A file as a checkout of the commit has it, also one that is kept beside git."""
        return self._git.run("cat-file", "--filters", f"{commit}:./{path}", timeout_s=COMMIT_S)

    def require_clean(self, paths: Sequence[str]) -> None:
        """Refuse to go on where a file is not as it was committed.

        Raises:
            RefusedError: It is not.
        """
        words = ("--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignored=matching")
        for line in self._git.run("status", *words, "--", *paths).decode("utf-8", "backslashreplace").split("\0"):
            if line:
                what = "is in no commit" if line[:2] in ("??", "!!") else "has changes that are not committed"
                raise RefusedError(f"{line[3:]} {what}", "commit or remove them first: nothing was changed")

    def commit(self, paths: Sequence[str], message: str) -> str:
        """Commit some files as they are now, and nothing else that is staged. Returns the commit."""
        self._git.run("add", "--intent-to-add", "--", *paths)
        try:
            self._commit([f":(literal){path}" for path in paths], message)
        except SourceError:
            self._git.run("reset", "--quiet", "--", *paths)
            raise
        return self.repository().resolve("HEAD")

    def _commit(self, paths: Sequence[str], message: str) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER}
        try:
            done = subprocess.run(
                ["git", "commit", "--quiet", "--only", "--file=-", "--", *paths],
                cwd=self._folder,
                env={**kept, "GIT_TERMINAL_PROMPT": "0"},
                input=message.encode(),
                capture_output=True,
                timeout=COMMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise SourceError(f"git commit did not end within {COMMIT_S:.0f} s") from None
        if done.returncode != 0:
            said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()[-SAID:]
            hint = "the files are as they were; with --no-commit they are only edited"
            words = "".join(f"\n  {line}" for line in said)
            raise SourceError(f"git did not commit:{words or ' it does not say why'}", hint)
