"""RemoteCommandExecutor: one bash script in, its output out, one of three outcomes told apart.

An exit status that travels beside the output can be lost or invented (SSH says -1 both for a signal and
for a dead connection). So it travels in the output: what a script prints is framed, and an answer without
the closing `__RC:n` is no answer. The far side limits the time too, since a client that dies leaves
its command running.
"""

import contextlib
import logging
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass

from cosmos.core.reasons import Reason
from cosmos.errors import HostRefused, HostUnreachable
from cosmos.hosts.ownership import FENCED, FOREIGN, turned_away
from cosmos.hosts.transport import Ended, Transport

logger = logging.getLogger(__name__)

OUT_LIMIT = 256 << 20
"""Most bytes that the answer of a script may have: tens of thousands of run directories."""

_OPEN = b"__OUT:\n"
_CLOSE = b"\n__RC:"
_TAIL = len(_CLOSE) + len("255\n")
_NOISE_LIMIT = 1 << 20
"""Most bytes that login scripts may print before a script does."""
_FRAME = "printf '__OUT:\\n'\n(\n{text}\n)\nprintf '\\n__RC:%d\\n' $?\n"
_LEEWAY_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A bash script as a value.

    `name` is for messages; `args` are its positional parameters. `deadline_s` bounds the whole of it, on both
    sides; `patience_s`, where given, is the longest time in which no byte moves. `moving` is about how many will.
    """

    name: str
    text: str
    args: tuple[str, ...] = ()
    stdin: bytes = b""
    deadline_s: float = 30.0
    patience_s: float | None = None
    moving: int = 0


class RemoteCommandExecutor:
    """Runs scripts on one host.

    Args:
        host: Name of the host, for messages.
        transport: The way to it.
    """

    def __init__(self, host: str, transport: Transport) -> None:
        self._host = host
        self._transport = transport

    def run(self, script: Script, feed: Iterable[bytes] | None = None) -> bytes:
        """What the script printed, once it has ended well.

        Args:
            script: What to run.
            feed: What it reads, in place of `script.stdin`.

        Raises:
            HostUnreachable: No answer, or one that was cut off: the script may have had its effect or not.
            HostRefused: The script ran and said no.
            Fenced: It did nothing, because another controller acts on the host now.
        """
        out = bytearray()
        for data in self.stream(script, feed):
            out += data
            if len(out) > OUT_LIMIT:
                raise HostUnreachable(f"{self._host}: `{script.name}` printed more than {OUT_LIMIT} bytes")
        return bytes(out)

    def stream(self, script: Script, feed: Iterable[bytes] | None = None) -> Iterator[bytes]:
        """The same in pieces as they come. Only when the last one has come is it known that the script ended well."""
        limit = f"{max(1.0, script.deadline_s):.1f}"
        frame = _FRAME.format(text=script.text)
        argv = ("timeout", "-k", "5", limit, "bash", "-c", frame, "cosmos", *script.args)
        patience = script.patience_s or script.deadline_s + _LEEWAY_S
        stdin = (script.stdin,) if feed is None else feed
        parts = self._transport.stream(argv, stdin, patience_s=patience, moving=script.moving)
        with contextlib.closing(parts):
            yield from self._unframed(script, parts)

    def _unframed(self, script: Script, parts: Generator[bytes, None, Ended]) -> Iterator[bytes]:
        end = time.monotonic() + script.deadline_s + 2 * _LEEWAY_S
        frame = _Frame()
        while True:
            try:
                part = next(parts)
            except StopIteration as stop:
                ended: Ended = stop.value
                break
            if time.monotonic() > end or frame.is_noise:
                raise self._cut_off(script, "took too long" if not frame.is_noise else "is drowned by login scripts")
            if data := frame.take(part):
                yield data
        code, data = frame.end()
        if code is None:
            late = f"took longer than {script.deadline_s:.0f} s"
            raise self._cut_off(script, late if ended.code == 124 else f"was cut off (status {ended.code})")
        logger.debug("%s: %s ended with %d", self._host, script.name, code)
        yield data
        if code >= 128:
            raise HostUnreachable(f"{self._host}: `{script.name}` was ended by signal {code - 128}", "look again")
        if code in (FENCED, FOREIGN):
            raise turned_away(self._host, code, ended.err)
        if code:
            raise refusal(f"{self._host}: {script.name}", ended.err)

    def _cut_off(self, script: Script, why: str) -> HostUnreachable:
        return HostUnreachable(f"{self._host}: `{script.name}` {why}", "look again: it may have been done or not")


class _Frame:
    """Takes what a script prints apart: noise before it, its output, its exit status."""

    def __init__(self) -> None:
        self._held = b""
        self._is_open = False

    @property
    def is_noise(self) -> bool:
        return not self._is_open and len(self._held) > _NOISE_LIMIT

    def take(self, part: bytes) -> bytes:
        """What of the output is known to be output; an end that may be the status is held back."""
        held = self._held + part if self._held else part  # nearly every part of many bytes goes on as it came
        if not self._is_open:
            start = held.find(_OPEN)
            if start < 0:
                self._held = held
                return b""
            self._is_open = True
            held = held[start + len(_OPEN) :]
        keep = held.find(_CLOSE[:1], max(0, len(held) - _TAIL))
        if keep < 0:
            self._held = b""
            return held
        self._held = held[keep:]
        return held[:keep]

    def end(self) -> tuple[int | None, bytes]:
        """The status, None where it never came, and the rest of the output."""
        data, mark, number = self._held.rpartition(_CLOSE)
        number = number.strip()
        if not self._is_open or not mark or not number.isdigit():
            return None, b""
        return int(number), data


_REFUSALS = {
    "the image is not on this host": (Reason.IMAGE_MISSING, "bring it there with `cosmos hosts pull`"),
    "has no bash": (Reason.PROGRAM_NOT_FOUND, "put bash and coreutils into the image"),
    "could not select device driver": (
        Reason.GPU_UNAVAILABLE,
        "install nvidia-container-toolkit there, then `sudo nvidia-ctk runtime configure` and restart docker",
    ),
    "permission denied while trying to connect": (
        Reason.DOCKER_UNAVAILABLE,
        "there: sudo usermod -aG docker USER and log in again; or set `sudo = true` for the host",
    ),
    "password is required": (Reason.DOCKER_UNAVAILABLE, "let the user call docker by sudo without a password"),
    "docker does not answer": (Reason.DOCKER_UNAVAILABLE, "see there: systemctl status docker"),
    "are the most that are collected": (
        Reason.OUTPUT_INVALID,
        "let the program write fewer files to its output folder",
    ),
    "cannot read all of outputs": (Reason.OUTPUT_INVALID, "let the program leave files that its user may read"),
    "No space left on device": (Reason.DISK_FULL, "free space on the host"),
    "Disk quota exceeded": (Reason.DISK_FULL, "free space on the host, or raise the quota"),
    "Read-only file system": (Reason.HOST_REFUSED, "make the work directory writable"),
    "Permission denied": (Reason.HOST_REFUSED, "give the user of the host access to the work directory"),
    "command not found": (Reason.HOST_REFUSED, "install bash, coreutils, findutils, grep, tar and util-linux"),
}


def refusal(subject: str, errors: bytes) -> HostRefused:
    """What a script said on stderr before it ended with a definite no."""
    text = errors.decode("utf-8", "replace")
    lines = [line for line in text.splitlines() if line.strip()]
    last = lines[-1] if lines else "failed without a word"
    for words, (reason, hint) in _REFUSALS.items():
        if words in text:
            detail = last if words in last else f"{last} ({words})"
            return HostRefused(f"{subject}: {detail}", hint, reason.value)
    return HostRefused(f"{subject}: {last}", "", Reason.HOST_REFUSED.value)
