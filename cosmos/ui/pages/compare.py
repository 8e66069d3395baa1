"""Compare: two to nine results side by side, played as one."""

from cosmos.ui import rows
from cosmos.ui.desk import Desk
from cosmos.ui.frame import Asked, Page, Shown


def keys_of(asked: Asked) -> list[str]:
    """Runs that an address names, each once, as many as fit."""
    words = (word.strip() for word in asked.get("compare", "").split(","))
    return list(dict.fromkeys(word for word in words if word))[: rows.COMPARED]


def answer(desk: Desk, asked: Asked) -> Shown:
    keys = keys_of(asked)
    found = desk.cosmos.gallery.of(keys)
    there = {item.key for item in found}
    shown = rows.compared(found, desk.cosmos.gallery.results(found))
    return {**shown, "missing": [key for key in keys if key not in there]}


PAGE = Page(name="compare", path="/compare", title="Compare", answer=answer)
