"""Comparing published files with their manifests. Called by `LocalStore.look`, for every result, every cycle.

Made to be cheap: one stat a file, and nothing is read that has not changed.
A published file that still is its blob's hard link, with the stamp that the blob was verified
with, is what it was. What fails that is hashed, once for each new stamp.
"""

import os
from collections.abc import Callable
from pathlib import Path

from cosmos.core.files import FactCache
from cosmos.core.observed import OutputState
from cosmos.core.recorded import Manifest
from cosmos.store.publishing import LATEST, checked_path, is_same


class Looking:
    """One look.

    Args:
        outputs: Folder in which results are published.
        is_sound: Whether the store has a blob with its bytes.
        cache: Remembers what files were hashed to.
    """

    def __init__(self, outputs: Path, is_sound: Callable[[str], bool], cache: FactCache) -> None:
        self._outputs = str(outputs)
        self._is_sound = is_sound
        self._cache = cache

    def state(self, folder: str, manifest: Manifest) -> OutputState:
        base = f"{self._outputs}/{checked_path(folder)}"
        state = OutputState.PRESENT
        for entry in manifest:
            path = f"{base}/{entry.name}"
            found = _lstat(path)
            if found is not None and is_same(path, found, entry, self._cache):
                continue
            if not self._is_sound(entry.sha256):
                return OutputState.LOST
            if found is not None:
                state = OutputState.CORRUPT
            elif state is OutputState.PRESENT:
                state = OutputState.MISSING
        if state is OutputState.PRESENT and not _is_latest(base):
            return OutputState.SUPERSEDED
        return state


def _lstat(path: str) -> os.stat_result | None:
    """None where nothing is. For the 8 files of a folder this takes half the time of reading the folder first."""
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _is_latest(base: str) -> bool:
    above, _, name = base.rpartition("/")
    try:
        return os.readlink(f"{above}/{LATEST}") == name  # noqa: PTH115 - asked 10,000 times
    except OSError:
        return False
