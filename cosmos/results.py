"""Rows about what runs have made: given away, traced by content, found by words, compared, held against a record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from cosmos.core.observed import NO_COMMIT, Origin
from cosmos.core.problem import Location
from cosmos.core.run import Run, Similarity


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What an export put into a folder.

    `files` and `size` (bytes) are those of the export, its manifest aside; `copied`, `linked` and `kept` count what was
    done for them. `missing` are chosen runs that have no result yet, `left` files of an earlier export into the same
    folder that are no part of this one. `held` says that runs whose spec has a problem could not be chosen.
    """

    folder: Path
    runs: tuple[str, ...]
    files: int
    size: int
    copied: int
    linked: int
    kept: int
    shards: int = 0
    missing: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeBy:
    """A result that has a file. `role` is what the file is of it, `name` its name among the files of the result.

    `wanted` is the digest that the specs ask for now; empty when the run is gone from them. `provenance` is the whole
    record of the result, empty where it was brought back without.
    """

    key: str
    run_id: str
    digest: str
    role: str
    name: str
    folder: str
    finished_at: float
    attempt: int
    host: str = ""
    origin: Origin = NO_COMMIT
    wanted: str = ""
    rating: int | None = None
    provenance: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBy:
    """A run that reads a file, or did when it was launched last. `path` is where the specs have the file now."""

    key: str
    role: str
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whence:
    """What a file is by its bytes: a file of results, an input of runs, or both."""

    path: str
    sha256: str
    size: int
    made_by: tuple[MadeBy, ...]
    read_by: tuple[ReadBy, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Something that a search found. `field` is what of it fits best, and `text` what stands there.

    `at` is where that is written; of a scene its folder, as nothing is written there. `runs` counts the runs that it is
    about.
    """

    kind: str
    name: str
    at: Location
    field: str
    text: str
    score: float
    runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """All that was found, best first; `words` is what was looked for in texts."""

    hits: tuple[Hit, ...]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of two runs that are compared, by one of its outputs. Without a result only its settings are known."""

    key: str
    digest: str
    run: Run
    is_made: bool = False
    files: Mapping[str, Path] = field(default_factory=dict)
    """Videos by role."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """sha256 by role, where known."""
    rating: int | None = None
    took_s: float | None = None
    finished_at: float | None = None
    attempt: int = 0
    host: str = ""
    gpus: tuple[str, ...] = ()
    """Names of the GPUs."""
    commit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Two runs, and where they differ. `settings` has both values of each setting that differs; `-` for none.

    `videos` has, by role, how alike the videos are that both have, `equal` the roles whose files are the same bytes.
    """

    one: Side
    other: Side
    settings: Mapping[str, tuple[str, str]]
    videos: Mapping[str, Similarity]
    equal: tuple[str, ...] = ()


class Match(StrEnum):
    SAME = "same"
    DIFFERS = "differs"
    UNKNOWN = "unknown"  # it was not recorded, or cannot be seen from here


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that a result depends on: as it was recorded, and as it is now."""

    about: str
    match: Match
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """Whether a result could be made again. `is_wanted`: the specs ask for just this one now.

    `files` are its videos by role, in the store.
    """

    key: str
    digest: str
    attempt: int
    checks: tuple[Check, ...]
    is_wanted: bool
    files: Mapping[str, Path] = field(default_factory=dict)

    @property
    def differs(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.match is Match.DIFFERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """A result beside an earlier one of the same digest: roles with the same bytes, and how alike the others are."""

    attempt: int
    folder: str
    equal: tuple[str, ...]
    videos: Mapping[str, Similarity]
