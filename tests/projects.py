"""A project in a folder of its own, and the command line as a person at a shell has it."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests import warm

SPECS = """\
kind: Prompt
name: rain
text: Heavy rain over a collapsed avenue
inputs: inputs/city
---
kind: Run
name: city
prompt: rain
model: preview
controls: {edge: 0.4, depth: 0.3}
matrix:
  params.seed: [1, 2]
"""
"""The sample: one run with two members, `city/seed-1` and `city/seed-2`."""

TIMEOUT_S = 120.0
"""A command that takes longer hangs."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project's folder. Paths given to its methods are relative to it."""

    root: Path

    def write(self, path: str, text: str) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target

    def cosmos(self, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run the real command in its own process. COSMOS_ variables are those given here and no others."""
        settings = {**shell_environment(), **environment}
        if all(name.startswith("COSMOS_") for name in environment):
            return warm.run(words, self.root, settings)
        return subprocess.run(
            [sys.executable, "-m", "cosmos", *words],
            cwd=self.root,
            env=settings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )


def make_project(root: Path, scene: Path, specs: str = SPECS) -> Project:
    """A project with one file of specs and one scene, `inputs/city`."""
    project = Project(root)
    project.write("specs/city.yaml", specs)
    shutil.copytree(scene, root / "inputs" / "city")
    return project


def shell_environment() -> dict[str, str]:
    """This process's environment without what would change the answers: own settings, and the terminal's width."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COSMOS_")}
    return {**kept, "COLUMNS": "120", "NO_COLOR": "1", "TERM": "dumb"}
