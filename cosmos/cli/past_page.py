"""What `cosmos events` and `cosmos history` print."""

import json
from collections.abc import Iterable, Sequence

from cosmos.cli.render import Screen, local_time, one_line, table, timestamp
from cosmos.core.digest import SHORT
from cosmos.core.observed import Origin
from cosmos.core.plan_text import duration
from cosmos.views import EventRow, PastRow, VersionRow

FORMAT_VERSION = 1
EVENT_HEADS = ("LAST", "TIMES", "KIND", "REASON", "RUN", "MESSAGE")
HISTORY_HEADS = ("WHEN", "RUN", "WHAT", "DIGEST", "HOST", "TOOK", "WHO", "MESSAGE")
VERSION_HEADS = ("RUN", "ID", "DATE", "COMMIT", "AUTHOR", "DIGEST", "RESULT", "DURATION")
STYLES = {"Warning": "yellow"}


def event_lines(rows: Sequence[EventRow], screen: Screen, since: str) -> list[str]:
    if not rows:
        return [f"no events in the last {since}"]
    return table(screen, EVENT_HEADS, [_cells(row) for row in rows], spare=("TIMES", "KIND"), styles=STYLES)


def _cells(row: EventRow) -> tuple[str, ...]:
    times = f"x{row.count}" if row.count > 1 else ""
    return local_time(row.last_at), times, row.kind, row.reason, row.subject, row.message


def follow(rows: Iterable[EventRow], screen: Screen, *, as_json: bool) -> None:
    """Write each event as it comes, one a line."""
    for row in rows:
        if as_json:
            screen.write(json.dumps(_event(row)))
            continue
        when, times, kind, reason, run, message = (one_line(cell) for cell in _cells(row))
        words = f"{message} {times}".rstrip()
        screen.write(f"{when}  {screen.paint(kind.ljust(7), STYLES.get(kind, ''))}  {run}  {reason}: {words}")


def event_document(rows: Sequence[EventRow]) -> dict[str, object]:
    return {"format_version": FORMAT_VERSION, "events": [_event(row) for row in rows]}


def _event(row: EventRow) -> dict[str, object]:
    return {
        "last_at": timestamp(row.last_at),
        "count": row.count,
        "kind": row.kind,
        "reason": row.reason,
        "run": row.subject,
        "message": row.message,
    }


def newest(versions: Sequence[VersionRow], limit: int) -> list[VersionRow]:
    """The last so many of each run."""
    last = {row.key: row.number for row in versions}
    return [row for row in versions if row.number > last[row.key] - limit]


def version_lines(versions: Sequence[VersionRow], screen: Screen) -> list[str]:
    if not versions:
        return []
    cells = [
        (
            row.key,
            str(row.number),
            local_time(row.at) if row.at is not None else "-",
            short_commit(row.origin.commit),
            row.origin.author or "-",
            row.digest[:SHORT],
            f"{row.result}, now" if row.is_now else row.result,
            duration(row.took_s) if row.took_s is not None else "-",
        )
        for row in versions
    ]
    if len({row.key for row in versions}) == 1:
        return [*table(screen, VERSION_HEADS[1:], [row[1:] for row in cells], spare=("AUTHOR", "COMMIT", "DATE")), ""]
    return [*table(screen, VERSION_HEADS, cells, spare=("AUTHOR", "COMMIT", "DATE")), ""]


def short_commit(revision: str) -> str:
    commit, dash, dirty = revision.partition("-")
    return f"{commit[:SHORT]}{dash}{dirty}" or "-"


def history_lines(rows: Sequence[PastRow], screen: Screen) -> list[str]:
    if not rows:
        return ["nothing has happened yet"]
    cells = [
        (
            local_time(row.at),
            row.key,
            row.what,
            row.digest[:SHORT] or "-",
            row.host or "-",
            duration(row.took_s) if row.took_s is not None else "-",
            row.who or "-",
            ": ".join(part for part in (row.reason, row.words) if part),
        )
        for row in rows
    ]
    if len({row.key for row in rows}) == 1:  # who asks about one run knows its name
        heads = tuple(head for head in HISTORY_HEADS if head != "RUN")
        return table(screen, heads, [(*row[:1], *row[2:]) for row in cells], spare=("DIGEST", "WHO", "HOST"))
    return table(screen, HISTORY_HEADS, cells, spare=("WHO", "DIGEST", "HOST", "TOOK"))


def history_document(rows: Sequence[PastRow], versions: Sequence[VersionRow]) -> dict[str, object]:
    return {
        "format_version": FORMAT_VERSION,
        "versions": [_version(row) for row in versions],
        "history": [_past(row) for row in rows],
    }


def _version(row: VersionRow) -> dict[str, object]:
    return {
        "run": row.key,
        "id": row.number,
        "at": timestamp(row.at),
        **origin_document(row.origin),
        "digest": row.digest,
        "result": row.result,
        "took_s": row.took_s,
        "is_made": row.is_made,
        "is_now": row.is_now,
    }


def _past(row: PastRow) -> dict[str, object]:
    return {
        "at": timestamp(row.at),
        "run": row.key,
        "what": row.what,
        "digest": row.digest or None,
        "host": row.host or None,
        "who": row.who or None,
        **origin_document(row.origin),
        "took_s": row.took_s,
        "reason": row.reason or None,
        "message": row.words,
    }


def origin_document(origin: Origin) -> dict[str, object]:
    return {
        "revision": origin.commit or None,
        "author": origin.author or None,
        "committed_at": timestamp(origin.committed_at),
    }
