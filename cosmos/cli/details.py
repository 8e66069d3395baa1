"""What `cosmos show` prints about one run, prompt or model."""

import time
from collections.abc import Iterable, Mapping, Sequence

from cosmos.cli.listing import mean, model_document, pairs, prompt_document
from cosmos.cli.past_page import origin_document, short_commit
from cosmos.cli.render import Screen, local_time, printable, table, timestamp
from cosmos.cli.status_page import FORMAT_VERSION, STYLES, left, run_document, why
from cosmos.core.observed import Origin
from cosmos.core.plan_text import duration, expected
from cosmos.core.recorded import Attempt
from cosmos.core.reviews import Review
from cosmos.core.run import Control, ParamType, Run
from cosmos.prompts import PromptRow
from cosmos.views import EventRow, ModelRow, RunDetails

Shown = RunDetails | PromptRow | ModelRow
Field = tuple[str, str]


def lines(shown: Shown, screen: Screen) -> list[str]:
    """The text form."""
    if isinstance(shown, RunDetails):
        return _run(shown, screen)
    if isinstance(shown, PromptRow):
        return _prompt(shown, screen)
    return _model(shown, screen)


def document(shown: Shown) -> dict[str, object]:
    """The JSON form; `kind` says which of the three it is."""
    if isinstance(shown, RunDetails):
        return {"format_version": FORMAT_VERSION, "kind": "Run", **_run_document(shown)}
    if isinstance(shown, PromptRow):
        return {"format_version": FORMAT_VERSION, "kind": "Prompt", **prompt_document(shown)}
    return {"format_version": FORMAT_VERSION, "kind": "Model", **model_document(shown)}


def _run(shown: RunDetails, screen: Screen) -> list[str]:
    run, status = shown.run, shown.status
    phase = screen.paint(status.phase.value, STYLES.get(status.phase.value, ""))
    fields: list[Field] = [
        ("status", f"{phase}, {status.sync.value}{f': {why(status)}' if why(status) else ''}"),
        ("expected", _expected(shown)),
        ("id", run.id),
        ("digest", shown.digest),
        ("spec", run.at.short),
        ("made from", _origin(shown.origin)),
        ("labels", pairs(run.labels)),
        ("prompt", run.prompt or "-"),
        ("text", printable(run.text)),
        ("negative", printable(run.negative)),
        ("model", f"{run.model.name} (adapter {run.model.adapter} {run.adapter_version})"),
        ("controls", ", ".join(f"{name} {_control(control)}" for name, control in run.controls.items())),
        ("params", ", ".join(f"{name}={_value(value)}" for name, value in sorted(run.params.items()))),
        *((f"input {role}", path) for role, path in sorted(run.inputs.items())),
        ("source", "" if run.source is None else f"{run.source.key}, its {run.source.output} as {run.source.role}"),
        ("needs", ", ".join(run.needs)),
        ("placement", _placement(run)),
        ("limits", f"{_timeout(run)}{_stall(run)}priority {run.priority}"),
        ("retry", _retry(run)),
        *(("review", _review(review, shown)) for review in shown.reviews),
    ]
    return [
        _title(screen, f"Run {run.key}"),
        *_fields(fields),
        *_section(screen, "Attempts", _attempts(shown.attempts, screen)),
        *(_section(screen, "End of its log", list(map(printable, shown.log_end))) if shown.log_end else []),
        *_section(screen, "Files", shown.files or ["none yet"]),
        *_section(screen, "Events", _events(shown.events, screen)),
    ]


def _expected(shown: RunDetails) -> str:
    """`~10m00s learned, ~4m10s left`."""
    time_left = left(shown.status, time.time())
    return ", ".join(filter(None, [expected(shown.takes_s, shown.basis), time_left and f"{time_left} left"]))


