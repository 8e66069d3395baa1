"""One spec of the files of a project: found, changed, added, taken out. Nothing is read or written here."""

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from cosmos.core import rewriting, splicing, yaml_text
from cosmos.core.digest import canonical, sha256_hex
from cosmos.core.load import SourceFile
from cosmos.core.problem import did_you_mean
from cosmos.core.spec import KINDS
from cosmos.core.spec_fields import relative_path
from cosmos.core.splicing import Piece, SpliceError, pieces
from cosmos.edits import FileEdit, SpecDocument
from cosmos.errors import NotFoundError, RefusedError
from cosmos.source.tree import SUFFIXES

Path = tuple[str | int, ...]

_BY_HAND = "edit the file by hand"
_NAMED = ("Run", "Prompt", "Model")


class Remove(Enum):
    """In place of a value: the field is taken away."""

    REMOVE = "remove"


REMOVE = Remove.REMOVE


@dataclass(frozen=True, slots=True)
class Found:
    """A spec, the file it is in, and its piece of it."""

    document: SpecDocument
    file: SourceFile
    piece: Piece

    @property
    def title(self) -> str:
        return title(self.document.data)


def title(data: Mapping[str, object]) -> str:
    """`prompt rain`, `review of city/seed-1`."""
    kind = str(data.get("kind", "spec")).lower()
    return f"review of {data.get('run')}" if kind == "review" else f"{kind} {data.get('name')}"


def find(files: Iterable[SourceFile], name: str) -> Found:
    """The spec that a name means: `rain`, or `prompt/rain`.

    Raises:
        NotFoundError: None, or several.
    """
    files = tuple(files)
    kind, _, rest = name.partition("/")
    kinds = [kind.capitalize()] if rest and kind.capitalize() in _NAMED else list(_NAMED)
    wanted = rest if len(kinds) == 1 else name
    found = [each for each in _all(files, wanted) if each.piece.who[0] in kinds and each.piece.who[1] == wanted]
    if len(found) > 1:
        names = ", ".join(f"{each.document.kind.lower()}/{wanted} ({each.document.path})" for each in found)
        raise NotFoundError(f'"{name}" means {len(found)} specs: {names}', "name one of them")
    if found:
        return found[0]
    for file in files:
        _require_readable(file, wanted)
    base = name.partition("/")[0]
    if len(kinds) > 1 and rest and any(each.piece.who == ("Run", base) for each in _all(files, base)):
        raise NotFoundError(f'"{name}" is one of the runs that {base} makes', f"the spec is called run/{base}")
    known = {who[1] for file in files for who in _names(file) if who[0] in kinds}
    hint = did_you_mean(wanted, known) or "cosmos list runs and cosmos list prompts show the names"
    raise NotFoundError(f'no spec is called "{name}"', hint)


def find_review(files: Iterable[SourceFile], run: str, digest: str) -> Found | None:
    """The review of an output."""
    for found in _all(tuple(files), run):
        data = found.document.data
        about = str(data.get("digest", ""))
        if found.piece.who[0] == "Review" and data.get("run") == run and about and digest.startswith(about):
            return found
    return None


def _all(files: Iterable[SourceFile], word: str) -> Iterable[Found]:
    """Specs of files that have a word in them and can be read."""
    for file in files:
        if file.data is None or word.encode("utf-8", "replace") not in file.data:
            continue
        try:
            yield from (_found(file, piece) for piece in pieces(file.path, file.data) if isinstance(piece.data, dict))
        except SpliceError:
            continue


def _require_readable(file: SourceFile, word: str) -> None:
    """A spec that is not found may be in a file that nobody can read."""
    if file.data is not None and word.encode("utf-8", "replace") in file.data:
        try:
            pieces(file.path, file.data)
        except SpliceError as error:
            raise RefusedError(str(error), "cosmos validate says what is wrong; mend it first") from None


def _names(file: SourceFile) -> list[tuple[str, str]]:
    return [each.piece.who for each in _all([file], "name")]


def _found(file: SourceFile, piece: Piece) -> Found:
    data = file.data or b""
    assert isinstance(piece.data, dict)  # noqa: S101 - asked by the caller
    line = data.decode("utf-8")[: piece.start].count("\n") + 1
    kind, name = piece.who
    document = SpecDocument(
        kind=kind, name=name, path=file.path, line=line, text=piece.text, data=piece.data, seen=sha256_hex(data)
    )
    return Found(document, file, piece)


# Changes -----------------------------------------------------------------------------------------


def changed(document: SpecDocument, changes: Mapping[str | Path, object]) -> dict[str, object]:
    """The data of a spec with other values at some places."""
    data = copy.deepcopy(dict(document.data))
    if not changes:
        raise RefusedError("no field is named", "name one, as `labels.scene`")
    for path, value in changes.items():
        _put(data, _parts(path), value)
    _require_plain(data)
    return data


