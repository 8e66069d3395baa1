"""Real git repositories, as people and servers have them."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cosmos.source.mirror import Mirror

SPEC = "kind: Prompt\nname: rain\ntext: rain\n"
PERSON = {"NAME": "Ann", "EMAIL": "ann@example.org"}
AS_PERSON = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in PERSON.items()}


def git(folder: Path, *words: str, **environment: str) -> str:
    """Run git, with the settings of the repository and of nobody."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "LC_ALL": "C"}
    done = subprocess.run(
        ["git", "-C", str(folder), *words],
        env={**kept, **quiet, **environment},
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr}"
    return done.stdout.strip()


def make_repository(folder: Path, *ignored: str) -> None:
    """Of a folder that is there, with a name of its own; what cosmos makes, and `ignored`, is not for git."""
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


@dataclass(frozen=True)
class Repo:
    """A repository with a working tree, and `PERSON` at work in it."""

    root: Path

    def git(self, *words: str) -> str:
        return git(self.root, *words, **AS_PERSON)

    def write(self, path: str, text: str = SPEC) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def commit(self, words: str = "more", *more: str) -> str:
        """Everything that there is, or nothing new; returns the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", words, *more)
        return self.git("rev-parse", "HEAD")

    def mirror(self, folder: Path, **given: object) -> Mirror:
        return Mirror(folder, str(self.root), **given)  # type: ignore[arg-type]


def new_repo(root: Path) -> Repo:
    """Without a commit."""
    root.mkdir(parents=True, exist_ok=True)
    made = Repo(root)
    made.git("init", "--quiet", "--initial-branch=main")
    return made
