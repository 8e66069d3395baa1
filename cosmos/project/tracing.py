"""Files traced back by their bytes: which result has them, and which runs read them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from cosmos.core.desired import Desired
from cosmos.core.files import LFS_POINTER
from cosmos.core.observed import NO_COMMIT
from cosmos.core.plan_text import size
from cosmos.core.recorded import LedgerEntry, Recorded
from cosmos.errors import NotFoundError, StorageError
from cosmos.project import samples
from cosmos.project.versions import Origins
from cosmos.project.wiring import Project
from cosmos.results import MadeBy, ReadBy, Whence
from cosmos.store.content import read_content
from cosmos.store.disk import disk_errors

ELSE = (
    "whole files are compared: a copy that was cut, encoded again or given other metadata has other bytes, "
    "and results of other projects are not known here"
)


def whence(project: Project, file: Path) -> Whence:
    """What a file is to the project.

    Raises:
        NotFoundError: It is not there, or it is nothing to the project.
        StorageError: It cannot be read, or is no file.
    """
    sha256, length = _read(file)
    desired, everything = project.desire(), project.records.everything()
    found = Whence(
        path=str(file),
        sha256=sha256,
        size=length,
        made_by=tuple(_made_by(project, sha256, desired, everything)),
        read_by=tuple(_read_by(project, sha256, desired, everything)),
    )
    if not found.made_by and not found.read_by:
        words = f"{file} ({size(length)}, sha256 {sha256[:12]}) is neither an output nor an input of this project"
        raise NotFoundError(words, ELSE)
    return found


def _read(file: Path) -> tuple[str, int]:
    if not file.exists():
        raise NotFoundError(f"{file} is not there", "name the file that is in question")
    if not file.is_file():
        raise StorageError(f"{file} is no file", "name one of the files in it")
    with disk_errors("read", file):
        content = read_content(file.resolve())
        is_pointer = content.stamp.size < 1024 and file.read_bytes().startswith(LFS_POINTER)
    if content.changed:
        raise StorageError(f"{file} changed while it was read", "wait until it is written, then ask again")
    if is_pointer:
        raise StorageError(f"{file} is a Git LFS pointer, not the file itself", "run `git lfs pull`")
    return content.sha256, content.stamp.size


def _made_by(project: Project, sha256: str, desired: Desired, everything: Recorded) -> Iterator[MadeBy]:
    """Newest first."""
    wants = desired.by_key()
    entries = [entry for entry in everything.ledger.values() if any(one.sha256 == sha256 for one in entry.manifest)]
    origins: Origins = project.records.origins() if entries else {}
    hosts = {each.batch_id: each.host for tried in everything.attempts.values() for each in tried}
    for entry in sorted(entries, key=lambda entry: (-entry.finished_at, entry.key)):
        want = wants.get(entry.key)
        review = desired.reviews.of(entry.key, entry.digest)
        record = samples.provenance(project, entry)
        for one in entry.manifest:
            if one.sha256 == sha256:
                yield MadeBy(
                    key=entry.key,
                    run_id=entry.run_id,
                    digest=entry.digest,
                    role=_role(record, one.name),
                    name=one.name,
                    folder=_folder(entry),
                    finished_at=entry.finished_at,
                    attempt=entry.attempt,
                    host=hosts.get(entry.batch_id, ""),
                    origin=origins.get(entry.batch_id, ("", NO_COMMIT))[1],
                    wanted=want.digest if want else "",
                    rating=review.rating if review else None,
                    provenance=record,
                )


def _folder(entry: LedgerEntry) -> str:
    return entry.folder or f"{entry.key}/{entry.digest[:8]}"


def _role(record: Mapping[str, object], name: str) -> str:
    """`video`, as the model calls it; of what is beside the outputs its name."""
    run = record.get("run")
    outputs = run.get("outputs") if isinstance(run, dict) else None
    for role, output in (outputs or {}).items():
        if isinstance(output, dict) and output.get("path") == name:
            return str(role)
    return name


def _read_by(project: Project, sha256: str, desired: Desired, everything: Recorded) -> Iterator[ReadBy]:
    """Runs of the specs first; then those that read it when they were launched last, and do not now."""
    said: set[tuple[str, str]] = set()
    for want in desired.runs:
        for role, blob in want.blobs.items():
            if blob.sha256 == sha256:
                said.add((want.run.id, role))
                yield ReadBy(key=want.run.key, role=role, path=blob.path)
        source, entry = want.run.source, everything.ledger.get(want.source_digest) if want.source_digest else None
        for one in entry.manifest if source and entry else ():
            if source and entry and (one.name, one.sha256) == (source.file, sha256):
                yield ReadBy(key=want.run.key, role=source.role, path=f"outputs/{_folder(entry)}/{one.name}")
    keys = {run_id: key for key, run_id, _ in project.records.known_runs()}
    for run_id, (_, material) in sorted(project.records.materials().items()):
        inputs = material.get("inputs")
        for role, known in inputs.items() if isinstance(inputs, dict) else ():
            if known == sha256 and (run_id, role) not in said:
                yield ReadBy(key=keys.get(run_id, run_id), role=role)