def _origin(origin: Origin) -> str:
    if not origin.commit:
        return ""
    when = "" if origin.committed_at is None else f", {local_time(origin.committed_at)}"
    return f"{short_commit(origin.commit)}{f' by {printable(origin.author)}' if origin.author else ''}{when}"


def _review(review: Review, shown: RunDetails) -> str:
    """`4 of 5, hero: best puddles (specs/reviews.yaml:3)`; of another output with its digest."""
    said = [f"{review.rating} of 5"] if review.rating is not None else []
    words = ", ".join([*said, *review.tags])
    note = printable(review.note)
    text = f"{words}: {note}" if words and note else words or note or "says nothing"
    return f"{text} ({'' if review is shown.review else f'of {review.digest[:8]}, '}{review.at.short})"


def _control(control: Control) -> str:
    preset = f" {control.preset}" if control.preset else ""
    return f"{control.weight:g}{preset}{' (computed)' if control.derived else ''}"


def _value(value: object) -> str:
    return "[" + ", ".join(map(str, value)) + "]" if isinstance(value, tuple) else str(value)


def _placement(run: Run) -> str:
    place = run.placement
    gpus = f", {place.gpus} GPUs" if place.gpus else ""
    return f"host {place.host}{gpus}{f', {pairs(place.labels)}' if place.labels else ''}"


def _timeout(run: Run) -> str:
    return "no timeout, " if run.timeout_s is None else f"timeout {duration(run.timeout_s)}, "


def _stall(run: Run) -> str:
    return "" if run.stall_s is None else f"stall {duration(run.stall_s)}, "


def _retry(run: Run) -> str:
    if not run.retry_limit:
        return "never by itself"
    listed = f", and {run.retry_limit} times after {', '.join(run.retry_on)}" if run.retry_on else ""
    return f"after failures of the infrastructure{listed}"


def _attempts(attempts: Sequence[Attempt], screen: Screen) -> list[str]:
    if not attempts:
        return ["none yet"]
    rows = [
        (
            str(attempt.number),
            attempt.digest[:8],
            attempt.host,
            attempt.state.value,
            local_time(attempt.started_at or attempt.intended_at),
            duration(attempt.ended_at - attempt.started_at) if attempt.ended_at and attempt.started_at else "-",
            f"{attempt.reason.value}: {attempt.message}" if attempt.reason else attempt.message,
        )
        for attempt in attempts
    ]
    heads = ("NUMBER", "DIGEST", "HOST", "STATE", "STARTED", "TOOK", "MESSAGE")
    return table(screen, heads, rows, spare=("DIGEST", "HOST"))


def _events(events: Sequence[EventRow], screen: Screen) -> list[str]:
    if not events:
        return ["none"]
    rows = [
        (local_time(event.last_at), f"x{event.count}" if event.count > 1 else "", event.reason, event.message)
        for event in events
    ]
    return table(screen, ("LAST", "TIMES", "REASON", "MESSAGE"), rows)


def _prompt(row: PromptRow, screen: Screen) -> list[str]:
    fields = [
        ("id", row.id),
        ("spec", row.at.short),
        ("labels", pairs(row.labels)),
        ("runs", str(row.runs)),
        ("rating", mean(row)),
        ("inputs", row.inputs),
        ("text", printable(row.text)),
        ("negative", printable(row.negative)),
    ]
    return [_title(screen, f"Prompt {row.name}"), *_fields(fields)]


def _model(row: ModelRow, screen: Screen) -> list[str]:
    model = row.model
    fields = [
        ("adapter", model.adapter),
        ("from", "built-in" if row.built_in else model.at.short),
        ("runs", str(row.runs)),
        ("image", model.image or ""),
        ("command", " ".join(model.command)),
        ("inputs", ", ".join(name if needed else f"{name} (optional)" for name, needed in model.inputs.items())),
        ("outputs", ", ".join(f"{name}: {path}" for name, path in model.outputs.items())),
    ]
    params = _params(model.params, screen)
    return [_title(screen, f"Model {row.name}"), *_fields(fields), *_section(screen, "Parameters", params)]


