"""What `cosmos inputs` and `cosmos prepare` print."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from cosmos.cli.render import Screen, plural, printable, table
from cosmos.cli.status_page import FORMAT_VERSION
from cosmos.scenes import Prepared, SceneRow

HEADS = ("NAME", "FRAMES", "FPS", "SIZE", "CODEC", "CONTROLS", "PROMPTS", "RUNS")


def lines(rows: Sequence[SceneRow], screen: Screen) -> list[str]:
    if not rows:
        return ["no inputs"]
    found = table(screen, HEADS, [_cells(row) for row in rows], spare=("CODEC", "FPS"))
    warnings = [f"! {row.name}: {warning}" for row in rows for warning in row.warnings]
    return [*found, *([""] if warnings else []), *(screen.paint(printable(line), "yellow") for line in warnings)]


def _cells(row: SceneRow) -> tuple[str, ...]:
    color = row.color
    media = (str(color.frames), f"{color.fps:g}", f"{color.width}x{color.height}", color.codec) if color else ("-",) * 4
    return (row.name, *media, " ".join(row.controls) or "-", str(len(row.prompts)), str(len(row.runs)))


def document(rows: Sequence[SceneRow]) -> dict[str, object]:
    return {"format_version": FORMAT_VERSION, "inputs": [_item(row) for row in rows]}


def _item(row: SceneRow) -> dict[str, object]:
    return {
        "name": row.name,
        "folder": row.folder,
        "files": dict(row.files),
        "color": asdict(row.color) if row.color else None,
        "controls": list(row.controls),
        "warnings": list(row.warnings),
        "prompts": list(row.prompts),
        "runs": list(row.runs),
        "poster": row.poster or None,
    }


def prepared(done: Prepared) -> dict[str, object]:
    return {
        "format_version": FORMAT_VERSION,
        "is_new": done.is_new,
        "scene": _item(done.scene),
        "notes": list(done.notes),
        "runs_again": list(done.again),
    }


def talk(done: Prepared, screen: Screen) -> Iterator[str]:
    """For stderr: what happened, what to know, what follows."""
    for note in done.notes:
        yield screen.paint(printable(f"! {note}"), "yellow")
    if not done.is_new:
        yield f"{done.scene.folder} is made of just this already: nothing was done."
        return
    yield f"{done.scene.folder} is made."
    if done.again:
        are = "has another output now and runs" if len(done.again) == 1 else "have another output now and run"
        yield f"{plural(len(done.again), 'run')} {are} again with the next apply:"
        yield from (f"  {key}" for key in done.again)
    elif not done.scene.prompts:
        yield f"Next: name it in a prompt, as inputs: {done.scene.folder}"
