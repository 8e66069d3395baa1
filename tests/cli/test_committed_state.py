"""A state that came with a repository is not believed: who made it may say in it what was done, and whom to trust."""

from pathlib import Path

import pytest

from cosmos.errors import StateError
from tests.cli.console import Console
from tests.engine.workshop import Workshop, runs
from tests.repositories import git, make_repository

pytestmark = pytest.mark.needs("git")


@pytest.fixture
def clone(console: Console, tmp_path: Path) -> Console:
    """Of a repository in which somebody has committed the database of a finished run."""
    console.specs(runs("a"))
    make_repository(console.root)
    console.apply()
    git(console.root, "add", "--force", ".cosmos/state.db")
    git(console.root, "commit", "-qm", "All is done")
    git(tmp_path, "clone", "-q", str(console.root), "clone")
    return Console(tmp_path / "clone")


def test_it_is_refused_until_git_has_it_no_more(clone: Console) -> None:
    before = (clone.root / ".cosmos" / "state.db").read_bytes()
    refused = [clone.cosmos("plan"), clone.cosmos("daemon")]
    after = (clone.root / ".cosmos" / "state.db").read_bytes()
    git(clone.root, "rm", "-q", "-r", ".cosmos")

    assert [done.returncode for done in refused] == [1, 1]
    for done in refused:
        assert "git tracks .cosmos/state.db: what came with a repository is not used" in done.stderr
        assert "`git rm -r --cached .cosmos` and put .cosmos into .gitignore; else `git rm -r .cosmos`" in done.stderr
    assert after == before
    assert "+ run a" in clone.plan_text()


def test_a_link_in_its_place_or_above_it_and_a_database_elsewhere_are_refused_too(clone: Console) -> None:
    git(clone.root, "mv", ".cosmos", "elsewhere")
    (clone.root / ".cosmos").symlink_to("elsewhere")
    git(clone.root, "add", "--force", ".cosmos")
    with pytest.raises(StateError, match=r"git tracks \.cosmos:"):
        clone.plan_text()
    git(clone.root, "rm", "-q", "--cached", ".cosmos")
    with pytest.raises(StateError, match=r"git tracks elsewhere/state\.db"):
        clone.plan_text()
    (clone.root / ".cosmos").unlink()
    other = Workshop(clone.root, toml=f'[database]\nurl = "sqlite:///{clone.root}/elsewhere/state.db"\n')
    with pytest.raises(StateError, match=r"git tracks elsewhere/state\.db"):
        other.plan_text()
