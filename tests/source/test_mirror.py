"""A mirror of our own: fetched from near and far, hurt by nothing that becomes of the other side."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cosmos.config import ConfigManager
from cosmos.errors import ConfigError, SourceError
from cosmos.source.mirror import Mirror, mirror_of
from tests.cli.console import wait_until
from tests.processes import is_alive
from tests.repositories import Repo, new_repo
from tests.services.sshd import sshd

pytestmark = pytest.mark.needs("git")


def test_the_newest_commit_is_fetched_whole(repo: Repo, mirror: Mirror) -> None:
    assert mirror.fetch() == repo.git("rev-parse", "HEAD")
    repo.write("specs/snow.yaml")
    second = repo.commit()
    assert mirror.fetch() == second
    shutil.rmtree(repo.root)
    assert [file.path for file in mirror.specs(second, "specs")] == ["specs/rain.yaml", "specs/snow.yaml"]
    with pytest.raises(SourceError):
        mirror.fetch()
    assert mirror.resolve("refs/cosmos/newest") == second


def test_another_branch_is_followed_by_name(repo: Repo, tmp_path: Path) -> None:
    first = repo.git("rev-parse", "HEAD")
    repo.git("switch", "--quiet", "-c", "night")
    repo.write("specs/snow.yaml")
    second = repo.commit()
    assert repo.mirror(tmp_path / "a", ref="main").fetch() == first
    assert repo.mirror(tmp_path / "b", ref="night").fetch() == second
    with pytest.raises(SourceError, match="couldn't find remote ref nothing") as caught:
        repo.mirror(tmp_path / "c", ref="nothing").fetch()
    assert "git.ref" in caught.value.hint


def test_a_repository_without_a_commit_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        new_repo(tmp_path / "new").mirror(tmp_path / "a").fetch()
    assert "commit the specs" in caught.value.hint


def test_a_pinned_commit_outlives_its_history(repo: Repo, mirror: Mirror) -> None:
    """Force-pushed away and collected there, between two looks."""
    repo.write("specs/snow.yaml")
    old = repo.commit()
    mirror.fetch()
    mirror.pin(old)
    repo.git("reset", "--quiet", "--hard", "HEAD~1")
    repo.write("specs/hail.yaml")
    new = repo.commit()
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "--quiet", "--prune=now")
    assert mirror.fetch() == new
    subprocess.run(["git", "-C", str(mirror_folder(mirror)), "gc", "--quiet", "--prune=now"], check=True)

    assert mirror.pinned() == old
    assert len(mirror.specs(old, "specs")) == 2
    assert not mirror.is_ancestor(old, new)


def mirror_folder(mirror: Mirror) -> Path:
    return mirror._folder


def test_a_mirror_that_is_no_repository_is_made_anew(repo: Repo, mirror: Mirror) -> None:
    newest = mirror.fetch()
    shutil.rmtree(mirror_folder(mirror) / "objects")
    assert mirror.fetch() == newest
    assert mirror.pinned() == ""


def test_nothing_of_the_other_repository_runs(repo: Repo, mirror: Mirror, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    trap.chmod(0o755)
    for hook in ("post-checkout", "pre-receive", "post-update", "reference-transaction"):
        shutil.copy(trap, repo.root / ".git" / "hooks" / hook)
    for key in ("core.fsmonitor", "uploadpack.packObjectsHook", "core.sshCommand", "core.gitProxy"):
        repo.git("config", key, str(trap))
    mirror.fetch()
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "url", ["ext::sh -c 'touch {ran}'", "--upload-pack=touch {ran}", "fd::17/x", "http://127.0.0.1:1/x"]
)
def test_an_address_runs_nothing(tmp_path: Path, url: str) -> None:
    ran = tmp_path / "ran"
    with pytest.raises(SourceError):
        Mirror(tmp_path / "mirror", url.format(ran=ran)).fetch()
    assert not ran.exists()
    (tmp_path / "specs").mkdir()
    with pytest.raises(ConfigError, match=r"git\.url"):
        ConfigManager(tmp_path, environment={"COSMOS_GIT__URL": url.format(ran=ran)}).settings()


@pytest.mark.parametrize("ref", ["--upload-pack=x", "a..b", "a:b", "+main", "main@{1}", "", "a b"])
def test_a_ref_is_a_name(tmp_path: Path, ref: str) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "cosmos.toml").write_text(f'[git]\nref = "{ref}"\n')
    with pytest.raises(ConfigError, match=r"git\.ref"):
        ConfigManager(tmp_path, environment={}).settings()


def test_a_shallow_repository_is_not_taken_for_the_whole(repo: Repo, tmp_path: Path) -> None:
    repo.commit("second")
    repo.git("clone", "--quiet", "--depth=1", f"file://{repo.root}", str(tmp_path / "shallow"))
    with pytest.raises(SourceError) as caught:
        Repo(tmp_path / "shallow").mirror(tmp_path / "mirror").fetch()
    assert "unshallow" in caught.value.hint


@pytest.mark.needs("root")
def test_a_repository_of_another_user_is_refused_with_a_remedy(repo: Repo, mirror: Mirror) -> None:
    for path in (repo.root, *repo.root.rglob("*")):
        os.chown(path, 65534, 65534)
    with pytest.raises(SourceError, match="dubious ownership") as caught:
        mirror.fetch()
    assert "another user" in caught.value.hint


def test_a_server_that_does_not_answer_is_given_up(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing that was started for it is left."""
    waits = tmp_path / "ssh"
    waits.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 1000\n")
    waits.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(waits))
    with pytest.raises(SourceError, match="did not answer within 1 s"):
        Mirror(tmp_path / "mirror", "ssh://127.0.0.1/nothing", silent_s=1.0).fetch()
    wait_until(lambda: not is_alive(int((tmp_path / "pid").read_text())))


@pytest.mark.needs("ssh")
def test_a_bare_repository_on_another_machine_is_followed(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = tmp_path / "bare.git"
    repo.git("clone", "--quiet", "--bare", str(repo.root), str(bare))
    with sshd() as server:
        known = tmp_path / "known_hosts"
        shutil.copy(server.folder / "known_hosts", known)
        options = f"-i {server.key} -o UserKnownHostsFile={known} -o BatchMode=yes -F none"
        monkeypatch.setenv("GIT_SSH_COMMAND", f"ssh {options}")
        mirror = Mirror(tmp_path / "mirror", f"ssh://root@127.0.0.1:{server.port}{bare}", "main")
        first = mirror.fetch()
        repo.write("specs/snow.yaml")
        second = repo.commit()
        repo.git("push", "--quiet", str(bare), "main")
        assert mirror.fetch() == second
        known.write_text("")
        with pytest.raises(SourceError, match="Host key verification failed"):
            mirror.fetch()

    assert mirror.is_ancestor(first, second)


def test_a_project_that_lies_in_a_repository_is_followed_by_itself(repo: Repo) -> None:
    repo.write("films/city/specs/snow.yaml")
    repo.commit()
    made = mirror_of(ConfigManager(repo.root / "films" / "city", environment={}).settings())
    assert [file.path for file in made.specs(made.fetch(), "specs")] == ["specs/snow.yaml"]
    assert made.is_local
    assert (repo.root / ".git", False) in made.watched


def test_a_project_in_no_repository_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    with pytest.raises(SourceError, match="not a git repository") as caught:
        mirror_of(ConfigManager(tmp_path, environment={}).settings())
    assert "--working-tree" in caught.value.hint
