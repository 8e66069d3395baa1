"""The log on stderr: lines for people, or one JSON object a line for programs that gather logs."""

import logging
import queue
import re
import select
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType

from pythonjsonlogger.json import JsonFormatter

from cosmos.cli.options import LogFormat

logger = logging.getLogger("cosmos.cli")

TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
NAMES = {
    "asctime": "ts",
    "levelname": "level",
    "name": "logger",
    "message": "msg",
    "exc_info": "exception",
    "stack_info": "stack",
}
"""Fields of an object, by what Python calls them."""

MOST_LINES = 10_000
"""That wait to be written."""
LAST_S = 2.0
"""How long the end of the program waits for them."""

_USER = re.compile(r"""([A-Za-z][A-Za-z0-9+.-]*://)([^/\s"']+)@""")


def start(verbose: int, form: LogFormat) -> None:
    """Log from here on: warnings, with `verbose` 1 what cosmos does, with 2 everything."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Json() if form is LogFormat.JSON else _Text(TEXT))
    logging.basicConfig(level=logging.INFO if verbose > 1 else logging.WARNING, handlers=[handler])
    levels = (logging.WARNING, logging.INFO, logging.DEBUG)
    logging.getLogger("cosmos").setLevel(levels[min(verbose, 2)])
    if form is LogFormat.JSON:
        logging.captureWarnings(True)
        sys.excepthook = _fault
        threading.excepthook = lambda found: _fault(found.exc_type, found.exc_value, found.exc_traceback)


@contextmanager
def without_waiting() -> "Iterator[None]":
    """Whoever reads the log may be slow, or have stopped with Ctrl-S: until the end of the block nobody waits for them.

    Lines that are too many meanwhile are dropped, and counted in the next one that is written.
    """
    root, handlers = logging.getLogger(), logging.getLogger().handlers[:]
    box = _Box(handlers)
    root.handlers[:] = [box]
    writer = threading.Thread(target=box.write, name="cosmos-log", daemon=True)
    writer.start()
    try:
        yield
    finally:
        root.handlers[:] = handlers
        box.end()
        writer.join(LAST_S)


class _Box(logging.Handler):
    """Takes records at once, and has them written by a thread of its own."""

    def __init__(self, handlers: Sequence[logging.Handler]) -> None:
        super().__init__()
        self._handlers = handlers
        self._records: queue.Queue[logging.LogRecord | None] = queue.Queue()
        self._dropped = 0
        self._ends = False

    def emit(self, record: logging.LogRecord) -> None:
        if self._records.qsize() >= MOST_LINES:
            self._dropped += 1
        else:
            self._records.put(record)

    def end(self) -> None:
        self._ends = True
        self._records.put(None)

    def write(self) -> None:
        while (record := self._records.get()) is not None and self._is_read():
            for handler in self._handlers:
                handler.handle(record)
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                logger.warning("%d lines of the log were dropped: nobody read them", dropped)

    def _is_read(self) -> bool:
        """Wait until a line can be written, for no longer than the program goes on.

        A thread that is stuck in writing would hold the lock for which the end of Python waits.
        """
        while not select.select([], [sys.stderr], [], LAST_S / 4)[1]:
            if self._ends:
                return False
        return True


def complain(code: str, message: str, hint: str, problems: Sequence[dict[str, object]]) -> None:
    """Log the error that ends the program, as an object: also one that came before the log was started."""
    start(0, LogFormat.JSON)
    more = {"problems": list(problems)} if problems else {}
    logger.error("%s", message, extra={"code": code, "hint": hint, **more})


def without_secrets(text: str) -> str:
    """With nothing of URLs that lets in whoever reads it: no password, and no token in place of a user."""
    return _USER.sub(_hidden, text)


def _hidden(match: re.Match[str]) -> str:
    scheme, who = match.groups()
    if scheme.lower() in ("http://", "https://"):
        return f"{scheme}***@"
    user, colon, _ = who.partition(":")
    return f"{scheme}{user}:***@" if colon else match[0]


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


class _Json(JsonFormatter):
    def __init__(self) -> None:
        super().__init__(TEXT, rename_fields=NAMES)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - Python's name
        moment = datetime.fromtimestamp(record.created, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


def _fault(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """What nobody foresaw, in whatever thread."""
    found = error if error is not None else kind()
    logger.critical("a fault of cosmos", exc_info=(kind, found, trace))
