"""Prompts: a table of them, and one as a form and as it is written."""

import re
from collections.abc import Collection, Mapping
from itertools import count

from cosmos.core.gallery import Item
from cosmos.core.recorded import LedgerEntry
from cosmos.edits import SpecDocument
from cosmos.errors import NotFoundError, RefusedError
from cosmos.prompts import PromptRuns, Prompts
from cosmos.ui import rows, shelves
from cosmos.ui.desk import Desk
from cosmos.ui.frame import Asked, Page, Shown

RUNS_SHOWN = 24
MODEL = "preview"
"""Of a new run, until somebody names another one: it needs no GPU."""
ENHANCE = "cosmos-transfer1-enhance"


def answer(desk: Desk, asked: Asked) -> Shown:
    found = desk.cosmos.library.prompts()
    shown = shelves.prompts_page(found, asked)
    is_open = any(asked.get(word) for word in ("prompt", "new", "file"))
    shown["inputs"] = [row.folder for row in desk.cosmos.library.scenes()] if is_open else []
    try:
        shown["fresh"] = _fresh(desk, asked, found)
        shown["close"] = _close(desk, asked, found)
    except (NotFoundError, RefusedError) as error:  # of one, while the others can be listed
        shown["missing"] = {"error": error.message, "hint": error.hint}
    return shown


def _close(desk: Desk, asked: Asked, found: Prompts) -> Shown | None:
    """A prompt, or a whole file where it has problems."""
    if name := asked.get("prompt", ""):
        document = desk.cosmos.specs.find(f"prompt/{name}")
        runs = desk.cosmos.library.runs_of(name)
        results = desk.cosmos.gallery.results(runs.runs[:RUNS_SHOWN])
        better = free_name(f"{name}-better", {each.sweep for each in desk.cosmos.gallery.everything()[1]})
        enhance = f"kind: Run\nname: {better}\nprompt: {name}\nmodel: {ENHANCE}\n"
        return {**document_row(document), **details(name, runs, found, results), "enhance": enhance}
    if path := asked.get("file", ""):
        file = desk.cosmos.specs.read(path)
        return {"file": file.path, "yaml": file.text, "seen": file.seen}
    return None


def _fresh(desk: Desk, asked: Asked, found: Prompts) -> str:
    """The text that a new spec begins as; empty where none is asked for."""
    if asked.get("new") == "run" and (prompt := asked.get("of", "")):
        name = free_name(prompt, {each.sweep for each in desk.cosmos.gallery.everything()[1]})
        return f"kind: Run\nname: {name}\nprompt: {prompt}\nmodel: {MODEL}\n"
    if not asked.get("new"):
        return ""
    taken = {row.name for row in found.rows}
    if copy := asked.get("copy", ""):
        text = desk.cosmos.specs.find(f"prompt/{copy}").text
        return desk.cosmos.specs.reword(text, {"name": free_name(copy, taken)}).text
    scene = asked.get("scene", "")
    name = free_name(scene.rpartition("/")[2] or "prompt", taken)
    return f"kind: Prompt\nname: {name}\ntext:\n" + (f"inputs: inputs/{scene}\n" if scene else "")


def free_name(wanted: str, taken: Collection[str]) -> str:
    """`city`, or `city-2` where there is one; names have 63 letters at most."""
    base = re.sub("[^a-z0-9]+", "-", wanted.lower()).strip("-")[:58].strip("-") or "prompt"
    return base if base not in taken else next(name for n in count(2) if (name := f"{base}-{n}") not in taken)


def details(name: str, runs: PromptRuns, found: Prompts, results: Mapping[str, LedgerEntry]) -> Shown:
    """One prompt from close by; little is known of one whose file has problems."""
    row = next((row for row in found.rows if row.name == name), None)
    return {
        "row": shelves.prompt_row(row, found) if row is not None else None,
        "made": [run_row(item, results.get(item.key)) for item in runs.runs[:RUNS_SHOWN]],
        "total": len(runs.runs),
        "children": [other.name for other in found.rows if other.labels.get(shelves.PARENT) == name],
        "texts": [
            {"run": item.key, "url": rows.media(entry.digest, item.run.outputs["text"].path)}
            for item, entry in runs.texts
            if item.run is not None
        ],
    }


def document_row(document: SpecDocument) -> Shown:
    return {
        "name": document.name,
        "path": document.path,
        "line": document.line,
        "yaml": document.text,
        "spec": dict(document.data),
        "seen": document.seen,
    }


def run_row(item: Item, entry: LedgerEntry | None) -> Shown:
    """A run of the prompt, with what people think of it."""
    review = item.want.review if item.want is not None else None
    return {**rows.card(item, entry), "rating": review.rating if review is not None else None}


PAGE = Page(name="prompts", path="/prompts", title="Prompts", answer=answer)
