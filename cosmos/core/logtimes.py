"""When a log was how long: lines `TIME SIZE` that run.sh writes every two seconds in which the log grew."""

from collections.abc import Iterable


def offset_since(lines: bytes, since: float) -> int:
    """Where the part of a log begins that was written after `since` (seconds since the epoch).

    Up to two seconds too early rather than a line too late. Damaged lines are passed over.
    """
    return max((size for at, size in stamps(lines) if at <= since), default=0)


def stamps(lines: bytes) -> Iterable[tuple[float, int]]:
    """Time and size of each line."""
    for line in lines.splitlines():
        try:
            at, size = line.split()
            yield float(at), int(size)
        except ValueError:
            continue
