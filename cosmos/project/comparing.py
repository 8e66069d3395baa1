"""The specs of the working tree against those of another commit."""

from cosmos.core.comparison import Comparison, compare
from cosmos.project import at_commit
from cosmos.project.wiring import Project


def against(project: Project, base: str) -> Comparison:
    """What differs. Reads files, git and the database, and reaches no host.

    Raises:
        SourceError: There is no such commit here.
    """
    commit = at_commit.checkout(project).resolve(base)
    before, now = at_commit.desired(project, commit), project.desire()
    recorded = project.records.load({want.run.id: want.digest for want in now.runs})
    differences, unchanged = compare(before, now, recorded.ledger, recorded.timings)
    return Comparison(base=base, commit=commit, differences=differences, unchanged=unchanged, problems=now.problems)
