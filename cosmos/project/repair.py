"""What `cosmos verify --fix` does: each act mends one finding, verified by sha256, and deletes no bytes of a result."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from cosmos.adapters.base import OutputPlace
from cosmos.core.digest import member_folder
from cosmos.core.flaw import FlawKind
from cosmos.core.observed import HostView, OutputState, Reachable
from cosmos.core.recorded import FileEntry, LedgerEntry, Recorded
from cosmos.engine.collect import LOG, LOG_CHUNK, LOG_LIMIT
from cosmos.engine.members import places_of, runs_of
from cosmos.errors import CosmosError, StorageError
from cosmos.project.wiring import Project
from cosmos.store.disk import disk_errors

MAKE_AGAIN = "put it back from a backup, or make it again: cosmos apply NAME --rerun"


class Repair:
    """Brings back what is damaged or missing here, from outputs/ or from a host that still has the run directory.

    Args:
        project: The open project.
        recorded: Everything that is recorded.
        views: Looks at hosts.
    """

    def __init__(self, project: Project, recorded: Recorded, views: Mapping[str, HostView]) -> None:
        self._project = project
        self._recorded = recorded
        self._views = views

    def source(self, file: FileEntry) -> str:
        """Where good bytes of a file may be had; empty where nowhere is known."""
        if file.sha256 in self._copies:
            return "a copy in outputs/"
        holder = self._holders.get(file.sha256)
        return f"{holder[1]}, which still has the run directory" if holder is not None else ""

    def protect(self, file: FileEntry) -> str:
        self._project.stock.protect(file.sha256)
        return "it is read-only again"

    def bring_back(self, file: FileEntry, kind: FlawKind) -> str:
        """Move a damaged blob aside, and make one of good bytes.

        Raises:
            StorageError: No good bytes were found.
            HostError: The host that has them does not give them.
        """
        aside = self._project.stock.put_aside(file.sha256) if kind is FlawKind.BLOB_DAMAGED else None
        moved = f"the damaged one is {aside.name}" if aside is not None else ""
        where = self._from_copies(file) or self._from_host(file)
        if not where:
            raise StorageError(f"no copy with its sha256 was found{f'; {moved}' if moved else ''}", MAKE_AGAIN)
        if aside is not None:
            self._unlink_published(aside)
        return f"brought back from {where}{f'; {moved}' if moved else ''}"

    def publish(self, folder: str, entry: LedgerEntry) -> str:
        """Restore published files; those with other bytes are kept under another name.

        Raises:
            StorageError: The store has not all of them, or the disk refuses.
        """
        stock = self._project.stock
        stock.clear_way(folder, entry.manifest)
        self._project.world.store.publish(folder, entry.manifest)
        if stock.output(folder, entry.manifest, read=True) is not OutputState.PRESENT:
            raise StorageError(f"outputs/{folder} differs again", "see that nothing else writes there")
        return "restored from the store"

    def discard(self, host: str, sha256: str, size: int) -> str:
        """Remove a damaged blob from a host."""
        removed = self._project.world.hosts[host].discard(damaged={sha256: size}, idle_s=0)
        return "removed there" if sha256 in removed else "it was whole again, or gone already"

    @cached_property
    def _copies(self) -> Mapping[str, list[Path]]:
        """Published files by their sha256, of those sizes that results have. Read once, when first asked for."""
        sizes = {file.size for entry in self._recorded.ledger.values() for file in entry.manifest}
        found: dict[str, list[Path]] = {}
        for sha256, path in self._project.stock.published(sizes):
            blob = self._project.world.store.path(sha256)
            if not (blob.exists() and path.samefile(blob)):  # else they are damaged, or whole, together
                found.setdefault(sha256, []).append(path)
        return found

    @cached_property
    def _holders(self) -> Mapping[str, tuple[FileEntry, str, LedgerEntry]]:
        """By sha256: what a host that can be reached still has in a run directory."""
        found = {}
        hosts = {
            attempt.batch_id: attempt.host for attempts in self._recorded.attempts.values() for attempt in attempts
        }
        for entry in self._recorded.ledger.values():
            host = hosts.get(entry.batch_id, "")
            view = self._views.get(host)
            if isinstance(view, Reachable) and entry.batch_id in view.batches:
                found.update({file.sha256: (file, host, entry) for file in entry.manifest})
        return found

    def _from_copies(self, file: FileEntry) -> str:
        store = self._project.world.store
        for path in self._copies.get(file.sha256, ()):
            partial = store.partial(file.sha256)
            with disk_errors("copy", path):
                partial.unlink(missing_ok=True)
                try:
                    os.link(path, partial)
                except OSError:
                    shutil.copyfile(path, partial)
            try:
                store.commit(file.sha256, file.size)
            except StorageError:
                continue  # it changed since it was hashed
            return f"outputs/{path.relative_to(self._project.settings.outputs)}"
        return ""

    def _from_host(self, file: FileEntry) -> str:
        """From the run directory; its log is there under another path, thumbnail and provenance are not."""
        holder = self._holders.get(file.sha256)
        if holder is None:
            return ""
        named, name, entry = holder
        host, store = self._project.world.hosts[name], self._project.world.store
        partial = store.partial(file.sha256)
        try:
            if named.name == LOG:
                with disk_errors("write", partial), partial.open("wb") as out:
                    while out.tell() < LOG_LIMIT and (chunk := host.read_log(entry.batch_id, out.tell(), LOG_CHUNK)):
                        out.write(chunk)
            else:
                place = self._place(entry)
                there = replace(named, name=place.names.get(named.name, named.name))
                host.fetch(entry.batch_id, place.folder, [(there, partial)], lambda _: None)
            store.commit(file.sha256, file.size)
        except CosmosError:
            partial.unlink(missing_ok=True)
            raise
        return name

    def _place(self, entry: LedgerEntry) -> OutputPlace:
        """Where the program has left the outputs of a result."""
        world, meta = self._project.world, self._project.records.meta(entry.batch_id)
        folder = member_folder(entry.digest)
        return OutputPlace(folder=folder) if meta is None else places_of(runs_of(meta, world), world)[folder]

    def _unlink_published(self, aside: Path) -> None:
        """Other names of the damaged bytes in outputs/: they would be taken for good ones. `aside` keeps the bytes."""
        damaged = aside.stat()
        for path in self._published:
            with disk_errors("look at", path):
                if path.exists() and os.path.samestat(path.stat(), damaged):
                    path.unlink()

    @cached_property
    def _published(self) -> list[Path]:
        folder = self._project.settings.outputs
        return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
