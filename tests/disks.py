"""Disks that are small, and made full. A test that uses one is marked `needs("mount")`."""

import errno
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount one there; a process that is still in it keeps it alive, and nothing else."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> None:
    """Leave not one byte. Removing `ballast` makes room again."""
    with (folder / "ballast").open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            while _has_room(file, size):
                pass


def _has_room(file: IO[bytes], size: int) -> bool:
    try:
        file.write(b"x" * size)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            return False
        raise
    return True
