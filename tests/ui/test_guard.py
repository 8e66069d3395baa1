"""Who may ask the page, over a real socket."""

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from cosmos.config import ConfigManager
from cosmos.errors import ConfigError, RefusedError
from cosmos.ui.guard import Guard
from cosmos.ui.server import check_place, read_password


async def everything(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers yes to whatever comes through."""
    del receive
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"yes"})


@pytest.fixture(scope="module", params=["", "open sesame"], ids=["open", "password"])
def place(request: pytest.FixtureRequest) -> Iterator[tuple[int, str]]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        guard = Guard(everything, names=["render.example"], password=request.param)
        server = uvicorn.Server(uvicorn.Config(guard, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield listening.getsockname()[1], request.param
        server.should_exit = True
        thread.join(30)


def ask(port: int, method: str = "GET", path: str = "/", body: str = "", **headers: str) -> http.client.HTTPResponse:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        answer.read()
        return answer


def cookie_of(port: int, password: str) -> str:
    answer = ask(port, "POST", "/enter", f"password={password.replace(' ', '+')}")
    assert answer.status == 303
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    return cookie.partition(";")[0]


def test_only_who_may_comes_through(place: tuple[int, str]) -> None:
    port, password = place
    cookie = {"Cookie": cookie_of(port, password)} if password else {}
    allowed = 200
    cases = [
        ("GET", {"Host": "127.0.0.1"}, allowed),
        ("GET", {"Host": "localhost:8787"}, allowed),
        ("GET", {"Host": "render.example"}, allowed),
        ("GET", {"Host": "evil.example"}, 400),
        ("GET", {"Host": "render.example.evil.example"}, 400),
        ("POST", {"Host": "127.0.0.1", "Origin": "http://127.0.0.1"}, allowed),
        ("POST", {"Host": "127.0.0.1", "Origin": "http://evil.example"}, 403),
        ("POST", {"Host": "127.0.0.1", "Origin": "null"}, 403),
        ("POST", {"Host": "127.0.0.1", "Sec-Fetch-Site": "cross-site"}, 403),
        ("GET", {"Host": "127.0.0.1", "Upgrade": "websocket", "Connection": "Upgrade", "Origin": "http://evil.example",
                 "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}, 403),
    ]  # fmt: skip
    for method, headers, status in cases:
        answer = ask(port, method, **headers, **cookie)
        assert (answer.status, headers) == (status, headers)
        if password:
            assert ask(port, method, **headers).status == (401 if status == allowed else status)
    assert "frame-ancestors 'none'" in ask(port).headers["Content-Security-Policy"]


def test_a_wrong_password_or_cookie_opens_nothing(place: tuple[int, str]) -> None:
    port, password = place
    if not password:
        return
    assert ask(port, "POST", "/enter", "password=sesame").status == 401
    assert ask(port, Cookie="cosmos_page=guess").status == 401
    assert ask(port, Accept="text/html").headers["Location"] == "/enter"


def test_beyond_this_machine_a_password_is_needed() -> None:
    for address in ("127.0.0.1", "127.0.0.9", "::1", "localhost"):
        check_place(address, "")
    for address in ("0.0.0.0", "::", "192.0.2.7", "render.example"):
        with pytest.raises(RefusedError, match="open to everybody"):
            check_place(address, "")
        check_place(address, "long enough")


def test_a_password_is_read_and_taken_out_of_the_environment(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    settings = ConfigManager(tmp_path, {}).settings()
    environment = {"COSMOS_UI_PASSWORD": "long enough\n"}
    assert (read_password(settings, environment), environment) == ("long enough", {})
    assert read_password(settings, {}) == ""
    with pytest.raises(ConfigError, match="less than 8"):
        read_password(settings, {"COSMOS_UI_PASSWORD": "short"})
    (tmp_path / "cosmos.toml").write_text('[ui]\npassword_file = "word"\n')
    named = ConfigManager(tmp_path, {}).settings()
    with pytest.raises(ConfigError, match=r"ui\.password_file: word"):
        read_password(named, {})
    (tmp_path / "word").write_text("from a file\n")
    assert read_password(named, {}) == "from a file"
