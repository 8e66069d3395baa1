"""Bytes of a spec file -> YAML documents with positions, and every reason why some cannot be read.

`core.load` calls `parse`. The text is read by libyaml event by event and never by PyYAML's composer,
which recurses in C: some 50,000 nested brackets kill the process. `core.document` builds the data from
the events and counts depth and nodes as they come. After a syntax error reading goes on at the next
`---`, which no YAML value can contain, so that all errors of a file are named at once.
"""

import codecs
import re
from dataclasses import dataclass

import yaml

from cosmos.core.document import Builder, Document, LimitError
from cosmos.core.problem import Code, Location, Problem

BYTES_MAX = 256 * 1024
"""Largest file that is looked at; a reader need not fetch more than one byte beyond it."""

SYNTAX_ERRORS_MAX = 20
"""Syntax errors named in one file."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What YAML forbids, and three rare line breaks, which libyaml would quietly turn into others."""

_DOCUMENT = re.compile(r"^---(?=\s|\Z)", re.MULTILINE)
_NODES = frozenset({yaml.ScalarEvent, yaml.MappingStartEvent, yaml.SequenceStartEvent})
_ENDS = frozenset({yaml.MappingEndEvent, yaml.SequenceEndEvent})
_TOO_DEEP = "exceeded maximum nesting depth"
"""libyaml since 0.2.6 has a limit of its own, which it may meet before it hands over the first event."""
_UNCLOSED = ("found unexpected end of stream", "found unexpected document indicator")
_HINTS = {
    "found character that cannot start any token": "indent with spaces; quote a text that starts with @, ` or %",
    "found a tab character": "indent with spaces",
    "mapping values are not allowed": 'quote a text that contains ": "',
    "could not find expected ':'": "a field is written as name: value",
    **dict.fromkeys(_UNCLOSED, "close the quote"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What could be read of a file. `whole` is False when there may be documents that could not."""

    documents: tuple[Document, ...] = ()
    problems: tuple[Problem, ...] = ()
    whole: bool = True


def parse(file: str, data: bytes) -> Parsed:
    """Read every document of a file. Nothing is raised, whatever the bytes."""
    if len(data) > BYTES_MAX:
        message = f"larger than {BYTES_MAX // 1024} KiB"
        return _nothing(Problem(Location(file), Code.TOO_LARGE, message, hint="split it into several files"))
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return _nothing(_not_utf8(file, data, error.start))
    if match := _FORBIDDEN.search(text):
        message = f"character U+{ord(match[0]):04X} cannot be in a spec file"
        return _nothing(Problem(_location(file, text, match.start()), Code.SYNTAX, message, hint="remove it"))
    return _documents(file, text)


def _nothing(problem: Problem) -> Parsed:
    return Parsed(problems=(problem,), whole=False)


def _not_utf8(file: str, data: bytes, index: int) -> Problem:
    before = data[:index].decode("utf-8")
    is_utf16 = data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    message = "is UTF-16" if is_utf16 else f"byte 0x{data[index]:02X} is not UTF-8"
    return Problem(_location(file, before, len(before)), Code.NOT_UTF8, message, hint="save the file as UTF-8")


def _location(file: str, text: str, index: int) -> Location:
    return Location(file, text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index))


def _documents(file: str, text: str) -> Parsed:
    builder = Builder(file)
    syntax_errors: list[Problem] = []
    start: int | None = 0
    try:
        while start is not None and len(syntax_errors) < SYNTAX_ERRORS_MAX:
            first_line = text.count("\n", 0, start) + 1
            try:
                _feed(builder, text[start:], first_line)
                break
            except yaml.MarkedYAMLError as error:
                problem = _syntax(file, error, first_line)
                if (error.problem or "").startswith(_TOO_DEEP):
                    builder.too_deep(problem.at.line, problem.at.column)
                syntax_errors.append(problem)
                start = _next_document(text, start, error.problem_mark.index if error.problem_mark else 0)
    except LimitError as error:
        builder.problems.append(error.problem)
        return Parsed(documents=tuple(builder.documents), problems=(*syntax_errors, *builder.problems), whole=False)
    problems = (*syntax_errors, *builder.problems)
    return Parsed(documents=tuple(builder.documents), problems=problems, whole=not syntax_errors)


def _feed(builder: Builder, text: str, first_line: int) -> None:
    """Hand every event to the builder. The most frequent come first: there are a dozen for each short spec."""
    loader = _LOADER(text)
    next_event = loader.get_event
    try:
        while (kind := type(event := next_event())) is not yaml.StreamEndEvent:
            mark = event.start_mark
            line, column = mark.line + first_line, mark.column + 1
            if kind in _NODES and event.tag is not None:
                builder.tag(event.tag, line, column)
            if kind is yaml.ScalarEvent:
                builder.scalar(event.value, event.anchor, line, column, plain=event.implicit[0])
            elif kind in _ENDS:
                builder.close()
            elif kind in _NODES:
                builder.open(event.anchor, line, column, is_mapping=kind is yaml.MappingStartEvent)
            elif kind is yaml.DocumentStartEvent:
                builder.begin()
            elif kind is yaml.AliasEvent:
                builder.alias(event.anchor or "", line, column)
    finally:
        loader.dispose()


def _syntax(file: str, error: yaml.MarkedYAMLError, first_line: int) -> Problem:
    """The parser's words, at the place to fix: for an open quote that is where it opens."""
    problem = error.problem or "cannot be read"
    begins, fails = error.context_mark, error.problem_mark
    mark = begins if begins and problem.startswith(_UNCLOSED) else fails or begins
    at = Location(file, mark.line + first_line, mark.column + 1) if mark else Location(file, first_line)
    context = f", {error.context} that begins in line {begins.line + first_line}" if error.context and begins else ""
    hint = next((hint for start, hint in _HINTS.items() if problem.startswith(start)), "")
    return Problem(at, Code.SYNTAX, f"not YAML: {problem}{context}", hint=hint)


def _next_document(text: str, start: int, failed_at: int) -> int | None:
    """Index of the first `---` in or below the line of a syntax error, always beyond `start`."""
    line = text.rfind("\n", 0, start + failed_at) + 1
    match = _DOCUMENT.search(text, max(line, start + 1))
    return match.start() if match else None
