"""Spec files of a folder on this machine, and the revision that git says they are at."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cosmos.core.load import load
from cosmos.core.problem import Code
from cosmos.core.yaml12 import BYTES_MAX
from cosmos.errors import ConfigError
from cosmos.source.tree import Revision, WorkingTree

SPEC = "kind: Prompt\nname: rain\ntext: rain\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project of one spec file, `specs/rain.yaml`."""
    folder = tmp_path / "project"
    (folder / "specs").mkdir(parents=True)
    (folder / "specs" / "rain.yaml").write_text(SPEC)
    return folder


def tree(root: Path) -> WorkingTree:
    return WorkingTree(root, root / "specs")


def paths(root: Path) -> list[str]:
    return [file.path for file in tree(root).read()]


def why_not(root: Path, path: str) -> str:
    """Why this file cannot be read; that it is among the files is part of the question."""
    (file,) = (file for file in tree(root).read() if file.path == path)
    assert file.data is None
    assert load([file]).problems[0].code is Code.UNREADABLE
    return file.error


# Reading


def test_spec_files_of_all_folders_are_read_in_order(root: Path) -> None:
    for name in ("b/deep/er/x.yml", "b/a.yaml", "a.YAML", "b.yaml"):
        (root / "specs" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "specs" / name).write_text(name)
    found = tree(root).read()
    assert [file.path for file in found] == [
        "specs/a.YAML",
        "specs/b.yaml",
        "specs/b/a.yaml",
        "specs/b/deep/er/x.yml",
        "specs/rain.yaml",
    ]
    assert found[0].data == b"a.YAML"


def test_hidden_files_and_other_files_are_not_seen(root: Path) -> None:
    for name in (".hidden.yaml", ".git/x.yaml", "notes.md", "a.yaml.bak", "a.yaml~", "yaml"):
        (root / "specs" / name).parent.mkdir(exist_ok=True)
        (root / "specs" / name).write_text("x")
    assert paths(root) == ["specs/rain.yaml"]


def test_no_more_of_a_file_is_fetched_than_is_looked_at(root: Path) -> None:
    with (root / "specs" / "huge.yaml").open("wb") as file:
        file.truncate(10 * 1024**3)
    (huge, _) = tree(root).read()
    assert huge.data is not None
    assert len(huge.data) == BYTES_MAX + 1
    assert load([huge]).problems[0].code is Code.TOO_LARGE


def test_a_folder_named_as_a_spec_file_is_said_and_not_entered(root: Path) -> None:
    (root / "specs" / "x.yaml").mkdir()
    (root / "specs" / "x.yaml" / "inside.yaml").write_text(SPEC)
    assert paths(root) == ["specs/rain.yaml", "specs/x.yaml"]
    assert why_not(root, "specs/x.yaml") == "it is a folder; rename it"


def test_a_pipe_named_as_a_spec_file_does_not_hang(root: Path) -> None:
    os.mkfifo(root / "specs" / "x.yaml")
    assert why_not(root, "specs/x.yaml") == "it is not a regular file"


def test_a_device_behind_a_link_is_not_opened(root: Path) -> None:
    (root / "specs" / "x.yaml").symlink_to("/dev/zero")
    assert why_not(root, "specs/x.yaml") == "it is a link to outside of the project; copy what it points to"


def test_links_are_followed_inside_of_the_project_only(root: Path, tmp_path: Path) -> None:
    (root / "shared.yaml").write_text(SPEC)
    (tmp_path / "secret.yaml").write_text("secret")
    (root / "specs" / "inside.yaml").symlink_to("../shared.yaml")
    (root / "specs" / "outside.yaml").symlink_to(tmp_path / "secret.yaml")
    (root / "specs" / "sly.yaml").symlink_to("../../secret.yaml")
    (root / "specs" / "nothing.yaml").symlink_to("gone.yaml")
    (root / "specs" / "self.yaml").symlink_to("self.yaml")
    found = {file.path: file.data for file in tree(root).read()}
    assert found["specs/inside.yaml"] == SPEC.encode()
    assert [path for path, data in found.items() if data is None] == [
        "specs/nothing.yaml",
        "specs/outside.yaml",
        "specs/self.yaml",
        "specs/sly.yaml",
    ]
    assert why_not(root, "specs/nothing.yaml") == "it is a link to nothing"


