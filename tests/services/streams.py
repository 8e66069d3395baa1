"""Reading a `Transport.stream` to its end."""

from collections.abc import Generator

from cosmos.hosts.transport import Ended


def drained(stream: Generator[bytes, None, Ended]) -> tuple[bytes, Ended]:
    """What was printed, and how it ended."""
    printed = bytearray()
    while True:
        try:
            printed += next(stream)
        except StopIteration as end:
            return bytes(printed), end.value
