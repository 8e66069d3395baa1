"""Activity: what happened, what each commit made, and whether the hosts are fit."""

import time
from collections.abc import Sequence
from typing import Any

from cosmos.outcome import CommitRow
from cosmos.ui.desk import Desk
from cosmos.ui.frame import Asked, Page, Shown
from cosmos.views import EventRow

EVENTS = 100
"""Of a page."""
COMMITS = 100
KEYS = 30
"""Runs of a commit that are named."""
DAY_S = 86400.0
COMMITS_DAYS = 90.0
KINDS = ("Normal", "Warning")


def answer(desk: Desk, asked: Asked) -> Shown:
    now, days = time.time(), _days(asked)
    match asked.get("view", ""):
        case "commits":
            found = desk.cosmos.upkeep.commits(now - (days or COMMITS_DAYS) * DAY_S)
            return {"view": "commits", "commits": [commit_row(one) for one in found[:COMMITS]], "total": len(found)}
        case "hosts":
            return {"view": "hosts", **desk.checks.shown()}
    kind, since = asked.get("kind", ""), now - days * DAY_S if days else 0.0
    events = desk.cosmos.upkeep.events(since=since, kind=kind if kind in KINDS else "")
    shown = events_page(events, asked.get("q", ""), asked.get("reason", ""), asked.get("page", ""))
    runs = {item.key for item in desk.cosmos.gallery.of([row["about"] for row in shown["events"]])}
    return {"view": "events", **shown, "runs": sorted(runs)}


def events_page(events: Sequence[EventRow], text: str, reason: str, page: str) -> dict[str, Any]:
    """One page of the events that have all words of a text, newest first."""
    words = text.lower().split()
    fit = [one for one in reversed(events) if all(word in _words(one) for word in words)]
    reasons = sorted({one.reason for one in fit})
    fit = [one for one in fit if not reason or one.reason == reason]
    pages = max(1, -(-len(fit) // EVENTS))
    number = min(pages, max(1, int(page) if page.isdecimal() else 1))
    return {
        "events": [event_row(one) for one in fit[(number - 1) * EVENTS : number * EVENTS]],
        "total": len(fit),
        "page": number,
        "pages": pages,
        "reasons": reasons,
    }


def event_row(event: EventRow) -> dict[str, Any]:
    return {
        "at": event.last_at,
        "kind": event.kind,
        "about": event.subject,
        "reason": event.reason,
        "words": event.message,
        "n": event.count,
    }


def _words(event: EventRow) -> str:
    return f"{event.subject} {event.reason} {event.message}".lower()


def commit_row(row: CommitRow) -> dict[str, Any]:
    """A commit with what was begun from it."""
    return {
        "sha": row.sha,
        "author": row.author.partition(" <")[0],
        "at": row.at,
        "subject": row.subject,
        "states": dict(row.states),
        "keys": list(row.keys[:KEYS]),
        "more": max(0, len(row.keys) - KEYS),
        "edited": row.edited,
        "last": row.last_at,
    }


def _days(asked: Asked) -> float:
    text = asked.get("days", "")
    return float(text) if text.isdecimal() and len(text) <= len("9999") else 0.0


def check(desk: Desk, given: Asked) -> Shown:
    """Look at every host, whatever its runs do."""
    del given
    return {"view": "hosts", **desk.checks.check()}


PAGE = Page(name="activity", path="/activity", title="Activity", answer=answer, acts={"check": check})
