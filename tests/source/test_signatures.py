"""Commits are taken from known people only, where that is asked for."""

import subprocess
from pathlib import Path

import pytest

from cosmos.errors import SourceError
from cosmos.source.mirror import Mirror
from tests.source.repositories import PERSON, Repo, new_repo

pytestmark = [pytest.mark.needs("git"), pytest.mark.needs("ssh")]


def key(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = new_repo(tmp_path / "repo")
    made.write("specs/rain.yaml")
    made.git("config", "gpg.format", "ssh")
    made.git("config", "user.signingkey", str(key(tmp_path / "ann")))
    return made


@pytest.fixture
def mirror(repo: Repo, tmp_path: Path) -> Mirror:
    public = (tmp_path / "ann.pub").read_text()
    (tmp_path / "signers").write_text(f"{PERSON['EMAIL']} {public}")
    return repo.mirror(tmp_path / "mirror", signers=tmp_path / "signers")


def test_a_signed_commit_is_taken(repo: Repo, mirror: Mirror) -> None:
    assert _fetched(mirror, repo.commit("signed", "-S"))


def test_an_unsigned_commit_is_not_taken_and_its_author_is_named(repo: Repo, mirror: Mirror) -> None:
    repo.commit("unsigned")
    with pytest.raises(SourceError, match=r"by Ann <ann@example.org> is not signed by one of"):
        mirror.fetch()


def test_nor_is_one_that_a_stranger_signed(repo: Repo, mirror: Mirror, tmp_path: Path) -> None:
    repo.git("config", "user.signingkey", str(key(tmp_path / "eve")))
    repo.commit("signed by another key", "-S")
    with pytest.raises(SourceError, match="is not signed"):
        mirror.fetch()


def test_nor_a_signed_one_that_stands_on_an_unsigned_one(repo: Repo, mirror: Mirror) -> None:
    mirror.pin(_fetched(mirror, repo.commit("first", "-S")))
    unsigned = repo.commit("unsigned")
    repo.commit("signed", "-S")
    with pytest.raises(SourceError, match=f"commit {unsigned[:10]}"):
        mirror.fetch()


def test_the_list_of_the_repository_itself_counts_for_nothing(repo: Repo, mirror: Mirror, tmp_path: Path) -> None:
    eve = key(tmp_path / "eve")
    repo.git("config", "user.signingkey", str(eve))
    repo.git("config", "gpg.ssh.allowedSignersFile", str(tmp_path / "repo" / "signers"))
    repo.write("signers", f"{PERSON['EMAIL']} {eve.with_suffix('.pub').read_text()}")
    repo.commit("trust me", "-S")
    with pytest.raises(SourceError, match="is not signed"):
        mirror.fetch()


def _fetched(mirror: Mirror, sha: str) -> str:
    assert mirror.fetch() == sha
    return sha
