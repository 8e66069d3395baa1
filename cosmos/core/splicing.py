"""Putting one document of a spec file in the place of another, or taking it out, with every other byte as it is.

A document is taken from its first field to its last line: comments before the first field and after the last one belong
to the file. What comes out is read again, and is refused unless nothing but the document has changed.
"""

import codecs
import re
from dataclasses import dataclass

from cosmos.core import yaml12
from cosmos.core.digest import canonical

_MARK = re.compile(r"^---(?=\s|\Z)", re.MULTILINE)
_END = re.compile(r"(?:---|\.\.\.)(?:\s|\Z)")


class SpliceError(ValueError):
    """The file is not one that a document can be put into without touching others; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One document as it is written. `start` and `end` are places in the text of the file."""

    data: object
    text: str
    start: int
    end: int

    @property
    def who(self) -> tuple[str, str]:
        """Kind and name; empty where it has none. Of a review, the output that it is about."""
        if not isinstance(self.data, dict):
            return "", ""
        if self.data.get("kind") == "Review":
            return "Review", f"{self.data.get('run', '')}@{self.data.get('digest', '')}"
        return str(self.data.get("kind", "")), str(self.data.get("name", ""))

    def is_same(self, other: "Piece | None") -> bool:
        """It says the same, however it is written."""
        return other is not None and canonical(self.data) == canonical(other.data)


def pieces(file: str, data: bytes) -> tuple[Piece, ...]:
    """The documents of a file.

    Raises:
        SpliceError: Not all of it can be read.
    """
    parsed = yaml12.parse(file, data)
    if parsed.problems or not parsed.whole:
        raise SpliceError(f"{file} cannot be read as it is: {parsed.problems[0].message}")
    bom, text = _text(data)
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    found = []
    for document in parsed.documents:
        if document.data is None:  # nothing but comments
            continue
        first, column = document.place.line - 1, document.place.column - 1
        start = starts[first] if not lines[first][:column].strip() else starts[first] + column
        end = starts[_end(lines, first)]
        found.append(Piece(data=document.data, text=text[start:end], start=len(bom) + start, end=len(bom) + end))
    return tuple(found)


def _text(data: bytes) -> tuple[str, str]:
    """The mark of a byte order that some editors write, and what follows it."""
    body = data.removeprefix(codecs.BOM_UTF8)
    return "\ufeff" if body != data else "", body.decode("utf-8")


def _end(lines: list[str], first: int) -> int:
    """The line after the last one of a document that begins in a line."""
    end = next((number for number in range(first + 1, len(lines)) if _END.match(lines[number])), len(lines))
    while end > first + 1 and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1
    return end


def put(file: str, data: bytes, new: Piece) -> bytes:
    """A file with a document in place of the one of the same kind and name, or after all others where there is none.

    Raises:
        SpliceError: The file cannot be read, or something else would change.
    """
    before = pieces(file, data) if data.strip() else ()
    text = "".join(_text(data))
    own = next((piece for piece in before if piece.who == new.who), None)
    body = new.text if new.text.endswith(("\n", "\r")) else f"{new.text}\n"
    if "\r\n" in text and "\r\n" not in body:
        body = body.replace("\n", "\r\n")
    if own is not None:
        made = f"{text[: own.start]}{body}{text[own.end :]}"
    elif before:
        made = f"{text}{'' if text.endswith(chr(10)) else chr(10)}---\n{body}"
    else:
        made = f"{text}{body}"
    written = made.encode("utf-8")
    wanted = [new.data if piece is own else piece.data for piece in before] + ([new.data] if own is None else [])
    if [canonical(piece.data) for piece in pieces(file, written)] != [canonical(each) for each in wanted]:
        raise SpliceError(
            f"{new.who[0].lower()} {new.who[1]} cannot be put into {file} without touching what is beside it"
        )
    return written


def exchanged(file: str, data: bytes, old: Piece, new: str) -> bytes:
    """A file with any text in the place of one of its documents; whether that can be read is not asked.

    Raises:
        SpliceError: What is beside it would say something else.
    """
    text = "".join(_text(data))
    body = new.replace("\r\n", "\n")
    body = body if body.endswith("\n") or not old.text.endswith("\n") else f"{body}\n"
    body = body.replace("\n", "\r\n") if "\r\n" in text else body
    written = f"{text[: old.start]}{body}{text[old.end :]}".encode("utf-8", "surrogatepass")
    before = [canonical(piece.data) for piece in pieces(file, data)]
    index = pieces(file, data).index(old)
    try:
        after = [canonical(piece.data) for piece in pieces(file, written)]
    except SpliceError:  # the problems of the file say where
        return written
    behind = before[index + 1 :]
    if len(after) < len(before) or after[:index] != before[:index] or (behind and after[-len(behind) :] != behind):
        raise SpliceError(f"this cannot be put into {file} without touching what is beside it")
    return written


def without(file: str, data: bytes, gone: Piece) -> bytes:
    """A file without one of its documents, nor the comments within it; empty where it was the only one.

    Raises:
        SpliceError: Something else would change.
    """
    before = pieces(file, data)
    if len(before) == 1:
        return b""
    text = "".join(_text(data))
    marks = [match.start() for match in _MARK.finditer(text)]
    own = max((mark for mark in marks if mark <= gone.start), default=None)
    following = min((mark for mark in marks if mark >= gone.end), default=len(text))
    if own is not None:
        made = text[:own] + text[following:]
    else:  # what stands above the first document is about the file
        line = text.find("\n", following) + 1
        made = text[: gone.start] + (text[line:] if line else "")
    written = made.encode("utf-8")
    wanted = [canonical(piece.data) for piece in before if piece.start != gone.start]
    if [canonical(piece.data) for piece in pieces(file, written)] != wanted:
        raise SpliceError(f"a document cannot be taken out of {file} without touching what is beside it")
    return written
