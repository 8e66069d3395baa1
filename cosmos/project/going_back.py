"""Going back to an earlier digest of a run: the documents that made it take the place of those of today.

Nothing is changed but spec files, and they by a commit: what follows is `apply`'s to do, which restores old outputs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from cosmos.core.comparison import compare
from cosmos.core.desired import Desired, DesiredRun
from cosmos.core.digest import SHORT
from cosmos.core.load import SourceFile
from cosmos.core.problem import Problem
from cosmos.core.select import Named, one
from cosmos.core.splicing import Piece, SpliceError, pieces, put
from cosmos.edits import FileEdit, GoBack
from cosmos.errors import NotFoundError, RefusedError
from cosmos.project import at_commit, past, versions, writing
from cosmos.project.wiring import Project
from cosmos.source.tree import DIRTY
from cosmos.views import VersionRow

Who = tuple[str, str]
"""Kind and name of a document."""


def prepare(project: Project, name: str, wanted: str) -> GoBack:
    """What would make the specs ask again for a version of a run. Changes nothing.

    Args:
        project: The open project; its specs are in a git repository.
        name: One run; it may be gone from the specs.
        wanted: Number or digest of the version; empty for the one before the present that has a result.

    Raises:
        NotFoundError: There is no such run or version.
        RefusedError: It cannot be done by putting back documents; the message says what is in the way.
    """
    key = one([Named(key=each) for each in past.keys_of(project, name)], name)
    version = _choose(versions.versions(project, key), key, wanted)
    commit = _commit_of(version)
    today = {file.path: file for file in project.read()}
    then = {file.path: file for file in at_commit.specs(project, commit)}
    now = project.judge(today.values())
    old = project.judge(then.values()).by_key().get(key)
    if old is None or old.digest != version.digest:
        raise RefusedError(
            f"the specs of {commit[:SHORT]} do not make {version.digest[:SHORT]} of {key} today",
            "its inputs, a model that comes with cosmos or the program have changed since; "
            f"`git show {commit[:SHORT]}` has the specs",
        )
    swap = _swap(_Scene(project, today, now, _documents(then), version.digest), old)
    at_commit.checkout(project).require_clean(list(writing.real_paths(project.settings.root, swap.edits)))
    differences, _ = compare(now, swap.desired, project.records.everything().ledger, {})
    return GoBack(
        key=key,
        number=version.number,
        digest=version.digest,
        commit=commit,
        documents=tuple(f"{kind.lower()} {name}" for kind, name in swap.whose),
        edits=swap.edits,
        others=tuple(each for each in differences if each.key != key),
        is_made=version.is_made,
    )


def _choose(rows: Sequence[VersionRow], key: str, wanted: str) -> VersionRow:
    hint = f"cosmos history {key} shows its versions"
    now = next((row for row in rows if row.is_now), None)
    if wanted:
        found = [row for row in rows if wanted == str(row.number)]
        found = found or [row for row in rows if len(wanted) >= 4 and row.digest.startswith(wanted)]
        if len(found) != 1:
            raise NotFoundError(f'{key} has no version "{wanted}"', hint)
    else:
        found = [row for row in rows if row.is_made and (now is None or row.number < now.number)][-1:]
        if not found:
            raise RefusedError(f"{key} has no earlier version with a result", hint)
    if found[0].is_now:
        raise RefusedError(f"{key} is at {found[0].digest[:SHORT]} already", hint)
    return found[0]


def _commit_of(version: VersionRow) -> str:
    commit = version.origin.commit
    if commit.endswith(DIRTY):
        raise RefusedError(
            f"version {version.number} of {version.key} was made from specs that were in no commit",
            f"they were like {commit.removesuffix(DIRTY)[:SHORT]}, with changes; edit the spec by hand",
        )
    if not commit:
        raise RefusedError(
            f"no commit is known of version {version.number} of {version.key}",
            "it was made outside of git, or never tried; edit the spec by hand",
        )
    return commit


# Which documents ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Scene:
    project: Project
    today: Mapping[str, SourceFile]
    now: Desired
    old: Mapping[Who, tuple[str, Piece]]
    """Documents of the commit, and the files they were in."""
    digest: str


@dataclass(frozen=True)
class _Swap:
    whose: tuple[Who, ...]
    edits: tuple[FileEdit, ...]
    desired: Desired


def _documents(files: Mapping[str, SourceFile]) -> dict[Who, tuple[str, Piece]]:
    """Of the files that can be read; what is in others cannot be put anywhere."""
    found: dict[Who, tuple[str, Piece]] = {}
    for path, file in files.items():
        try:
            found.update({piece.who: (path, piece) for piece in pieces(path, file.data or b"")})
        except SpliceError:
            continue
    return found


def _swap(scene: _Scene, old: DesiredRun) -> _Swap:
    """The fewest documents that make the digest again: the run's own, before its prompt, before its model."""
    run = old.run
    there = _documents(scene.today)
    names = [("Run", run.name), ("Prompt", run.prompt or ""), ("Model", run.model.name)]
    differing = [
        who for who in names if who in scene.old and (who not in there or not scene.old[who][1].is_same(there[who][1]))
    ]
    in_the_way: list[Problem] = []
    for count in range(1, len(differing) + 1):
        for whose in combinations(differing, count):
            found = _tried(scene, whose, there, run.key)
            if isinstance(found, _Swap):
                return found
            in_the_way += [found] if found is not None else []
    if in_the_way:
        raise RefusedError(f"going back would make a problem: {in_the_way[0]}", "mend that first, or edit by hand")
    raise RefusedError(
        f"{run.key} does not become {scene.digest[:SHORT]} again by its own documents",
        _what_else(scene, old) or "cosmos plan --base COMMIT shows what differs",
    )


