"""Taking back the last removal of specs: what was taken out of the files comes back, as it was written.

Nothing is changed but spec files. A removal touches no output, so what was finished is there as soon as its spec is;
what runs for a spec that is gone goes on until it is pruned, so within that time nothing has to be done again.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cosmos.core.desired import Desired
from cosmos.core.digest import canonical
from cosmos.core.load import SourceFile
from cosmos.core.splicing import Piece, SpliceError, pieces, put
from cosmos.edits import Edit, FileEdit, TakeBack
from cosmos.errors import RefusedError, SpecError
from cosmos.outcome import PlanView
from cosmos.project import at_commit, editing, plans, writing
from cosmos.project.wiring import Project
from cosmos.source.commits import Commit

Who = tuple[str, str]
"""Kind and name of a document."""

_NAMED = ("Run", "Prompt", "Model")
"""Kinds whose absence is a removal. A review that is gone with them comes back with them."""


@dataclass(frozen=True)
class _Specs:
    """Spec files of one time."""

    files: Mapping[str, SourceFile]
    documents: Mapping[Who, tuple[str, Piece]] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()
    """Files in which any document may be."""

    def piece(self, who: Who) -> Piece | None:
        return self.documents[who][1] if who in self.documents else None

    def data(self, path: str) -> bytes | None:
        return self.files[path].data if path in self.files else None

    def of(self, path: str) -> dict[Who, Piece]:
        return {who: piece for who, (at, piece) in self.documents.items() if at == path}


def _specs(files: Iterable[SourceFile]) -> _Specs:
    by_path = {file.path: file for file in files}
    documents: dict[Who, tuple[str, Piece]] = {}
    unread = set[str]()
    for path, file in by_path.items():
        try:
            found = pieces(path, file.data) if file.data is not None else None
        except SpliceError:
            found = None
        if found is None:
            unread.add(path)
        documents.update({piece.who: (path, piece) for piece in found or () if all(piece.who)})
    return _Specs(by_path, documents, frozenset(unread))


def prepare(project: Project, within_s: float) -> TakeBack:
    """What would bring back the specs that were removed last, by nobody's commit yet or by one. Changes nothing.

    Args:
        project: The open project; its specs are in a git repository.
        within_s: A removal by a commit that is older is left alone.

    Raises:
        RefusedError: Nothing was removed, or it cannot be put back; the message says what is in the way.
    """
    repository, folder = at_commit.checkout(project), project.tree.folder
    today = _specs(project.read() if project.settings.specs.exists() else ())
    now = project.judge(today.files.values())
    committed = _specs(repository.specs_if_any("HEAD", folder))
    found = _taken_back(project, _Scene(committed, today, today, now), None)
    if found is not None:
        return found
    for commit in repository.changes(folder, project.world.clock.now() - within_s):
        after = _specs(repository.specs_if_any(commit.sha, folder))
        before = _specs(repository.specs_if_any(f"{commit.sha}^", folder))
        found = _taken_back(project, _Scene(before, after, today, now), commit)
        if found is not None:
            return found
    raise RefusedError(
        "nothing was removed from the specs in that time that is not back",
        "--within 30d looks further back; cosmos rollback NAME brings back an earlier version of a run",
    )


@dataclass(frozen=True)
class _Scene:
    """Before and after a removal, and today."""

    before: _Specs
    after: _Specs
    today: _Specs
    now: Desired


def _taken_back(project: Project, scene: _Scene, commit: Commit | None) -> TakeBack | None:
    """None where nothing was removed between these two that is still gone."""
    whose = sorted([*_narrowed(project, scene), *_gone(scene)], key=_rank)
    if not whose:
        return None
    edit = _edit(project, scene, whose)
    there = scene.now.by_key()
    keys = tuple(want.run.key for want in edit.desired.runs if want.run.key not in there)
    documents = tuple(f"{kind.lower()} {name}" for kind, name in whose)
    if commit is None:
        return TakeBack(documents=documents, keys=keys, edit=edit)
    return TakeBack(
        documents=documents,
        keys=keys,
        edit=edit,
        commit=commit.sha,
        author=commit.author,
        at=commit.at,
        words=commit.subject,
    )


def _rank(who: Who) -> int:
    """What is named first to a person."""
    return _NAMED.index(who[0]) if who[0] in _NAMED else len(_NAMED)


# Which documents ---------------------------------------------------------------------------------


def _gone(scene: _Scene) -> list[Who]:
    """Documents that went, and that are nowhere today; one that was moved, or has another name now, is still there."""
    unread = scene.after.unread | scene.today.unread
    came = {_unnamed(piece) for who, (_, piece) in scene.after.documents.items() if who not in scene.before.documents}
    lost = [
        who
        for who, (path, piece) in scene.before.documents.items()
        if who not in scene.after.documents and path not in unread and _unnamed(piece) not in came
    ]
    lost = [who for who in lost if who not in scene.today.documents]
    return lost if any(kind in _NAMED for kind, _ in lost) else []


def _unnamed(piece: Piece) -> str:
    """All that it says but its name."""
    data = piece.data if isinstance(piece.data, dict) else {}
    return canonical({name: value for name, value in data.items() if name != "name"}).decode("ascii")


def _narrowed(project: Project, scene: _Scene) -> list[Who]:
    """Runs that made more members before."""
    suspects = [
        who
        for who, (_, old) in scene.before.documents.items()
        if who[0] == "Run" and (new := scene.after.piece(who)) is not None and _matrix(old) != _matrix(new)
    ]
    if not suspects:
        return []
    then = _members(project.judge(scene.before.files.values()))
    later = _members(project.judge(scene.after.files.values()))
    now = _members(scene.now)
    found = [
        who for who in suspects if who[1] in now and then.get(who[1], set()) - later.get(who[1], set()) - now[who[1]]
    ]
    for who in found:
        old = scene.after.piece(who)
        if old is None or not old.is_same(scene.today.piece(who)):
            raise RefusedError(
                f"run {who[1]} lost some of its members, and was changed again since",
                f"cosmos rollback {who[1]} goes back to a version of it; or edit the spec by hand",
            )
    return found


def _matrix(piece: Piece) -> object:
    return piece.data.get("matrix") if isinstance(piece.data, dict) else None


def _members(desired: Desired) -> dict[str, set[str]]:
    """Keys, by the name of their spec."""
    found: dict[str, set[str]] = {}
    for want in desired.runs:
        found.setdefault(want.run.name, set()).add(want.run.key)
    return found


# Putting them back -------------------------------------------------------------------------------


def _edit(project: Project, scene: _Scene, whose: list[Who]) -> Edit:
    """The files with them, and what the whole project would be like."""
    edits = tuple(_edits(scene, whose))
    files = {**scene.today.files, **{edit.path: SourceFile(edit.path, edit.after) for edit in edits}}
    then = project.judge(files.values())
    known = {(problem.subject, problem.message) for problem in scene.now.problems}  # wherever they have moved to
    new = tuple(each for each in then.problems if (each.subject, each.message) not in known)
    more = f" and {len(whose) - 1} more" if len(whose) > 1 else ""
    subject = f"Take back the removal of {whose[0][0].lower()} {whose[0][1]}{more}"
    return Edit(subject=subject, edits=edits, desired=then, problems=new)


def _edits(scene: _Scene, whose: list[Who]) -> Iterator[FileEdit]:
    by_path: dict[str, list[Who]] = {}
    for who in whose:
        path = scene.today.documents[who][0] if who in scene.today.documents else scene.before.documents[who][0]
        by_path.setdefault(path, []).append(who)
    for path, here in by_path.items():
        now = scene.today.data(path)
        data = scene.before.data(path)
        if data is None or not _is_all(scene, path, here):
            data = now or b""
            for who in here:
                data = _put(path, data, scene.before.documents[who][1])
        yield FileEdit(path=path, before=now, after=data)


def _is_all(scene: _Scene, path: str, here: list[Who]) -> bool:
    """The file as it was before differs from today's by these documents alone: it comes back byte for byte."""
    if scene.today.data(path) != scene.after.data(path):
        return False
    old, now = scene.before.of(path), scene.today.of(path)
    rest = {who: piece for who, piece in old.items() if who not in here}
    same = all(piece.is_same(now.get(who)) for who, piece in rest.items())
    return same and set(here) <= set(old) and set(now) - set(here) == set(rest)


