"""What buttons do with runs, hosts and the project: shown first, then done if it would still do the same."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cosmos.api import CosmosAPI
from cosmos.core.gallery import Item
from cosmos.core.plan import Phase
from cosmos.errors import NotFoundError, RefusedError, StaleError
from cosmos.foreseen import Foreseen
from cosmos.outcome import Outcome
from cosmos.ui.applying import Applying
from cosmos.ui.plan_rows import operation_row, summary
from cosmos.ui.rows import review_row

Given = Mapping[str, Any]
Row = dict[str, Any]

SHOWN = 60
"""Runs and operations that are shown of each kind."""
UPSCALER = "upscale"
"""In the name of a model that makes a larger video of one."""


class Acts:
    """Foresees and does. Safe for use from several threads; one acts at a time.

    Args:
        cosmos: The project.
        applying: Applies plans.
    """

    def __init__(self, cosmos: CosmosAPI, applying: Applying) -> None:
        self._cosmos = cosmos
        self._applying = applying
        self._acting = threading.Lock()

    def foresee(self, given: Given) -> Row:
        """What an act would do, and the `digest` by which it is done. A look at every host."""
        if given.get("act") in _BY_PLAN:
            return self._foresee_apply(str(given["act"]), _keys(given))
        return foreseen_row(self._foreseen(given))

    def do(self, given: Given) -> Row:
        """Do what was shown.

        Raises:
            StaleError: It would do something else by now.
        """
        shown, why = str(given.get("digest", "")), str(given.get("why", "")).strip()
        if given.get("act") in _BY_PLAN:
            return self._apply(str(given["act"]), _keys(given), shown)
        with self._acting:
            now = self._foreseen(given)
            self._cosmos.foreseeing.check(now, shown)
            said = _DO[now.act](self._cosmos, given, why)
            self._cosmos.status()  # it looks where nobody else would, so that all pages show what follows
            return {"said": said}

    def rate(self, given: Given) -> Row:
        """Write a rating, note or tags of an output at once, as `cosmos rate` does, and commit it on request.

        Raises:
            StaleError: Somebody else has written another note or other tags meanwhile.
        """
        key, fields = str(given.get("run", "")), _dict(given, "fields")
        with self._acting:
            before = review_row(self._item(key))
            if any(before[name] != value for name, value in _dict(given, "was").items() if name in before):
                raise StaleError(f"somebody else has written about {key} meanwhile", "read it, then write yours again")
            edit = self._cosmos.specs.review(key, fields, digest=str(given.get("digest", "")))
            commit = self._cosmos.specs.save(edit, commit=given.get("commit") is True)
        path = edit.edits[0].path
        return {"subject": edit.subject, "path": path, "commit": commit, "review": review_row(self._item(key))}

    def upscalers(self, given: Given) -> Row:
        """What can make a larger video of a result, what has, and a name for the next."""
        item = self._item(str(given.get("run", "")))
        everything = self._cosmos.gallery.all()
        models = [row for row in self._cosmos.models() if UPSCALER in row.name]
        weights = [(row, row.model.params.get("weight")) for row in models]
        return {
            "models": [
                {"name": row.name, "weight": None if weight is None else str(weight.default)} for row, weight in weights
            ],
            "prompts": list(self._cosmos.gallery.choices().prompts),
            "already": [one.key for one in everything if one.run and one.run.source and one.run.source.key == item.key],
            "name": _free_name(f"{item.key.replace('/', '-')}-4k", {one.sweep for one in everything}),
        }

    def _item(self, key: str) -> Item:
        found = self._cosmos.gallery.of([key])
        if not found:
            raise NotFoundError(f'no run is called "{key}"', "the specs may have changed: see the list of runs")
        return found[0]

    def _foreseen(self, given: Given) -> Foreseen:
        keys, hosts, project = _keys(given), _list(given, "hosts"), given.get("project") is True
        foreseeing = self._cosmos.foreseeing
        match given.get("act"):
            case "cancel":
                return foreseeing.cancel(keys)
            case "retry":
                return foreseeing.retry(keys)
            case "suspend":
                return foreseeing.suspend(keys, hosts=hosts, project=project)
            case "resume":
                return foreseeing.resume(keys, hosts=hosts, project=project)
        raise NotFoundError(f"no act is called {given.get('act')!a}", "load the page again")

    def _foresee_apply(self, act: str, keys: tuple[str, ...]) -> Row:
        name, view = self._applying.plan(keys, rerun=act == "rerun")
        operations = view.plan.operations
        return {
            "act": act,
            "subjects": list(keys),
            "digest": name,
            "changes": [],
            "same": [],
            "begun": [operation_row(operation) for operation in operations[:SHOWN]],
            "dropped": [],
            "more": max(0, len(operations) - SHOWN),
            "summary": summary(view),
            "is_nothing": view.plan.is_empty,
        }

    def _apply(self, act: str, keys: tuple[str, ...], shown: str) -> Row:
        with self._acting:
            name, _ = self._applying.plan(keys, rerun=act == "rerun")
            if name != shown:
                raise StaleError("this would do something else now; nothing was done", "look at it again")
            self._applying.begin(name)
        return {"said": "It is applied by this page: the plan has how far it is."}


_BY_PLAN = ("rerun", "start")


def foreseen_row(found: Foreseen) -> Row:
    """What an act would do, as the page shows it."""
    changes = [
        {"key": each.key, "before": each.before.value, "after": each.after.value, "words": each.words}
        for each in found.changes
    ]
    same = [{"key": e.key, "phase": e.after.value, "words": e.words} for e in found.outlooks if e.before is e.after]
    few = same if len(found.outlooks) <= SHOWN else []
    return {
        "act": found.act,
        "subjects": list(found.subjects[:SHOWN]),
        "digest": found.digest,
        "changes": changes[:SHOWN],
        "same": few,
        "begun": [operation_row(operation) for operation in found.begun[:SHOWN]],
        "dropped": [operation_row(operation) for operation in found.dropped[:SHOWN]],
        "more": max(0, len(changes) - SHOWN) + max(0, len(found.begun) - SHOWN) + max(0, len(found.dropped) - SHOWN),
        "summary": "",
        "is_nothing": False,
    }


def _cancel(cosmos: CosmosAPI, given: Given, why: str) -> str:
    return cancelled(cosmos.cancel(_keys(given), why=why), _keys(given))


def cancelled(outcome: Outcome, keys: Sequence[str]) -> str:
    """How a cancel ended, in a sentence."""
    if outcome.handed_to:
        return f"The cancel is written down; {outcome.handed_to} carries it out."
    left = [s.key for s in outcome.statuses if s.key in keys and s.phase in (Phase.RUNNING, Phase.STARTING)]
    return f"Cancelled; {', '.join(left)} has not stopped yet." if left else "Cancelled. Retry starts it again."


def _retry(cosmos: CosmosAPI, given: Given, why: str) -> str:
    asked = cosmos.retry(_keys(given), why=why)
    return f"{', '.join(asked)} may be tried again. {_WHO}"


def _suspend(cosmos: CosmosAPI, given: Given, why: str) -> str:
    found = cosmos.suspending.suspend(
        _keys(given), hosts=_list(given, "hosts"), project=given.get("project") is True, why=why
    )
    return f"Suspended: {', '.join(found[:SHOWN])}. What runs goes on."


def _resume(cosmos: CosmosAPI, given: Given, why: str) -> str:
    found = cosmos.suspending.resume(
        _keys(given), hosts=_list(given, "hosts"), project=given.get("project") is True, why=why
    )
    return f"Resumed: {', '.join(found[:SHOWN])}. {_WHO}"


_WHO = "A daemon goes on with it by itself; else apply the plan."
_DO: Mapping[str, Callable[[CosmosAPI, Given, str], str]] = {
    "cancel": _cancel,
    "retry": _retry,
    "suspend": _suspend,
    "resume": _resume,
}


def _keys(given: Given) -> tuple[str, ...]:
    return tuple(_list(given, "keys"))


def _list(given: Given, name: str) -> list[str]:
    value = given.get(name) or []
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise RefusedError(f"{name} are no names", "load the page again")
    return value


def _dict(given: Given, name: str) -> dict[str, object]:
    value = given.get(name) or {}
    if not isinstance(value, dict):
        raise RefusedError(f"{name} are no fields", "load the page again")
    return value


def _free_name(name: str, taken: set[str]) -> str:
    """As a spec may be called: at most 63 letters, digits and dashes."""
    plain = "".join(letter if letter.isalnum() else "-" for letter in name.lower())
    base = "-".join(part for part in plain.split("-") if part)[-60:].strip("-")
    numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return next(one for one in (base, *numbered) if one not in taken)
