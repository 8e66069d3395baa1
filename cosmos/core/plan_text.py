"""The plan as text for people, tests and logs, and as JSON for programs.

    + run city-rain/edge-0.2_seed-1   never_ran   specs/city.yaml:8   lambda gpu0   ~3m10s learned
    ^ stage 3 blobs 29.0 MB -> local   (2 shared by 6 runs)
    v collect city-rain/edge-0.6_seed-1   exited
    = 41 unchanged
    Plan: 1 to run, 1 to collect; 41 unchanged.  ~3m10s of GPU time, 29.0 MB to upload.

Glyphs: + run, -/+ run again, > adopt, ^ upload, v collect, r restore, x stop, ! fail, - release, = unchanged.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from cosmos.core.estimate import Basis
from cosmos.core.plan import Act, Blob, Cause, Operation, Phase, Plan, RunStatus, Sync

FORMAT_VERSION = 1
"""Of the JSON form. Fields are added under one version; a changed meaning raises it."""

FOLD = 20
"""Members of a sweep that are shown one by one; the JSON form always has each."""

NO_CHANGES = "No changes. What exists matches the specs."

_AGAIN = frozenset(
    {
        Cause.MODEL_CHANGED,
        Cause.PROMPT_CHANGED,
        Cause.INPUT_CHANGED,
        Cause.CONTROLS_CHANGED,
        Cause.PARAMS_CHANGED,
        Cause.SOURCE_CHANGED,
        Cause.FORCED,
        Cause.ATTEMPT_FAILED,
        Cause.RETRY_REQUESTED,
    }
)
_GLYPHS = {Act.ADOPT: ">", Act.COLLECT: "v", Act.RESTORE: "r", Act.STOP: "x", Act.FAIL: "!"}
_VERBS = {Act.LAUNCH: "run", Act.COLLECT: "collect", Act.RESTORE: "restore", Act.ADOPT: "adopt", Act.STOP: "stop"}


def text(plan: Plan) -> str:
    """The whole plan. Equal plans give equal text."""
    lines = [*columns(launch_rows(plan.operations)), *other_lines(plan)]
    unchanged = _unchanged(plan)
    if lines and unchanged:
        lines.append(f"= {unchanged} unchanged")
    return "\n".join([*lines, summary(plan)])


def other_lines(plan: Plan) -> list[str]:
    """All but what is launched, and what nothing of it changes though it is not as desired."""
    lines = _staging(plan)
    lines += [_line(operation) for operation in plan.operations if operation.act in _GLYPHS]
    lines += _releases(plan.operations)
    return lines + [_attention(status) for status in plan.statuses if _needs_attention(status)]


def summary(plan: Plan) -> str:
    """The last line: counts in the rhythm of other planners, or that there is nothing to do."""
    if plan.is_empty:
        return _idle(plan)
    counts = Counter(operation.act for operation in plan.operations)
    parts = [
        f"{counts[act]} to {_VERBS[act]}"
        for act in (Act.LAUNCH, Act.ADOPT, Act.COLLECT, Act.RESTORE, Act.STOP)
        if counts[act]
    ]
    lost = sum(operation.act is Act.FAIL and operation.cause is Cause.LOST for operation in plan.operations)
    parts += [f"{lost} lost"] if lost else []
    parts += [f"{counts[Act.FAIL] - lost} to close"] if counts[Act.FAIL] > lost else []
    line = f"Plan: {', '.join(parts) or 'upkeep only'}; {_unchanged(plan)} unchanged."
    costs = _costs(plan)
    return f"{line}  {costs}" if costs else line


def _idle(plan: Plan) -> str:
    """Nothing to do is not yet as desired: work may be under way, and a person may be needed."""
    broken = sum(map(_needs_attention, plan.statuses))
    others = [s.phase for s in plan.statuses if s.sync is not Sync.SYNCED and not _needs_attention(s)]
    counts = Counter(others)
    parts = [f"{counts[phase]} {phase.value.lower()}" for phase in Phase if counts[phase]]
    parts += [f"{broken} need{'s' if broken == 1 else ''} attention"] if broken else []
    parts += [f"{plan.held} held by problems in the specs"] if plan.held else []
    return f"Nothing to do now: {', '.join(parts)}; {_unchanged(plan)} unchanged." if parts else NO_CHANGES


def as_json(plan: Plan) -> dict[str, object]:
    """Plain data: format_version, operations, statuses, summary."""
    return {
        "format_version": FORMAT_VERSION,
        "operations": [operation_json(operation) for operation in plan.operations],
        "runs": [status_json(status) for status in plan.statuses],
        "summary": {
            **{act.value: sum(operation.act is act for operation in plan.operations) for act in Act},
            "unchanged": _unchanged(plan),
            "eta_s": plan.eta_s,
            "gpu_s": plan.gpu_s,
            "wall_s": plan.wall_s,
            "unknown": plan.unknown,
            "upload_bytes": _upload(plan.operations),
        },
    }


def status_json(status: RunStatus) -> dict[str, object]:
    """One run's standing as plain data."""
    return {
        "key": status.key,
        "id": status.run_id,
        "digest": status.digest,
        "sync": status.sync.value,
        "phase": status.phase.value,
        "cause": status.cause and status.cause.value,
        "reason": status.reason and status.reason.value,
        "message": status.message,
        "host": status.host,
        "gpus": list(status.gpus),
        "attempt": status.attempt,
        "folder": status.folder,
        "since": status.since,
        "until": status.until,
        "stuck": status.stuck,
        "takes_s": status.takes_s,
        "basis": status.basis and status.basis.value,
        "ends_at": status.ends_at,
        "file": status.at.file,
        "line": status.at.line,
    }


