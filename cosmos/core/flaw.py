"""What a verification found: something that is not as it is recorded, or should not be there."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class FlawKind(StrEnum):
    DATABASE_DAMAGED = "DatabaseDamaged"
    SCHEMA_UNKNOWN = "UnknownDigestSchema"
    BLOB_MISSING = "BlobMissing"
    BLOB_DAMAGED = "BlobDamaged"
    BLOB_WRITABLE = "BlobWritable"
    BLOB_UNREFERENCED = "BlobUnreferenced"
    SET_ASIDE = "SetAside"
    OUTPUT_MISSING = "OutputMissing"
    OUTPUT_CHANGED = "OutputChanged"
    OUTPUT_NOT_LATEST = "OutputNotLatest"
    HOST_UNREACHABLE = "HostUnreachable"
    HOST_NOT_CONFIGURED = "HostNotConfigured"
    HOST_BLOB_DAMAGED = "HostBlobDamaged"
    WORK_GONE = "WorkGone"
    WORK_NOT_STARTED = "WorkNotStarted"
    STILL_ALIVE = "StillAlive"
    RUN_DIRECTORY_UNKNOWN = "RunDirectoryUnknown"
    RUN_DIRECTORY_UNREADABLE = "RunDirectoryUnreadable"
    RUN_DIRECTORY_INCOMPLETE = "RunDirectoryIncomplete"
    RUN_DIRECTORY_KEPT = "RunDirectoryKept"


MEANINGS: Mapping[FlawKind, str] = {
    FlawKind.DATABASE_DAMAGED: "SQLite finds damage, or a row refers to one that is not there",
    FlawKind.SCHEMA_UNKNOWN: "a result was made by a newer cosmos",
    FlawKind.BLOB_MISSING: "a file of a result is not in the store",
    FlawKind.BLOB_DAMAGED: "a file of a result has other bytes in the store",
    FlawKind.BLOB_WRITABLE: "a file in the store can be written to",
    FlawKind.BLOB_UNREFERENCED: "files in the store that neither a result nor `outputs/` refer to",
    FlawKind.SET_ASIDE: "a damaged file that was moved aside in the store",
    FlawKind.OUTPUT_MISSING: "files of a result are not in `outputs/`, and a spec asks for it",
    FlawKind.OUTPUT_CHANGED: "files in `outputs/` have other bytes than their result",
    FlawKind.OUTPUT_NOT_LATEST: "`latest` does not point at the result that the specs ask for",
    FlawKind.HOST_UNREACHABLE: "a host, or its blobs, could not be looked at: nothing was concluded",
    FlawKind.HOST_NOT_CONFIGURED: "an attempt is open on a host that the configuration does not have",
    FlawKind.HOST_BLOB_DAMAGED: "an input has other bytes on a host",
    FlawKind.WORK_GONE: "an attempt was started, and its host has nothing of it",
    FlawKind.WORK_NOT_STARTED: "an attempt was written down, and is not on its host yet",
    FlawKind.STILL_ALIVE: "work lives that is recorded as over",
    FlawKind.RUN_DIRECTORY_UNKNOWN: "work of ours that the database does not know",
    FlawKind.RUN_DIRECTORY_UNREADABLE: "a run directory does not say whose it is",
    FlawKind.RUN_DIRECTORY_INCOMPLETE: "a preparation was cut off, and nothing asks for it",
    FlawKind.RUN_DIRECTORY_KEPT: "an attempt is over, and its run directory is still on its host",
}

NOTES = frozenset(
    {
        FlawKind.BLOB_UNREFERENCED,
        FlawKind.SET_ASIDE,
        FlawKind.WORK_NOT_STARTED,
        FlawKind.RUN_DIRECTORY_INCOMPLETE,
        FlawKind.RUN_DIRECTORY_KEPT,
    }
)
"""Nothing is wrong with these: what is under way, and what takes room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """One finding.

    `subject` is a run's key, the sha256 of a blob, a batch id, a path or a host; `host` is where, empty for this
    machine. `remedy` says what mends it: what `verify --fix` does where `fixable`, else the next step.
    """

    kind: FlawKind
    subject: str
    words: str
    remedy: str
    host: str = ""
    fixable: bool = False

    @property
    def is_note(self) -> bool:
        return self.kind in NOTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a verification found and left. `results`, `blobs` and `hosts` were looked at, `read` bytes were read.

    `mended` are findings that are no more, each with how it was mended.
    """

    flaws: tuple[Flaw, ...]
    mended: tuple[tuple[Flaw, str], ...] = ()
    results: int = 0
    blobs: int = 0
    read: int = 0
    hosts: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[Flaw, ...]:
        """Findings that are more than notes."""
        return tuple(flaw for flaw in self.flaws if not flaw.is_note)
