"""The command line as people have it: with pipes, and at a terminal."""

import fcntl
import os
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from cosmos.outcome import DaemonNote
from tests.engine.workshop import WRITE, Workshop
from tests.projects import Project, shell_environment

Done = subprocess.CompletedProcess[str]

PATIENCE_S = 60


@dataclass
class Console(Workshop):
    """A workshop whose commands are typed."""

    started: "list[subprocess.Popen[str]]" = field(default_factory=list)

    def cosmos(self, *words: str, **environment: str) -> Done:
        return Project(self.root).cosmos(*words, **environment)

    def start(
        self, *words: str, stdout: int | IO[str] = subprocess.PIPE, stderr: int | IO[str] = subprocess.PIPE
    ) -> "subprocess.Popen[str]":
        """A command that goes on beside the test, in a session of its own."""
        process = subprocess.Popen(
            [sys.executable, "-m", "cosmos", *words],
            cwd=self.root,
            env=shell_environment(),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def close(self) -> None:
        """End what is still there, and let slow programs end."""
        self.go.touch()
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()

    def terminal(self, *words: str, columns: int = 80, **environment: str) -> "Terminal":
        return Terminal(self.root, words, columns, environment)

    def is_made(self, key: str) -> bool:
        return (self.root / "outputs" / key / "latest" / "out.txt").exists() and self.phase(key) == "Succeeded"

    def phase(self, key: str) -> str:
        """As the last look left it; empty before the first one."""
        with self.api() as api:
            return next((row.phase.value for row in api.status(look=False).statuses if row.key == key), "")

    def daemon(self) -> DaemonNote | None:
        """What `cosmos status` knows of a daemon."""
        with self.api() as api:
            return api.status(look=False).daemon

    @property
    def go(self) -> Path:
        return self.root / "go"

    def slow(self) -> str:
        """A program that ends well once the file `go` is there."""
        return f"while [ ! -e {self.go} ]; do sleep 0.05; done; {WRITE}"


class Terminal:
    """A command at a terminal of its own, 24 lines high, until the end of the block."""

    def __init__(
        self,
        folder: Path,
        words: tuple[str, ...],
        columns: int,
        environment: dict[str, str],
        program: tuple[str, ...] = ("-m", "cosmos"),
    ) -> None:
        self._ours, theirs = os.openpty()
        termios.tcsetwinsize(theirs, (24, columns))
        quiet = {"COLUMNS", "NO_COLOR", "TERM"}
        kept = {name: value for name, value in shell_environment().items() if name not in quiet}
        self.process = subprocess.Popen(
            [sys.executable, *program, *words],
            cwd=folder,
            env={**kept, "TERM": "xterm", **environment},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - so that Ctrl-C reaches it
        )
        os.close(theirs)
        self.text = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._ours)

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def read_until(self, words: str) -> str:
        """Everything so far, once it has these words."""
        end = time.monotonic() + PATIENCE_S
        while words not in self.text:
            assert time.monotonic() < end, f"{words!r} does not come; so far: {self.text!r}"
            assert self._read(), f"{words!r} never came: {self.text!r}"
        return self.text

    def skip(self, words: str) -> None:
        """Read until these words, and forget all up to them."""
        self.text = self.read_until(words).partition(words)[2]

    def keep_output_at_ctrl_c(self) -> None:
        """A terminal drops what was written and not yet read; not this one."""
        attributes = termios.tcgetattr(self._ours)
        attributes[3] |= termios.NOFLSH
        termios.tcsetattr(self._ours, termios.TCSANOW, attributes)

    def read_to_end(self) -> tuple[str, int]:
        """Everything, and the exit code."""
        while self._read():
            pass
        return self.text, self.process.wait(PATIENCE_S)

    def _read(self) -> bool:
        if not select.select([self._ours], [], [], PATIENCE_S)[0]:
            return False
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # how Linux says that the other side is closed
            return False
        self.text += data.decode()
        return bool(data)


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)
