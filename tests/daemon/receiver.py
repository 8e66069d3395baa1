"""An HTTP server that takes what apprise posts to json:// URLs, or does what a bad service does."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.cli.console import wait_until


class Receiver:
    """`posts` are the messages that were taken, oldest first; `asked` counts all that came.

    `answers` are the states of the next answers; 200 once they are used up. While `hold` is set, none is given.
    """

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        self.asked = 0
        self.answers: list[int] = []
        self.hold = threading.Event()
        self.let_go = threading.Event()
        self.url = ""

    @property
    def titles(self) -> list[str]:
        return [post["title"] for post in self.posts]

    def wait_for(self, count: int) -> None:
        wait_until(lambda: len(self.posts) >= count)


@contextmanager
def receiver(path: str = "") -> Iterator[Receiver]:
    found = Receiver()

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.asked += 1
            if found.hold.is_set():
                found.let_go.wait(60)
            status = found.answers.pop(0) if found.answers else 200
            if status == 200:
                found.posts.append(json.loads(body))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Not to stderr."""

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                return  # who asked has gone

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        found.url = f"json://127.0.0.1:{server.server_address[1]}/{path}"
        try:
            yield found
        finally:
            found.let_go.set()
            server.shutdown()
            thread.join()
