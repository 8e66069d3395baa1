"""A small HTTP server beside the loop: short answers to few callers, who may be slow or hostile.

A connection is for one request, has a time limit as a whole, and there are only so many at once; a body has a
limit. What answers is given as routes.
"""

import io
import json
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from types import TracebackType
from typing import Any, Self

from cosmos.errors import ConfigError

logger = logging.getLogger(__name__)

CONNECTION_S = 10.0
"""Time for a whole request, from the connection to the last byte of the answer."""
CONNECTIONS = 32
"""More at once are closed unheard."""
BODY = 1 << 20
"""Bytes of a body; webhooks send a fraction of that."""
DRAINED = 4 * BODY
"""Bytes of a body beyond the limit that are still received, and dropped."""


@dataclass(frozen=True, slots=True)
class Request:
    headers: Message
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    status: HTTPStatus
    body: bytes
    kind: str = "application/json"
    more: Mapping[str, str] = field(default_factory=dict)


Page = Callable[[Request], Answer]
Routes = Mapping[str, tuple[str, Page]]
"""By path: the method, `GET` (which allows `HEAD`) or `POST`, and who answers."""


def as_json(status: HTTPStatus, record: Mapping[str, Any]) -> Answer:
    return Answer(status, json.dumps(record, indent=1).encode() + b"\n")


def refusal(status: HTTPStatus, words: str, **more: str) -> Answer:
    return Answer(status, json.dumps({"error": words}).encode() + b"\n", more=more)


class Server:
    """Listens and answers in threads of its own, until the end of the block.

    Args:
        place: Address and port; port 0 is a free one.
        routes: What there is.

    Raises:
        ConfigError: Nobody can listen there.
    """

    def __init__(self, place: tuple[str, int], routes: Routes, *, connection_s: float = CONNECTION_S) -> None:
        self._server = _listen(place, routes, connection_s)
        host, port = self._server.server_address[:2]
        self.address = f"[{host!s}]:{port}" if ":" in str(host) else f"{host!s}:{port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="cosmos-http", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _listen(place: tuple[str, int], routes: Routes, connection_s: float) -> "_Server":
    host, port = place
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return _Server(family, address, routes, connection_s)
    except OSError as error:
        raise ConfigError(
            f"cosmos.toml: daemon.listen: nobody can listen on {host} port {port}: {error.strerror or error}",
            "end the program that listens there, or choose another place in `listen` of [daemon]",
        ) from None


class _Server(ThreadingMixIn, TCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, family: socket.AddressFamily, address: Any, routes: Routes, connection_s: float) -> None:
        self.address_family = family
        self.routes = routes
        self.connection_s = connection_s
        self._places = threading.BoundedSemaphore(CONNECTIONS)
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            self.close_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread can be started
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        if isinstance(error, OSError):  # the other side has gone, or took too long
            logger.debug("no answer to %s: %s", client_address, error)
        else:
            logger.error("a fault of cosmos while it answered %s", client_address, exc_info=error)


class _Timed(io.RawIOBase):
    """What a socket receives until a point in time, however slowly it comes."""

    def __init__(self, connection: socket.socket, end: float) -> None:
        self._connection = connection
        self._end = end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(left_until(self._end))
        return self._connection.recv_into(buffer)


def left_until(end: float) -> float:
    """Seconds until a point in time.

    Raises:
        TimeoutError: It has passed.
    """
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time for this request is over")
    return left


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def setup(self) -> None:
        super().setup()
        self._end = time.monotonic() + self.server.connection_s
        self.rfile = io.BufferedReader(_Timed(self.connection, self._end))

    def answer(self) -> None:
        """Any method, any path."""
        self.close_connection = True
        self._has_unread = bool({"content-length", "transfer-encoding"} & {name.lower() for name in self.headers})
        method, page = self.server.routes.get(self.path.partition("?")[0], ("", None))
        if page is None:
            self._send(refusal(HTTPStatus.NOT_FOUND, "there is no such page"))
        elif self.command != method and (self.command, method) != ("HEAD", "GET"):
            allowed = "GET, HEAD" if method == "GET" else method
            self._send(refusal(HTTPStatus.METHOD_NOT_ALLOWED, f"{allowed} only", Allow=allowed))
        else:
            body = self._body() if method == "POST" else b""
            self._send(body if isinstance(body, Answer) else page(Request(self.headers, body)))
        if self._has_unread:
            self._drain()

    def __getattr__(self, name: str) -> Any:
        """`do_GET`, `do_POST` and whatever else a caller thinks of."""
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def _body(self) -> bytes | Answer:
        """The body, or why it is not read."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()):
            return refusal(HTTPStatus.LENGTH_REQUIRED, "send a Content-Length")
        if int(length[:20]) > BODY:
            return refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {BODY} bytes")
        try:
            body = self.rfile.read(int(length))
        except TimeoutError:
            return refusal(HTTPStatus.REQUEST_TIMEOUT, "the body did not come in time")
        self._has_unread = False
        if len(body) < int(length):
            return refusal(HTTPStatus.BAD_REQUEST, "the body ended too soon")
        return body

    def _drain(self) -> None:
        """A connection that is closed on bytes that nobody read is reset, and the answer may be lost with it."""
        self.connection.shutdown(socket.SHUT_WR)
        left = DRAINED
        while left > 0 and (got := len(self.rfile.read1(left))):
            left -= got

    def _send(self, answer: Answer) -> None:
        self.connection.settimeout(max(1.0, self._end - time.monotonic()))
        self.send_response(answer.status)
        headers = {
            "Content-Type": answer.kind,
            "Content-Length": str(len(answer.body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Connection": "close",
        }
        for name, value in {**headers, **answer.more}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def version_string(self) -> str:
        """Whose version is nobody's business."""
        return "cosmos"

    def log_message(self, format: str, *args: Any) -> None:
        logger.debug("%s: %s", self.client_address[0], (format % args).encode("unicode_escape").decode("ascii"))
