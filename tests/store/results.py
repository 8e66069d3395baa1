"""Results in a store, and their files as a person or a program may come upon them."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

from cosmos.core.recorded import FileEntry, Manifest
from cosmos.store.blobs import LocalStore

FOLDER = "city/seed-1/3fa9c1d2"

FILES = {"frames/0001.png": b"first frame", "run.log": b"", "video.mp4": b"a video" * 1000}


def a_manifest(files: dict[str, bytes] = FILES) -> Manifest:
    """What the files are called, without touching a store."""
    return tuple(
        FileEntry(name=name, sha256=hashlib.sha256(data).hexdigest(), size=len(data))
        for name, data in sorted(files.items())
    )


def a_result(store: LocalStore, files: dict[str, bytes] = FILES) -> Manifest:
    """A manifest whose blobs are in the store."""
    return tuple(replace(store.put(data), name=name) for name, data in sorted(files.items()))


def published(store: LocalStore, folder: str = FOLDER) -> Manifest:
    manifest = a_result(store)
    store.publish(folder, manifest)
    return manifest


def tree(folder: Path) -> dict[str, bytes]:
    """Bytes of every file below a folder, by relative path; hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def edit_in_place(path: Path, data: bytes) -> None:
    """As an editor with the rights of the owner does, through a read-only file, a second after it was made."""
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.write(data)
    touch(path, 1)


def touch(path: Path, seconds: float) -> None:
    """Move a file's time, as any later write does."""
    found = path.stat()
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + int(seconds * 1e9)))
