"""Specs as a person types them: a text in the place of another, or after others, kept letter for letter."""

from collections.abc import Mapping

from cosmos.core import rewriting, splicing, yaml12
from cosmos.core.splicing import Piece, SpliceError, pieces
from cosmos.edits import SpecDocument, SpecText
from cosmos.errors import RefusedError, SpecError
from cosmos.project import editing
from cosmos.project.editing import Found

TYPED = "text"
"""What a text that is in no file yet is called in problems."""


def read(text: str) -> SpecText:
    """What a typed text says.

    Raises:
        SpecError: It is no YAML; the places are those in the text.
        RefusedError: It is not one mapping.
    """
    piece = _piece(text)
    assert isinstance(piece.data, dict)  # noqa: S101 - `_piece` has seen to it
    return SpecText(text=text, data=piece.data)


def reworded(text: str, changes: Mapping[str, object]) -> SpecText:
    """The text with other values at some places, by the smallest change of it."""
    piece = _piece(text)
    there = read(text).data
    puts: dict[str | editing.Path, object] = {
        name: editing.REMOVE if value is None else value for name, value in changes.items()
    }
    puts = {name: value for name, value in puts.items() if value is not editing.REMOVE or name in there}
    if not puts:
        return read(text)
    document = SpecDocument(kind="", name="", path=TYPED, line=1, text=text, data=there, seen="")
    wanted = editing.changed(document, puts)
    made = editing.refusing(lambda: rewriting.rewritten(TYPED, _bytes(text), piece, wanted))
    return read((made or b"").decode("utf-8"))


def exchanged(found: Found, text: str) -> bytes:
    """The file of a spec with another text in its place."""
    if not text.strip():
        raise RefusedError("nothing is left of the spec", "delete it, if that is meant")
    return splicing.exchanged(found.file.path, found.file.data or b"", found.piece, text)


def appended(path: str, before: bytes | None, text: str) -> bytes:
    """The file with one spec more, or the spec alone."""
    piece = _piece(text)
    if before is not None and any(each.who == piece.who for each in pieces(path, before) if before.strip()):
        title = " ".join(piece.who).lower()
        raise RefusedError(f"{path} has a {title} already", "choose another name, or change that one")
    return splicing.put(path, before or b"", Piece(data=piece.data, text=text, start=0, end=0))


def _piece(text: str) -> Piece:
    parsed = yaml12.parse(TYPED, _bytes(text))
    if parsed.problems:
        raise SpecError(parsed.problems)
    try:
        found = pieces(TYPED, _bytes(text))
    except SpliceError as error:
        raise RefusedError(str(error), "correct the text") from None
    if len(found) != 1 or not isinstance(found[0].data, dict):
        raise RefusedError(f"this is {len(found)} specs, not one", "write one mapping, as `kind: Prompt`")
    return found[0]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
