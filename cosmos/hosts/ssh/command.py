"""Words of a command -> what is sent over SSH, so that every byte arrives whatever the login shell is.

SSH carries one string, and the login shell of the user reads it: csh expands `!` and ends at a newline even
inside quotes, fish unescapes backslashes there, and no argument may exceed 128 KiB. So that string is a constant
that all of them read alike, and the words go ahead of stdin, counted, to a plain sh.
"""

import os
import shlex
from collections.abc import Sequence

from cosmos.core.reasons import Reason
from cosmos.errors import HostRefused

_LINE = "exec sh -c 'c=$(dd bs={size} count=1 iflag=fullblock 2>/dev/null) && eval \"$c\"'"
_MISSING = "cosmos: not on this machine"
_SCRIPT = "command -v {program} >/dev/null || {{ echo '{missing}' >&2; exit 127; }}; exec {words}"


def wrap(argv: Sequence[str]) -> tuple[str, bytes]:
    """The string for SSH, and what to send ahead of stdin.

    Raises:
        ValueError: A word has a NUL, which no command can be given.
    """
    script = command_text(argv)
    return _LINE.format(size=len(script)), script


def command_text(argv: Sequence[str]) -> bytes:
    """The command as a text for sh, which it takes the place of.

    Raises:
        ValueError: A word has a NUL, which no command can be given.
    """
    if any("\0" in word for word in argv):
        raise ValueError("embedded null byte")
    return os.fsencode(_SCRIPT.format(program=shlex.quote(argv[0]), missing=_MISSING, words=shlex.join(argv)))


def raise_if_missing(host: str, argv: Sequence[str], code: int, err: bytes) -> None:
    """Tell "there is no such program" from a program that ended with the same code.

    Raises:
        HostRefused: It was not there, so that nothing was started.
    """
    if code == 127 and err.rstrip().endswith(_MISSING.encode()):
        raise HostRefused(
            f"{host}: cannot run `{argv[0]}`: there is no such program", "install it", Reason.HOST_REFUSED.value
        )
