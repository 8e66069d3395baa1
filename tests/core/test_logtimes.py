"""Where the part of a log begins that was written since a moment."""

import pytest

from cosmos.core.logtimes import offset_since

LINES = b"100.0 0\n102.5 40\n110.0 90\n"


@pytest.mark.parametrize(("since", "offset"), [(50.0, 0), (100.0, 0), (102.5, 40), (109.9, 40), (500.0, 90)])
def test_the_part_begins_at_the_last_stamp_before_the_moment(since: float, offset: int) -> None:
    assert offset_since(LINES, since) == offset


def test_damaged_lines_are_passed_over() -> None:
    assert offset_since(b"100.0 10\nxx\n101.0\n\xff 7\n102.0 30", 200.0) == 30
