"""A state that came with a repository is not believed: who made it may say in it what was done, and whom to trust."""

import os
from pathlib import Path

import pytest

from cosmos.api import CosmosAPI
from cosmos.config import ConfigManager
from cosmos.errors import StateError
from tests.cli.console import Console
from tests.engine.workshop import Workshop, runs
from tests.repositories import git, make_repository
from tests.services.postgres import Postgres

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


@pytest.mark.needs("root")
def test_what_git_does_not_look_at_is_said_with_the_remedy(console: Console) -> None:
    make_repository(console.root)
    console.specs(runs("a"))
    console.plan_text()
    os.chown(console.root, 65534, 65534)
    done = console.cosmos("events")

    assert done.returncode == 0
    assert "! git cannot say whether it tracks .cosmos" in done.stderr
    assert f"`git config --global --add safe.directory {console.root}`" in done.stderr


def test_a_folder_without_a_repository_needs_no_git(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    console.specs(runs("a"))
    console.plan_text()
    monkeypatch.setenv("PATH", str(console.root))
    for repository in (None, console.root / ".git"):
        if repository is not None:
            repository.mkdir()
        with CosmosAPI(settings=ConfigManager(console.root, environment={}).settings(), tell=told.append) as api:
            assert api.upkeep.events() == []
    (words,) = told
    assert "git is not installed" in words


@pytest.mark.needs("postgres")
def test_the_database_of_another_project_is_refused(postgres: Postgres, tmp_path: Path) -> None:
    toml = f'[database]\nurl = "{postgres.url(postgres.new_database())}"\n'
    mine, other = (Workshop(tmp_path / name, toml=toml) for name in ("mine", "other"))
    for each in (mine, other):
        each.specs(runs("a"))
    config = other.root / "cosmos.toml"
    config.write_text(config.read_text().replace("workshop", "films"))
    assert "+ run a" in mine.plan_text()
    with pytest.raises(StateError, match="has the state of project workshop, and this project is films") as caught:
        other.plan_text()
    assert "createdb" in caught.value.hint
    assert "+ run a" in mine.plan_text()
