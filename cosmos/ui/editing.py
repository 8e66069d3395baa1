"""Changes of spec files by the page: drafted, looked at, saved. What is saved is what was shown, or nothing.

A draft is the files as they are and as they would be; it is kept here until it is saved, under the name that its look
gave it. A page asks by `cosmos.edit` of assets/edit.js; what can be asked for is in `MAKERS`.
"""

import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from cosmos.api import CosmosAPI
from cosmos.core.comparison import Difference
from cosmos.core.problem import Problem
from cosmos.edits import Edit, FileEdit
from cosmos.errors import CosmosError, NotFoundError, RefusedError, SpecError, StaleError
from cosmos.queue import SimplifiedQueueService
from cosmos.ui.plan_rows import operation_row, summary

logger = logging.getLogger(__name__)

Given = Mapping[str, Any]
Row = dict[str, Any]
Maker = Callable[[CosmosAPI, Given], Edit]

DRAFTS_KEPT = 64
OPERATIONS_SHOWN = 40
DIFFERENCES_SHOWN = 60
STUCK_SHOWN = 10


def _word(given: Given, name: str) -> str:
    value = given.get(name, "")
    if not isinstance(value, str):
        raise RefusedError(f"{name} is no text", "load the page again")
    return value


def _fields(given: Given, name: str) -> dict[str, object]:
    value = given.get(name) or {}
    if not isinstance(value, dict):
        raise RefusedError(f"{name} are no fields", "load the page again")
    return {str(field): value[field] for field in value}


def _review(cosmos: CosmosAPI, given: Given) -> Edit:
    return cosmos.specs.review(_word(given, "run"), _fields(given, "fields"), digest=_word(given, "digest"))


def whole(value: object) -> int:
    """A whole number that somebody typed.

    Raises:
        RefusedError: It is none.
    """
    try:
        return int(str(value).strip())
    except ValueError:
        raise RefusedError(f"{value!a} is no whole number", "type one, as 50") from None


def _upscale(cosmos: CosmosAPI, given: Given) -> Edit:
    """A run of an upscaler for one result."""
    said: dict[str, object] = {"kind": "Run", "name": _word(given, "name"), "model": _word(given, "model")}
    said |= {"prompt": prompt} if (prompt := _word(given, "prompt")) else {}
    said |= {"source": {"run": _word(given, "run"), "output": "video"}}
    weight = _word(given, "weight")
    return cosmos.specs.create(said | ({"params": {"weight": _number(weight)}} if weight else {}))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise RefusedError(f"{text!a} is no number", "type one, as 0.5") from None


MAKERS: Mapping[str, Maker] = {
    "replace": lambda cosmos, given: cosmos.specs.replace(
        _word(given, "name"), _word(given, "text"), seen=_word(given, "seen")
    ),
    "add": lambda cosmos, given: cosmos.specs.add(_word(given, "text"), path=_word(given, "path")),
    "file": lambda cosmos, given: cosmos.specs.write(
        _word(given, "path"), _word(given, "text"), seen=_word(given, "seen")
    ),
    "remove": lambda cosmos, given: cosmos.specs.remove(_word(given, "name"), seen=_word(given, "seen")),
    "accept": lambda cosmos, given: cosmos.specs.accept(_word(given, "run"), name=_word(given, "name")),
    "review": _review,
    "priority": lambda cosmos, given: SimplifiedQueueService(cosmos).prioritise(
        _word(given, "run"), whole(given.get("priority"))
    ),
    "front": lambda cosmos, given: SimplifiedQueueService(cosmos).move_to_front(_word(given, "run")),
    "upscale": _upscale,
}
"""What a page can change, by name: each makes an edit of what is given, and writes nothing."""


