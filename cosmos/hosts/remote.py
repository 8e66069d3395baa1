"""RemoteCommandExecutor: one bash script in, its output out, one of three outcomes told apart.

An exit status that travels beside the output can be lost or invented (SSH says -1 both for a signal and
for a dead connection). So it travels in the output: what a script prints is framed, and an answer without
the closing `__RC:n` is no answer. The far side limits the time too, since a client that dies leaves
its command running.
"""

import logging
from dataclasses import dataclass

from cosmos.core.reasons import Reason
from cosmos.errors import HostRefused, HostUnreachable
from cosmos.hosts.transport import Transport

logger = logging.getLogger(__name__)

OUT_LIMIT = 256 << 20
"""Most bytes that a script may print: tens of thousands of run directories."""

_OPEN = b"__OUT:\n"
_CLOSE = b"\n__RC:"
_FRAME = "printf '__OUT:\\n'\n(\n{text}\n)\nprintf '\\n__RC:%d\\n' $?\n"
_LEEWAY_S = 10.0
_REFUSALS = {
    "are the most that are collected": (
        Reason.OUTPUT_INVALID,
        "let the program write fewer files to its output folder",
    ),
    "cannot read all of outputs": (Reason.OUTPUT_INVALID, "let the program leave files that its user may read"),
    "No space left on device": (Reason.DISK_FULL, "free space on the host"),
    "Disk quota exceeded": (Reason.DISK_FULL, "free space on the host, or raise the quota"),
    "Read-only file system": (Reason.HOST_REFUSED, "make the work directory writable"),
    "Permission denied": (Reason.HOST_REFUSED, "give the user of the host access to the work directory"),
    "command not found": (Reason.HOST_REFUSED, "install bash, coreutils, findutils, grep and util-linux"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A bash script as a value. `name` is for messages; `args` are its positional parameters."""

    name: str
    text: str
    args: tuple[str, ...] = ()
    stdin: bytes = b""
    deadline_s: float = 30.0


class RemoteCommandExecutor:
    """Runs scripts on one host.

    Args:
        host: Name of the host, for messages.
        transport: The way to it.
    """

    def __init__(self, host: str, transport: Transport) -> None:
        self._host = host
        self._transport = transport

    def run(self, script: Script) -> bytes:
        """What the script printed.

        Raises:
            HostUnreachable: No answer, or one that was cut off: the script may have had its effect or not.
            HostRefused: The script ran and said no.
        """
        limit = f"{max(1.0, script.deadline_s):.1f}"
        frame = _FRAME.format(text=script.text)
        argv = ("timeout", "-k", "5", limit, "bash", "-c", frame, "cosmos", *script.args)
        done = self._transport.run(argv, script.stdin, deadline_s=script.deadline_s + _LEEWAY_S, out_limit=OUT_LIMIT)
        code, out = self._unframe(script, done.code, done.out)
        logger.debug("%s: %s ended with %d, %d bytes", self._host, script.name, code, len(out))
        if code == 0:
            return out
        if code >= 128:
            raise HostUnreachable(f"{self._host}: `{script.name}` was ended by signal {code - 128}", "look again")
        raise _refusal(f"{self._host}: {script.name}", done.err)

    def _unframe(self, script: Script, status: int, printed: bytes) -> tuple[int, bytes]:
        start = printed.find(_OPEN)
        end = printed.rfind(_CLOSE)
        number = printed[end + len(_CLOSE) :].strip()
        if start < 0 or end < start or not number.isdigit():
            late = status == 124
            why = f"took longer than {script.deadline_s:.0f} s" if late else f"was cut off (status {status})"
            raise HostUnreachable(f"{self._host}: `{script.name}` {why}", "look again: it may have been done or not")
        return int(number), printed[start + len(_OPEN) : end]


def _refusal(subject: str, errors: bytes) -> HostRefused:
    text = errors.decode("utf-8", "replace")
    lines = [line for line in text.splitlines() if line.strip()]
    last = lines[-1] if lines else "failed without a word"
    for words, (reason, hint) in _REFUSALS.items():
        if words in text:
            detail = last if words in last else f"{last} ({words})"
            return HostRefused(f"{subject}: {detail}", hint, reason.value)
    return HostRefused(f"{subject}: {last}", "", Reason.HOST_REFUSED.value)
