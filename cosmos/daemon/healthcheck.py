"""Is the daemon of a project healthy? For containers and scripts: `python3 -m cosmos.daemon.healthcheck [FOLDER]`.

Reads the health file; asks nobody. Exits with 0 and a line on stdout, or with 1 and a line on stderr.
"""

import json
import os
import socket
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cosmos.config import ConfigManager
from cosmos.daemon.vitals import FILE
from cosmos.errors import CosmosError, NotFoundError, StateError


def main(arguments: Sequence[str]) -> int:
    try:
        settings = ConfigManager(Path(arguments[0]) if arguments else None).settings()
        words = check(settings.state / FILE, time.time())
    except CosmosError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{words}\n")
    return 0


def check(path: Path, now: float) -> str:
    """How the daemon is, in a line.

    Raises:
        NotFoundError: There is none.
        StateError: It hangs, or its health file cannot be understood.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        machine, pid, state, why = record["machine"], int(record["pid"]), record["state"], record["why"]
        hangs_after = datetime.fromisoformat(record["hangs_after"]).timestamp() if record["hangs_after"] else None
    except FileNotFoundError:
        raise NotFoundError(f"no daemon: {path} is not there", "start one with `cosmos daemon`") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StateError(
            f"{path} cannot be read: {error!r}", "the next pass of `cosmos daemon` writes it anew"
        ) from None
    if machine == socket.gethostname() and not _lives(pid):
        raise NotFoundError(f"no daemon: process {pid} has ended", "start one with `cosmos daemon`")
    if hangs_after is not None and now > hangs_after:
        raise StateError(f"the daemon hangs: a pass was to end by {record['hangs_after']}", "restart it")
    return f"{state}: {why}" if why else state


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
