"""Spec files written as an edit says: all or none, where they are as they were seen, and committed on request."""

import os
from collections.abc import Sequence
from pathlib import Path

from cosmos.edits import FileEdit
from cosmos.errors import RefusedError, SourceError, StorageError
from cosmos.source.checkout import Checkout


def write(root: Path, edits: Sequence[FileEdit], checkout: Checkout | None, message: str) -> str:
    """Write the files, and commit exactly these where there is a checkout. All or nothing.

    Returns:
        The commit; empty without one.

    Raises:
        RefusedError: A file has changed since it was read.
        SourceError: git did not commit; the files are as they were.
    """
    real = real_paths(root, edits)
    written: list[tuple[Path, FileEdit]] = []
    try:
        for path, edit in zip(real.values(), edits, strict=True):
            _write(path, edit)
            written.append((path, edit))
        return checkout.commit(list(real), message) if checkout is not None else ""
    except (SourceError, StorageError, RefusedError):
        for path, edit in written:
            _take_back(path, edit)
        raise


def real_paths(root: Path, edits: Sequence[FileEdit]) -> dict[str, Path]:
    """The files to write, by their path in the project. A link within it is followed, not replaced."""
    root = root.resolve()
    found: dict[str, Path] = {}
    for edit in edits:
        path = (root / edit.path).resolve()
        if not path.is_relative_to(root):
            raise RefusedError(f"{edit.path} leads out of the project", "edit the spec by hand")
        found[path.relative_to(root).as_posix()] = path
    return found


def _write(path: Path, edit: FileEdit) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        there = path.read_bytes() if edit.before is not None or path.exists() else None
        if there != edit.before:
            raise RefusedError(f"{edit.path} has changed since it was read; nothing was done", "ask again")
        if edit.after is None:
            path.unlink()
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(edit.after)
        if edit.before is not None:
            beside.chmod(path.stat().st_mode & 0o7777)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise StorageError(f"cannot write {edit.path}: {error.strerror}") from None


def _take_back(path: Path, edit: FileEdit) -> None:
    """What somebody else, such as a hook, has written there since stays."""
    there = path.read_bytes() if path.exists() else None
    if there != edit.after:
        return
    if edit.before is None:
        path.unlink()
    else:
        _write(path, FileEdit(path=edit.path, before=edit.after, after=edit.before))