def test_a_link_to_a_folder_is_said_and_not_entered(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.yaml").write_text(SPEC)
    (root / "specs" / "away").symlink_to(tmp_path / "elsewhere")
    (root / "specs" / "loop").symlink_to(".")
    assert paths(root) == ["specs/away", "specs/loop", "specs/rain.yaml"]
    assert why_not(root, "specs/away") == "it is a link to outside of the project; copy what it points to"
    assert why_not(root, "specs/loop") == "it is a link to a folder; move the folder here"


@pytest.mark.parametrize("name", [b"new\nline.yaml", b"\xff.yaml", b"\x1b[2J.yaml"])
def test_a_name_that_cannot_be_shown_is_said_in_characters_that_can(root: Path, name: bytes) -> None:
    Path(os.fsdecode(os.fsencode(root / "specs") + b"/" + name)).write_text(SPEC)
    (file,) = (file for file in tree(root).read() if file.path != "specs/rain.yaml")
    assert file.path.isprintable()
    assert file.path.isascii()
    assert file.error == "its name has characters that cannot be shown; rename it"
    assert tree(root).fingerprint()


READ_AS_NOBODY = """
import os, sys
from pathlib import Path
import cosmos.core.load  # now, as nobody may not be able to
from cosmos.source.tree import WorkingTree
os.setgid(65534); os.setuid(65534)
root = Path(sys.argv[1])
for file in WorkingTree(root, root / "specs").read():
    print(file.path, file.data is None, file.error, sep="|")
"""


@pytest.mark.needs("root")
def test_what_may_not_be_read_is_said_and_not_taken_for_absent(root: Path) -> None:
    for folder in (root, *root.parents):
        if folder.owner() == "root" and folder != Path("/") and not folder.stat().st_mode & 0o001:
            folder.chmod(0o755)
    (root / "specs" / "locked.yaml").write_text(SPEC)
    (root / "specs" / "locked.yaml").chmod(0)
    (root / "specs" / "closed").mkdir(mode=0o700)
    (root / "specs" / "closed" / "x.yaml").write_text(SPEC)
    (root / "specs" / "listed").mkdir(mode=0o700)
    (root / "specs" / "listed" / "deep").mkdir()
    (root / "specs" / "listed").chmod(0o744)
    done = subprocess.run(
        [sys.executable, "-c", READ_AS_NOBODY, str(root)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "specs/closed|True|the folder cannot be listed: Permission denied",
        "specs/listed/deep|True|Permission denied",
        "specs/locked.yaml|True|Permission denied",
        "specs/rain.yaml|False|",
    ]


def test_a_specs_folder_that_is_missing_names_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no folder specs in .*\n.*cosmos init"):
        tree(tmp_path).read()


def test_a_file_in_place_of_the_specs_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "specs").write_text("x")
    with pytest.raises(ConfigError, match="is a file, and should be the folder"):
        tree(tmp_path).read()


def test_a_specs_folder_outside_of_the_project_is_refused(root: Path) -> None:
    (root / "inner").mkdir()
    with pytest.raises(ConfigError, match="is outside of the project"):
        WorkingTree(root / "inner", root / "specs").read()


# Fingerprints


def test_a_fingerprint_changes_with_every_change_and_with_nothing_else(root: Path) -> None:
    spec = root / "specs" / "rain.yaml"
    seen = [tree(root).fingerprint()]

    def has_changed() -> bool:
        seen.append(tree(root).fingerprint())
        return seen[-1] not in seen[:-1]

    assert not has_changed()
    (root / "specs" / "notes.md").write_text("x")
    assert not has_changed()
    times = spec.stat()
    spec.write_text(SPEC.replace("rain\n", "snow\n", 1))
    os.utime(spec, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert has_changed(), "same size and same time of modification"
    (root / "specs" / "more.yaml").write_text(SPEC)
    assert has_changed()
    (root / "specs" / "more.yaml").rename(root / "specs" / "less.yaml")
    assert has_changed()
    (root / "specs" / "less.yaml").unlink()
    (root / "specs" / "x.yaml").mkdir()
    assert has_changed()


def test_a_fingerprint_is_had_without_a_specs_folder(tmp_path: Path) -> None:
    before = tree(tmp_path).fingerprint()
    (tmp_path / "specs").mkdir()
    assert tree(tmp_path).fingerprint() != before


# Revisions


def git(root: Path, *words: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *words], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(root: Path) -> Path:
    """The project, committed."""
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "first")
    return root


needs_git = pytest.mark.needs("git")


@needs_git
def test_a_clean_tree_is_at_its_commit(repository: Path) -> None:
    assert tree(repository).revision() == Revision(commit=git(repository, "rev-parse", "HEAD"), dirty=False)


@needs_git
@pytest.mark.parametrize(
    ("path", "dirty"),
    [
        ("specs/rain.yaml", True),
        ("specs/new.yml", True),
        ("specs/a folder/new.yaml", True),
        ("specs/ignored.yaml", True),
        ("specs/tmp/ignored.yaml", True),
        ("specs/notes.md", False),
        ("README.md", False),
        ("outputs/x.yaml", False),
    ],
)
def test_a_tree_is_dirty_when_its_specs_are_not_those_of_the_commit(repository: Path, path: str, dirty: bool) -> None:
    (repository / ".git" / "info" / "exclude").write_text("ignored.yaml\ntmp/\n")
    (repository / path).parent.mkdir(parents=True, exist_ok=True)
    (repository / path).write_text("changed")
    assert tree(repository).revision().dirty is dirty


@needs_git
def test_a_spec_that_is_gone_or_staged_makes_the_tree_dirty(repository: Path) -> None:
    (repository / "specs" / "rain.yaml").unlink()
    assert tree(repository).revision().dirty
    git(repository, "rm", "-q", "--cached", "specs/rain.yaml")
    assert tree(repository).revision().dirty


@needs_git
def test_a_project_may_be_a_folder_of_a_repository(repository: Path) -> None:
    inner = repository / "films"
    (inner / "specs").mkdir(parents=True)
    assert tree(inner).revision() == Revision(commit=git(repository, "rev-parse", "HEAD"), dirty=False)
    (inner / "specs" / "x.yaml").write_text(SPEC)
    assert tree(inner).revision().dirty


@needs_git
def test_without_a_repository_there_is_no_commit_and_a_reason(root: Path) -> None:
    found = tree(root).revision()
    assert (found.commit, found.dirty) == ("", True)
    assert found.why.startswith("not a git repository")


@needs_git
def test_before_the_first_commit_there_is_no_commit_and_a_reason(root: Path) -> None:
    git(root, "init", "-q")
    assert tree(root).revision() == Revision(commit="", dirty=True, why="the repository has no commit yet")


def test_without_git_there_is_no_commit_and_a_reason(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert tree(root).revision() == Revision(commit="", dirty=True, why="git is not installed")


@needs_git
def test_asking_for_the_revision_runs_nothing_and_changes_nothing(repository: Path) -> None:
    trap = repository / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {repository}/sprung\n")
    trap.chmod(0o755)
    git(repository, "config", "core.fsmonitor", str(trap))
    git(repository, "config", "core.hooksPath", str(repository))
    for hook in ("post-index-change", "pre-commit", "reference-transaction"):
        (repository / hook).symlink_to(trap)
    os.utime(repository / "specs" / "rain.yaml", (1e9, 1e9))
    before = (repository / ".git" / "index").read_bytes()
    assert not tree(repository).revision().dirty
    assert (repository / ".git" / "index").read_bytes() == before
    assert not (repository / "sprung").exists()


@needs_git
def test_variables_of_a_git_hook_do_not_mislead(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert tree(repository).revision() == Revision(commit=commit, dirty=False)
