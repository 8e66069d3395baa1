"""Projects in real git repositories."""

import os
import subprocess
from pathlib import Path


def git(folder: Path, *words: str, **environment: str) -> str:
    """Run git as a user with a name, and settings of nobody else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "LC_ALL": "C"}
    done = subprocess.run(
        ["git", "-C", str(folder), *words],
        env={**kept, **quiet, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr}"
    return done.stdout.strip()


def make_repository(folder: Path, *ignored: str) -> None:
    """Of a folder that is there; what cosmos makes, and `ignored`, is not for git."""
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "user.name", "Ann Author")
    git(folder, "config", "user.email", "ann@example.org")
    (folder / ".gitignore").write_text("".join(f"{line}\n" for line in (".cosmos/", "outputs/", "launches", *ignored)))
    commit(folder, "Begin")


def commit(folder: Path, subject: str) -> str:
    """Commit everything; returns the commit."""
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", subject)
    return git(folder, "rev-parse", "HEAD")
