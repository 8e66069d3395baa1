"""Plan: what would be done and why; apply all of it or what is chosen, and watch it happen."""

from collections import Counter
from typing import Any

from cosmos.outcome import PlanView
from cosmos.ui.applying import Going
from cosmos.ui.desk import Desk
from cosmos.ui.frame import Asked, Page, Shown
from cosmos.ui.plan_rows import operation_row, summary

SHOWN = 500
"""Operations that are shown one by one."""


def answer(desk: Desk, asked: Asked) -> Shown:
    """What is under way. A plan is a look at every host, so it is made only when asked for."""
    del asked
    return {"going": going_row(desk.applying.going)}


def make(desk: Desk, given: Asked) -> Shown:
    targets = tuple(word for word in given.get("targets", "").split(",") if word)
    name, view = desk.applying.plan(targets)
    return {"plan": name, "targets": list(targets), **plan_row(view)}


def begin(desk: Desk, given: Asked) -> Shown:
    desk.applying.begin(given.get("plan", ""))
    return {"going": going_row(desk.applying.going)}


def leave(desk: Desk, given: Asked) -> Shown:
    del given
    desk.applying.leave()
    return {"left": True}


def plan_row(view: PlanView) -> dict[str, Any]:
    """A plan as the page shows it."""
    operations = view.plan.operations
    return {
        "summary": summary(view),
        "text": view.text,
        "problems": [str(problem) for problem in view.problems],
        "operations": [operation_row(operation) for operation in operations[:SHOWN]],
        "more": max(0, len(operations) - SHOWN),
        "unchanged": len(view.plan.statuses) - len({operation.key for operation in operations}),
        "revision": view.revision,
    }


def going_row(going: Going | None) -> dict[str, Any] | None:
    """How far an apply of this server is."""
    if going is None:
        return None
    statuses = going.outcome.statuses if going.outcome is not None else ()
    if not statuses and going.progress is not None:
        statuses = going.progress.plan.statuses
    mine = [status for status in statuses if status.key in going.keys]
    doing = going.progress.doing if going.progress is not None else {}
    return {
        "began": going.began_at,
        "over": going.is_over,
        "error": going.error,
        "waits": going.progress.waits if going.progress is not None else "",
        "troubles": list(going.progress.troubles) if going.progress is not None else [],
        "detached": going.outcome is not None and going.outcome.detached,
        "counts": dict(Counter(status.phase.value for status in mine)),
        "total": len(going.keys),
        "doing": [{"key": key, "percent": one.percent, "words": one.words} for key, one in sorted(doing.items())],
        "failed": [
            {"key": status.key, "words": status.message} for status in (going.outcome.failed if going.outcome else ())
        ],
    }


PAGE = Page(name="plan", path="/plan", title="Plan", answer=answer, acts={"plan": make, "apply": begin, "leave": leave})
