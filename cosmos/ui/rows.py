"""What pages show, as JSON: pure, from values of CosmosAPI. Scripts put each text into the page as text."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath as Path
from typing import Any
from urllib.parse import quote

from cosmos.core.gallery import Choices, Found, Item
from cosmos.core.plan import Phase
from cosmos.core.reasons import REASONS
from cosmos.core.recorded import Attempt, LedgerEntry
from cosmos.core.run import Run
from cosmos.outcome import Doing
from cosmos.views import EventRow

Row = dict[str, Any]

VIDEOS = (".mp4", ".webm", ".mov")
PICTURES = (".png", ".jpg", ".jpeg", ".webp")
THUMBNAIL = "thumbnail.jpg"
MAIN = "video"
"""The output that is looked at first."""
SEEN_AS = {"seg": "segmentation"}
"""Controls whose file has another role."""


def media(digest: str, name: str) -> str:
    """Address of a published file."""
    return f"/media/result/{digest}/{quote(name)}"


def given(path: str) -> str:
    """Address of an input."""
    return f"/media/input/{quote(path)}"


def card(item: Item, entry: LedgerEntry | None = None) -> Row:
    """One run in a gallery or table."""
    status, run = item.status, item.run
    names = [file.name for file in entry.manifest] if entry is not None else []
    video = _video(names, run)
    return {
        "key": item.key,
        "id": status.run_id,
        "phase": status.phase.value,
        "sync": status.sync.value,
        "words": _why(item),
        "stuck": status.stuck,
        "model": item.model,
        "prompt": item.prompt,
        "text": run.text if run is not None else "",
        "labels": [f"{name}={value}" for name, value in sorted(item.labels.items())],
        "rating": item.rating,
        "tags": list(item.tags),
        "axes": dict(run.axes) if run is not None else {},
        "host": status.host,
        "gpus": len(status.gpus),
        "since": status.since,
        "took": entry.duration_s if entry is not None else None,
        "video": media(entry.digest, video) if entry is not None and video else "",
        "poster": media(entry.digest, THUMBNAIL) if entry is not None and THUMBNAIL in names else "",
    }


def _video(names: Sequence[str], run: Run | None) -> str:
    found = [name for name in names if name.lower().endswith(VIDEOS)]
    outputs = run.outputs if run is not None else {}
    main = outputs[MAIN].path if MAIN in outputs else ""
    return main if main in found else next((name for name in found if Path(name).stem == MAIN), (*found, "")[0])


def _why(item: Item) -> str:
    status = item.status
    if status.message:
        return status.message
    if status.cause is not None and status.phase is not Phase.SUCCEEDED:
        return status.cause.value.replace("_", " ")
    return ""


def remedy(item: Item) -> str:
    """What to do about a failure."""
    reason = item.status.reason
    return REASONS[reason].remedy.replace("NAME", item.key) if reason is not None else ""


def found_page(found: Found, entries: Mapping[str, LedgerEntry], choices: Choices) -> Row:
    """One page of the runs, with what filters can be set to."""
    return {
        "cards": [card(item, entries.get(item.key)) for item in found.items],
        "total": found.total,
        "page": found.page,
        "pages": found.pages,
        "states": dict(found.states),
        "before": found.before,
        "after": found.after,
        "choices": {
            "model": list(choices.models),
            "prompt": list(choices.prompts),
            "label": list(choices.labels),
            "input": list(choices.inputs),
            "sweep": list(choices.sweeps),
            "tag": list(choices.tags),
        },
    }


def details(
    item: Item, entry: LedgerEntry | None, attempts: Sequence[Attempt], events: Sequence[EventRow]
) -> Row:  # fmt: skip
    """One run from close by."""
    run, status = item.run, item.status
    return {
        **card(item, entry),
        "remedy": remedy(item),
        "reason": status.reason.value if status.reason else "",
        "digest": status.digest or "",
        "at": str(status.at),
        "review": review_row(item),
        "spec": item.sweep if run is not None else "",
        "priority": run.priority if run is not None else None,
        "negative": run.negative if run is not None else "",
        "inputs": input_rows(run) if run is not None else [],
        "params": {name: str(value) for name, value in sorted(run.params.items())} if run is not None else {},
        "facts": _facts(item, entry),
        "files": [
            {"name": file.name, "size": file.size, "sha256": file.sha256, "url": media(entry.digest, file.name)}
            for file in entry.manifest
        ]
        if entry is not None
        else [],
        "attempts": [attempt_row(attempt) for attempt in reversed(attempts)],
        "events": [
            {"at": event.last_at, "kind": event.kind, "reason": event.reason, "words": event.message, "n": event.count}
            for event in reversed(events)
        ],
    }


def review_row(item: Item) -> Row:
    """What a person said of the output that the specs ask for now."""
    said = item.review
    return {
        "rating": item.rating,
        "note": said.note if said is not None else "",
        "tags": list(item.tags),
        "at": str(said.at) if said is not None else "",
    }


def _facts(item: Item, entry: LedgerEntry | None) -> list[list[str]]:
    run, status = item.run, item.status
    rows = [
        ["spec", str(status.at)],
        ["id", status.run_id],
        ["digest", status.digest or "-"],
        ["state", status.sync.value],
    ]
    if run is not None:
        rows += [["model", f"{run.model.name} (adapter {run.model.adapter} {run.adapter_version})"]]
        rows += [["image", run.model.image]] if run.model.image else []
        rows += [["priority", str(run.priority)], ["wanted on", run.placement.host]]
    if entry is not None:
        rows += [["batch", entry.batch_id], ["folder", f"outputs/{status.folder or entry.folder}"]]
    return rows


def input_rows(run: Run) -> list[Row]:
    """Inputs and controls: those that are files can be played; a control without one is computed by the model."""
    rows = []
    signals = {(SEEN_AS.get(name, name) if SEEN_AS.get(name) in run.inputs else name): name for name in run.controls}
    for role in sorted({*run.inputs, *signals}):
        control, path = run.controls.get(signals.get(role, "")), run.inputs.get(role, "")
        weight = "" if control is None else f"{control.weight:g}{f' {control.preset}' if control.preset else ''}"
        playable = path.lower().endswith(VIDEOS)
        rows.append(
            {"role": role, "path": path, "weight": weight, "url": given(path) if path else "", "video": playable}
        )
    if run.source is not None:
        rows.append({"role": run.source.role, "path": run.source.key, "weight": "", "url": "", "video": False})
    return rows


def attempt_row(attempt: Attempt) -> Row:
    """One attempt."""
    over = attempt.ended_at is not None and attempt.started_at is not None
    return {
        "number": attempt.number,
        "state": attempt.state.value,
        "host": attempt.host,
        "gpus": len(attempt.gpus),
        "at": attempt.started_at or attempt.intended_at,
        "took": (attempt.ended_at or 0.0) - (attempt.started_at or 0.0) if over else None,
        "reason": attempt.reason.value if attempt.reason else "",
        "words": attempt.message,
        "digest": attempt.digest[:8],
    }


def working(item: Item, doing: Doing | None, usual_s: float | None, now: float) -> Row:
    """A run that is under way: how far, by its own words or else by how long others took."""
    usual_s = item.status.takes_s or usual_s
    spent = max(0.0, now - item.status.since) if item.status.since is not None else None
    percent, guessed = (doing.percent, False) if doing is not None and doing.percent is not None else (None, False)
    if percent is None and usual_s and spent is not None and item.status.phase is Phase.RUNNING:
        percent, guessed = min(99, round(100 * spent / usual_s)), True
    ends_at = item.status.ends_at
    left = None if ends_at is None or item.status.phase is not Phase.RUNNING else ends_at - now
    return {
        **card(item),
        "percent": percent,
        "guessed": guessed,
        "left": None if left is None else max(0.0, left),
        "doing": doing.words if doing is not None else "",
    }
