"""Everybody who watches a daemon from outside: the health file, systemd, and whoever asks its server.

    with Audience(settings, nudge=daemon.look) as audience:
        ...  # tell it of each pass: audience.passed, audience.failed, audience.stands_by; at last audience.ends

It only listens: nothing that it is asked, and nothing that goes wrong in it, changes what the loop does.
"""

import json
import logging
import os
from collections.abc import Callable, MutableMapping
from contextlib import ExitStack
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Self

from cosmos.daemon import vitals
from cosmos.daemon.hook import Nudges, is_genuine, read_secret
from cosmos.daemon.server import Answer, Request, Routes, Server, as_json, refusal
from cosmos.daemon.systemd import Systemd
from cosmos.daemon.vitals import Health, Vitals, this_daemon
from cosmos.outcome import Pass
from cosmos.settings import Settings, read_listen

if TYPE_CHECKING:
    from cosmos.daemon.metrics import Metrics

logger = logging.getLogger(__name__)


class Audience:
    """Is told of each pass, from any thread, until the end of the block.

    Args:
        settings: The configuration.
        nudge: Makes the loop look at once; called when the webhook was.
        environment: With the secret of the webhook and the words of systemd, which are taken out of it.

    Raises:
        ConfigError: From here or on entering: the secret cannot be read, or nobody can listen there.
    """

    def __init__(
        self, settings: Settings, nudge: Callable[[], None], environment: MutableMapping[str, str] = os.environ
    ) -> None:
        self._place = read_listen(settings.daemon.listen)
        self._secret = read_secret(settings.daemon, settings.root, environment)
        self._path = settings.state / vitals.FILE
        self._nudges = Nudges(nudge)
        self._systemd = Systemd(lambda: self.health.is_alive, environment)
        self._started = this_daemon()
        self._metrics = self._measured() if self._place else None
        self._vitals = Vitals(self._started)
        self._open = ExitStack()

    def _measured(self) -> "Metrics":
        from cosmos.daemon.metrics import Metrics

        return Metrics(self._started.version)

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            if self._place and self._metrics:
                server = Server(self._place, self._routes(self._metrics))
                self._vitals = Vitals(self._started, server.address)
                opened.enter_context(server)
                opened.enter_context(self._nudges)
                logger.info("listening on http://%s", server.address)
            opened.enter_context(self._systemd)
            opened.callback(self._remove)
            self._write()
            self._systemd.ready(self.health.words)
            self._open = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def health(self) -> Health:
        return self._vitals.health()

    def passed(self, done: Pass) -> None:
        self._vitals.passed(done)
        if self._metrics:
            self._metrics.passed(done)
        self._tell()

    def failed(self, words: str, at: float, next_at: float) -> None:
        """A pass ended with an error. Times in seconds since the epoch."""
        self._vitals.failed(words, at, next_at)
        if self._metrics:
            self._metrics.failed()
        self._tell()

    def stands_by(self, words: str, at: float, next_at: float) -> None:
        """Another controller acts; this one asks again at `next_at`."""
        self._vitals.stands_by(words, at, next_at)
        if self._metrics:
            self._metrics.stands_by()
        self._tell()

    def ends(self) -> None:
        """The loop was told to end: what asks from now on is sent elsewhere."""
        self._vitals.ends()
        self._systemd.stopping()
        self._tell()

    def _tell(self) -> None:
        self._write()
        self._systemd.status(self.health.words)

    def _write(self) -> None:
        self._vitals.write(self._path)

    def _remove(self) -> None:
        """The health file, unless another daemon of this folder has written it since."""
        try:
            if json.loads(self._path.read_text(encoding="utf-8"))["pid"] == self._started.pid:
                self._path.unlink()
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.debug("the health file stays: %s", error)

    def _routes(self, metrics: "Metrics") -> Routes:
        def scraped(request: Request) -> Answer:
            kind, text = metrics.page(request.headers.get("Accept", ""))
            return Answer(HTTPStatus.OK, text, kind)

        def hooked(request: Request) -> Answer:
            genuine = self._secret is not None and is_genuine(self._secret, request.headers, request.body)
            metrics.hook(accepted=genuine)
            if not genuine:
                return refusal(HTTPStatus.FORBIDDEN, "no valid X-Hub-Signature-256 or X-Gitlab-Token")
            self._nudges.ask()
            return as_json(HTTPStatus.ACCEPTED, {"accepted": True})

        routes: Routes = {
            "/healthz": ("GET", lambda request: self._answer(self.health, ok=self.health.is_alive)),
            "/readyz": ("GET", lambda request: self._answer(self.health, ok=self.health.is_ready)),
            "/metrics": ("GET", scraped),
        }
        return {**routes, "/hook": ("POST", hooked)} if self._secret else routes

    @staticmethod
    def _answer(health: Health, *, ok: bool) -> Answer:
        return as_json(HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE, health.record)
