"""Values as text of bash: quoted once, or refused."""

import re
import shlex

from cosmos.core.reasons import Reason
from cosmos.errors import HostRefused

ARGUMENT_LIMIT = (128 << 10) - 1
"""Longest single argument that Linux takes, in bytes."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BASH_KEEPS = frozenset({"BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID"})
_OURS = frozenset({"COSMOS_BATCH", "COSMOS_RUN_DIRECTORY"})


def hundredths(seconds: float) -> int:
    return max(0, round(seconds * 100))


def export(name: str, value: str) -> str:
    if not _NAME.fullmatch(name) or name in _BASH_KEEPS | _OURS:
        raise _impossible(f"the variable {name!r} cannot be set", "choose another name in the model's `env`")
    return f"  export {name}={argument(value)}"


def argument(text: str) -> str:
    """Quoted once, here. In single quotes bash takes every byte as it is, line ends too."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise _impossible(f"{text[:40]!r} has half of a surrogate pair", "write the text as UTF-8") from None
    if "\0" in text:
        raise _impossible(f"{text[:40]!r} has a NUL, or a mark that nobody filled in", "take it out")
    if size > ARGUMENT_LIMIT:
        raise _impossible(f"an argument has {size} bytes; {ARGUMENT_LIMIT} are the most", "pass it in a file")
    return shlex.quote(text)


def _impossible(message: str, hint: str) -> HostRefused:
    return HostRefused(message, hint, Reason.BAD_SPEC.value)
