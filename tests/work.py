"""How much a call does, without a clock: how many lines of Python it runs. Equal on every machine, however busy."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def lines_run(call: Callable[[], object], most: int = sys.maxsize) -> int:
    """Lines that `call` runs in this thread; each turn of a comprehension is one. What C does is not seen.

    Args:
        call: What to measure.
        most: It is stopped beyond so many lines, by an AssertionError.
    """
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        assert count <= most, f"runs more than {most} lines"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count
