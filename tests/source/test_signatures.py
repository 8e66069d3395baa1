"""Commits are taken from known people only, where that is asked for."""

import os
import subprocess
from pathlib import Path

import pytest

from cosmos.config import ConfigManager
from cosmos.errors import ConfigError, SourceError
from cosmos.source.mirror import Mirror, mirror_of
from tests.repositories import PERSON, Repo, new_repo

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


def test_nor_an_unsigned_one_that_lies_before_the_one_that_is_applied(repo: Repo, mirror: Mirror) -> None:
    """Force-pushed back to where nothing was asked for yet."""
    repo.commit("unsigned")
    signed = repo.commit("signed", "-S")
    mirror.pin(_fetched(mirror, signed))
    repo.git("reset", "--quiet", "--hard", "HEAD~1")
    with pytest.raises(SourceError, match="is not signed"):
        mirror.fetch()
    assert mirror.resolve("refs/cosmos/newest") == signed


def test_of_many_the_one_that_is_not_signed_is_named(repo: Repo, mirror: Mirror) -> None:
    mirror.pin(_fetched(mirror, repo.commit("first", "-S")))
    for number in range(3):
        repo.commit(f"signed {number}", "-S")
    bad = repo.commit("unsigned")
    last = repo.commit("signed", "-S")
    with pytest.raises(SourceError, match=f"commit {bad[:10]}"):
        mirror.fetch()
    repo.git("reset", "--quiet", "--hard", "HEAD~2")
    assert mirror.fetch() == repo.git("rev-parse", "HEAD") != last


def test_what_was_merged_is_answered_for_by_who_signed_the_merge(repo: Repo, mirror: Mirror) -> None:
    mirror.pin(_fetched(mirror, repo.commit("first", "-S")))
    repo.git("switch", "--quiet", "-c", "side")
    repo.commit("unsigned on the side")
    repo.git("switch", "--quiet", "main")
    repo.git("merge", "--quiet", "--no-ff", "-S", "-m", "merge", "side")
    assert _fetched(mirror, repo.git("rev-parse", "HEAD"))
    repo.git("switch", "--quiet", "-c", "other")
    repo.commit("unsigned on the other side")
    repo.git("switch", "--quiet", "main")
    repo.git("merge", "--quiet", "--no-ff", "-m", "unsigned merge", "other")
    with pytest.raises(SourceError, match="is not signed"):
        mirror.fetch()


GPG = """#!/bin/sh
cat >/dev/null
case "$*" in
*--verify*)
    echo '[GNUPG:] NEWSIG'
    echo '[GNUPG:] GOODSIG 1234567890ABCDEF Eve'
    echo '[GNUPG:] VALIDSIG 12345678 2026-01-01 1767225600 0 4 0 22 8 00 12345678'
    echo '[GNUPG:] TRUST_ULTIMATE 0 pgp' ;;
*)
    echo '[GNUPG:] BEGIN_SIGNING' >&2
    echo '[GNUPG:] SIG_CREATED ' >&2
    printf -- '-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\n' ;;
esac
"""


def test_nor_is_one_signed_with_a_key_that_only_gpg_here_knows(
    repo: Repo, mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys of the one who runs cosmos are not those of the list."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "gpg").write_text(GPG)
    (tmp_path / "bin" / "gpg").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    repo.git("config", "gpg.format", "openpgp")
    sha = repo.commit("signed", "-S")
    repo.git("verify-commit", sha)
    with pytest.raises(SourceError, match="is not signed"):
        mirror.fetch()


def test_a_list_that_is_gone_lets_nobody_in(repo: Repo, mirror: Mirror, tmp_path: Path) -> None:
    repo.commit("signed", "-S")
    (tmp_path / "signers").unlink()
    with pytest.raises(SourceError, match="there is no file"):
        mirror.fetch()


def test_a_list_that_a_commit_could_change_is_refused(repo: Repo, tmp_path: Path) -> None:
    repo.write("signers", "anybody")
    for given in ("signers", str(repo.root / "signers")):
        settings = ConfigManager(repo.root, environment={"COSMOS_GIT__ALLOWED_SIGNERS": given}).settings()
        with pytest.raises(ConfigError, match="lies in the project"):
            mirror_of(settings)
    outside = tmp_path / "outside"
    outside.write_text("")
    mirror_of(ConfigManager(repo.root, environment={"COSMOS_GIT__ALLOWED_SIGNERS": str(outside)}).settings())


def _fetched(mirror: Mirror, sha: str) -> str:
    assert mirror.fetch() == sha
    return sha
