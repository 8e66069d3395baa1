"""History by commit: what was made from each state of the specs."""

from collections.abc import Iterable

from cosmos.core.observed import Origin
from cosmos.core.recorded import Attempt, AttemptState
from cosmos.errors import SourceError
from cosmos.outcome import CommitRow
from cosmos.project import at_commit
from cosmos.project.wiring import Project
from cosmos.source.commits import Commit

EDITED = "-dirty"
"""End of an origin whose specs were not as the commit has them."""
DESCRIBED = 50
"""Commits that git is asked about one by one."""


def rows(project: Project, since: float) -> list[CommitRow]:
    """Newest first; by the newest thing that happened where git says no time."""
    known = _changes(project, since)
    begun: dict[str, list[tuple[Attempt, Origin]]] = {sha: [] for sha in known}
    origins = project.records.origins()
    for attempts in project.records.everything().attempts.values():
        for attempt in attempts:
            if attempt.intended_at >= since and attempt.batch_id in origins:
                origin = origins[attempt.batch_id][1]
                begun.setdefault(origin.commit.removesuffix(EDITED), []).append((attempt, origin))
    known |= _described(project, sorted(begun.keys() - known.keys() - {""})[:DESCRIBED])
    found = [_row(sha, some, known.get(sha)) for sha, some in begun.items()]
    return sorted(found, key=lambda row: (-(row.at or row.last_at or 0.0), row.sha))


def _changes(project: Project, since: float) -> dict[str, Commit]:
    """The commits that changed the specs; none where the project is in no repository."""
    try:
        found = at_commit.checkout(project).changes(project.tree.folder, since)
    except SourceError:
        return {}
    return {commit.sha: commit for commit in found}


def _described(project: Project, shas: Iterable[str]) -> dict[str, Commit]:
    """Commits that changed no specs; those that git does not know here any more are left out."""
    found = {}
    for sha in shas:
        try:
            found[sha] = at_commit.checkout(project).describe(sha)
        except SourceError:
            continue
    return found


def _row(sha: str, begun: list[tuple[Attempt, Origin]], commit: Commit | None) -> CommitRow:
    newest = sorted(begun, key=lambda one: (-one[0].intended_at, one[0].key))
    states = [attempt.state for attempt, _ in newest]
    origin = newest[0][1] if newest else None
    return CommitRow(
        sha=sha,
        author=commit.author if commit else origin.author if origin else "",
        at=commit.at if commit else origin.committed_at if origin else None,
        subject=commit.subject if commit else "",
        states={state.value: states.count(state) for state in AttemptState if state in states},
        keys=tuple(dict.fromkeys(attempt.key for attempt, _ in newest)),
        edited=sum(origin.commit.endswith(EDITED) for _, origin in newest),
        last_at=newest[0][0].intended_at if newest else None,
    )