def _put(path: str, data: bytes, piece: Piece) -> bytes:
    made = editing.refusing(lambda: put(path, data, piece))
    assert made is not None  # noqa: S101 - put makes a file
    return made


# Doing it ----------------------------------------------------------------------------------------


def plan(project: Project, found: TakeBack) -> PlanView | None:
    """What apply would then do for the runs that come back; None where there are none."""
    if not found.keys:
        return None
    project.approach()
    return plans.of(project, found.edit.desired, found.keys, [], remembered=False)[0]


def carry_out(project: Project, found: TakeBack, *, commit: bool) -> str:
    """Write the files, and commit them where a commit took them away. All or nothing.

    Returns:
        The commit; empty without one.

    Raises:
        SpecError: The specs would have new problems. Nothing was written.
        RefusedError: A file has changed since; or, of those a commit removed, has changes that are not committed.
        SourceError: git did not commit; the files are as they were.
    """
    if found.edit.problems:
        raise SpecError(found.edit.problems)
    checkout = at_commit.checkout(project)
    paths = list(writing.real_paths(project.settings.root, found.edit.edits))
    if not found.commit:
        checkout.unstage_removals(paths)
        return writing.write(project.settings.root, found.edit.edits, None, "")
    checkout.require_clean(paths)
    return writing.write(project.settings.root, found.edit.edits, checkout if commit else None, _message(found))


def _message(found: TakeBack) -> str:
    words = f"Commit {found.commit[:12]} removed {', '.join(found.documents)}."
    return f"{found.edit.subject}\n\n{words}\n"
