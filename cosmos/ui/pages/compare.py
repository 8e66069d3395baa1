"""Compare: two to nine results side by side, played as one; and which settings win by what people think of results."""

from collections.abc import Sequence

from cosmos.core.gallery import Item
from cosmos.core.winning import winning
from cosmos.ui import compare_rows
from cosmos.ui.desk import Desk
from cosmos.ui.frame import Asked, Page, Shown

ALL = "*"


def keys_of(asked: Asked) -> list[str]:
    """Runs that an address names, each once, as many as fit."""
    words = (word.strip() for word in asked.get("compare", "").split(","))
    return list(dict.fromkeys(word for word in words if word))[: compare_rows.COMPARED]


def answer(desk: Desk, asked: Asked) -> Shown:
    keys = keys_of(asked)
    found = desk.cosmos.gallery.of(keys)
    there = {item.key for item in found}
    shown = compare_rows.compared(found, desk.cosmos.gallery.results(found))
    everything = desk.cosmos.gallery.all()
    return {**shown, "missing": [key for key in keys if key not in there], "wins": wins(asked, found, everything)}


def wins(asked: Asked, compared: Sequence[Item], everything: Sequence[Item]) -> Shown:
    """Of the sweep that is asked for, of those of the compared runs, or of all runs."""
    sweep = asked.get("wins", "").strip()
    sweeps = {sweep} - {ALL} if sweep else {item.sweep for item in compared}
    of = [item for item in everything if not sweeps or item.sweep in sweeps]
    return {
        "of": sorted(sweeps),
        "runs": len(of),
        "rated": sum(item.rating is not None for item in of),
        "settings": compare_rows.winning_rows(winning(of)),
        "sweeps": sorted({item.sweep for item in everything}),
    }


PAGE = Page(name="compare", path="/compare", title="Compare", answer=answer)
