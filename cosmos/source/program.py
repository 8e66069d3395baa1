"""Runs a program to its end, within limits. The only door to subprocesses in `source`.

It gets a session of its own, so that what it starts ends with it. Ctrl-C at our terminal does not reach it: whoever is
interrupted here ends it.
"""

import contextlib
import math
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

_CHUNK = 1 << 16
_ERR_MAX = 64 << 10
_GLANCE_S = 0.2
"""How soon it is seen that a program has ended whose output something that it left behind still holds."""
_GRACE_S = 2.0
"""For a program that is told to end: git takes its locks and half-written files away."""


class OverrunError(Exception):
    """The program was ended: it took too long, said nothing for too long, or wrote too much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one program: all its time, time without a word from it, and bytes of its stdout."""

    total_s: float
    silent_s: float = math.inf
    bytes_max: int


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    out: bytes
    err: bytes
    """The last of it, where it is much."""


def run(
    words: Sequence[str],
    environment: Mapping[str, str],
    limits: Limits,
    *,
    data: bytes = b"",
    into: IO[bytes] | None = None,
) -> Ended:
    """Start it, give it `data`, and take what it writes.

    Args:
        words: The program and its arguments.
        environment: All its variables.
        limits: When it is ended.
        data: For its stdin.
        into: A file for its stdout, which then counts as empty and is without a limit.

    Raises:
        OSError: It cannot be started.
        OverrunError: A limit.
    """
    with subprocess.Popen(
        words,
        env=environment,
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if into is None else into,
        stderr=subprocess.PIPE,
        start_new_session=True,
        bufsize=0,
    ) as process:
        try:
            return _Course(process, limits, data).to_its_end()
        except BaseException:
            _end(process)
            raise


class _Course:
    """Feeds and drains all pipes at once, so that no full one can block another."""

    def __init__(self, process: "subprocess.Popen[bytes]", limits: Limits, data: bytes) -> None:
        self._process = process
        self._limits = limits
        self._left = memoryview(data)
        self._out, self._err = bytearray(), bytearray()
        self._began = self._heard = time.monotonic()
        self._pipes = selectors.DefaultSelector()
        for pipe, event in (
            (process.stdin, selectors.EVENT_WRITE),
            (process.stdout, selectors.EVENT_READ),
            (process.stderr, selectors.EVENT_READ),
        ):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                self._pipes.register(pipe, event)

    def to_its_end(self) -> Ended:
        with self._pipes:
            while self._pipes.get_map():
                ready = self._pipes.select(min(_GLANCE_S, self._time_left()))
                for key, _ in ready:
                    self._serve(key.fileobj)
                if not ready and self._process.poll() is not None:
                    break
        while self._process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(self._time_left())
        return Ended(self._process.returncode, bytes(self._out), bytes(self._err))

    def _time_left(self) -> float:
        now = time.monotonic()
        for began, limit_s in ((self._began, self._limits.total_s), (self._heard, self._limits.silent_s)):
            if now - began >= limit_s:
                raise OverrunError(f"did not answer within {limit_s:.0f} s")
        return min(self._began + self._limits.total_s, self._heard + self._limits.silent_s) - now

    def _serve(self, pipe: object) -> None:
        file: IO[bytes] = pipe  # type: ignore[assignment]
        if file is self._process.stdin:
            self._feed(file)
            return
        found = os.read(file.fileno(), _CHUNK)
        self._heard = time.monotonic()
        if not found:
            self._pipes.unregister(file)
        elif file is self._process.stdout:
            self._out += found
            if len(self._out) > self._limits.bytes_max:
                raise OverrunError(f"wrote more than {self._limits.bytes_max / 1e6:.0f} MB")
        else:
            self._err += found
            del self._err[:-_ERR_MAX]

    def _feed(self, stdin: IO[bytes]) -> None:
        try:
            self._left = self._left[os.write(stdin.fileno(), self._left[:_CHUNK]) :]
        except BrokenPipeError:  # one that ends without reading all: its answer says why
            self._left = self._left[:0]
        if not self._left:
            self._pipes.unregister(stdin)
            stdin.close()


def _end(process: "subprocess.Popen[bytes]") -> None:
    """It, and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
        os.killpg(process.pid, signal.SIGKILL)