def _tried(
    scene: _Scene, whose: Sequence[Who], there: Mapping[Who, tuple[str, Piece]], key: str
) -> _Swap | Problem | None:
    """What comes of putting these documents back: the digest, or with it a new problem, or not even that."""
    files = {path: file.data for path, file in scene.today.items()}
    for who in whose:
        path, piece = scene.old[who]
        path = there[who][0] if who in there else path
        try:
            files[path] = put(path, files.get(path) or b"", piece)
        except SpliceError as error:
            raise RefusedError(str(error), "edit the spec by hand") from None
    made = [
        SourceFile(path, data, scene.today[path].error if path in scene.today else "") for path, data in files.items()
    ]
    desired = scene.project.judge(made)
    want = desired.by_key().get(key)
    if want is None or want.digest != scene.digest:
        return None
    known = {(problem.subject, problem.message) for problem in scene.now.problems}  # wherever they have moved to
    for problem in desired.problems:
        if (problem.subject, problem.message) not in known:
            return problem
    return _Swap(whose=tuple(whose), edits=tuple(_edits(scene, files)), desired=desired)


def _edits(scene: _Scene, files: Mapping[str, bytes | None]) -> Iterator[FileEdit]:
    for path, data in files.items():
        before = scene.today[path].data if path in scene.today else None
        if data is not None and data != before:
            yield FileEdit(path=path, before=before, after=data)


def _what_else(scene: _Scene, old: DesiredRun) -> str:
    """What it was made from that is no document of its own."""
    source = old.run.source
    now = scene.now.by_key().get(source.key) if source is not None else None
    if source is not None and (now is None or now.digest != old.source_digest):
        return f"what it reads has changed: cosmos rollback {source.key} {(old.source_digest or '')[:SHORT]} first"
    return ""


# Doing it ----------------------------------------------------------------------------------------


def carry_out(project: Project, plan: GoBack, *, commit: bool) -> str:
    """Write the files, and commit them. All or nothing.

    Returns:
        The commit; empty without one.

    Raises:
        RefusedError: A file has changes that are not committed, or has changed since.
        SourceError: git did not commit; the files are as they were.
    """
    checkout = at_commit.checkout(project)
    checkout.require_clean(list(writing.real_paths(project.settings.root, plan.edits)))
    return writing.write(project.settings.root, plan.edits, checkout if commit else None, _message(plan))


def _message(plan: GoBack) -> str:
    what = ", ".join(plan.documents)
    return (
        f"Roll back {plan.key} to {plan.digest[:SHORT]}\n\n"
        f"Takes {what} as of {plan.commit[:12]} again.\n\nCosmos-Run: {plan.key}\n"
    )
