"""Ctrl-C, or `kill`, while work is under way: the first detaches, the second leaves at once.

The signal only writes a byte to a pipe that a thread reads, and Python writes it where the signal arrives
(`signal.set_wakeup_fd`). A handler runs later, between two steps of the main thread: never while that one
waits, and else even inside a lock of `threading`, where calling anything that takes one can hang.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

LEFT = 130
_SHOW_CURSOR = "\x1b[?25h"


class Interrupt:
    """Between `with` and its end, SIGINT and SIGTERM mean `detach`.

    Args:
        detach: Called from another thread, once.
    """

    def __init__(self, detach: Callable[[], None]) -> None:
        self._detach = detach

    def __enter__(self) -> Self:
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._woken = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, _handled) for number in (signal.SIGINT, signal.SIGTERM)}
        self._thread = threading.Thread(target=self._serve, daemon=True, name="interrupt")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._woken)
        os.close(self._write)
        self._thread.join()
        os.close(self._read)

    def _serve(self) -> None:
        if not os.read(self._read, 1):
            return
        self._detach()
        if os.read(self._read, 1):
            _leave()


def _handled(number: int, frame: FrameType | None) -> None:
    """The byte is written already. Without a handler of Python's no byte would be."""


def _leave() -> None:
    """Without waiting for acts under way: every instant is safe to be killed at."""
    if sys.stderr.isatty():
        os.write(2, _SHOW_CURSOR.encode())
    os._exit(LEFT)
