"""Specs of a commit, read from git's objects: never half-written, and the same whoever reads them.

What cannot be read comes back as a file with a reason, as from a working tree. What is missing from the repository is
an error, so that no answer is ever a part of one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cosmos.errors import SourceError
from cosmos.source.git import Git
from cosmos.source.tree import SUFFIXES, printable_path

if TYPE_CHECKING:
    from cosmos.core.load import SourceFile

_FILES = (b"100644", b"100755")
_REASONS = {
    b"120000": "it is a link; put what it points to in its place",
    b"160000": "it is a submodule; put its files here",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit. `at` is when it was committed, in seconds since the epoch."""

    sha: str
    author: str
    at: float
    subject: str


@dataclass(frozen=True, slots=True)
class _Entry:
    mode: bytes
    oid: bytes
    size: int
    path: str


class Repository:
    """Reads commits.

    Args:
        git: In the repository.
        prefix: Folder of the project in it, ending in `/`; empty where that is the top.
    """

    def __init__(self, git: Git, prefix: str = "") -> None:
        self._git = git
        self._prefix = prefix

    def resolve(self, ref: str) -> str:
        """The commit that a ref names."""
        words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        code, out, _ = self._git.ask(*words)
        if code != 0:
            raise SourceError(f"there is no commit {ref}", "git log shows those that there are")
        return out.decode("ascii").strip()

    def describe(self, sha: str) -> Commit:
        return self._commits("-1", sha)[0]

    def log(self, sha: str, path: str, limit: int) -> tuple[Commit, ...]:
        """The commits that changed a file of the project, newest first."""
        return self._commits(f"-{limit}", sha, "--", f"{self._prefix}{path}")

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether the history of `new` contains `old`; one that is gone is in no history."""
        code, _, said = self._git.ask("merge-base", "--is-ancestor", old, new)
        if code not in (0, 1) and "not a valid" not in said.lower():
            raise self._git.refused(said)
        return code == 0

    def file(self, sha: str, path: str) -> bytes:
        """A file of the project, as it was."""
        return self._git.run("cat-file", "blob", f"{sha}:{self._prefix}{path}")

    def specs(self, sha: str, folder: str) -> "tuple[SourceFile, ...]":
        """Every spec file below a folder of the project, sorted; hidden ones are not seen.

        Raises:
            SourceError: There is no such folder, or the commit is not here whole.
        """
        entries = [entry for entry in self._entries(sha, folder) if _is_seen(entry, self._shown(entry.path))]
        found = [*self._read([entry for entry in entries if _why_not(entry) == ""])]
        found += [self._refused(entry) for entry in entries if _why_not(entry)]
        return tuple(sorted(found, key=lambda file: file.path))

    def _entries(self, sha: str, folder: str) -> list[_Entry]:
        path = f"{self._prefix}{folder}"
        out = self._git.run("ls-tree", "-r", "-z", "--long", "--full-tree", sha, "--", f"{path}/")
        if not out and not self._git.run("ls-tree", "-z", "--full-tree", "-d", sha, "--", path):
            hint = "commit it, or set project.specs (and git.path, where the project is not the whole repository)"
            raise SourceError(f"commit {sha[:10]} has no folder {path}", hint)
        return [_entry(line) for line in out.split(b"\0") if line]

    def _read(self, entries: Sequence[_Entry]) -> "Iterator[SourceFile]":
        from cosmos.core.load import SourceFile

        data = self._git.run("cat-file", "--batch", data=b"".join(entry.oid + b"\n" for entry in entries))
        at = 0
        for entry in entries:
            head, _, _ = data[at : at + 200].partition(b"\n")
            if head.split(b" ")[1:] != [b"blob", str(entry.size).encode()]:
                hint = "the repository is damaged or not whole: git fsck names what is missing"
                raise SourceError(f"{self._shown(entry.path)} cannot be read from the commit", hint)
            begin = at + len(head) + 1
            yield SourceFile(self._shown(entry.path), data[begin : begin + entry.size])
            at = begin + entry.size + 1

    def _refused(self, entry: _Entry) -> "SourceFile":
        from cosmos.core.load import SourceFile

        return SourceFile(self._shown(entry.path), None, _why_not(entry))

    def _shown(self, path: str) -> str:
        return printable_path(path.removeprefix(self._prefix))

    def _commits(self, *words: str) -> tuple[Commit, ...]:
        out = self._git.run("log", "-z", "--no-show-signature", "--format=%H%n%an <%ae>%n%ct%n%s", *words)
        found = []
        for text in out.decode("utf-8", "replace").split("\0"):
            if text:
                sha, author, at, subject = (*text.split("\n", 3), "", "", "")[:4]
                found.append(Commit(sha=sha, author=author, at=float(at), subject=subject.strip()))
        return tuple(found)


def _entry(line: bytes) -> _Entry:
    facts, _, path = line.partition(b"\t")
    mode, _, oid, size = facts.split()
    return _Entry(mode, oid, int(size) if size.isdigit() else 0, path.decode("utf-8", "surrogateescape"))


def _is_seen(entry: _Entry, shown: str) -> bool:
    """A spec; or what may hide some, as a folder of a working tree that is a link."""
    name = shown.rpartition("/")[2]
    if any(part.startswith(".") for part in shown.split("/")):
        return False
    return name.lower().endswith(SUFFIXES) or (entry.mode not in _FILES and "." not in name)


def _why_not(entry: _Entry) -> str:
    from cosmos.core.yaml12 import BYTES_MAX

    if entry.mode not in _FILES:
        return _REASONS.get(entry.mode, "it is not a regular file")
    if not entry.path.rpartition("/")[2].isprintable():
        return "its name has characters that cannot be shown; rename it"
    return f"it has {entry.size} bytes, and {BYTES_MAX} are read" if entry.size > BYTES_MAX else ""
