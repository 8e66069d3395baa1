"""LocalStore: the `BlobStore` port on this machine's disk. Built by `cosmos.project.wiring`.

A blob is `<root>/<ab>/<sha256>`, read-only. It appears by rename, complete, verified and on the disk,
or not at all; existence under that name is the proof of one verification, and its remembered stamp
the proof that nothing changed since. Published files are hard links to blobs: editing one in place
edits the blob, so a blob whose stamp changed is read again and set aside when its bytes are wrong.
"""

import hashlib
import logging
import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from cosmos.core.files import FactCache
from cosmos.core.observed import OutputState
from cosmos.core.recorded import FileEntry, Manifest
from cosmos.errors import StorageError
from cosmos.store.content import blob_name, checked_sha256, known_sha256, read_content, stamp_of
from cosmos.store.disk import disk_errors, move_aside
from cosmos.store.looking import Looking
from cosmos.store.publishing import checked_path, publish

logger = logging.getLogger(__name__)

PARTIAL = "partial"
"""Folder below the root for bytes on their way in."""

SMALL = 4 << 20


class LocalStore:
    """The store, and the outputs folder as a view of it. Safe for use from several threads.

    Args:
        root: Folder of the blobs; made when the first one comes.
        outputs: Folder in which results are published.
        cache: Remembers what files were hashed to.
    """

    def __init__(self, root: Path, outputs: Path, cache: FactCache) -> None:
        self._root = root
        self._outputs = outputs
        self._cache = cache

    def path(self, sha256: str) -> Path:
        return self._root / checked_sha256(sha256)[:2] / sha256

    def partial(self, sha256: str) -> Path:
        path = self._root / PARTIAL / checked_sha256(sha256)
        with disk_errors("make the folder", path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def commit(self, sha256: str, size: int) -> None:
        """Verify the partial file and make it a blob, durably. Of a blob that is there already: nothing.

        Raises:
            StorageError: The bytes are not there or not the right ones; wrong ones are removed.
        """
        partial = self.partial(sha256)
        with disk_errors("store", partial):
            if not partial.exists() and self._is_sound(sha256):
                return
            content = read_content(partial)
            if content.sha256 != sha256 or content.stamp.size != size:
                partial.unlink()
                raise StorageError(
                    f"the bytes for blob {sha256} are damaged: {content.stamp.size} of {size} bytes, "
                    f"with sha256 {content.sha256}",
                    "they were removed; the same command brings them again",
                )
            self._keep(partial, sha256)

    def put(self, data: bytes) -> FileEntry:
        entry = FileEntry(name="", sha256=hashlib.sha256(data).hexdigest(), size=len(data))
        # threads may put equal bytes at the same time
        partial = self.partial(entry.sha256).with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        with disk_errors("store", partial):
            if not self._is_sound(entry.sha256):
                try:
                    partial.write_bytes(data)
                    self._keep(partial, entry.sha256)
                finally:
                    partial.unlink(missing_ok=True)
        return entry

    def publish(self, folder: str, manifest: Manifest) -> None:
        publish(self._outputs, folder, manifest, self._sound_path, self._cache)

    def look(self, published: Iterable[tuple[str, Manifest]]) -> Mapping[str, OutputState]:
        looking = Looking(self._outputs, self._is_sound, self._cache)
        with disk_errors("look at", self._outputs):
            return {folder: looking.state(folder, manifest) for folder, manifest in published}

    def read(self, folder: str, name: str) -> bytes | None:
        """A small published file; None where there is no such file, or a large one."""
        path = self._outputs / checked_path(folder) / checked_path(name)
        with disk_errors("read", path):
            if path.is_symlink() or not path.is_file() or path.stat().st_size > SMALL:
                return None
            return path.read_bytes()

    def _keep(self, partial: Path, sha256: str) -> None:
        """Make verified bytes a blob; a second thread with the same bytes changes nothing."""
        if self._is_sound(sha256):
            partial.unlink(missing_ok=True)
            return
        path = self.path(sha256)
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            _to_disk(self._root)
        partial.chmod(0o444)
        _to_disk(partial)
        partial.replace(path)
        _to_disk(path.parent)
        # Nobody has known the name until now, so the stamp is good however new it is.
        self._cache.remember_sha256(blob_name(sha256), stamp_of(path.lstat()), sha256)

    def _is_sound(self, sha256: str) -> bool:
        """Whether the blob is there with its bytes; a damaged one is set aside, for a person to look at."""
        path = self.path(sha256)
        try:
            if known_sha256(path, blob_name(sha256), path.lstat(), self._cache) == sha256:
                return True
            logger.warning("blob %s was changed in place; kept as %s", sha256, move_aside(path, "damaged"))
        except FileNotFoundError:
            pass
        return False

    def _sound_path(self, entry: FileEntry) -> Path:
        if not self._is_sound(entry.sha256):
            raise StorageError(
                f"{entry.name} cannot be published: its blob {entry.sha256} is not in {self._root}",
                "bring .cosmos/store back from a backup, or make it again with --rerun",
            )
        return self.path(entry.sha256)


def _to_disk(path: Path) -> None:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
