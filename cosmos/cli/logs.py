"""The log on stderr: lines for people, or one JSON object a line for programs that gather logs."""

import logging
import re
import sys
import threading
from collections.abc import Sequence
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
