"""Runs: look through all of them, and at one from close by."""

from contextlib import suppress

from cosmos.core.gallery import RATINGS, SORTS, Query
from cosmos.ui import rows
from cosmos.ui.desk import Desk
from cosmos.ui.frame import Asked, Page, Shown


def query_of(asked: Asked) -> Query:
    """What an address asks for; what it does not understand counts as not said."""
    words = {
        name: asked.get(name, "").strip() for name in ("state", "model", "prompt", "label", "input", "sweep", "tag")
    }
    sort, rating = asked.get("sort", "key"), asked.get("rating", "")
    return Query(
        **words,
        rating=rating if rating in RATINGS else "",
        text=asked.get("q", "").strip(),
        days=_number(asked.get("days", "")),
        sort=sort.removeprefix("-") if sort.removeprefix("-") in SORTS else "key",
        descending=sort.startswith("-"),
        page=max(1, int(_number(asked.get("page", "1")))),
    )


def _number(text: str) -> float:
    with suppress(ValueError):
        number = float(text)
        return number if 0 <= number < 1e9 else 0.0
    return 0.0


def answer(desk: Desk, asked: Asked) -> Shown:
    gallery = desk.cosmos.gallery
    found = gallery.find(query_of(asked))
    shown = rows.found_page(found, gallery.results(found.items), gallery.choices())
    if key := asked.get("run", ""):
        close = gallery.close(key)
        shown["close"] = rows.details(close.item, close.entry, close.attempts, close.events)
    return shown


PAGE = Page(name="runs", path="/runs", title="Runs", answer=answer)
