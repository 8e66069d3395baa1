"""Overview: is all as asked, what works now, what failed, what came last."""

import time

from cosmos.ui import host_rows, rows
from cosmos.ui.desk import Desk
from cosmos.ui.frame import Asked, Page, Shown


def answer(desk: Desk, query: Asked) -> Shown:
    del query
    found = desk.cosmos.gallery.overview()
    entries = desk.cosmos.gallery.results(found.newest)
    going = desk.applying.going
    doing = going.progress.doing if going is not None and not going.is_over and going.progress is not None else {}
    now = time.time()
    return {
        "project": found.project,
        "commit": found.revision.commit[:10],
        "dirty": found.revision.dirty,
        "why": found.revision.why,
        "looked": found.looked_at,
        "problems": found.problems,
        "counts": found.counts,
        "sync": found.sync,
        "acting": found.acting,
        "daemon": found.daemon.words if found.daemon is not None else "",
        "held": found.daemon.held_back if found.daemon is not None else "",
        "hosts": host_rows.host_rows(found.hosts, found.meters, found.busy),
        "measured": found.meters.at or None,
        "running": [
            rows.working(item, doing.get(item.key), found.usual_s.get(item.model), now) for item in found.running
        ],
        "queued": [rows.card(item) for item in found.queued],
        "failed": [{**rows.card(item), "remedy": rows.remedy(item)} for item in found.failed],
        "newest": [rows.card(item, entries.get(item.key)) for item in found.newest],
        "disk": {"free": found.disk_free, "total": found.disk_total},
    }


PAGE = Page(name="overview", path="/", title="Overview", answer=answer)
