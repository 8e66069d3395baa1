"""ProjectLock: one controller at a time for a project.

A file lock of the kernel: it ends with the process, whatever ends it, so there is nothing to clear
after a crash and no lease to outlive. It holds on one machine; the constraints of the database hold
everywhere. What is written in the file is for people; the lock is not in the text.
"""

import errno
import fcntl
import json
import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from cosmos.errors import BusyError, StateError


class ProjectLock:
    """Held between `with` and its end.

    Args:
        path: A file in the state folder; it is made, and never removed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def __enter__(self) -> Self:
        """Take the lock, at once or not at all.

        Raises:
            BusyError: Another process has it; the message says which.
            StateError: The file cannot be made or locked.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise self._unusable(error) from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.pread(file, 1000, 0)
            os.close(file)
            raise _busy(owner) if error.errno == errno.EWOULDBLOCK else self._unusable(error) from None
        self._file = file
        self._introduce(file)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None

    def _introduce(self, file: int) -> None:
        """For whoever finds the lock taken. A full disk does not keep the lock from holding."""
        owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}
        with suppress(OSError):
            os.ftruncate(file, 0)
            os.pwrite(file, json.dumps(owner).encode(), 0)

    def _unusable(self, error: OSError) -> StateError:
        return StateError(
            f"cannot lock the project with {self._path}: {error.strerror}",
            "make its folder writable, or set project.state in cosmos.toml to a folder on a local disk",
        )


def _busy(owner_text: bytes) -> BusyError:
    try:
        owner = json.loads(owner_text)
        pid, host = int(owner["pid"]), str(owner["host"])
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(float(owner["since"])))
    except (ValueError, KeyError, TypeError):  # it has the lock and has not written yet
        return BusyError("another cosmos works on this project", "wait for it to end, then run the same command again")
    where = "" if host == socket.gethostname() else f" on {host}"
    return BusyError(
        f"another cosmos works on this project: process {pid}{where}, since {since}",
        f"wait for it to end, or stop it (kill {pid}): work on hosts goes on and is found again",
    )
