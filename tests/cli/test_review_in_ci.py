"""The hook and the workflow that people copy: read as YAML, and their commands run for real."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.console import Console
from tests.engine.workshop import runs
from tests.projects import shell_environment
from tests.repositories import git, make_repository

ROOT = Path(__file__).parent.parent.parent
BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.needs("git")


def blocks() -> list[Any]:
    return [yaml.safe_load(block) for block in BLOCK.findall((ROOT / "docs" / "gitops.md").read_text())]


def workflow() -> dict[Any, Any]:
    (found,) = (block for block in blocks() if "jobs" in block)
    return dict(found)


def shell(folder: Path, command: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """A command as a shell of CI runs it: any failure is one, and `cosmos` is on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command],
        cwd=folder,
        env={**shell_environment(), "PATH": path, **more},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def hook() -> dict[str, Any]:
    (found,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    return dict(found)


def test_the_hook_finds_a_mistake_and_nothing_else(console: Console) -> None:
    console.specs(runs("a"))
    git(console.root, "init", "-q")
    entry, inside = hook()["entry"], {"GIT_DIR": ".git", "GIT_INDEX_FILE": ".git/index"}
    assert shell(console.root, entry, **inside).returncode == 0
    console.specs(runs("a", more="steps_: 1"))
    done = shell(console.root, entry, **inside)

    assert (done.returncode, 'unknown field "steps_"' in done.stdout) == (1, True)


def test_the_hook_looks_at_specs_and_settings_and_is_named_in_the_docs() -> None:
    found = hook()
    files = re.compile(found["files"])
    assert [name for name in ("specs/a.yaml", "b.yml", "cosmos.toml", "x/cosmos.toml") if not files.search(name)] == []
    assert [name for name in ("a.py", "mycosmos.toml", "a.yaml.bak") if files.search(name)] == []
    assert (found["language"], found["pass_filenames"]) == ("python", False)
    (config,) = (block for block in blocks() if "repos" in block)
    assert [each["id"] for repo in config["repos"] for each in repo["hooks"]] == [found["id"]]


def test_the_workflow_checks_a_pull_request_and_says_what_it_changes(console: Console, tmp_path: Path) -> None:
    console.specs(runs("a", "b"))
    make_repository(console.root)
    git(tmp_path, "clone", "-q", str(console.root), "checkout")
    checkout = tmp_path / "checkout"
    specs = checkout / "specs" / "all.yaml"
    specs.write_text(specs.read_text().replace("word: b", "word: other") + runs("c"))

    steps = {step["name"]: step["run"] for step in workflow()["jobs"]["plan"]["steps"] if "name" in step}
    assert shell(checkout, steps["validate"]).returncode == 0
    done = shell(checkout, steps["plan"])
    text = (checkout / "plan.md").read_text()

    assert (done.returncode, done.stderr) == (0, "")
    assert text.startswith("<!-- cosmos plan -->\n### cosmos plan against `origin/main`\n")
    assert "| `-/+ run b` | " in text
    assert "| `+ run c` | `new` | " in text
    assert "run a" not in text
    assert "--body-file plan.md" in steps["comment"]


def test_the_workflow_can_write_a_comment_and_no_more() -> None:
    found = workflow()
    assert found["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert found[True] == {"pull_request": {"branches": ["main"]}}  # what YAML 1.1 makes of `on`
    runs_of = [step["run"] for step in found["jobs"]["plan"]["steps"] if "run" in step]
    assert [words for words in runs_of if "${{" in words] == []  # nothing of a pull request gets into a shell
