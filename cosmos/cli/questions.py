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

from cosmos.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator


def can_ask() -> bool:
    """Whether somebody sees a question, and can answer it."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def require(question: str, nothing: str, command: str) -> None:
    """Go on after a yes. On a terminal a question; elsewhere a refusal.

    Args:
        question: What is asked.
        nothing: What is said after any other answer.
        command: What does not ask.

    Raises:
        RefusedError: Nobody can be asked, or the answer is no.
    """
    if not can_ask():
        raise RefusedError(f"{nothing}: there is no terminal to ask on", f"{command} does not ask")
    try:
        agreed = confirmed(question)
    except KeyboardInterrupt:
        sys.stderr.write(f"\n{nothing[0].upper()}{nothing[1:]}.\n")
        raise
    if not agreed:
        raise RefusedError(nothing)


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
