"""Runs git to read, so that nothing in a repository can make it do anything else.

Hooks, file system monitors, submodules and transports that run commands are off; an option is never taken from a name
or an address. Nothing of the environment reaches git that names another repository, as a calling hook's does.
"""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from cosmos.errors import SourceError

TIMEOUT_S = 30.0
"""For reading what is here already."""

_WORDS = (
    *("git", "--no-pager", "--literal-pathspecs"),
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"),
    *("-c", "submodule.recurse=false", "-c", "protocol.allow=never", "-c", "gc.autoDetach=false"),
)

_HINTS = {
    "dubious ownership": "the repository belongs to another user: give it to the one who runs cosmos, or follow a "
    "remote one with git.url",
    "not a git repository": "make one with `git init` and commit the specs, or follow the files with --working-tree",
    "couldn't find remote ref": "commit the specs, or set git.ref to a branch that exists",
    "authentication failed": "give git a way to log in that asks nobody: an SSH key, or a credential helper",
    "permission denied": "give git a way to log in that asks nobody: an SSH key, or a credential helper",
    "could not read username": "give git a way to log in that asks nobody: an SSH key, or a credential helper",
    "host key verification failed": "log in there once by hand with ssh, so that its key is known",
    "no space left": "free space on that disk; what was applied last stays applied",
    "shallow": "the other repository is a shallow clone: make it whole there with `git fetch --unshallow`",
}
_USUAL_HINT = "look at the repository; what was applied last stays applied, and it is tried again by itself"


class Git:
    """Commands of git in one folder.

    Args:
        folder: A repository, or a folder in one.
        protocols: What may be used to reach others: `file`, `ssh`, `https`.
    """

    def __init__(self, folder: Path, protocols: Sequence[str] = ()) -> None:
        self._folder = folder
        self._allowed = tuple(word for each in protocols for word in ("-c", f"protocol.{each}.allow=always"))

    def run(self, *words: str, data: bytes = b"", timeout_s: float = TIMEOUT_S) -> bytes:
        """What it wrote to stdout.

        Raises:
            SourceError: It could not be started, failed, or took too long; with its own first words.
        """
        code, out, said = self.ask(*words, data=data, timeout_s=timeout_s)
        if code != 0:
            raise self.refused(said or f"git ended with {code}")
        return out

    def refused(self, said: str) -> SourceError:
        """What git said, as an error with the next step."""
        reason = first_line(said)
        return SourceError(
            f"{self._folder}: {reason}", next((h for words, h in _HINTS.items() if words in said.lower()), _USUAL_HINT)
        )

    def ask(self, *words: str, data: bytes = b"", timeout_s: float = TIMEOUT_S) -> tuple[int, bytes, str]:
        """The exit code, stdout, and what it said on stderr.

        Raises:
            SourceError: It could not be started, or took too long.
        """
        try:
            process = subprocess.Popen(
                (*_WORDS, *self._allowed, "-C", str(self._folder), *words),
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # what it starts ends with it
            )
        except FileNotFoundError:
            raise SourceError("git is not installed", "apt-get install git, or follow the files instead") from None
        except OSError as error:
            raise SourceError(f"git cannot be started: {error.strerror}", _USUAL_HINT) from None
        with process:
            try:
                out, err = process.communicate(data, timeout=timeout_s)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                raise SourceError(f"{self._folder}: git did not answer within {timeout_s:.0f} s", _USUAL_HINT) from None
        return process.returncode, out, err.decode("utf-8", "replace")


def first_line(said: str) -> str:
    """The reason, without the word that git puts before it. A transport says its own before git's."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:")) and _TELLS_NOTHING not in line]
    words = (fatal or lines or [""])[0]
    return words.removeprefix("fatal: ").removeprefix("error: ")


_TELLS_NOTHING = "Could not read from remote repository"


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    ssh = os.environ.get("GIT_SSH_COMMAND") or "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes"
    own = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": ssh, "LC_ALL": "C"}
    return {**kept, **own}
