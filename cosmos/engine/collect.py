"""From an exit record to a verified, published, durable result, or to a failure with its reason.

Order is the safety: manifest on the host, download what the store lacks, verify, publish, ledger
row; the host's copy is released by a later operation. Each step may be repeated: a second collect
of the same batch writes the same bytes.
"""

import hashlib
import logging
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from cosmos.adapters.base import Evidence
from cosmos.core.digest import member_folder
from cosmos.core.estimate import Timing
from cosmos.core.observed import BatchMeta, ExitRecord, ObservedBatch, Reachable
from cosmos.core.plan import Operation
from cosmos.core.ports import Host, Progress, Result
from cosmos.core.reasons import Reason
from cosmos.core.recorded import FileEntry, LedgerEntry, Manifest
from cosmos.core.run import MediaFacts, OutputFile, Run
from cosmos.engine.provenance import PROVENANCE, End, provenance
from cosmos.engine.timing import timing
from cosmos.engine.world import World
from cosmos.errors import HostRefused, StorageError

logger = logging.getLogger(__name__)

LOG = "run.log"
THUMBNAIL = "thumbnail.jpg"

TIMES = ".times"
"""Ending of the file beside a kept log that says when it was how long; it stays when the log moves to the store."""

LOG_CHUNK = 1 << 20
LOG_LIMIT = 64 << 20
"""Bytes of a log that are kept; a longer one ends with a line that says so."""
TAIL = 65_536
TEXT_LIMIT = 4 << 20
"""Bytes of a file of evidence that are read."""


def collect(
    operation: Operation,
    run: Run,
    meta: BatchMeta,
    batch: ObservedBatch,
    view: Reachable,
    world: World,
    moved: Progress,
) -> None:
    """Judge a batch that has exited, and make its result or its failure durable here."""
    host, exit_record = world.hosts[operation.host], batch.exit
    if exit_record is None:
        return
    folder, names = member_folder(operation.digest), [output.path for output in run.outputs.values()]
    try:
        result = host.result(operation.batch_id, folder, names, LOG_CHUNK)
        log = _keep_log(operation.batch_id, host, world.logs, batch.log_bytes, result)
        entries = _fetch_outputs(operation, run, result.manifest, world, moved)
    except HostRefused as error:
        if error.reason != Reason.OUTPUT_INVALID.value:
            raise
        save_log(operation.batch_id, host, world.logs, batch.log_bytes)
        _failed(operation, Reason.OUTPUT_INVALID, error.message, exit_record, world)
        return
    media = {name: _facts(run.outputs[name], entry, world) for name, entry in entries.items()}
    manifest = tuple(sorted(entries.values(), key=lambda entry: entry.name))
    adapter = world.adapters[run.model.adapter]
    evidence = Evidence(
        exit=exit_record,
        manifest=manifest,
        media={name: facts for name, facts in media.items() if facts is not None},
        texts={name: _text(entry, world) for name, entry in entries.items() if run.outputs[name].evidence},
        log_tail=_tail(host, batch, result),
    )
    verdict = adapter.judge(run, evidence)
    if verdict.reason is not None:
        _failed(operation, verdict.reason, verdict.message, exit_record, world)
        return
    files = [*manifest, _log_entry(log, world), *_thumbnail(run, entries, world)]
    end = End(record=exit_record, image=batch.image, gpus=view.gpus, driver=view.driver)
    shown = {gpu.id: gpu for gpu in view.gpus}
    gpus = [shown.get(gpu) for gpu in operation.gpus]
    took = timing(meta, run.model, exit_record, gpus, result, adapter)
    record = provenance(run, meta, operation, end, files, world, verdict.effective, took)
    files.append(FileEntry(name=PROVENANCE, sha256=(put := world.store.put(record)).sha256, size=put.size))
    _succeeded(operation, meta, exit_record, tuple(sorted(files, key=lambda entry: entry.name)), took, world)
    log.unlink(missing_ok=True)


def save_log(batch_id: str, host: Host, logs: Path, size: int) -> Path:
    """Copy run.log, of which so many bytes were seen, to `<logs>/<batch id>.log`, and its times; returns its path."""
    begin = Result(manifest=(), log=b"", log_times=host.read_log_times(batch_id))
    return _keep_log(batch_id, host, logs, size, begin)


def _keep_log(batch_id: str, host: Host, logs: Path, size: int, begin: Result) -> Path:
    """Write down the log, whole or up to LOG_LIMIT; what `begin` lacks of it is read."""
    target = logs / f"{batch_id}.log"
    partial = target.with_suffix(".part")
    try:
        logs.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as out:
            offset = out.write(begin.log)
            while offset < min(size, LOG_LIMIT) and (chunk := host.read_log(batch_id, offset, LOG_CHUNK)):
                out.write(chunk)
                offset += len(chunk)
            if offset >= LOG_LIMIT:
                out.write(b"\n[cosmos: the log is longer; the rest is not kept]\n")
        target.with_suffix(TIMES).write_bytes(begin.log_times)
        partial.replace(target)
    except OSError as error:
        raise StorageError(
            f"cannot keep the log of {batch_id} in {logs}: {error.strerror}", "free space there"
        ) from error
    return target


def _fetch_outputs(
    operation: Operation, run: Run, manifest: Manifest, world: World, moved: Progress
) -> dict[str, FileEntry]:
    """Declared outputs that are on the host, by output name, each now in the store. Nothing else is taken."""
    there = {entry.name: entry for entry in manifest}
    found = {name: there[output.path] for name, output in run.outputs.items() if output.path in there}
    unique = {entry.sha256: entry for entry in found.values()}
    with ExitStack() as stack:
        for sha256 in sorted(unique):  # in one order, so that no two acts wait for each other
            stack.enter_context(world.blob_locks.hold(sha256))
        missing = [entry for entry in unique.values() if not world.store.path(entry.sha256).exists()]
        if missing:
            targets = [(entry, world.store.partial(entry.sha256)) for entry in missing]
            folder = member_folder(operation.digest)
            world.hosts[operation.host].fetch(operation.batch_id, folder, targets, moved)
        for entry in missing:
            world.store.commit(entry.sha256, entry.size)
    return found


def _text(entry: FileEntry, world: World) -> str:
    """The beginning of a file that says something about the run."""
    with world.store.path(entry.sha256).open("rb") as file:
        return file.read(TEXT_LIMIT).decode("utf-8", errors="replace")


def _facts(output: OutputFile, entry: FileEntry, world: World) -> MediaFacts | str | None:
    if not output.video:
        return None
    try:
        return world.probe.facts(world.store.path(entry.sha256))
    except ValueError as error:
        return str(error)


def _tail(host: Host, batch: ObservedBatch, result: Result) -> str:
    """The end of the log as it is on the host; what is kept of a very long one has another end."""
    data = result.log[-TAIL:]
    if len(result.log) < batch.log_bytes:
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
    operation: Operation,
    meta: BatchMeta,
    exit_record: ExitRecord,
    manifest: Manifest,
    took: Timing | None,
    world: World,
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
    world.records.finished(entry, exit_record.ended_at, took)
    world.records.event("Normal", operation.key, "Succeeded", f"outputs/{operation.folder}", world.clock.now())


def _failed(operation: Operation, reason: Reason, message: str, exit_record: ExitRecord, world: World) -> None:
    cancelled = exit_record.stopped
    world.records.failed(operation.batch_id, reason, message, exit_record.ended_at, cancelled=cancelled)
    kind = "Normal" if cancelled else "Warning"
    world.records.event(kind, operation.key, reason.value, message, world.clock.now())
