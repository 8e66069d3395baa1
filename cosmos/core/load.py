"""Spec files -> specs by kind and name, with the place of every field, or every problem at once.

The engine calls `load` with the bytes that a source read. A file is taken whole or not at all: with any
problem in it none of its specs are used, since half a file is seldom what was meant, and their runs keep
what they have. The names in it still count as taken, so that one mistake is not reported twice.
Nothing here depends on the order of the files.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Generic, TypeVar

from pydantic import ValidationError

from cosmos.core import explain, yaml12
from cosmos.core.document import Document
from cosmos.core.draft import Path
from cosmos.core.problem import Code, Location, Problem, did_you_mean, quoted
from cosmos.core.reviews import Review, Reviews
from cosmos.core.spec import KINDS, PromptSpec, RunSpec, Spec
from cosmos.core.spec_model import ModelSpec
from cosmos.core.spec_review import ReviewSpec

S = TypeVar("S", PromptSpec, RunSpec, ModelSpec)

_KINDS_HINT = f"a spec begins with `kind:` and one of {', '.join(KINDS)}"
_NAME = re.compile(rb"""(?<![\w-])name["']?[ \t]*:\s*["']?([a-z0-9][a-z0-9-]*)""")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as a source found it. `data` is None when it could not be read, and `error` says why."""

    path: str
    data: bytes | None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Located(Generic[S]):
    """A spec and where it is. `locate` gives the place of a field's value, or of the nearest thing around it."""

    spec: S
    at: Location
    locate: Callable[[Path], Location]
    locate_key: Callable[[Path], Location]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Specs by name, each mapping sorted, and all problems, sorted.

    `withheld` has (kind, name) of the specs that broken files seem to define. `is_blind` says that some
    file could not be read to its end, so that it may define any name at all.
    """

    prompts: Mapping[str, Located[PromptSpec]] = field(default_factory=dict)
    runs: Mapping[str, Located[RunSpec]] = field(default_factory=dict)
    models: Mapping[str, Located[ModelSpec]] = field(default_factory=dict)
    reviews: Reviews = field(default_factory=Reviews)
    problems: tuple[Problem, ...] = ()
    broken_files: frozenset[str] = frozenset()
    withheld: frozenset[tuple[str, str]] = frozenset()
    is_blind: bool = False


def load(files: Iterable[SourceFile]) -> Loaded:
    """Read all specs. Nothing is raised, whatever the files hold."""
    readings = [_read(file) for file in files]
    problems = {problem for reading in readings for problem in reading.problems}
    entries = [entry for reading in readings for entry in reading.entries]
    problems.update(_clashes(entries), _doubles(entries))
    broken = frozenset(problem.at.file for problem in problems)
    good = [entry for reading in readings for entry in reading.entries if entry.document.file not in broken]
    return Loaded(
        prompts=_by_name(good, PromptSpec),
        runs=_by_name(good, RunSpec),
        models=_by_name(good, ModelSpec),
        reviews=_reviews(good, is_open=any(reading.may_review for reading in readings if reading.path in broken)),
        problems=tuple(sorted(problems)),
        broken_files=broken,
        withheld=frozenset(name for reading in readings if reading.path in broken for name in reading.names()),
        is_blind=any(reading.is_blind for reading in readings),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One document with a known kind. `spec` is None when it cannot be used."""

    kind: str
    name: str | None
    document: Document
    spec: Spec | None

    @property
    def at(self) -> Location:
        return self.document.locate(())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """One file. `text` is kept only where not all of it could be parsed."""

    path: str
    entries: tuple[_Entry, ...] = ()
    problems: tuple[Problem, ...] = ()
    text: bytes = b""
    is_blind: bool = False

    @property
    def may_review(self) -> bool:
        """It has reviews, or has them perhaps where it cannot be read."""
        return self.is_blind or b"Review" in self.text or any(entry.kind == "Review" for entry in self.entries)

    def names(self) -> Iterator[tuple[str, str]]:
        """(kind, name) of what the file defines; where that is a guess, of every kind."""
        yield from ((entry.kind, entry.name) for entry in self.entries if entry.name is not None)
        for match in _NAME.finditer(self.text):
            yield from ((kind, match[1].decode("ascii")) for kind in KINDS)


def _read(file: SourceFile) -> _Reading:
    if file.data is None:
        problem = Problem(Location(file.path), Code.UNREADABLE, f"cannot be read: {file.error or 'no reason given'}")
        return _Reading(path=file.path, problems=(problem,), is_blind=True)
    parsed = yaml12.parse(file.path, file.data)
    problems = list(parsed.problems)
    documents = [document for document in parsed.documents if document.data is not None]
    entries = [entry for document in documents if (entry := _entry(document, problems)) is not None]
    if not documents and not problems:
        problems.append(Problem(Location(file.path), Code.NOT_A_SPEC, "no spec in this file", hint=_KINDS_HINT))
    return _Reading(
        path=file.path,
        entries=tuple(entries),
        problems=tuple(problems),
        text=b"" if parsed.whole and len(entries) == len(documents) else file.data,
        is_blind=any(problem.code in (Code.TOO_LARGE, Code.NOT_UTF8) for problem in parsed.problems),
    )


def _entry(document: Document, problems: list[Problem]) -> _Entry | None:
    data, at = document.data, document.locate(())
    if not isinstance(data, dict):
        message = f"a spec is a mapping of fields, this is {explain.shown(data)}"
        problems.append(Problem(at, Code.NOT_A_SPEC, message, hint=_KINDS_HINT))
        return None
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        problems.append(_no_kind(document, data))
        return None
    given = data.get("name")
    name = given if isinstance(given, str) else None
    try:
        spec: Spec | None = KINDS[kind].model_validate(data)
    except ValidationError as error:
        spec = None
        subject = _subject(kind, name) if kind != "Review" else _about(data.get("run"))
        problems += explain.problems(error, KINDS[kind], data, document.locate, document.locate_key, subject)
    return _Entry(kind=kind, name=name, document=document, spec=spec)


def _no_kind(document: Document, data: dict[str, object]) -> Problem:
    if "kind" not in data:
        return Problem(document.locate(()), Code.NOT_A_SPEC, 'missing field "kind"', hint=_KINDS_HINT)
    kind = data["kind"]
    hint = did_you_mean(str(kind).capitalize(), KINDS) or f"the kinds are {', '.join(KINDS)}"
    return Problem(document.locate(("kind",)), Code.NOT_A_SPEC, f"unknown kind {explain.shown(kind)}", hint=hint)


def _subject(kind: str, name: str | None) -> str:
    return f"{kind.lower()} {quoted(name)}" if name is not None else kind.lower()


def _clashes(entries: Iterable[_Entry]) -> Iterator[Problem]:
    """Specs of one kind and name: each is told of another."""
    named: dict[tuple[str, str], list[_Entry]] = {}
    for entry in entries:
        if entry.name is not None:
            named.setdefault((entry.kind, entry.name), []).append(entry)
    for (kind, name), same in named.items():
        if len(same) == 1:
            continue
        same.sort(key=lambda entry: entry.at)
        for entry in same:
            other = same[0] if entry is not same[0] else same[1]
            message = f"{other.at.short} defines another {kind.lower()} of this name"
            at = entry.document.locate(("name",))
            yield Problem(at, Code.DUPLICATE_NAME, message, _subject(kind, name), "give one of them another name")


def _doubles(entries: Iterable[_Entry]) -> Iterator[Problem]:
    """Reviews of one output: each is told of another. Which of them holds is a person's to say."""
    by_run: dict[str, list[tuple[ReviewSpec, _Entry]]] = {}
    for entry in entries:
        if isinstance(entry.spec, ReviewSpec):
            by_run.setdefault(entry.spec.run, []).append((entry.spec, entry))
    for run, found in by_run.items():
        if len(found) == 1:
            continue
        found.sort(key=lambda pair: (pair[0].digest, pair[1].at))
        for (spec, entry), (other, beside) in pairwise(found):
            if not other.digest.startswith(spec.digest):
                continue
            for one, two in ((entry, beside), (beside, entry)):
                message = f"{two.at.short} has another review of this output"
                at = one.document.locate(("digest",))
                yield Problem(at, Code.DUPLICATE_NAME, message, _about(run), "keep one of them")


def _about(run: object) -> str:
    return f"review of {quoted(run)}" if isinstance(run, str) else "review"


def _reviews(entries: Iterable[_Entry], *, is_open: bool) -> Reviews:
    by_run: dict[str, list[Review]] = {}
    for entry in entries:
        if isinstance(spec := entry.spec, ReviewSpec):
            review = Review(
                run=spec.run,
                digest=spec.digest,
                rating=spec.rating,
                note=spec.note,
                tags=tuple(spec.tags),
                at=entry.at,
            )
            by_run.setdefault(spec.run, []).append(review)
    for found in by_run.values():
        found.sort(key=lambda review: review.digest)
    return Reviews(by_run=dict(sorted(by_run.items())), is_open=is_open)


def _by_name(entries: Iterable[_Entry], kind: type[S]) -> dict[str, Located[S]]:
    found = {
        spec.name: Located(spec=spec, at=entry.at, locate=entry.document.locate, locate_key=entry.document.locate_key)
        for entry in entries
        if isinstance(spec := entry.spec, kind)
    }
    return dict(sorted(found.items()))
