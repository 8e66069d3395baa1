"""The server under callers that are slow, wrong or many: it answers the others, in time."""

import http.client
import re
import socket
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus

import pytest

from cosmos.daemon.server import BODY, CONNECTIONS, Answer, Request, Routes, Server, as_json
from cosmos.errors import ConfigError

PATIENCE_S = 60.0


def show(request: Request) -> Answer:
    return as_json(HTTPStatus.OK, {"got": request.body.decode(), "agent": request.headers.get("User-Agent", "")})


def fail(request: Request) -> Answer:
    raise RuntimeError(f"out of order: {len(request.body)}")


ROUTES: Routes = {"/page": ("GET", show), "/door": ("POST", show), "/fault": ("GET", fail)}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), ROUTES) as made:
        yield made


@pytest.fixture(scope="module")
def hasty() -> Iterator[Server]:
    """One that gives nobody more than a moment."""
    with Server(("127.0.0.1", 0), ROUTES, connection_s=0.5) as made:
        yield made


def place(server: Server) -> tuple[str, int]:
    host, _, port = server.address.rpartition(":")
    return host.strip("[]"), int(port)


def ask(
    server: Server, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, bytes, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection(*place(server), timeout=PATIENCE_S)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def speak(server: Server, text: bytes) -> bytes:
    """All that comes back on a connection of its own, once these bytes were sent."""
    with socket.create_connection(place(server), PATIENCE_S) as connection:
        connection.sendall(text)
        return heard(connection)


def heard(connection: socket.socket) -> bytes:
    found = b""
    while piece := connection.recv(65536):
        found += piece
    return found


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


def test_a_page_is_answered_and_its_head_without_a_body(server: Server) -> None:
    status, body, headers = ask(server, "GET", "/page?query=ignored", User_Agent="me")
    assert (status, body) == (200, b'{\n "got": "",\n "agent": "me"\n}\n')
    assert headers["Content-Type"] == "application/json"
    assert headers["Server"] == "cosmos"
    assert headers["X-Content-Type-Options"] == "nosniff"
    head = ask(server, "HEAD", "/page", User_Agent="me")
    assert (head[0], head[1], head[2]["Content-Length"]) == (200, b"", str(len(body)))


@pytest.mark.parametrize(
    ("method", "path", "status", "allowed"),
    [
        ("GET", "/", 404, None),
        ("GET", "/page/", 404, None),
        ("GET", "/../page", 404, None),
        ("POST", "/nothing", 404, None),
        ("POST", "/page", 405, "GET, HEAD"),
        ("DELETE", "/page", 405, "GET, HEAD"),
        ("OPTIONS", "/page", 405, "GET, HEAD"),
        ("BREW", "/page", 405, "GET, HEAD"),
        ("GET", "/door", 405, "POST"),
        ("HEAD", "/door", 405, "POST"),
    ],
)
def test_other_paths_and_methods_are_refused(
    server: Server, method: str, path: str, status: int, allowed: str | None
) -> None:
    found, body, headers = ask(server, method, path)
    assert (found, headers["Allow"]) == (status, allowed)
    assert (b"error" in body) == (method != "HEAD")


def test_a_body_is_handed_over_whole_up_to_its_limit(server: Server) -> None:
    assert ask(server, "POST", "/door", b"x" * 1000)[:2] == (
        200,
        b'{\n "got": "%s",\n "agent": ""\n}\n' % (b"x" * 1000),
    )
    assert ask(server, "POST", "/door", b"x" * BODY)[0] == 200
    assert ask(server, "POST", "/door", b"x" * (BODY + 1))[0] == 413


@pytest.mark.parametrize("path", ["/door", "/page", "/nothing"])
def test_who_sends_too_much_still_hears_why_not(server: Server, path: str) -> None:
    for _ in range(5):
        assert ask(server, "POST", path, b"x" * (3 * BODY))[0] in (413, 405, 404)


@pytest.mark.parametrize("length", ["", "-1", "1e3", "0x10", "9" * 400, "\u0664"])
def test_a_length_that_is_none_is_refused(server: Server, length: str) -> None:
    text = f"POST /door HTTP/1.1\r\nContent-Length: {length}\r\n\r\n".encode()
    with socket.create_connection(place(server), PATIENCE_S) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        assert re.match(rb"HTTP/1.0 (411|413) ", heard(connection))


def test_a_body_that_comes_in_chunks_is_refused(server: Server) -> None:
    text = b"POST /door HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
    with socket.create_connection(place(server), PATIENCE_S) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        assert heard(connection).startswith(b"HTTP/1.0 411 ")


def test_a_body_that_ends_too_soon_is_refused(server: Server) -> None:
    with socket.create_connection(place(server), PATIENCE_S) as connection:
        connection.sendall(b"POST /door HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc")
        connection.shutdown(socket.SHUT_WR)
        assert heard(connection).startswith(b"HTTP/1.0 400 ")


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"", b""),
        (b"GET /page HTTP/1.1\r\nX: ", b""),
        (b"POST /door HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc", b"HTTP/1.0 408 "),
    ],
    ids=["nothing", "half a header", "half a body"],
)
def test_who_falls_silent_is_left(hasty: Server, said: bytes, answer: bytes) -> None:
    assert speak(hasty, said)[:13] == answer


