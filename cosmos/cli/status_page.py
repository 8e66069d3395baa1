"""Where runs stand and how an apply went, as text and as JSON.

`cosmos status` has to start fast: nothing is imported here but the values that are shown.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from cosmos.cli.render import Screen, age, one_line, plural, table, timestamp
from cosmos.core.plan import Phase, RunStatus, Sync
from cosmos.core.plan_json import status_json
from cosmos.core.plan_text import duration
from cosmos.core.reasons import REASONS
from cosmos.outcome import DaemonNote, HostNote, QueueNote, StatusView

FORMAT_VERSION = 1
"""Of the JSON forms. Fields are added under one version; a changed meaning raises it."""

STOPPED_SHOWN = 10

HEADS = ("NAME", "SYNC", "PHASE", "HOST", "ATTEMPT", "AGE", "LEFT", "MESSAGE")
SPARE = ("ATTEMPT", "HOST", "SYNC", "AGE", "LEFT")
"""Columns that a narrow terminal does without, first the first."""

STYLES = {
    **dict.fromkeys((Sync.SYNCED.value, Phase.SUCCEEDED.value), "green"),
    **dict.fromkeys((Phase.FAILED.value, Sync.UNKNOWN.value), "red"),
    **dict.fromkeys((Phase.CANCELLED.value, Phase.SUSPENDED.value, Sync.OUT_OF_SYNC.value), "yellow"),
    **dict.fromkeys((Phase.STAGING.value, Phase.STARTING.value, Phase.RUNNING.value, Phase.COLLECTING.value), "cyan"),
}


def lines(view: StatusView, screen: Screen) -> list[str]:
    """What `cosmos status` prints."""
    now = time.time()
    found = []
    if view.statuses:
        place = HEADS.index("LEFT")
        rows = [_row(status, now) for status in view.statuses]
        heads = list(HEADS)
        if not any(row[place] for row in rows):
            for cells in (heads, *rows):
                del cells[place]
        found += [*table(screen, heads, rows, spare=SPARE, styles=STYLES), ""]
    found += _hosts(view.hosts, screen, now)
    found += next_steps(view.statuses, screen)
    looked = f" Looked {age(now - view.looked_at)} ago." if view.looked_at is not None else " Never looked."
    found.append(f"{counts(view.statuses)}.{looked}")
    found += _queue(view.queue, now)
    if view.daemon is not None:
        found += _daemon(view.daemon, screen)
    if view.waits_for_apply:
        found.append("No cosmos is at work here: cosmos apply goes on with what is left.")
    if view.problems:
        found.append(f"{plural(view.problems, 'problem')} in the specs: cosmos validate names them.")
    if view.stale and view.looked_at is not None:
        is_told = view.daemon is not None and view.daemon.revision
        next_step = "a commit makes the daemon apply them" if is_told else "cosmos plan shows what that means"
        found.append(f"The specs have changed since: {next_step}.")
    return found


def _daemon(daemon: DaemonNote, screen: Screen) -> list[str]:
    """Who it is, and what keeps it from doing what it should."""
    troubles = [f"its last pass failed: {daemon.failed}" if daemon.failed else "", daemon.held_back, daemon.unwatched]
    lines = []
    for trouble in filter(None, troubles):
        first, *rest = trouble.splitlines()
        lines += [f"{screen.paint('!', 'red')} {first}", *rest]
    return [daemon.words, *lines]


def _hosts(hosts: Sequence[HostNote], screen: Screen, now: float) -> list[str]:
    """Only hosts with GPUs, those that could not be reached at the last look, and those that are given nothing."""
    rows = []
    for host in hosts:
        does = ", ".join(f"{gpu} {words}" for gpu, words in host.gpus.items())
        if not host.reachable:
            since = "" if host.since is None else f" for {age(now - host.since)}"
            does = f"Unreachable{since}: {host.why}"
        elif host.closed:
            does = f"{host.closed}. {does}" if does else host.closed
        if does:
            idle = f"{host.idle_median_s:.2f}s, worst {host.idle_worst_s:.2f}s" if host.gaps else "-"
            rows.append([host.name, str(host.queued), idle, does])
    return [*table(screen, ("HOST", "QUEUED", "GPUS IDLE", "GPUS"), rows, spare=("GPUS IDLE",)), ""] if rows else []


def document(view: StatusView) -> dict[str, object]:
    """What `cosmos status -o json` prints."""
    return {
        "format_version": FORMAT_VERSION,
        "looked_at": timestamp(view.looked_at),
        "stale": view.stale,
        "acting": view.acting,
        "daemon": None if view.daemon is None else asdict(view.daemon),
        "problems": view.problems,
        "counts": {phase.value: count for phase, count in view.counts().items()},
        "queue": {**asdict(view.queue), "ends_at": timestamp(view.queue.ends_at)},
        "hosts": [{**asdict(host), "since": timestamp(host.since)} for host in view.hosts],
        "runs": [run_document(status) for status in view.statuses],
    }


def run_document(status: RunStatus) -> dict[str, object]:
    """One run's standing, with its times as text."""
    return {
        **status_json(status),
        "since": timestamp(status.since),
        "until": timestamp(status.until),
        "ends_at": timestamp(status.ends_at),
    }


