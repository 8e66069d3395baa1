"""Processes of this machine, any of which may end while it is looked at."""

from pathlib import Path


def named(name: str, pid: int) -> list[int]:
    """Those below a process that are called so."""
    return [one for one in descendants(pid) if command(one) == name]


def descendants(pid: int) -> list[int]:
    found = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def children(pid: int) -> list[int]:
    return [int(word) for word in _text(pid, f"task/{pid}/children").split()]


def command(pid: int) -> str:
    """What it is called; nothing where there is none."""
    return _text(pid, "comm").rstrip("\n")


def words(pid: int) -> list[str]:
    """What it was started with."""
    return _text(pid, "cmdline").split("\0")[:-1]


def is_alive(pid: int) -> bool:
    """One that has ended, and whose parent has not asked for it yet, is not."""
    status = _text(pid, "status")
    return bool(status) and "State:\tZ" not in status


def _text(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
