"""Specs of a commit, whatever else lies in the repository."""

import os
import subprocess
from pathlib import Path

import pytest

from cosmos.core.yaml12 import BYTES_MAX
from cosmos.errors import SourceError
from cosmos.source.commits import Repository
from cosmos.source.git import Git
from cosmos.source.tree import WorkingTree
from tests.repositories import SPEC, Repo, new_repo

pytestmark = pytest.mark.needs("git")


def reading(repo: Repo, prefix: str = "") -> Repository:
    return Repository(Git(repo.root), prefix)


def paths(repo: Repo) -> list[str]:
    return [file.path for file in reading(repo).specs("HEAD", "specs")]


def why_not(repo: Repo, path: str) -> str:
    """That the file is among those that were found is part of the question."""
    (file,) = (file for file in reading(repo).specs("HEAD", "specs") if file.path == path)
    assert file.data is None
    return file.error


def test_what_is_committed_reads_as_the_working_tree_does(repo: Repo) -> None:
    for path in (
        "specs/b/deep/x.yml",
        "specs/B.YAML",
        "specs/.hidden.yaml",
        "specs/.h/a.yaml",
        "specs/notes.txt",
        "a.yaml",
    ):
        repo.write(path, path)
    repo.commit()
    found = reading(repo).specs("HEAD", "specs")

    assert found == WorkingTree(repo.root, repo.root / "specs").read()
    assert [file.path for file in found] == ["specs/B.YAML", "specs/b/deep/x.yml", "specs/rain.yaml"]
    assert found[-1].data == SPEC.encode()


def test_what_is_not_committed_is_not_read(repo: Repo) -> None:
    before = reading(repo).specs("HEAD", "specs")
    repo.write("specs/half.yaml", "kind: Pro")
    repo.write("specs/rain.yaml", "kind: Run")
    repo.git("add", "specs/half.yaml")
    assert reading(repo).specs("HEAD", "specs") == before


def test_a_project_in_a_folder_of_the_repository_has_paths_of_its_own(repo: Repo) -> None:
    repo.write("films/city/specs/snow.yaml", "snow")
    repo.commit()
    found = reading(repo, "films/city/")
    assert [file.path for file in found.specs("HEAD", "specs")] == ["specs/snow.yaml"]
    assert found.file("HEAD", "specs/snow.yaml") == b"snow"


def test_a_commit_without_the_folder_is_an_error_and_an_empty_one_is_not(repo: Repo) -> None:
    repo.git("rm", "-r", "--quiet", "specs")
    repo.write("other/specs")
    repo.commit()
    with pytest.raises(SourceError, match="has no folder specs"):
        reading(repo).specs("HEAD", "specs")
    repo.write("specs/notes.txt")
    repo.commit()
    assert reading(repo).specs("HEAD", "specs") == ()


@pytest.mark.parametrize("target", ["/etc/passwd", "../../outside.yaml", "rain.yaml", "nothing"])
def test_no_link_is_followed(repo: Repo, target: str) -> None:
    (repo.root / "specs" / "link.yaml").symlink_to(target)
    (repo.root / "specs" / "folder").symlink_to("/etc")
    repo.commit()
    assert why_not(repo, "specs/link.yaml") == "it is a link; put what it points to in its place"
    assert why_not(repo, "specs/folder").startswith("it is a link")


def test_a_submodule_is_named_and_not_entered(repo: Repo, tmp_path: Path) -> None:
    other = new_repo(tmp_path / "other")
    other.write("a.yaml")
    other.commit()
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "--quiet", str(other.root), "specs/sub")
    repo.commit()
    assert why_not(repo, "specs/sub") == "it is a submodule; put its files here"
    assert paths(repo) == ["specs/rain.yaml", "specs/sub"]


def test_a_file_that_is_too_large_is_not_loaded(repo: Repo) -> None:
    repo.write("specs/huge.yaml", "#" * (BYTES_MAX + 1))
    repo.commit()
    assert f"{BYTES_MAX + 1} bytes" in why_not(repo, "specs/huge.yaml")


def test_odd_names_are_shown_so_that_a_terminal_can_take_them(repo: Repo) -> None:
    for name in (b"new\nline.yaml", b"\xff.yaml", b"esc\x1b.yaml"):
        (Path(os.fsdecode(os.fsencode(repo.root / "specs") + b"/" + name))).write_text(SPEC)
    repo.commit()
    odd = [path for path in paths(repo) if path != "specs/rain.yaml"]
    assert len(odd) == 3
    assert all(path.isprintable() and path.isascii() and "rename" in why_not(repo, path) for path in odd)


def test_an_object_that_is_missing_is_an_error_and_never_a_part(repo: Repo) -> None:
    blob = repo.git("rev-parse", "HEAD:specs/rain.yaml")
    (repo.root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(SourceError):
        reading(repo).specs("HEAD", "specs")


def test_nothing_of_the_environment_leads_elsewhere(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As in a hook, that calls cosmos with variables of its own repository."""
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    assert paths(repo) == ["specs/rain.yaml"]


def test_a_name_is_never_an_option(repo: Repo, tmp_path: Path) -> None:
    made = tmp_path / "made"
    for ref in (f"--output={made}", f"--upload-pack=touch {made}", "-h"):
        with pytest.raises(SourceError, match="there is no commit"):
            reading(repo).resolve(ref)
    assert not made.exists()


def test_a_monitor_or_a_hook_of_the_repository_does_not_run(repo: Repo, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    trap.chmod(0o755)
    repo.git("config", "core.fsmonitor", str(trap))
    repo.git("config", "core.hooksPath", str(tmp_path))
    repo.git("config", "core.sshCommand", str(trap))
    WorkingTree(repo.root, repo.root / "specs").revision()
    assert paths(repo) == ["specs/rain.yaml"]
    assert not (tmp_path / "ran").exists()
    subprocess.run(["git", "-C", str(repo.root), "status"], check=True, capture_output=True)
    assert (tmp_path / "ran").exists(), "the trap works"


def test_commits_are_described_and_listed_by_file(repo: Repo) -> None:
    first = repo.git("rev-parse", "HEAD")
    repo.write("specs/snow.yaml")
    second = repo.commit("Snow, too")
    found = reading(repo)

    assert [(each.sha, each.subject) for each in found.log("HEAD", "specs/snow.yaml", 5)] == [(second, "Snow, too")]
    assert [each.sha for each in found.log("HEAD", "specs", 5)] == [second, first]
    described = found.describe(second)
    assert (described.author, described.subject) == ("Ann <ann@example.org>", "Snow, too")
    assert found.is_ancestor(first, second)
    assert not found.is_ancestor(second, first)
    assert not found.is_ancestor("0" * 40, second)
