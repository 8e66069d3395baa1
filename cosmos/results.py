"""Rows about what runs have made: given away, traced by content, found by words, compared, held against a record."""

from dataclasses import dataclass
from pathlib import Path


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
