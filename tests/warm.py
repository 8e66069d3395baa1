"""Commands in processes that are forked from one which has read the program already.

Each is a process of its own as `python -m cosmos` starts it, with its own folder, environment, files and exit code.
Only what an interpreter does before the first line of a command is shared: more than half of what most of them cost.
"""

import multiprocessing
import os
import pkgutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import NoReturn

import cosmos
from cosmos.cli.main import main
from cosmos.core import garbage

COLD = (
    "cosmos.__main__",
    "cosmos.ui",
    "cosmos.daemon",
    "cosmos.local_ai",
    "cosmos.state.migrations",
    "cosmos.adapters.programs",
)
"""What most commands do not read. Some of it starts threads, which a fork loses."""

MEDIA = ("av", "cosmos.local_ai.probe")
"""What a look at a video reads, without threads."""

TIME_S = 120.0
"""A command that takes longer hangs."""


def run(
    words: Sequence[str], folder: Path, environment: Mapping[str, str], *, grace: bool = True
) -> "subprocess.CompletedProcess[str]":
    """Type a command that has nothing to read, in this environment alone.

    Without `grace`, nothing has to be ten minutes old before it is garbage.
    """
    with tempfile.TemporaryDirectory(prefix="cosmos-typed-") as made:
        out, err = Path(made, "out"), Path(made, "err")
        process = _context().Process(target=_command, args=(list(words), folder, dict(environment), out, err, grace))
        process.start()
        process.join(TIME_S)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(list(words), TIME_S, _text(out), _text(err))
        done = subprocess.CompletedProcess(list(words), process.exitcode, _text(out), _text(err))
        process.close()
        return done


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", __name__, *MEDIA, *_modules()])
    return context


def _modules() -> list[str]:
    found = (each.name for each in pkgutil.walk_packages(cosmos.__path__, "cosmos."))
    return [name for name in found if not name.startswith(COLD)]


def _command(
    words: list[str],
    folder: Path,
    environment: dict[str, str],
    out: Path,
    err: Path,
    grace: bool,
) -> NoReturn:
    """What a shell and then an interpreter do before the program begins; then the program."""
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    for number, path, flags in ((0, Path(os.devnull), os.O_RDONLY), (1, out, os.O_WRONLY), (2, err, os.O_WRONLY)):
        opened = os.open(path, flags | os.O_CREAT)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, buffering, encoding="utf-8", closefd=False)  # noqa: SIM115 - they end with the process
        for number, mode, buffering in ((0, "r", -1), (1, "w", -1), (2, "w", 1))
    )
    sys.argv = ["cosmos", *words]
    if not grace:
        garbage.GRACE_S = 0.0
    try:
        code = main()
    except Exception as error:  # noqa: BLE001 - as an interpreter does
        sys.excepthook(type(error), error, error.__traceback__)
        code = 1
    sys.exit(code)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
