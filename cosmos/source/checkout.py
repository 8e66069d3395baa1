"""The repository that a project's specs are in, as its user has it: what differs from a commit, and making one.

Reading runs nothing of the repository. Making a commit runs the user's hooks, as it does when they type it: it is the
one thing here that does, and that writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cosmos.errors import RefusedError, SourceError
from cosmos.source.commits import Commit, Repository
from cosmos.source.git import Git

if TYPE_CHECKING:
    from cosmos.core.load import SourceFile

COMMIT_S = 900.0
"""Longest time of a commit with its hooks."""


@dataclass(frozen=True, slots=True)
class Since:
    """Files that differ between a commit and the working tree: those that it has, and those that it has not."""

    there: frozenset[str]
    absent: frozenset[str]


class Checkout(Repository):
    """The repository around a folder. Paths are relative to the folder, with `/`.

    Args:
        folder: The project's folder, at the top of the repository or below.

    Raises:
        SourceError: From here and from every method: git cannot do it.
    """

    def __init__(self, folder: Path) -> None:
        git = Git(folder)
        super().__init__(git, git.run("rev-parse", "--show-prefix").decode("utf-8", "surrogateescape").rstrip("\n"))
        self._typed = Git(folder, as_typed=True)

    def since(self, commit: str) -> Since:
        """Files below the folder that are in git and differ between a commit and the working tree."""
        words = ("--name-status", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules", "--relative")
        fields = self._git.run("diff", "-z", *words, commit, "--", ".").decode("utf-8", "backslashreplace").split("\0")
        paths = dict(zip(fields[1::2], fields[::2], strict=False))
        absent = frozenset(path for path, status in paths.items() if status == "A")
        return Since(there=frozenset(paths) - absent, absent=absent)

    def changes(self, folder: str, since: float) -> tuple[Commit, ...]:
        """The commits of this branch that changed a folder of the project since a time, newest first.

        A merge stands for all that came with it. Those before which nothing is known are left out.

        Args:
            folder: As seen from the project.
            since: In seconds since the epoch.
        """
        words = ("--first-parent", "--min-parents=1", f"--since=@{int(since)}", "--end-of-options")
        return self._commits(*words, self.resolve("HEAD"), "--", f"{self._prefix}{folder}")

    def specs_if_any(self, commit: str, folder: str) -> "tuple[SourceFile, ...]":
        """The spec files of a commit; none where it has no such folder, as git keeps no empty ones."""
        code, _, _ = self._git.ask("cat-file", "-e", f"{self.resolve(commit)}:{self._prefix}{folder}")
        return self.specs(commit, folder) if code == 0 else ()

    def write_file(self, commit: str, path: str, target: Path) -> None:
        """Write a file as a checkout of the commit has it, large ones that are kept beside git included."""
        with target.open("wb") as file:
            code, _, said = self._typed.ask(
                "cat-file", "--filters", f"{commit}:./{path}", timeout_s=COMMIT_S, into=file
            )
        if code != 0:
            raise self._git.refused(said)

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

    def unstage_removals(self, paths: Sequence[str]) -> None:
        """Of some files, forget that they are to be gone with the next commit."""
        out = self._git.run("status", "--porcelain=v1", "-z", "--no-renames", "--", *paths)
        staged = {line[3:] for line in out.decode("utf-8", "surrogateescape").split("\0") if line.startswith("D")}
        if staged:
            self._git.run("reset", "--quiet", "--", *paths)

    def commit(self, paths: Sequence[str], message: str) -> str:
        """Commit some files as they are now, or their removal, and nothing else that is staged. Returns the commit."""
        self._git.run("add", "--intent-to-add", "--", *paths)
        words = ("commit", "--quiet", "--only", "--file=-", "--", *paths)
        code, _, said = self._typed.ask(*words, data=message.encode(), timeout_s=COMMIT_S)
        if code != 0:
            self._git.run("reset", "--quiet", "--", *paths)
            last = "\n  ".join(said.strip().splitlines()[-10:]).removeprefix("fatal: ")
            hint = "the files are as they were; with --no-commit they are only edited"
            raise SourceError(f"git did not commit: {last or f'it ended with {code}'}", hint)
        return self.resolve("HEAD")
