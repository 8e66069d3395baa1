"""The door to apprise: an URL becomes a service that takes a message, or says why not.

URLs hold tokens, and apprise and what it uses log them, so nothing that they say is passed on: what they log while they
have an URL in hand goes to no log, and of an URL no more than its schema, and a host that is one, is ever shown.
"""

import logging
import os
import queue
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from cosmos.daemon.wording import Tone
from cosmos.errors import ConfigError
from cosmos.settings import schema_of

if TYPE_CHECKING:
    import apprise

LIMIT_S = 30.0
"""How long a service may take for one message."""
MOST_LEFT = 3
"""Messages that may be stuck on their way at one time; while they are, no more are sent."""

_STATUS = re.compile(r"\berror=([0-9]{3})\b")
_PASSING = ("408", "425", "429")
"""Answers 4xx that say: later."""
_TYPES = {Tone.GOOD: "success", Tone.WARNING: "warning", Tone.BAD: "failure"}
_HINT = "correct [notify] in cosmos.toml, or what it names; docs/notifications.md has examples"

_heard: ContextVar[list[str] | None] = ContextVar("heard", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a message. `again`: the same may be taken later."""

    taken: bool
    why: str = ""
    again: bool = True


class Service:
    """One place to send to. `label` may be shown: the entry's position and what is no secret of its URL."""

    def __init__(self, position: int, plugin: "apprise.NotifyBase", schema: str, limit_s: float) -> None:
        host = _host(plugin)
        self.position = position
        self.label = f"{schema}{f' at {host}' if host else ''}"
        self._plugin = plugin
        self._limit_s = limit_s
        self._left: list[threading.Thread] = []

    def send(self, title: str, text: str, tone: Tone) -> Answer:
        """Send one message. Returns in time, whatever the service does."""
        self._left = [thread for thread in self._left if thread.is_alive()]
        if len(self._left) >= MOST_LEFT:
            return Answer(taken=False, why="earlier messages are still on their way")
        answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        thread = threading.Thread(
            target=lambda: answers.put(self._send(title, text, tone)), name="cosmos-notify", daemon=True
        )
        thread.start()
        try:
            return answers.get(timeout=self._limit_s)
        except queue.Empty:
            self._left.append(thread)
            return Answer(taken=False, why=f"no answer within {self._limit_s:g} s")

    def _send(self, title: str, text: str, tone: Tone) -> Answer:
        import apprise

        with _unheard() as heard:
            sender = apprise.Apprise(self._plugin)
            taken = bool(sender.notify(body=text, title=title, notify_type=_TYPES[tone], body_format="text"))
        return Answer(taken=True) if taken else _refusal(heard)


def open_services(
    entries: Sequence[SecretStr], environment: Mapping[str, str] | None = None, limit_s: float = LIMIT_S
) -> list[Service]:
    """The services of `[notify]` urls.

    Raises:
        ConfigError: Entries that cannot be used, all of them; by position and schema.
    """
    opened: list[Service] = []
    wrong = []
    for position, entry in enumerate(entries, 1):
        try:
            opened.append(_open(position, entry.get_secret_value(), environment, limit_s))
        except ConfigError as error:
            wrong.append(f"cosmos.toml: notify.urls: entry {position}: {error.message}")
    if wrong:
        raise ConfigError("\n".join(wrong), _HINT)
    return opened


def _open(position: int, text: str, environment: Mapping[str, str] | None, limit_s: float) -> Service:
    import apprise

    url, place = _resolve(text, os.environ if environment is None else environment)
    schema = schema_of(url)
    if not schema:
        raise ConfigError(f"{place} holds no URL as slack://...")
    # no time limit of its own: that needs threads for which the end of the process would wait
    asset = apprise.AppriseAsset(app_id="cosmos", service_timeout=0, storage_mode="memory")
    with _unheard():
        plugin = apprise.Apprise.instantiate(url, asset=asset)
        manager: Any = apprise.NotificationManager  # which has no types
        known = manager()
        lacking = schema in known and not known[schema].enabled
    if plugin is None:
        of = f" in {place}" if place else ""
        if lacking:
            raise ConfigError(f"the {schema}:// URL{of} needs something that is not installed on this machine")
        raise ConfigError(f"apprise does not understand the {schema}:// URL{of}")
    return Service(position, plugin, schema, limit_s)


def _resolve(text: str, environment: Mapping[str, str]) -> tuple[str, str]:
    """The URL, and where it was found when that is elsewhere."""
    kind, _, name = text.partition(":")
    if kind == "env":
        if name not in environment:
            raise ConfigError(f"the variable {name} is not set")
        return environment[name].strip(), f"the variable {name}"
    if kind == "file":
        try:
            return Path(name).expanduser().read_text(encoding="utf-8").strip(), f"the file {name}"
        except (OSError, UnicodeDecodeError, RuntimeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text, or there is no home folder"
            raise ConfigError(f"the file {name} cannot be read: {why}") from None
    return text, ""


def _host(plugin: "apprise.NotifyBase") -> str:
    """Of services that are a server of one's own. In URLs of others, a token stands in its place."""
    host = str(plugin.host or "") if "host" in plugin.template_tokens else ""
    return host if host == "localhost" or "." in host or ":" in host else ""


def _refusal(heard: Sequence[str]) -> Answer:
    words = " ".join(heard)
    if found := _STATUS.search(words):
        status = found[1]
        return Answer(taken=False, why=f"it answered {status}", again=status[0] != "4" or status in _PASSING)
    if "connection error" in words.lower():
        return Answer(taken=False, why="it cannot be reached, or did not answer in time")
    return Answer(taken=False, why="it did not take the message")


class _Ear(logging.Filter):
    """Takes what is logged while an URL is in hand, before any handler has it."""

    def filter(self, record: logging.LogRecord) -> bool:
        heard = _heard.get()
        if heard is None:
            return True
        heard.append(record.getMessage())
        return False


_EAR = _Ear()


@contextmanager
def _unheard() -> Iterator[list[str]]:
    """Within, what libraries log in this thread reaches no log; it is in the list."""
    for name, known in list(logging.root.manager.loggerDict.items()):
        if isinstance(known, logging.Logger) and name.partition(".")[0] != "cosmos":
            known.addFilter(_EAR)
    logging.root.addFilter(_EAR)
    heard: list[str] = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)
