"""Real repositories, as people and servers have them."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cosmos.source.mirror import Mirror

SPEC = "kind: Prompt\nname: rain\ntext: rain\n"
PERSON = {"NAME": "Ann", "EMAIL": "ann@example.org"}


@dataclass(frozen=True)
class Repo:
    """A repository with a working tree."""

    root: Path

    def git(self, *words: str) -> str:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        people = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in PERSON.items()}
        own = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ["git", "-C", str(self.root), *words], env={**kept, **people, **own}, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def write(self, path: str, text: str = SPEC) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def commit(self, words: str = "more", *more: str) -> str:
        """Everything that there is; returns the commit."""
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
