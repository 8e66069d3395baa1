"""Results in outputs/ that the database does not know: it was lost, or brought back from an older backup.

What is beside each result says what it is of: digest, batch, times and the sha256 of its files. A result counts only
when these files are there with these bytes, so that nothing is run again for the loss of a row.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from cosmos.core.case import folder_of
from cosmos.core.desired import DesiredRun
from cosmos.core.digest import Digest
from cosmos.core.estimate import Timing
from cosmos.core.observed import BatchMeta, Member, origin
from cosmos.core.recorded import Attempt, AttemptState, FileEntry, LedgerEntry, Manifest, Recorded
from cosmos.engine.provenance import FORMAT_VERSION, PROVENANCE
from cosmos.engine.world import World

_SHA256 = re.compile("[0-9a-f]{64}")


def unknown_results(runs: Iterable[DesiredRun], recorded: Recorded, world: World) -> list[tuple[Digest, str, Manifest]]:
    """Of runs that have neither result nor attempt: digest, folder and files of what seems to be one."""
    new = [want for want in runs if want.digest not in recorded.ledger and want.digest not in recorded.attempts]
    found = ((want.digest, _read(want, folder_of(want.run.key, want.digest, None, 1), world)) for want in new)
    return [(digest, read[1].folder, read[1].manifest) for digest, read in found if read is not None]


def recall(want: DesiredRun, folder: str, world: World) -> tuple[Attempt, BatchMeta, LedgerEntry, Timing | None] | None:
    """What the database would know of a result published in `folder`, had it not lost it.

    The folder may be that of another run with the same digest: of several, that of the run itself may be damaged.
    """
    found = _read(want, folder, world)
    if found is None:
        return None
    record, entry = found
    member = Member(run_id=want.run.id, key=want.run.key, digest=want.digest, run=json.dumps(record["run"]))
    meta = BatchMeta(
        batch_id=entry.batch_id,
        project=world.project,
        members=(member,),
        attempt=entry.attempt,
        digest_schema=entry.schema,
        origin=origin(str(record["commit"]), str(record.get("author", "")), record.get("committed_at")),
        owner=str(record["owner"]),
        created_at=entry.finished_at - entry.duration_s,
    )
    attempt = Attempt(
        digest=want.digest,
        number=entry.attempt,
        batch_id=entry.batch_id,
        host=str(record["host"]),
        run_id=want.run.id,
        key=want.run.key,
        state=AttemptState.INTENDED,
        model=want.run.model.name,
        intended_at=meta.created_at,
    )
    return attempt, meta, entry, _timing(record.get("timing"))


def _timing(kept: object) -> Timing | None:
    """What is beside results of before has none; one that was edited by hand is not learned from."""
    names = {each.name for each in fields(Timing)}
    if not isinstance(kept, dict) or kept.keys() != names:
        return None
    texts, load_s = ("model", "gpu", "shape"), kept["load_s"]
    numbers = [kept["chunks"], kept["run_s"], *([] if load_s is None else [load_s])]
    is_sound = all(isinstance(kept[name], str) for name in texts) and all(
        type(each) in (int, float) for each in numbers
    )
    return Timing(**kept) if is_sound else None


def _read(want: DesiredRun, folder: str, world: World) -> tuple[Mapping[str, Any], LedgerEntry] | None:
    """What is beside a result, and the ledger row that it makes; None where that proves none."""
    data = world.provenance(folder)
    record = None if data is None else _record(data, want, world.project)
    if data is None or record is None:
        return None
    own = FileEntry(name=PROVENANCE, sha256=hashlib.sha256(data).hexdigest(), size=len(data))
    entry = _entry(record, own, want, folder)
    return None if entry is None else (record, entry)


def _record(data: bytes, want: DesiredRun, project: str) -> Mapping[str, Any] | None:
    try:
        record = json.loads(data)
    except ValueError:
        return None
    if not isinstance(record, dict) or record.get("format_version") != FORMAT_VERSION:
        return None
    return record if (record.get("project"), record.get("digest")) == (project, want.digest) else None


def _file(name: object, sha256: object, size: object) -> FileEntry:
    if not (isinstance(name, str) and isinstance(sha256, str) and isinstance(size, int) and _SHA256.fullmatch(sha256)):
        raise ValueError(name)
    return FileEntry(name=name, sha256=sha256, size=size)


def _entry(record: Mapping[str, Any], own: FileEntry, want: DesiredRun, folder: str) -> LedgerEntry | None:
    try:
        files = [_file(one["name"], one["sha256"], one["size"]) for one in record["files"]]
        begin, end = float(record["exit"]["started_at"]), float(record["exit"]["ended_at"])
        number, batch, schema = int(record["attempt"]), str(record["batch"]), int(record["digest_schema"])
    except (KeyError, TypeError, ValueError):  # edited by hand: nothing that proves a result
        return None
    files.append(own)
    if not {output.path for output in want.run.outputs.values()} <= {file.name for file in files}:
        return None
    return LedgerEntry(
        digest=want.digest,
        schema=schema,
        run_id=want.run.id,
        key=want.run.key,
        attempt=number,
        batch_id=batch,
        manifest=tuple(sorted(files, key=lambda file: file.name)),
        finished_at=end,
        duration_s=max(0.0, end - begin),
        folder=folder,
    )
