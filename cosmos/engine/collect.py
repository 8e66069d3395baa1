"""From an exit record to a verified, published, durable result, or to a failure with its reason.

Order is the safety: manifest on the host, download what the store lacks, verify, publish, ledger
row; the host's copy is released by a later operation. Each step may be repeated: a second collect
of the same batch writes the same bytes.
"""

import hashlib
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path

from cosmos.core.digest import member_folder
from cosmos.core.observed import BatchMeta, ExitRecord, ObservedBatch
from cosmos.core.plan import Operation
from cosmos.core.ports import Host, Progress
from cosmos.core.reasons import Reason
from cosmos.core.recorded import FileEntry, LedgerEntry, Manifest
from cosmos.core.run import MediaFacts, OutputFile, Run
from cosmos.engine.provenance import provenance
from cosmos.engine.world import World
from cosmos.errors import HostRefused, StorageError

logger = logging.getLogger(__name__)

LOG = "run.log"
THUMBNAIL = "thumbnail.jpg"
PROVENANCE = "provenance.json"

TIMES = ".times"
"""Ending of the file beside a kept log that says when it was how long; it stays when the log moves to the store."""

LOG_CHUNK = 1 << 20
LOG_LIMIT = 64 << 20
"""Bytes of a log that are kept; a longer one ends with a line that says so."""
TAIL = 16_384


def collect(
    operation: Operation, run: Run, meta: BatchMeta, batch: ObservedBatch, world: World, moved: Progress
) -> None:
    """Judge a batch that has exited, and make its result or its failure durable here."""
    host, exit_record = world.hosts[operation.host], batch.exit
    if exit_record is None:
        return
    log = save_log(operation.batch_id, host, world.logs)
    try:
        entries = _fetch_outputs(operation, run, host, world, moved)
    except HostRefused as error:
        if error.reason != Reason.OUTPUT_INVALID.value:
            raise
        _failed(operation, Reason.OUTPUT_INVALID, error.message, exit_record, world)
        return
    media = {name: _facts(run.outputs[name], entry, world) for name, entry in entries.items()}
    manifest = tuple(sorted(entries.values(), key=lambda entry: entry.name))
    adapter = world.adapters[run.model.adapter]
    verdict = adapter.judge(run, exit_record, manifest, media, _tail(host, batch))
    if verdict.reason is not None:
        _failed(operation, verdict.reason, verdict.message, exit_record, world)
        return
    files = [*manifest, _log_entry(log, world), *_thumbnail(run, entries, world)]
    record = provenance(run, meta, operation, exit_record, files, world)
    files.append(FileEntry(name=PROVENANCE, sha256=(put := world.store.put(record)).sha256, size=put.size))
    _succeeded(operation, meta, exit_record, tuple(sorted(files, key=lambda entry: entry.name)), world)
    log.unlink(missing_ok=True)


def save_log(batch_id: str, host: Host, logs: Path) -> Path:
    """Copy run.log to `<logs>/<batch id>.log`, whole or up to LOG_LIMIT, and its times; returns its path."""
    target = logs / f"{batch_id}.log"
    partial = target.with_suffix(".part")
    try:
        logs.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as out:
            offset = 0
            while offset < LOG_LIMIT and (chunk := host.read_log(batch_id, offset, LOG_CHUNK)):
                out.write(chunk)
                offset += len(chunk)
            if offset >= LOG_LIMIT:
                out.write(b"\n[cosmos: the log is longer; the rest is not kept]\n")
        target.with_suffix(TIMES).write_bytes(host.read_log_times(batch_id))
        partial.replace(target)
    except OSError as error:
        raise StorageError(
            f"cannot keep the log of {batch_id} in {logs}: {error.strerror}", "free space there"
        ) from error
    return target


def _fetch_outputs(operation: Operation, run: Run, host: Host, world: World, moved: Progress) -> dict[str, FileEntry]:
    """Declared outputs that are on the host, by output name, each now in the store. Nothing else is taken."""
    folder = member_folder(operation.digest)
    there = {entry.name: entry for entry in host.manifest(operation.batch_id, folder)}
    found = {name: there[output.path] for name, output in run.outputs.items() if output.path in there}
    for entry in found.values():
        with world.blob_locks.hold(entry.sha256):
            if not world.store.path(entry.sha256).exists():
                host.fetch(operation.batch_id, folder, entry, world.store.partial(entry.sha256), moved)
                world.store.commit(entry.sha256, entry.size)
    return found


def _facts(output: OutputFile, entry: FileEntry, world: World) -> MediaFacts | str:
    if not output.video:
        return ""
    try:
        return world.probe.facts(world.store.path(entry.sha256))
    except ValueError as error:
        return str(error)


def _tail(host: Host, batch: ObservedBatch) -> str:
    """The end of the log as it is on the host; what is kept of a very long one has another end."""
    data = host.read_log(batch.batch_id, max(0, batch.log_bytes - TAIL), TAIL)
    return data.decode("utf-8", errors="replace")


def _log_entry(log: Path, world: World) -> FileEntry:
    """The log as a blob: hashed, moved and committed like any output."""
    try:
        with log.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        size = log.stat().st_size
        with world.blob_locks.hold(sha256):
            if not world.store.path(sha256).exists():
                _link_or_copy(log, world.store.partial(sha256))
                world.store.commit(sha256, size)
    except OSError as error:
        raise StorageError(f"cannot keep the log {log}: {error.strerror}", "free space there") from error
    return FileEntry(name=LOG, sha256=sha256, size=size)


def _link_or_copy(source: Path, target: Path) -> None:
    """Some file systems have no hard links."""
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


def _thumbnail(run: Run, entries: Mapping[str, FileEntry], world: World) -> list[FileEntry]:
    """A picture of the main video; a result without one has none."""
    videos = [name for name, output in run.outputs.items() if output.video and name in entries]
    if not videos:
        return []
    main = "video" if "video" in videos else sorted(videos)[0]
    picture = world.store.put(world.probe.thumbnail(world.store.path(entries[main].sha256)))
    return [FileEntry(name=THUMBNAIL, sha256=picture.sha256, size=picture.size)]


def _succeeded(
    operation: Operation, meta: BatchMeta, exit_record: ExitRecord, manifest: Manifest, world: World
) -> None:
    member = next(member for member in meta.members if member.digest == operation.digest)
    world.store.publish(operation.folder, manifest)
    entry = LedgerEntry(
        digest=operation.digest,
        schema=meta.digest_schema,
        run_id=member.run_id,
        key=member.key,
        attempt=operation.attempt,
        batch_id=operation.batch_id,
        manifest=manifest,
        finished_at=exit_record.ended_at,
        duration_s=max(0.0, exit_record.ended_at - exit_record.started_at),
        folder=operation.folder,
    )
    world.records.finished(entry, exit_record.ended_at)
    world.records.event("Normal", operation.key, "Succeeded", f"outputs/{operation.folder}", world.clock.now())


def _failed(operation: Operation, reason: Reason, message: str, exit_record: ExitRecord, world: World) -> None:
    cancelled = exit_record.stopped
    world.records.failed(operation.batch_id, reason, message, exit_record.ended_at, cancelled=cancelled)
    kind = "Normal" if cancelled else "Warning"
    world.records.event(kind, operation.key, reason.value, message, world.clock.now())