def with_values(data: Mapping[str, object], values: Mapping[str, object]) -> dict[str, object]:
    """The data of a new spec with more values, by path."""
    made = copy.deepcopy(dict(data))
    for path, value in values.items():
        _put(made, _parts(path), value)
    return made


def _require_plain(data: object) -> None:
    """Go on only with what YAML can say."""
    try:
        canonical(data)
    except (TypeError, ValueError) as error:
        raise RefusedError(f"this cannot stand in a spec: {error}", "use text, numbers, true, false, lists") from None


def dotted(path: str | Path) -> str:
    return path if isinstance(path, str) else ".".join(map(str, path))


def _parts(path: str | Path) -> Path:
    """Of a matrix, what follows is one key: `matrix.params.seed`."""
    if not isinstance(path, str):
        return path
    head, _, rest = path.partition(".")
    return (head, rest) if head == "matrix" and rest else tuple(path.split("."))


def _put(data: object, path: Path, value: object) -> None:
    """Set or take away what is at a path; mappings that are not there on the way to it are made."""
    if not path:
        raise RefusedError("no field is named", "name one, as `labels.scene`")
    name, rest = path[0], path[1:]
    if isinstance(data, list) and isinstance(name, int):
        if not 0 <= name < len(data):
            raise RefusedError(f"there is no item {name}", "items are counted from 0")
        if rest:
            _put(data[name], rest, value)
        else:
            data[name : name + 1] = [] if value is REMOVE else [value]
    elif isinstance(data, dict) and isinstance(name, str):
        if rest:
            data[name] = {} if data.get(name) is None else data[name]
            _put(data[name], rest, value)
        elif value is not REMOVE:
            data[name] = value
        elif data.pop(name, REMOVE) is REMOVE:
            raise RefusedError(f"there is no field {name} to remove", "cosmos.specs.find has what there is")
    else:
        raise RefusedError(f"what {dotted(path)} would be in is no mapping", "set the field around it as a whole")


def rewritten(found: Found, wanted: Mapping[str, object]) -> bytes:
    return rewriting.rewritten(found.file.path, found.file.data or b"", found.piece, wanted)


def without(found: Found) -> bytes | None:
    """The file without the spec; None where nothing is left of it."""
    return splicing.without(found.file.path, found.file.data or b"", found.piece) or None


def appended(path: str, before: bytes | None, data: Mapping[str, object]) -> bytes:
    """The file with one spec more, or the spec alone."""
    _require_plain(data)
    piece = Piece(data=dict(data), text=yaml_text.document(data), start=0, end=0)
    if before is not None and any(each.who == piece.who for each in pieces(path, before) if before.strip()):
        raise RefusedError(f"{path} has a {title(data)} already", "change that one, or choose another name")
    return splicing.put(path, before or b"", piece)


def refusing(make: Callable[[], bytes | None]) -> bytes | None:
    """What was made, or the reason why it cannot be, for a person.

    Raises:
        RefusedError: The text cannot be changed without touching something else.
    """
    try:
        return make()
    except SpliceError as error:
        raise RefusedError(str(error), f"{_BY_HAND}: nothing was changed") from None


def require_seen(path: str, data: bytes | None, seen: str, *, is_whole: bool = False) -> None:
    """Go on only with the file that the caller had before it.

    Raises:
        RefusedError: It is another one by now.
    """
    there = sha256_hex(data) if data is not None else ""
    if there != seen and (seen or is_whole):
        raise RefusedError(f"{path} has changed since it was read; nothing was done", "read it again, then change it")


def require_same(edit: FileEdit, data: bytes | None) -> None:
    """Go on only where a file is as it was when the edit was made.

    Raises:
        RefusedError: It is another one by now.
    """
    if data != edit.before:
        raise RefusedError(
            f"{edit.path} has changed since it was read; nothing was done", "read it again, then change it"
        )


# Places ------------------------------------------------------------------------------------------


def usual_path(folder: str, data: Mapping[str, object]) -> str:
    """`specs/prompts/rain.yaml` for the prompt `rain`."""
    kind, name = data.get("kind"), data.get("name")
    if kind not in KINDS or not isinstance(name, str):
        raise RefusedError("a spec needs a kind and a name", f"the kinds are {', '.join(KINDS)}")
    return f"{folder}/{str(kind).lower()}s/{name}.yaml"


def spec_path(folder: str, path: str) -> str:
    """A path that the project reads specs from.

    Raises:
        RefusedError: It is none.
    """
    try:
        given = str(relative_path(path))
    except ValueError as error:
        raise RefusedError(f"{path}: {error}", f"name a file as {folder}/city.yaml") from None
    parts = given.split("/")
    is_read = given.startswith(f"{folder}/") and given.lower().endswith(SUFFIXES) and given.isprintable()
    if not is_read or any(part.startswith(".") for part in parts):
        raise RefusedError(f"specs are not read from {path}", f"name a file as {folder}/city.yaml")
    return given
