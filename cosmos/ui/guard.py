"""Who may ask: in front of every route and WebSocket, Gradio's own too.

A page of another site cannot make a browser act here (Origin, Sec-Fetch-Site), nor reach this one under a name of its
own (Host). Where there is a password, all but the form that asks for it needs its cookie.
"""

import asyncio
import hmac
import ipaddress
import secrets
from collections.abc import Iterable
from urllib.parse import parse_qs, urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "cosmos_page"
LOGIN = "/enter"
WRONG_S = 1.0
"""A wrong password costs this long."""
FORM_BYTES = 4096

_FORM = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>cosmos</title><style>body{{font:15px system-ui,sans-serif;background:#0d1014;color:#dfe4ea;display:grid;
place-items:center;min-height:100vh;margin:0}}form{{display:grid;gap:12px;width:min(280px,90vw)}}input,button{{font:inherit;
padding:9px 11px;border-radius:6px;border:1px solid #39424d;background:#151a20;color:inherit}}</style>
<form method="post" action="{action}"><label for="password">Password of this page</label>
<input id="password" name="password" type="password" autocomplete="current-password" autofocus required>
<button>Enter</button><p role="alert">{words}</p></form></html>"""

HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (
        b"content-security-policy",
        b"default-src 'self' blob: data:; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        b"style-src 'self' 'unsafe-inline'; connect-src 'self' ws: wss:; frame-ancestors 'none'; form-action 'self'",
    ),
)
"""Gradio needs its inline scripts; nothing is loaded from elsewhere."""


def is_known(host: str, names: Iterable[str]) -> bool:
    """Whether a Host header means this machine: an address, `localhost`, or a name that was given for it."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name in {"localhost", *(known.lower() for known in names)}
    return True


def is_loopback(address: str) -> bool:
    """Whether an address to listen on is reached from this machine only."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


class Guard:
    """ASGI middleware.

    Args:
        app: What is guarded.
        names: Host names that the page is reached by, besides addresses and `localhost`.
        password: Empty for none.
    """

    def __init__(self, app: ASGIApp, *, names: Iterable[str], password: str) -> None:
        self._app = app
        self._names = tuple(names)
        self._password = password.encode()
        self._cookie = secrets.token_urlsafe(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = await self._refusal(HTTPConnection(scope), scope, receive)
        if refusal is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, _with_headers(send))

    async def _refusal(self, asked: HTTPConnection, scope: Scope, receive: Receive) -> Response | None:
        """What is answered in place of the page, or None."""
        host = asked.headers.get("host", "")
        if not is_known(host, self._names):
            return PlainTextResponse(
                f"{host!a} is no name of this page: add it to `names` of [ui] in cosmos.toml\n", 400
            )
        if _is_act(scope) and _is_foreign(asked, host):
            return PlainTextResponse("asked by a page of another site\n", 403)
        if not self._password:
            return None
        if scope["type"] == "http" and scope["path"] == LOGIN:
            return await self._enter(Request(scope, receive))
        if hmac.compare_digest(asked.cookies.get(COOKIE, "").encode(), self._cookie.encode()):
            return None
        if scope["type"] == "http" and scope["method"] == "GET" and "text/html" in asked.headers.get("accept", ""):
            return RedirectResponse(LOGIN, 303)
        return PlainTextResponse("enter the password first\n", 401)

    async def _enter(self, request: Request) -> Response:
        if request.method != "POST":
            return HTMLResponse(_FORM.format(action=LOGIN, words=""))
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > FORM_BYTES:
                return PlainTextResponse("too long for a password\n", 413)
        given = parse_qs(body.decode("utf-8", "replace")).get("password", [""])[0]
        if not hmac.compare_digest(given.encode(), self._password):
            await asyncio.sleep(WRONG_S)
            return HTMLResponse(_FORM.format(action=LOGIN, words="That is not the password."), 401)
        answer = RedirectResponse("/", 303)
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, self._cookie, httponly=True, samesite="strict", secure=secure)
        return answer


def _is_act(scope: Scope) -> bool:
    return scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD", "OPTIONS")


def _is_foreign(asked: HTTPConnection, host: str) -> bool:
    origin = asked.headers.get("origin")
    site = asked.headers.get("sec-fetch-site", "none")
    return (origin is not None and urlsplit(origin).netloc != host) or site in ("cross-site", "same-site")


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            has = message.get("headers", ())
            message = {**message, "headers": [*has, *HEADERS]}
        await send(message)

    return sending
