"""The repository that a project's specs are in: what a commit holds, what differs from it, and making a commit.

Reading runs no hook of the repository. Making a commit runs the user's hooks, as it does when they type it: it is the
one thing here that does, and that writes.
"""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cosmos.core.load import SourceFile
from cosmos.core.yaml12 import BYTES_MAX
from cosmos.errors import RefusedError, SourceError
from cosmos.source import SUFFIXES

READ_S, COMMIT_S = 60.0, 900.0
"""Longest time of a question, and of a commit with its hooks."""

_QUIET = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "--no-pager", "--literal-pathspecs")
_OF_ANOTHER = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")
"""A hook that calls cosmos has these, and they may name another repository."""


@dataclass(frozen=True, slots=True)
class Since:
    """Files that differ between a commit and the working tree: those that it has, and those that it has not."""

    there: frozenset[str]
    absent: frozenset[str]


class Commits:
    """Commits of the repository around a folder. Paths are relative to the folder, with `/`.

    Every method raises SourceError when git cannot do it.

    Args:
        folder: The project's folder, at the top of the repository or below.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def resolve(self, ref: str) -> str:
        """The commit that a branch, tag or commit means."""
        try:
            return (
                self._ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").decode().strip()
            )
        except SourceError as error:
            if "not a git repository" in error.message:
                raise
            hint = "name a branch, tag or commit; in CI the checkout must have the whole history (fetch-depth: 0)"
            raise SourceError(f'there is no commit "{ref}" here', hint) from None

    def specs(self, commit: str, folder: str) -> tuple[SourceFile, ...]:
        """The spec files of a commit below a folder, sorted; hidden ones are not seen."""
        found = []
        for line in self._ask("ls-tree", "-r", "-z", "-l", commit, "--", f"{folder}/").split(b"\0"):
            about, _, name = line.partition(b"\t")
            path = name.decode("utf-8", "backslashreplace")
            hidden = any(part.startswith(".") for part in path.removeprefix(f"{folder}/").split("/"))
            if path.lower().endswith(SUFFIXES) and not hidden:
                found.append(self._spec(path, *about.decode("ascii").split()))
        return tuple(sorted(found, key=lambda file: file.path))

    def _spec(self, path: str, mode: str, kind: str, blob: str, size: str) -> SourceFile:
        if kind != "blob" or mode == "120000":
            return SourceFile(path, None, "it is a link in that commit")
        if int(size) > BYTES_MAX:
            return SourceFile(path, None, f"larger than {BYTES_MAX // 1024} KiB")
        return SourceFile(path, self._ask("cat-file", "blob", blob))

    def since(self, commit: str) -> Since:
        """Files below the folder that are in git and differ between a commit and the working tree."""
        words = ("--name-status", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules", "--relative")
        fields = self._ask("diff", "-z", *words, commit, "--", ".").decode("utf-8", "backslashreplace").split("\0")
        paths = dict(zip(fields[1::2], fields[::2], strict=False))
        absent = frozenset(path for path, status in paths.items() if status == "A")
        return Since(there=frozenset(paths) - absent, absent=absent)

    def write_file(self, commit: str, path: str, target: Path) -> None:
        """Write a file as a checkout of the commit has it, large ones that are kept beside git included."""
        with target.open("wb") as file:
            self._ask("cat-file", "--filters", f"{commit}:./{path}", into=file)

    def require_clean(self, paths: Sequence[str]) -> None:
        """Refuse to go on where a file is not as it was committed.

        Raises:
            RefusedError: It is not.
        """
        words = ("--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignored=matching")
        for line in self._ask("status", *words, "--", *paths).decode("utf-8", "backslashreplace").split("\0"):
            if line:
                what = "is in no commit" if line[:2] in ("??", "!!") else "has changes that are not committed"
                raise RefusedError(f"{line[3:]} {what}", "commit or remove them first: nothing was changed")

    def commit(self, paths: Sequence[str], message: str) -> str:
        """Commit some files as they are now, and nothing else that is staged. Returns the commit."""
        self._ask("add", "--intent-to-add", "--", *paths)
        words = (
            "commit",
            "--quiet",
            "--only",
            "--file=-",
            "--",
            *(f":(top,literal){self._top(path)}" for path in paths),
        )
        try:
            self._run(words, message.encode(), COMMIT_S)
        except SourceError as error:
            self._ask("reset", "--quiet", "--", *paths)
            hint = "the files are as they were; with --no-commit they are only edited"
            raise SourceError(f"git did not commit: {error.message}", hint) from None
        return self.resolve("HEAD")

    def _top(self, path: str) -> str:
        return self._ask("rev-parse", "--show-prefix").decode().strip("\n") + path

    def _ask(self, *words: str, into: IO[bytes] | None = None) -> bytes:
        return self._run((*_QUIET, *words), b"", READ_S, into)

    def _run(self, words: Sequence[str], said: bytes, limit_s: float, into: IO[bytes] | None = None) -> bytes:
        kept = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER}
        try:
            done = subprocess.run(
                ["git", "-C", str(self._folder), *words],
                env={**kept, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
                input=said,
                stdout=subprocess.PIPE if into is None else into,
                stderr=subprocess.PIPE,
                timeout=limit_s,
                check=False,
            )
        except FileNotFoundError:
            raise SourceError("git is not installed") from None
        except subprocess.TimeoutExpired:
            raise SourceError(f"git did not end within {limit_s:.0f} s") from None
        if done.returncode != 0:
            said_last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-10:]
            words_of_git = "\n  ".join(said_last).removeprefix("fatal: ")
            raise SourceError(words_of_git or f"git {words[0]} ended with {done.returncode}")
        return done.stdout or b""
