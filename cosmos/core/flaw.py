"""What a verification found: something that is not as it is recorded, or should not be there."""

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
