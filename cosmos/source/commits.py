"""Specs of a commit, read from git's objects: never half-written, and the same whoever reads them.

What cannot be read comes back as a file with a reason, as from a working tree. What is missing from the repository is
an error, so that no answer is ever a part of one. Nothing is looked up in the file system: no link is followed.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cosmos.core.observed import NO_COMMIT, Origin, origin
from cosmos.errors import SourceError
from cosmos.source.git import Git, clean
from cosmos.source.tree import SUFFIXES, Revision, printable_path

if TYPE_CHECKING:
    from cosmos.core.load import SourceFile

logger = logging.getLogger(__name__)

FILE_MAX = 64 << 20
SPECS_MAX = 256 << 20
"""Bytes of one file, and of all specs of a commit."""

_FILES = (b"100644", b"100755")
_LINK, _SUBMODULE, _FOLDER = b"120000", b"160000", b"040000"
_NO_FOLDER = (b"blob", b"dangling", b"loop", b"notdir")
"""Where a link may end so that there can be no specs behind it."""
_TREE = re.compile(r"[0-9a-f]+ tree [0-9]+")
_REASONS = {
    _LINK: "it is a link; put what it points to in its place",
    _SUBMODULE: "it is a submodule; put its files here",
    _FOLDER: "it is a folder; rename it",
}


class IncompleteError(SourceError):
    """Objects are missing from the repository, or broken."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} cannot be read: objects of git are missing or broken", "git fsck names them; fetch them again"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit. `at` is when it was committed, in seconds since the epoch; the words can be shown anywhere."""

    sha: str
    author: str
    at: float
    subject: str


@dataclass(frozen=True, slots=True)
class _Entry:
    """`path` is that below the specs folder; `why` says why it cannot be read, or is empty."""

    mode: bytes
    oid: bytes
    size: int
    path: str
    why: str = ""


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
        code, out, said = self._git.ask(*words)
        if code != 0:
            if "not a git repository" in said:
                raise self._git.refused(said)
            hint = "name a branch, tag or commit; in CI the checkout must have the whole history (fetch-depth: 0)"
            raise SourceError(f'there is no commit "{clean(ref)}" here', hint)
        return out.decode("ascii").strip()

    def describe(self, sha: str) -> Commit:
        return self._commits("-1", "--end-of-options", sha)[0]

    def log(self, sha: str, path: str, limit: int) -> tuple[Commit, ...]:
        """The commits that changed a file of the project, newest first."""
        return self._commits(f"-{limit}", "--end-of-options", sha, "--", f"{self._prefix}{path}")

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether the history of `new` contains `old`; one that is gone is in no history."""
        code, _, said = self._git.ask("merge-base", "--is-ancestor", "--end-of-options", old, new)
        if code not in (0, 1) and not ("not a valid" in said.lower() and old in said):
            raise self._git.refused(said)
        return code == 0

    def file(self, sha: str, path: str) -> bytes:
        """A file of the project, as it was.

        Raises:
            SourceError: There is none, it is no regular file, or too large.
        """
        at = f"{self._prefix}{path}"
        out = self._git.run("ls-tree", "-z", "--long", "--full-tree", "--end-of-options", sha, "--", at)
        found = [entry for entry in map(_entry, out.split(b"\0")[:-1]) if entry.path == at]
        if not found or found[0].mode not in _FILES or found[0].size > FILE_MAX:
            what = "which is no regular file" if found else "which is not there"
            what = "which is too large" if found and found[0].size > FILE_MAX else what
            raise SourceError(f"commit {sha[:10]}: {printable_path(path)}, {what}", "name a file that is in the commit")
        return self._git.run("cat-file", "blob", found[0].oid.decode("ascii"), bytes_max=FILE_MAX)

    def specs(self, sha: str, folder: str) -> "tuple[SourceFile, ...]":
        """Every spec file below a folder of the project, sorted; hidden ones are not seen.

        Raises:
            SourceError: There is no such folder, or more in it than is read.
            IncompleteError: The commit is not here whole.
        """
        from cosmos.core.load import SourceFile

        entries = self._entries(sha, folder)
        refused = [SourceFile(_shown(folder, entry), None, entry.why) for entry in entries if entry.why]
        found = [*self._read([entry for entry in entries if not entry.why], folder), *refused]
        return tuple(sorted(found, key=lambda file: file.path))

    def _entries(self, sha: str, folder: str) -> list[_Entry]:
        tree = self._tree(sha, folder)
        code, out, _ = self._git.ask("ls-tree", "-r", "-t", "-z", "--long", "--full-tree", "--end-of-options", tree)
        if code != 0 or b" BAD\t" in out:
            raise IncompleteError(f"commit {sha[:10]}")
        seen = _seen([_entry(line) for line in out.split(b"\0")[:-1]])
        links = [entry.path for entry in seen if entry.mode == _LINK and not _is_spec(entry.path)]
        harmless = self._harmless(sha, f"{self._prefix}{folder}", links)
        return [entry for entry in seen if entry.path not in harmless]

    def _tree(self, sha: str, folder: str) -> str:
        """The folder's object."""
        path = f"{self._prefix}{folder}"
        asked = f"{sha}^{{commit}}\n{sha}^{{tree}}\n{sha}:{path}\n"
        out = self._git.run("cat-file", "--batch-check", data=asked.encode("utf-8", "surrogateescape"))
        commit, top, found = out.decode("utf-8", "replace").split("\n")[:3]
        if commit.endswith(" missing"):
            raise SourceError(f'there is no commit "{clean(sha[:40])}" here', "fetch it, or name another one")
        if top.endswith(" missing"):
            raise IncompleteError(f"commit {sha[:10]}")
        if not _TREE.fullmatch(found):
            hint = "commit it, or set project.specs (and git.path, where the project is not the whole repository)"
            raise SourceError(f"commit {sha[:10]} has no folder {printable_path(path)}", hint)
        return found.split(" ")[0]

    def _harmless(self, sha: str, folder: str, links: Sequence[str]) -> frozenset[str]:
        """Links behind which there can be no specs: to a file, or to nothing, of the same commit."""
        asked = [link for link in links if link.isprintable()]
        if not asked:
            return frozenset()
        data = "".join(f"{sha}:{folder}/{link}\n" for link in asked).encode("utf-8")
        out = self._git.run("cat-file", "--batch-check", "--follow-symlinks", data=data)
        return frozenset(link for link, found in zip(asked, _ends_of_links(out), strict=True) if found in _NO_FOLDER)

    def _read(self, entries: Sequence[_Entry], folder: str) -> "Iterator[SourceFile]":
        from cosmos.core.load import SourceFile

        size = sum(entry.size + 100 for entry in entries)
        if size > SPECS_MAX:
            hint = "specs are small texts: take what is not one out of that folder"
            raise SourceError(f"the specs have {size / 1e6:.0f} MB, and {SPECS_MAX / 1e6:.0f} MB are read", hint)
        asked = b"".join(entry.oid + b"\n" for entry in entries)
        code, data, _ = self._git.ask("cat-file", "--batch", data=asked, bytes_max=SPECS_MAX)
        if code != 0:
            raise IncompleteError("the specs")
        at = 0
        for entry in entries:
            head = data[at : data.find(b"\n", at)]
            if head.split(b" ")[1:] != [b"blob", str(entry.size).encode()]:
                raise IncompleteError(_shown(folder, entry))
            begin = at + len(head) + 1
            yield SourceFile(_shown(folder, entry), data[begin : begin + entry.size])
            at = begin + entry.size + 1

    def _commits(self, *words: str) -> tuple[Commit, ...]:
        form = "--format=%H%n%an <%ae>%n%ct%n%s"
        out = self._git.run("log", "-z", "--no-show-signature", "--no-color", "--encoding=UTF-8", form, *words)
        found = []
        for text in out.decode("utf-8", "replace").split("\0"):
            if text:
                sha, author, at, subject = (*text.split("\n", 3), "", "", "")[:4]
                found.append(Commit(sha=sha, author=clean(author), at=float(at), subject=clean(subject)))
        return tuple(found)


