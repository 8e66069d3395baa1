"""Searching what people wrote: prompts, runs, reviews and scenes, by words and fields, best first.

Every word must be somewhere. How well it fits is a small sum that can be explained: a whole field beats a whole word,
that beats the beginning of one, and a name beats a text.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from cosmos.core.desired import Desired, DesiredRun
from cosmos.core.draft import Path
from cosmos.core.load import Loaded, Located, load
from cosmos.core.problem import Location
from cosmos.core.spec import PromptSpec
from cosmos.errors import RefusedError
from cosmos.project import scenery
from cosmos.project.scenery import FOLDER
from cosmos.project.wiring import Project
from cosmos.results import Hit, Searched

WEIGHTS = {
    "name": 6.0,
    "tag": 4.0,
    "label": 4.0,
    "text": 3.0,
    "note": 3.0,
    "prompt": 2.0,
    "model": 2.0,
    "input": 2.0,
    "param": 1.0,
    "control": 1.0,
    "rating": 1.0,
    "negative": 1.0,
}
KIND = "kind"
KINDS = ("prompt", "run", "review", "input")
"""In the order in which equals are shown."""

WHOLE, WORD, BEGINNING, WITHIN = 4.0, 3.0, 2.0, 1.0

_TERM = re.compile(r'(?:([a-z]+):)?(?:"([^"]*)"|(\S+))')


@dataclass(frozen=True, slots=True)
class _Term:
    """A word, or several, in small letters; `field` is where it must stand, empty for anywhere."""

    word: str
    field: str = ""

    def fits(self, text: str) -> float:
        """How well; 0 for not at all."""
        text = text.casefold()
        if self.word not in text:
            return 0.0
        if text == self.word:
            return WHOLE
        begins = re.search(rf"(?<!\w){re.escape(self.word)}(\w?)", text)
        return WITHIN if begins is None else BEGINNING if begins[1] else WORD


@dataclass(frozen=True, slots=True)
class _Field:
    """What stands in a field of something, and where."""

    name: str
    text: str
    at: Location


@dataclass(frozen=True, slots=True)
class _Thing:
    kind: str
    name: str
    fields: tuple[_Field, ...]
    runs: int


def search(project: Project, text: str) -> Searched:
    """All that has every term.

    Raises:
        RefusedError: There is no term.
    """
    terms = _terms(text)
    if not terms:
        raise RefusedError("there is no word to look for", "as in: cosmos search 'rain kind:prompt'")
    desired = project.desire()
    found = [hit for thing in _things(project, desired) if (hit := _hit(thing, terms)) is not None]
    hits = sorted(_folded(found, desired), key=lambda hit: (-hit.score, KINDS.index(hit.kind), hit.name, hit.at))
    return Searched(hits=tuple(hits), words=tuple(term.word for term in terms if term.field != KIND))


def _terms(text: str) -> list[_Term]:
    """A colon after any other word is a part of it, as in 16:9."""
    found = []
    for match in _TERM.finditer(text):
        field, word = match[1] or "", match[2] if match[2] is not None else match[3]
        if field and field not in WEIGHTS and field != KIND:
            field, word = "", match[0]
        found.append(_Term(" ".join(word.casefold().split()), field))
    return [term for term in found if term.word]


def _hit(thing: _Thing, terms: Sequence[_Term]) -> Hit | None:
    score, best, shown = 0.0, 0.0, thing.fields[0]
    for term in terms:
        if term.field == KIND:
            if not thing.kind.startswith(term.word.removesuffix("s")):
                return None
            continue
        fitting = [
            (term.fits(field.text) * WEIGHTS[field.name], field)
            for field in thing.fields
            if term.field in ("", field.name)
        ]
        most = max((fit for fit, _ in fitting), default=0.0)
        if not most:
            return None
        score += most
        for fit, field in fitting:
            if fit and (field.name == "name", -fit) < (shown.name == "name", -best):  # the name is shown anyway
                best, shown = fit, field
    return Hit(
        kind=thing.kind,
        name=thing.name,
        at=shown.at,
        field=shown.name,
        text=shown.text,
        score=score,
        runs=thing.runs,
    )


def _folded(hits: Sequence[Hit], desired: Desired) -> Iterator[Hit]:
    """A sweep of which every run was found is one hit, and not a thousand."""
    members: dict[str, int] = {}
    for want in desired.runs:
        members[want.run.name] = members.get(want.run.name, 0) + 1
    of_sweep: dict[str, list[Hit]] = {}
    for hit in hits:
        if hit.kind == "run":
            of_sweep.setdefault(hit.name.partition("/")[0], []).append(hit)
        else:
            yield hit
    for name, own in of_sweep.items():
        if len(own) > 1 and len(own) == members.get(name):
            best = max(own, key=lambda hit: hit.score)
            yield replace(best, name=name, runs=len(own))
        else:
            yield from own


# What there is to find ---------------------------------------------------------------------------


def _things(project: Project, desired: Desired) -> Iterator[_Thing]:
    loaded = load(project.read())
    for name, located in loaded.prompts.items():
        yield _prompt(name, located, sum(want.run.prompt == name for want in desired.runs))
    for want in desired.runs:
        yield _run(want, loaded)
    for reviews in desired.reviews.by_run.values():
        for review in reviews:
            fields = [
                _Field("name", review.run, review.at),
                _Field("note", _flat(review.note), review.at),
                *(_Field("tag", tag, review.at) for tag in review.tags),
                *([_Field("rating", str(review.rating), review.at)] if review.rating is not None else []),
            ]
            yield _Thing("review", review.run, _said(fields), 1)
    yield from _scenes(project, desired)


def _prompt(name: str, located: Located[PromptSpec], runs: int) -> _Thing:
    spec = located.spec
    paths = [spec.inputs] if isinstance(spec.inputs, str) else list((spec.inputs or {}).values())
    fields = [
        _Field("name", name, located.at),
        _Field("text", _flat(spec.text), located.locate(("text",))),
        _Field("negative", _flat(spec.negative), located.locate(("negative",))),
        *(_Field("label", f"{key}={value}", located.locate(("labels", key))) for key, value in spec.labels.items()),
        *(_Field("input", path, located.locate(("inputs",))) for path in paths),
    ]
    return _Thing("prompt", name, _said(fields), runs)


def _run(want: DesiredRun, loaded: Loaded) -> _Thing:
    run, located = want.run, loaded.runs.get(want.run.name)

    def at(*path: str) -> Location:
        return located.locate(path) if located is not None else run.at

    def written(field: str, name: str) -> Location:
        axis: Path = ("matrix", f"{field}.{name}")
        has_axis = located is not None and located.locate(axis) != located.locate(("matrix",))
        return located.locate(axis) if located is not None and has_axis else at(field, name)

    fields = [
        _Field("name", run.key, run.at),
        _Field("prompt", run.prompt or "", at("prompt")),
        _Field("model", run.model.name, at("model")),
        *(_Field("label", f"{name}={value}", at("labels", name)) for name, value in run.labels.items()),
        *(_Field("param", f"{name}={value}", written("params", name)) for name, value in run.params.items()),
        *(
            _Field("control", f"{name}={each.weight:g}", written("controls", name))
            for name, each in run.controls.items()
        ),
        *(_Field("input", path, at("inputs")) for path in run.inputs.values()),
    ]
    return _Thing("run", run.key, _said(fields), 1)


def _scenes(project: Project, desired: Desired) -> Iterator[_Thing]:
    for name in scenery.names(project.settings.root / FOLDER):
        folder = f"{FOLDER}/{name}"
        runs = sum(any(PurePosixPath(path).is_relative_to(folder) for path in _paths(want)) for want in desired.runs)
        yield _Thing(
            "input", name, (_Field("name", name, Location(folder)), _Field("input", folder, Location(folder))), runs
        )


def _paths(want: DesiredRun) -> tuple[str, ...]:
    return tuple(want.run.inputs.values())


def _said(fields: Sequence[_Field]) -> tuple[_Field, ...]:
    return tuple(field for field in fields if field.text)


def _flat(text: str) -> str:
    return " ".join(text.split())