def duration(seconds: float) -> str:
    """`45s`, `3m10s`, `2h05m`."""
    whole = max(1, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02d}m"
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"


def size(count: int) -> str:
    """Bytes with a decimal unit: `812 B`, `29.0 MB`."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < (1000 if unit == "B" else 999.95):  # else it would be shown as 1000.0
            break
        value, unit = value / 1000, larger
    return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"


def launch_rows(operations: Iterable[Operation]) -> list[list[str]]:
    """A row a run; more than FOLD members of one sweep that run for one cause share a row."""
    groups: dict[tuple[str, Cause, str, str], list[Operation]] = {}
    for operation in operations:
        if operation.act is Act.LAUNCH:
            sweep = operation.key.partition("/")[0]
            groups.setdefault((sweep, operation.cause, operation.detail, operation.host), []).append(operation)
    return [row for group in groups.values() for row in _group_rows(group)]


def _group_rows(group: Sequence[Operation]) -> list[list[str]]:
    if len(group) <= FOLD:
        return [_launch_row(operation) for operation in group]
    first = _launch_row(group[0])
    etas = [operation.eta_s for operation in group if operation.eta_s is not None]
    bases = sorted({operation.basis.value for operation in group if operation.basis is not None})
    sweep = group[0].key.partition("/")[0]
    name = f"{first[0].partition(' ')[0]} {len(group)} runs {sweep}/*"
    ready = sum(operation.ready for operation in group)
    of = f" for {len(etas)} of them" if etas and len(etas) < len(group) else ""
    eta = f"~{duration(sum(etas))} {' and '.join(bases)}{of}".strip() if etas else ""
    return [[name, *first[1:3], group[0].host, eta, f"{ready} of them now"]]


def _launch_row(operation: Operation) -> list[str]:
    glyph = "-/+" if operation.cause in _AGAIN else "+"
    cause = f"{operation.cause.value} ({operation.detail})" if operation.detail else operation.cause.value
    where = " ".join((operation.host, *map(_gpu, operation.gpus))).strip()
    eta = expected(operation.eta_s, operation.basis)
    last = f"after {operation.after}" if operation.after else ""
    last = f"waits for {operation.waits}" if not operation.ready and operation.waits != "inputs" else last
    at = operation.at.short if operation.at else ""
    return [f"{glyph} run {operation.key}", cause, at, where, eta, last]


def expected(seconds: float | None, basis: Basis | None) -> str:
    """`~3m10s learned`; empty where nothing is known."""
    if seconds is None:
        return ""
    return f"~{duration(seconds)} {basis.value}" if basis is not None else f"~{duration(seconds)}"


def _gpu(id: str) -> str:
    """`gpu0`, or the start of a name as nvidia-smi gives it: `GPU-8f3a09c1`."""
    return f"gpu{id}" if id.isdigit() else id[:12]


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines, without the columns that are empty."""
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(len(rows[0]) if rows else 0)]
    padded = ("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width) for row in rows)
    return [line.rstrip() for line in padded]


def _staging(plan: Plan) -> list[str]:
    lines = []
    for host in sorted({operation.host for operation in plan.operations if operation.act is Act.STAGE}):
        here = [operation for operation in plan.operations if operation.act is Act.STAGE and operation.host == host]
        blobs = _blobs(here)
        shared = [blob for blob in blobs if plan.readers.get(blob.sha256, 0) > 1]
        note = f"   ({len(shared)} shared by {max(plan.readers[b.sha256] for b in shared)} runs)" if shared else ""
        plural = "" if len(blobs) == 1 else "s"
        lines.append(f"^ stage {len(blobs)} blob{plural} {size(sum(blob.size for blob in blobs))} -> {host}{note}")
    return lines


def _line(operation: Operation) -> str:
    if operation.act is Act.FAIL:
        what = operation.reason or operation.cause
        return f"! run {operation.key}   {what.value}: {operation.detail}"
    found = operation.detail if operation.act is Act.ADOPT else ""
    where = f"   {operation.host or found}" if operation.host or found else ""
    return f"{_GLYPHS[operation.act]} {_VERBS[operation.act]} {operation.key}   {operation.cause.value}{where}"


def _releases(operations: Iterable[Operation]) -> list[str]:
    hosts = Counter(operation.host for operation in operations if operation.act is Act.RELEASE)
    return [
        f"- release {count} run director{'y' if count == 1 else 'ies'} on {host}   {Cause.DURABLE.value}"
        for host, count in sorted(hosts.items())
    ]


def _needs_attention(status: RunStatus) -> bool:
    """Out of sync, and no operation of the plan will change it."""
    if status.phase in (Phase.FAILED, Phase.SUSPENDED, Phase.CANCELLED):
        return True
    return bool(status.message) and (status.stuck or status.sync is Sync.UNKNOWN)


def _attention(status: RunStatus) -> str:
    what = f"{status.phase.value} {status.reason.value}" if status.reason else status.phase.value
    return f"! run {status.key}   {what}: {status.message}"


def _unchanged(plan: Plan) -> int:
    return sum(status.sync is Sync.SYNCED for status in plan.statuses)


def _blobs(operations: Iterable[Operation]) -> list[Blob]:
    return list({blob.sha256: blob for operation in operations for blob in operation.blobs}.values())


def _upload(operations: Iterable[Operation]) -> int:
    """Bytes to send: a blob once to each host that lacks it."""
    sizes = {(operation.host, blob.sha256): blob.size for operation in operations for blob in operation.blobs}
    return sum(sizes.values())


def _costs(plan: Plan) -> str:
    eta, on_gpus, lacks = plan.eta_s, plan.gpu_s, plan.unknown
    upload = _upload(plan.operations)
    parts = [f"~{duration(on_gpus)} of GPU time"] if on_gpus else [f"~{duration(eta)} of run time"] if eta else []
    is_short = plan.wall_s is None or duration(plan.wall_s) == duration(on_gpus or eta)
    parts += [] if is_short or plan.wall_s is None else [f"done in ~{duration(plan.wall_s)}"]
    parts += [f"{lacks} of unknown length"] if lacks and eta else []
    parts += [f"{size(upload)} to upload"] if upload else []
    return f"{', '.join(parts)}." if parts else ""


def operation_json(operation: Operation) -> dict[str, object]:
    """One operation as plain data."""
    return {
        "act": operation.act.value,
        "cause": operation.cause.value,
        "key": operation.key,
        "digest": operation.digest,
        "file": operation.at and operation.at.file,
        "line": operation.at and operation.at.line,
        "host": operation.host,
        "gpus": list(operation.gpus),
        "batch": operation.batch_id,
        "attempt": operation.attempt,
        "detail": operation.detail,
        "reason": operation.reason and operation.reason.value,
        "blobs": [{"sha256": blob.sha256, "size": blob.size, "path": blob.path} for blob in operation.blobs],
        "eta_s": operation.eta_s,
        "basis": operation.basis and operation.basis.value,
        "wants_gpus": operation.wants_gpus,
        "after": operation.after,
        "ready": operation.ready,
        "waits": operation.waits,
    }