class Drafts:
    """The changes that people look at. Safe for use from several threads.

    Args:
        cosmos: The project.
    """

    def __init__(self, cosmos: CosmosAPI) -> None:
        self._cosmos = cosmos
        self._kept: OrderedDict[str, tuple[str, tuple[FileEdit, ...]]] = OrderedDict()
        self._lock = threading.Lock()

    def reword(self, given: Given) -> Row:
        """A typed text with some fields changed: its new text, and what it says. An empty field is taken away."""
        changes = {name: _or_none(value) for name, value in _fields(given, "changes").items()}
        found = self._cosmos.specs.reword(_word(given, "text"), changes)
        return {"text": found.text, "data": dict(found.data)}

    def check(self, given: Given) -> Row:
        """What is wrong with a change while it is typed. Keeps nothing."""
        edit = self._make(given)
        return {"subject": edit.subject, "path": _path(edit), "problems": problem_rows(edit, _word(given, "text"))}

    def draft(self, given: Given) -> Row:
        """A change to look at: its diff, what is wrong with it, and the runs that would be others."""
        edit = self._make(given)
        name = hashlib.sha256(repr((edit.subject, edit.edits)).encode()).hexdigest()[:16]
        with self._lock:
            self._kept[name] = (edit.subject, edit.edits)
            self._kept.move_to_end(name)
            while len(self._kept) > DRAFTS_KEPT:
                self._kept.popitem(last=False)
        differing = self._cosmos.specs.differing(edit)
        return {
            "draft": name,
            "subject": edit.subject,
            "path": _path(edit),
            "diff": list(edit.diff),
            "problems": problem_rows(edit, _word(given, "text")),
            "runs": [difference_row(each) for each in differing[:DIFFERENCES_SHOWN]],
            "more": max(0, len(differing) - DIFFERENCES_SHOWN),
            "obstacle": self._cosmos.specs.obstacle(edit),
        }

    def plan(self, given: Given) -> Row:
        """What apply would do once a draft is saved. A look at every host."""
        view = self._cosmos.specs.plan(self._found(given))
        operations = view.plan.operations
        stuck = [status for status in view.plan.statuses if status.stuck]
        return {
            "summary": summary(view),
            "stuck": [{"key": status.key, "words": status.message} for status in stuck[:STUCK_SHOWN]],
            "operations": [operation_row(operation) for operation in operations[:OPERATIONS_SHOWN]],
            "more": max(0, len(operations) - OPERATIONS_SHOWN),
        }

    def save(self, given: Given) -> Row:
        """Write a draft that was shown, and commit it on request."""
        edit = self._found(given)
        commit = self._cosmos.specs.save(edit, commit=given.get("commit") is True, message=_message(given))
        logger.info("page: %s %s", edit.subject, commit[:10])
        return {"subject": edit.subject, "path": _path(edit), "commit": commit}

    def _make(self, given: Given) -> Edit:
        make = MAKERS.get(_word(given, "make"))
        if make is None:
            raise NotFoundError(f"no change is called {given.get('make')!a}", "load the page again")
        return make(self._cosmos, given)

    def _found(self, given: Given) -> Edit:
        with self._lock:
            kept = self._kept.get(_word(given, "draft"))
        if kept is None:
            raise StaleError("this change is not known any more", "look at it again, and save the new one")
        return self._cosmos.specs.again(*kept)


def _or_none(value: object) -> object:
    return None if value in ("", {}) else value


def _path(edit: Edit) -> str:
    return ", ".join(each.path for each in edit.edits)


def _message(given: Given) -> str:
    text = _word(given, "message").strip()
    return f"{text}\n" if text else ""


def problem_rows(edit: Edit, text: str) -> list[Row]:
    """What would be wrong: all in the files of the edit, and elsewhere what is wrong because of it.

    `line` counts from the first one of the typed text, where the place is in it; 0 elsewhere. What is `old` is wrong
    already, and keeps nobody from saving.
    """
    before = edit.text.replace("\r\n", "\n").partition(text.strip("\n"))[0] if text.strip() else ""
    first, last = before.count("\n"), text.strip("\n").count("\n") + 1
    own = {each.path for each in edit.edits}
    rows = []
    for each in dict.fromkeys((*edit.problems, *(one for one in edit.desired.problems if one.at.file in own))):
        line = each.at.line - first
        is_typed = bool(text.strip()) and each.at.file in own and 0 < line <= last + 2  # not closed: missed behind it
        is_old = each not in edit.problems
        if is_typed or not is_old:
            rows.append({**problem_row(each, min(line, last) if is_typed else 0), "old": is_old})
    return rows


def problem_row(problem: Problem, line: int) -> Row:
    words = f"{problem.subject}: {problem.message}" if problem.subject else problem.message
    return {"at": str(problem.at), "line": line, "words": words, "hint": problem.hint}


def difference_row(each: Difference) -> Row:
    """A run that would be another one. `before` and `after` of its fields are texts."""
    fields = [f"{one.field}: {_short(one.before)} -> {_short(one.after)}" for one in each.fields]
    return {"key": each.key, "how": each.how.value, "fields": fields, "made": each.is_made, "eta": each.eta_s}


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def refusal(error: CosmosError) -> Row:
    """An error as the page shows it; a typed text that cannot be read says where."""
    problems = error.problems if isinstance(error, SpecError) else ()
    rows = [problem_row(each, each.at.line) for each in problems]
    return {"error": error.message, "hint": error.hint, "problems": rows}
