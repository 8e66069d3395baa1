"""Changes of spec files that are not made yet, as values for every caller of CosmosAPI."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import unified_diff

from cosmos.core.comparison import Difference
from cosmos.core.desired import Desired
from cosmos.core.problem import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEdit:
    """A spec file as it is and as it is to be. `path` is relative to the project.

    `before` is None for a new file, `after` for one that is taken away.
    """

    path: str
    before: bytes | None
    after: bytes | None

    @property
    def diff(self) -> tuple[str, ...]:
        """What changes, in the form of `diff -u`."""
        old, new = ((data or b"").decode("utf-8", "replace").splitlines() for data in (self.before, self.after))
        name = "/dev/null" if self.before is None else f"a/{self.path}"
        then = "/dev/null" if self.after is None else f"b/{self.path}"
        return tuple(unified_diff(old, new, name, then, lineterm=""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A change of spec files that is not made yet, and what the specs would ask for with it.

    `subject` says it in a few words; `problems` are those that there would be and are not there now.
    """

    subject: str
    edits: tuple[FileEdit, ...]
    desired: Desired
    problems: tuple[Problem, ...] = ()

    @property
    def diff(self) -> tuple[str, ...]:
        """What changes, in the form of `diff -u`; empty when nothing does."""
        return tuple(line for edit in self.edits for line in edit.diff)

    @property
    def text(self) -> str:
        """The file as it would be; of the first one where there are several."""
        return (self.edits[0].after or b"").decode("utf-8", "replace") if self.edits else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecFile:
    """A spec file as it is. `seen` is its sha256, which an edit gives back."""

    path: str
    text: str
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecText:
    """The text of one spec, and what it says."""

    text: str
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecDocument:
    """One spec as it is written. `name` of a review is `run@digest`.

    `seen` is the sha256 of its whole file, which an edit gives back: it is refused when the file is another by then.
    """

    kind: str
    name: str
    path: str
    line: int
    text: str
    data: Mapping[str, object]
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GoBack:
    """What makes the specs ask again for an earlier digest of a run.

    `documents` are those that take their old place, as `run city`; `others` are runs that change with them.
    """

    key: str
    number: int
    digest: str
    commit: str
    documents: tuple[str, ...]
    edits: tuple[FileEdit, ...]
    others: tuple[Difference, ...]
    is_made: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBack:
    """What brings back the specs that were removed last.

    `documents` are those that come back, as `run city`, and `keys` the runs. `commit` is the one that removed them,
    with who made it, when, and its first line; all empty where they are gone from the files and no commit says so.
    """

    documents: tuple[str, ...]
    keys: tuple[str, ...]
    edit: Edit
    commit: str = ""
    author: str = ""
    at: float = 0.0
    words: str = ""
