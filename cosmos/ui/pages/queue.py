"""Queue: what works, what is next and in which order, what is blocked or held back; hosts and their pauses."""

import time
from typing import Any

from cosmos.core.gallery import Item
from cosmos.core.suspension import Suspension
from cosmos.queue import QueueView, SimplifiedQueueService
from cosmos.ui import rows
from cosmos.ui.desk import Desk
from cosmos.ui.frame import Asked, Page, Shown

SHOWN = 200
"""Runs that are shown of each kind."""


def answer(desk: Desk, asked: Asked) -> Shown:
    del asked
    view = SimplifiedQueueService(desk.cosmos).view()
    found = desk.cosmos.gallery.overview()
    going = desk.applying.going
    doing = going.progress.doing if going is not None and not going.is_over and going.progress is not None else {}
    now = time.time()
    return {
        **queue_row(view),
        "working": [
            {**rows.working(item, doing.get(item.key), found.usual_s.get(item.model), now), **_entry(item)}
            for item in view.working[:SHOWN]
        ],
        "acting": found.acting,
        "daemon": found.daemon.words if found.daemon is not None else "",
        "looked": found.looked_at,
        "hosts": [
            {
                "name": host.name,
                "reachable": host.reachable,
                "words": host.closed or host.why,
                "queued": host.queued,
                "paused": paused(view.suspensions.hosts.get(host.name)),
            }
            for host in found.hosts
        ],
    }


def queue_row(view: QueueView) -> dict[str, Any]:
    """The queue without what works."""
    return {
        "paused": paused(view.suspensions.project),
        "waiting": [
            {**rows.card(item), **_entry(item), "place": place, "first": item.sweep == view.waiting[0].sweep}
            for place, item in enumerate(view.waiting[:SHOWN], 1)
        ],
        "blocked": [{**rows.card(item), **_entry(item)} for item in view.blocked[:SHOWN]],
        "held": [{**rows.card(item), **_entry(item)} for item in view.held[:SHOWN]],
        "totals": {
            "working": len(view.working),
            "waiting": len(view.waiting),
            "blocked": len(view.blocked),
            "held": len(view.held),
        },
    }


def _entry(item: Item) -> dict[str, Any]:
    return {"spec": item.sweep, "priority": item.run.priority if item.run is not None else None}


def paused(said: Suspension | None) -> str:
    """Who paused it, when and why; empty where it is not."""
    return said.words.partition("; ")[0] if said is not None else ""


PAGE = Page(name="queue", path="/queue", title="Queue", answer=answer)
