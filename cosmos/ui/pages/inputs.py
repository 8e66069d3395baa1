"""Inputs: the scenes, and one of them with all its videos."""

from cosmos.ui import shelves
from cosmos.ui.desk import Desk
from cosmos.ui.frame import Asked, Page, Shown


def answer(desk: Desk, asked: Asked) -> Shown:
    rows = desk.reading.complete(desk.cosmos.library.scenes())
    shown = shelves.scenes_page(rows, asked)
    if name := asked.get("input", "").removeprefix("inputs/"):
        row = next((row for row in rows if row.name == name), None)
        if row is not None:
            shown["close"] = shelves.scene_details(row)
        else:
            shown["missing"] = {"error": f"there is no scene inputs/{name}", "hint": "it may have been renamed"}
    return shown


PAGE = Page(name="inputs", path="/inputs", title="Inputs", answer=answer)