def _params(params: Mapping[str, ParamType], screen: Screen) -> list[str]:
    if not params:
        return ["none"]
    rows = [
        (name, kind.type, "required" if kind.required else str(kind.default), _range(kind), kind.description)
        for name, kind in sorted(params.items())
    ]
    return table(screen, ("NAME", "TYPE", "DEFAULT", "VALUES", "MEANING"), rows)


def _range(kind: ParamType) -> str:
    if kind.choices:
        return ", ".join(map(str, kind.choices))
    low = "" if kind.minimum is None else f"{kind.minimum:g}"
    high = "" if kind.maximum is None else f"{kind.maximum:g}"
    return f"{low}..{high}" if low or high else "-"


def _title(screen: Screen, text: str) -> str:
    return screen.paint(text, "bold")


def _fields(fields: Iterable[Field]) -> list[str]:
    """Those that say something; further lines of a value are indented like its first."""
    said = [(name, value) for name, value in fields if value not in ("", "-")]
    width = max(len(name) for name, _ in said)
    found = []
    for name, value in said:
        first, *rest = value.split("\n")
        found += [f"  {name.ljust(width)}  {first}", *(f"  {'':{width}}  {line}" for line in rest)]
    return found


def _section(screen: Screen, name: str, text: Sequence[str]) -> list[str]:
    return ["", _title(screen, name), *(f"  {line}" for line in text)]


def _run_document(shown: RunDetails) -> dict[str, object]:
    run = shown.run
    return {
        "key": run.key,
        "id": run.id,
        "digest": shown.digest,
        "status": run_document(shown.status),
        "takes_s": shown.takes_s,
        "basis": shown.basis and shown.basis.value,
        "made_from": origin_document(shown.origin),
        "prompt": run.prompt,
        "text": run.text,
        "negative": run.negative,
        "model": run.model.name,
        "inputs": dict(run.inputs),
        "controls": {
            role: {"weight": control.weight, "preset": control.preset, "derived": control.derived}
            for role, control in run.controls.items()
        },
        "params": dict(run.params),
        "source": run.source and {"key": run.source.key, "output": run.source.output, "role": run.source.role},
        "needs": list(run.needs),
        "placement": {
            "host": run.placement.host,
            "gpus": run.placement.gpus,
            "labels": dict(run.placement.labels),
        },
        "priority": run.priority,
        "timeout_s": run.timeout_s,
        "stall_s": run.stall_s,
        "retry_limit": run.retry_limit,
        "retry_on": list(run.retry_on),
        "suspend": run.suspend,
        "labels": dict(run.labels),
        "review": shown.review and _review_document(shown.review),
        "reviews": [_review_document(review) for review in shown.reviews],
        "attempts": [_attempt_document(attempt) for attempt in shown.attempts],
        "log_end": list(shown.log_end),
        "files": list(shown.files),
        "events": [
            {
                "kind": event.kind,
                "reason": event.reason,
                "message": event.message,
                "count": event.count,
                "last_at": timestamp(event.last_at),
            }
            for event in shown.events
        ],
    }


def _review_document(review: Review) -> dict[str, object]:
    return {
        "digest": review.digest,
        "rating": review.rating,
        "note": review.note,
        "tags": list(review.tags),
        "file": review.at.file,
        "line": review.at.line,
    }


def _attempt_document(attempt: Attempt) -> dict[str, object]:
    return {
        "number": attempt.number,
        "digest": attempt.digest,
        "batch": attempt.batch_id,
        "host": attempt.host,
        "state": attempt.state.value,
        "reason": attempt.reason and attempt.reason.value,
        "message": attempt.message,
        "intended_at": timestamp(attempt.intended_at),
        "started_at": timestamp(attempt.started_at),
        "ended_at": timestamp(attempt.ended_at),
        "released": attempt.released,
    }