def _row(status: RunStatus, now: float) -> list[str]:
    return [
        status.key,
        status.sync.value,
        status.phase.value,
        status.host or "-",
        str(status.attempt or "-"),
        "-" if status.since is None else age(now - status.since),
        left(status, now),
        why(status),
    ]


def left(status: RunStatus, now: float) -> str:
    """`~4m10s`: how long it is expected to run on."""
    return "" if status.ends_at is None else f"~{duration(max(1.0, status.ends_at - now))}"


def _queue(queue: QueueNote, now: float) -> list[str]:
    """When all is done, and what is to come until then; one of unknown length may take longer."""
    to_come = [f"~{duration(queue.gpu_s)} of GPU time"] if queue.gpu_s else []
    to_come += [f"{plural(queue.unknown, 'run')} of unknown length"] if queue.unknown else []
    words = ", ".join(to_come)
    if queue.ends_at is None or queue.ends_at <= now:
        return [f"To come: {words}."] if words else []
    return [f"Done in ~{duration(queue.ends_at - now)}{f': {words}' if words else ''}."]


def counts(statuses: Sequence[RunStatus]) -> str:
    """`41 in sync, 2 running, 1 failed`."""
    if not statuses:
        return "No runs"
    in_sync = sum(status.sync is Sync.SYNCED for status in statuses)
    parts = [f"{in_sync} in sync"] if in_sync else []
    others = [status.phase for status in statuses if status.sync is not Sync.SYNCED]
    parts += [f"{others.count(phase)} {_WORDS.get(phase, phase.value.lower())}" for phase in Phase if phase in others]
    return ", ".join(parts)


_WORDS = {Phase.SUCCEEDED: "to restore"}
"""Of phases whose own word would mislead when the run is not in sync."""


def next_steps(statuses: Iterable[RunStatus], screen: Screen) -> list[str]:
    """For each run that only a person can move: why, and what to do. The first few; a sweep may fail as a whole."""
    stopped = [status for status in statuses if _is_stopped(status)]
    found = []
    for status in stopped[:STOPPED_SHOWN]:
        found.append(f"{screen.paint('!', 'red')} {status.key}: {why(status)}")
        found.append(f"    {remedy(status)}")
    if len(stopped) > STOPPED_SHOWN:
        found.append(f"  and {len(stopped) - STOPPED_SHOWN} more: cosmos status shows all")
    failed = [status.key for status in stopped if status.phase is Phase.FAILED]
    if failed:
        found.append(f"  Afterwards: cosmos retry {failed[0] if len(failed) == 1 else 'NAMES'}, then cosmos apply")
    return [*found, ""] if found else []


def _is_stopped(status: RunStatus) -> bool:
    unseen = status.sync is Sync.UNKNOWN and bool(status.message)
    return status.phase is Phase.FAILED or status.stuck or unseen


def why(status: RunStatus) -> str:
    """Reason and message in one line."""
    message = one_line(status.message)
    if status.reason is None:
        return message
    return f"{status.reason.value}: {message}" if message else status.reason.value


def remedy(status: RunStatus) -> str:
    """What a person can do about a run that stopped."""
    if status.phase is not Phase.FAILED:
        return f"more: cosmos explain {status.key}"
    remedy = REASONS[status.reason].remedy if status.reason is not None else "read the log: cosmos logs NAME"
    return remedy.replace("NAME", status.key)
