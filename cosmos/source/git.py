"""Runs git, to read so that nothing in a repository can make it do anything else.

Hooks, file system monitors, submodules and transports that run commands are off; an option is never taken from a name
or an address. Nothing of the environment reaches git that names another repository, as a calling hook's does.

Whose settings count: those of the person who runs cosmos (`~/.gitconfig`, the system's) do where others are reached, as
proxies, credential helpers, certificates and `safe.directory` are nowhere else. A repository of our own is read without
any but ours. ssh is told to ask nobody, and takes keys and names from `~/.ssh/config`; `core.sshCommand` is not used.
"""

import math
import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from cosmos.errors import SourceError
from cosmos.source.program import Ended, Limits, OverrunError, run

TIMEOUT_S = 30.0
"""For reading what is here already."""
BYTES_MAX = 64 << 20
"""Of one answer."""

_WORDS = ("git", "--no-pager", "--literal-pathspecs")
_SAFE = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"),
    *("-c", "submodule.recurse=false", "-c", "protocol.allow=never", "-c", "gc.autoDetach=false"),
)
_SSH = "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o ControlMaster=no -o ConnectTimeout=20 -o LogLevel=ERROR"
"""A shared connection is used where there is one, and never left behind."""

_LOG_IN = "give git a way to log in that asks nobody: an SSH key, or a credential helper"
_HINTS = {
    "dubious ownership": "the repository belongs to another user: run cosmos as that one, or trust it with "
    "`git config --global --add safe.directory PATH`",
    "not a git repository": "make one with `git init` and commit the specs, or follow the files with --working-tree",
    "couldn't find remote ref": "commit the specs, or set git.ref to a branch that exists",
    "authentication failed": _LOG_IN,
    "permission denied": _LOG_IN,
    "could not read username": _LOG_IN,
    "host key verification failed": "log in there once by hand with ssh, so that its key is known",
    "no space left": "free space on that disk; what was applied last stays applied",
    "shallow": "the other repository is a shallow clone: make it whole there with `git fetch --unshallow`",
    "lazy fetching": "the repository is a partial clone: fetch from the one that it was cloned from, with git.url",
    "could not resolve host": "look at the network and at git.url; it is tried again by itself",
    "connection refused": "look at the server and at git.url; it is tried again by itself",
    "timed out": "look at the network and at git.url; it is tried again by itself",
    "did not answer": "look at the server and at git.url; it is tried again by itself",
    "not found": "look at git.url, and whether the one who runs cosmos may read it",
    "does not exist": "look at git.url",
    "does not appear to be a git": "look at git.url",
    "fsck error": "it has an object that git calls broken: mend it there, or follow a repository without it",
}
_REPOSITORY = re.compile(r"repository at '([^'\n]+)'")
_USUAL_HINT = "look at the repository; what was applied last stays applied, and it is tried again by itself"


class Git:
    """Commands of git in one folder.

    Args:
        folder: A repository, or a folder in one.
        protocols: What may be used to reach others: `file`, `ssh`, `https`.
        as_typed: With the hooks and settings that run when a person types the command.
        bare: The folder is a bare repository of our own, and never a part of one around it.
    """

    def __init__(
        self, folder: Path, protocols: Sequence[str] = (), *, as_typed: bool = False, bare: bool = False
    ) -> None:
        self._folder = folder
        allowed = (word for each in protocols for word in ("-c", f"protocol.{each}.allow=always"))
        place = (f"--git-dir={folder}",) if bare else ("-C", str(folder))
        self._words = (*_WORDS, *(() if as_typed else (*_SAFE, *allowed)), *place)
        self._more = {} if as_typed else _shut(protocols)
        if bare and not protocols:
            self._more |= _ALONE
        self._as_typed = as_typed

    def run(self, *words: str, data: bytes = b"", timeout_s: float = TIMEOUT_S, bytes_max: int = BYTES_MAX) -> bytes:
        """What it wrote to stdout.

        Raises:
            SourceError: It could not be started, failed, or went beyond a limit; with its own first words.
        """
        ended = self._ask(words, data, Limits(total_s=timeout_s, bytes_max=bytes_max))
        if ended.code != 0:
            said = ended.err.decode("utf-8", "replace")
            raise self.refused(said or f"git ended with {ended.code}")
        return ended.out

    def refused(self, said: str, about: str = "") -> SourceError:
        """What git said, as an error with the next step.

        Args:
            said: By git.
            about: What it was asked about; default: the folder.
        """
        low = said.lower()
        hint = next((hint for words, hint in _HINTS.items() if words in low), _USUAL_HINT)
        if where := _REPOSITORY.search(said):
            hint = hint.replace("PATH", shlex.quote(where[1]))
        return SourceError(f"{about or self._folder}: {first_line(said)}", hint)

    def ask(
        self,
        *words: str,
        data: bytes = b"",
        timeout_s: float = TIMEOUT_S,
        silent_s: float = math.inf,
        bytes_max: int = BYTES_MAX,
        into: IO[bytes] | None = None,
    ) -> tuple[int, bytes, str]:
        """The exit code, stdout (unless it goes into a file), and what it said on stderr.

        Raises:
            SourceError: It could not be started, or went beyond a limit.
        """
        ended = self._ask(words, data, Limits(total_s=timeout_s, silent_s=silent_s, bytes_max=bytes_max), into)
        return ended.code, ended.out, ended.err.decode("utf-8", "replace")

    def _ask(self, words: Sequence[str], data: bytes, limits: Limits, into: IO[bytes] | None = None) -> Ended:
        environment = {**_environment(_OF_ANOTHER if self._as_typed else ("GIT_",)), **self._more}
        try:
            return run((*self._words, *words), environment, limits, data=data, into=into)
        except FileNotFoundError:
            raise SourceError("git is not installed", "apt-get install git, or follow the files instead") from None
        except OSError as error:
            raise SourceError(f"git cannot be started: {error.strerror}", _USUAL_HINT) from None
        except OverrunError as error:
            raise self.refused(f"git {error}") from None


def first_line(said: str) -> str:
    """The reason, without the word that git puts before it. A transport says its own before git's."""
    lines = [clean(line) for line in said.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:")) and _TELLS_NOTHING not in line]
    words = (fatal or lines or [""])[0]
    return words.removeprefix("fatal: ").removeprefix("error: ")


def clean(text: str) -> str:
    """Words of others as one short line that can do nothing to a terminal or a log."""
    return "".join(letter if letter.isprintable() else "?" for letter in text.strip()[:_WORDS_MAX])


_WORDS_MAX = 300
_TELLS_NOTHING = "Could not read from remote repository"


_OF_ANOTHER = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")
"""A hook that calls cosmos has these, and they may name another repository."""

_ALONE = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_NO_REPLACE_OBJECTS": "1"}


def _shut(protocols: Sequence[str]) -> dict[str, str]:
    """Stronger than any configuration: whom it may reach, that it fetches nothing by itself, and asks nobody."""
    return {"GIT_ALLOW_PROTOCOL": ":".join(protocols) or "none", "GIT_NO_LAZY_FETCH": "1", "GIT_ASKPASS": ""}


def _environment(left_out: tuple[str, ...]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    own = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    return {**kept, **own, "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND") or _SSH}
