"""Who holds a lease: a process, named so that nobody takes another one for it.

A process number alone is given out again, in every container anew, and after every start of the machine. What can be
told from here is only ever that a process is no more; where that is not certain, it may live.
"""

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MACHINE_ID = "/etc/machine-id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process of one boot of one machine. A word that cannot be found out is empty."""

    machine: str
    boot: str
    namespace: str
    """Of process numbers: containers of one machine have their own."""
    pid: int
    started: str
    """When, in ticks since the boot: another process may get the number."""
    who: str
    """For people: `user@host`."""


def this_process(who: str) -> Process:
    pid = os.getpid()
    return Process(
        machine=_line(MACHINE_ID),
        boot=_line("/proc/sys/kernel/random/boot_id"),
        namespace=_link("/proc/self/ns/pid"),
        pid=pid,
        started=_started(pid),
        who=who,
    )


def place_of(path: Path) -> str:
    """`machine:path`, by which a file is known on other machines. A container has no id of a machine."""
    return f"{_line(MACHINE_ID)}:{path.resolve()}"


def has_ended(other: Process, here: Process) -> bool:
    """Known, not guessed: it ended with an earlier boot of this machine, or is not in the table of processes."""
    if not other.boot or not here.boot:
        return False
    if other.boot != here.boot:
        return bool(here.machine) and other.machine == here.machine
    if not here.namespace or other.namespace != here.namespace:
        return False
    try:
        os.kill(other.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # it is somebody else's
        pass
    return _started(other.pid) not in (other.started, "")


SILENT_S = 30.0
"""A holder whose beat is older is not taken for one that works."""


def is_at_work(holder: Process, beat_at: float) -> bool:
    """Whether who has the lease seems to act. For people: whoever takes the lease watches the beat instead."""
    return abs(time.time() - beat_at) < SILENT_S and not has_ended(holder, this_process(""))


def _started(pid: int) -> str:
    """Empty where it cannot be told, `ended` for a zombie: only its parent has not asked yet how it ended."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        return "ended" if fields[0] in "ZX" else fields[19]
    return ""


def _line(path: str) -> str:
    with suppress(OSError):
        return Path(path).read_text("ascii", "replace").strip()
    return ""


def _link(path: str) -> str:
    with suppress(OSError):
        return str(Path(path).readlink())
    return ""
