"""Controllers beside each other: real processes, with a lease that is given up soon."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from cosmos.api import CosmosAPI
from cosmos.state.lease import Lease
from cosmos.state.process import this_process
from tests.engine.workshop import Workshop

STILL_S = 1.0
"""How long a controller of these tests may be silent."""

APPLY = """
import sys
from pathlib import Path
from cosmos.errors import Fenced
from tests.engine.controllers import hasty
from tests.engine.workshop import Workshop

with hasty(Workshop(Path(sys.argv[1]), toml=sys.argv[2])) as api:
    try:
        print(api.apply(api.plan()).exit_code)
    except Fenced as error:
        print(error)
        sys.exit(error.exit_code)
"""


def hasty(workshop: Workshop) -> CosmosAPI:
    """The project, for a controller that takes another one for dead soon."""
    api = workshop.api()
    project = api._project
    project.lease = Lease(project.database, this_process("me@here"), project.world.clock, still_s=STILL_S)
    return api


def begin(workshop: Workshop, program: str = APPLY) -> "subprocess.Popen[str]":
    """A controller in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", program, str(workshop.root), workshop.toml],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def pause(process: "subprocess.Popen[str]", workshop: Workshop) -> None:
    """Stop it, not within a transaction, and return once it has been silent for too long."""
    while True:
        os.kill(process.pid, signal.SIGSTOP)
        with closing(sqlite3.connect(workshop.root / ".cosmos" / "state.db", timeout=0, isolation_level=None)) as probe:
            try:
                probe.execute("BEGIN IMMEDIATE")
                break
            except sqlite3.OperationalError:
                os.kill(process.pid, signal.SIGCONT)
                time.sleep(0.05)
    time.sleep(STILL_S)


def go_on(process: "subprocess.Popen[str]") -> None:
    os.kill(process.pid, signal.SIGCONT)
