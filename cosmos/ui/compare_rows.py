"""Results side by side, and which settings win, as the page shows them: pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cosmos.core.gallery import Item, differing
from cosmos.core.recorded import LedgerEntry
from cosmos.core.run import Run
from cosmos.core.winning import Setting
from cosmos.ui.rows import VIDEOS, card, given

Row = dict[str, Any]

ORIGINALS = ("color", "video")
"""Roles of the input that a result is held against."""
COMPARED = 9


def compared(items: Sequence[Item], entries: Mapping[str, LedgerEntry]) -> Row:
    """Results side by side along the axes in which they differ, and what differs."""
    known = [item for item in items if item.run is not None]
    runs = [item.run for item in known if item.run is not None]
    across, down = _axes(runs)
    cards = [{**card(item, entries.get(item.key)), "at": _place(item, across, down)} for item in known]
    original = next((run.inputs[role] for run in runs for role in ORIGINALS if role in run.inputs), "")
    return {
        "cards": cards,
        "across": {"name": across, "values": _values(runs, across)},
        "down": {"name": down, "values": _values(runs, down)},
        "differing": [{"name": name, "values": list(values)} for name, values in differing(runs).items()],
        "original": given(original) if original.lower().endswith(VIDEOS) else "",
    }


def _axes(runs: Sequence[Run]) -> tuple[str, str]:
    """The two axes with the most values; the first across. Only where each pair of values is at most one run."""
    names = sorted({name for run in runs for name in run.axes}, key=lambda name: (-len(_values(runs, name)), name))
    vary = [name for name in names if len(_values(runs, name)) > 1 and all(name in run.axes for run in runs)]
    across, down = (*vary[:2], "", "")[:2]
    places = {(run.axes.get(across, ""), run.axes.get(down, "")) for run in runs}
    return (across, down) if across and len(places) == len(runs) else ("", "")


def _values(runs: Sequence[Run], axis: str) -> list[str]:
    return sorted({run.axes[axis] for run in runs if axis in run.axes}, key=_by_number) if axis else []


def _by_number(value: str) -> tuple[float, str]:
    try:
        return float(value), value
    except ValueError:
        return float("inf"), value


def _place(item: Item, across: str, down: str) -> list[str]:
    axes = item.run.axes if item.run is not None else {}
    return [axes.get(across, ""), axes.get(down, "")]


def winning_rows(settings: Iterable[Setting]) -> list[Row]:
    """Settings with the mean rating of each value, as bars of a plot."""
    return [
        {
            "name": setting.name,
            "spread": setting.spread,
            "more": setting.more,
            "values": [
                {"value": one.value, "mean": one.mean, "rated": one.rated, "runs": one.runs} for one in setting.values
            ],
        }
        for setting in settings
    ]
