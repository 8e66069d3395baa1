"""What systemd wants to know of a service of Type=notify, as sd_notify(3) says it. Elsewhere it does nothing."""

import logging
import os
import socket
import threading
from collections.abc import Callable, MutableMapping
from types import TracebackType
from typing import Self

logger = logging.getLogger(__name__)

SEND_S = 1.0
"""How long a datagram may take: systemd is not always quick, and never more important than the work."""
LONGEST = 200
"""Letters of a status that `systemctl status` shows."""


class Systemd:
    """The service, as systemd is told of it, until the end of the block.

    Args:
        is_alive: Asked before each sign of life. False withholds it, and systemd ends the daemon and starts it anew.
        environment: Where systemd says how it wants to be told. What is found there is taken out: it is not for
            the programs that the daemon starts.
    """

    def __init__(self, is_alive: Callable[[], bool], environment: MutableMapping[str, str] = os.environ) -> None:
        self._is_alive = is_alive
        self._address = _address(environment.pop("NOTIFY_SOCKET", ""))
        self._every_s = _half_of(environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", ""))
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._withheld = False
        self._refused = False

    def __enter__(self) -> Self:
        if self._address and self._every_s:
            self._thread = threading.Thread(target=self._beat, name="cosmos-watchdog", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def ready(self, words: str) -> None:
        """It has started."""
        self._send(f"READY=1\nSTATUS={_line(words)}")

    def status(self, words: str) -> None:
        """What it does now, for `systemctl status`."""
        self._send(f"STATUS={_line(words)}")

    def stopping(self) -> None:
        """It begins to end."""
        self._send("STOPPING=1")

    def _beat(self) -> None:
        while not self._closed.wait(self._every_s):
            if self._is_alive():
                self._withheld = False
                self._send("WATCHDOG=1")
            elif not self._withheld:
                self._withheld = True
                logger.error("the loop hangs: systemd gets no sign of life, and will start the daemon anew")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.settimeout(SEND_S)
                sender.sendto(text.encode("utf-8", "replace"), self._address)
        except OSError as error:
            if not self._refused:
                logger.warning("systemd cannot be told: %s", error)
            self._refused = True
        else:
            self._refused = False


def _address(name: str) -> str:
    """Of a socket in the file system, or of an abstract one."""
    if name.startswith("/"):
        return name
    if name.startswith("@"):
        return "\0" + name[1:]
    if name:
        logger.warning("NOTIFY_SOCKET=%s is of a kind that is not known here: systemd is told nothing", name)
    return ""


def _half_of(microseconds: str, pid: str) -> float:
    """Seconds between two signs of life; 0 where none are wanted of this process."""
    wanted = microseconds.isascii() and microseconds.isdecimal() and pid in ("", str(os.getpid()))
    return int(microseconds) / 2e6 if wanted else 0.0


def _line(words: str) -> str:
    line = " ".join(words.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 3] + "..."
