"""The specs of the working tree against those of another commit."""

from cosmos.core.comparison import Comparison, compare
from cosmos.errors import SourceError
from cosmos.project import at_commit
from cosmos.project.wiring import Project


def against(project: Project, base: str) -> Comparison:
    """What differs. Reads files, git and the database, and reaches no host.

    Raises:
        SourceError: There is no such commit here.
    """
    repository = at_commit.checkout(project).repository()
    try:
        commit = repository.resolve(base)
    except SourceError as error:
        hint = "name a branch, tag or commit that is here; in CI, check out the whole history (fetch-depth: 0)"
        raise SourceError(error.message, hint) from None
    before, now = at_commit.desired(project, commit), project.desire()
    recorded = project.records.load({want.run.id: want.digest for want in now.runs})
    differences, unchanged = compare(before, now, recorded.ledger, recorded.durations_s)
    return Comparison(base=base, commit=commit, differences=differences, unchanged=unchanged, problems=now.problems)