def origin_at(folder: Path, revision: Revision) -> Origin:
    """What work records that is begun from the working tree of a folder, at that revision."""
    if not revision.commit:
        return NO_COMMIT
    try:
        commit = Repository(Git(folder)).describe(revision.commit)
    except SourceError as error:
        logger.warning("who wrote commit %s is not known: %s", revision.commit[:10], error.message)
        return origin(revision.words)
    return origin(revision.words, commit.author, commit.at)


def _entry(line: bytes) -> _Entry:
    from cosmos.core.yaml12 import BYTES_MAX

    facts, _, name = line.partition(b"\t")
    mode, _, oid, words = facts.split()
    path, size = name.decode("utf-8", "surrogateescape"), int(words) if words.isdigit() else 0
    why = "" if mode in _FILES else _REASONS.get(mode, "it is not a regular file")
    if not why and not path.rpartition("/")[2].isprintable():
        why = "its name has characters that cannot be shown; rename it"
    return _Entry(mode, oid, size, path, why or (_TOO_LARGE.format(size, BYTES_MAX) if size > BYTES_MAX else ""))


_TOO_LARGE = "it has {} bytes, and {} are read"


def _is_spec(path: str) -> bool:
    return path.lower().endswith(SUFFIXES)


def _seen(entries: Sequence[_Entry]) -> list[_Entry]:
    """Specs, and what may hide some: links and submodules. What is in a folder that is called like a spec is not."""
    closed = {entry.path for entry in entries if entry.mode == _FOLDER and _is_spec(entry.path)}
    found = []
    for entry in entries:
        parts = entry.path.split("/")
        above = {"/".join(parts[:count]) for count in range(1, len(parts))} if closed else set()
        hides = entry.mode in (_LINK, _SUBMODULE)
        if (_is_spec(entry.path) or hides) and not any(part.startswith(".") for part in parts) and not above & closed:
            found.append(entry)
    return found


def _shown(folder: str, entry: _Entry) -> str:
    return printable_path(f"{folder}/{entry.path}")


def _ends_of_links(out: bytes) -> Iterator[bytes]:
    """What `git cat-file --batch-check --follow-symlinks` says of each: the type of an object, or why there is none."""
    at = 0
    while at < len(out):
        words = out[at : out.find(b"\n", at)].split(b" ")
        at = out.find(b"\n", at) + 1
        if words[0] in (b"symlink", *_NO_FOLDER):  # a path follows that may hold anything
            at += int(words[1]) + 1
            yield words[0]
        else:
            yield words[1]