def test_who_speaks_for_ever_is_left_too(hasty: Server) -> None:
    """A byte now and then keeps no place: the time is for the request as a whole."""
    with socket.create_connection(place(hasty), PATIENCE_S) as connection:
        connection.sendall(b"GET /page HTTP/1.1\r\nX: ")
        end = time.monotonic() + PATIENCE_S
        connection.settimeout(0.05)
        while time.monotonic() < end:
            try:
                connection.sendall(b"x")
                assert connection.recv(1) == b""
            except TimeoutError:
                continue
            except ConnectionError:
                pass
            return
        pytest.fail("it is heard for ever")


def test_only_so_many_are_heard_at_once_and_places_become_free_again(server: Server) -> None:
    silent = [socket.create_connection(place(server), PATIENCE_S) for _ in range(CONNECTIONS)]
    try:
        with pytest.raises((http.client.BadStatusLine, ConnectionError)):
            ask(server, "GET", "/page")
    finally:
        for connection in silent:
            connection.close()

    def answers() -> bool:
        try:
            return ask(server, "GET", "/page")[0] == 200
        except (http.client.BadStatusLine, ConnectionError):
            return False

    for _ in range(CONNECTIONS + 1):
        wait_until(answers)


def test_a_fault_is_logged_and_ends_nothing(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises((http.client.BadStatusLine, ConnectionError)):
        ask(server, "GET", "/fault")
    wait_until(lambda: "a fault of cosmos while it answered" in caplog.text)
    assert "RuntimeError: out of order" in caplog.text
    assert ask(server, "GET", "/page")[0] == 200


def test_nonsense_is_refused_and_cannot_write_into_the_log(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    assert speak(server, b"GET /page\x1b[31m\rINFO all is well HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.0 400 ")
    assert all(record.getMessage().isascii() and record.getMessage().isprintable() for record in caplog.records)


def test_the_end_of_the_block_ends_the_server() -> None:
    with Server(("127.0.0.1", 0), ROUTES) as server:
        assert ask(server, "GET", "/page")[0] == 200
    with pytest.raises(ConnectionRefusedError):
        ask(server, "GET", "/page")
    with Server(place(server), ROUTES) as again:
        assert again.address == server.address


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (("192.0.2.1", 9464), "192.0.2.1 port 9464: Cannot assign requested address"),
        (("no-such-name.invalid", 9464), "no-such-name.invalid port 9464: "),
    ],
)
def test_where_nobody_can_listen_is_named(where: tuple[str, int], words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)) as caught:
        Server(where, ROUTES)
    assert "daemon.listen" in caught.value.message
    assert "`listen` of [daemon]" in caught.value.hint


def test_a_port_that_is_in_use_is_named(server: Server) -> None:
    with pytest.raises(ConfigError, match=f"daemon.listen: .* port {place(server)[1]}: Address already in use"):
        Server(place(server), ROUTES)


def test_ipv6() -> None:
    with socket.socket(socket.AF_INET6) as trial:
        try:
            trial.bind(("::1", 0))
        except OSError as error:
            pytest.skip(f"no IPv6 here: {error}")
    with Server(("::1", 0), ROUTES) as other:
        assert other.address.startswith("[::1]:")
        assert ask(other, "GET", "/page")[0] == 200
