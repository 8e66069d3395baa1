"""A question at a terminal, that Ctrl-C always ends.

Python notes a signal and handles it between two steps of the program. One that comes between the last such
step and the wait for a line is noted, and the wait goes on: the question then seems to ignore Ctrl-C. So
the wait is for a line or for a byte that the signal itself writes.
"""

import os
import select
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def can_ask() -> bool:
    """Whether somebody sees a question, and can answer it."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirmed(question: str) -> bool:
    """Whether the answer is yes; no answer, and every other one, is no.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    with _noticed_signals() as signals:
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        while sys.stdin not in select.select([sys.stdin, signals], [], [])[0]:
            os.read(signals, 1)
        answer = sys.stdin.readline()
    return answer.strip().lower() in ("y", "yes")


@contextmanager
def _noticed_signals() -> "Iterator[int]":
    """A descriptor that becomes readable with every signal that Python handles."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    before = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    try:
        yield read
    finally:
        signal.set_wakeup_fd(before)
        os.close(write)
        os.close(read)
