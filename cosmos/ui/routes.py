"""Routes beside Gradio's: media with ranges, scripts and style, the push of news, and logs as they grow."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path

from fastapi import FastAPI, HTTPException, WebSocket, WebSocketDisconnect
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from cosmos.api import CosmosAPI
from cosmos.errors import CosmosError, NotFoundError
from cosmos.ui.desk import Desk
from cosmos.ui.editing import Given, Row, refusal

Act = Callable[[Given], Row]
FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
"""Of what is named by its digest."""
CHECKED = {"Cache-Control": "private, no-cache"}
LOOK_EVERY_S = 1.0
LOG_TAIL = 2000
BODY_MAX = 1 << 20
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def add_to(app: FastAPI, desk: Desk) -> None:
    """Add all of them; they come before Gradio's."""
    cosmos = desk.cosmos
    app.add_api_route("/media/result/{digest}/{name:path}", _results(cosmos), methods=["GET", "HEAD"])
    app.add_api_route("/media/input/{path:path}", _inputs(cosmos), methods=["GET", "HEAD"])
    app.add_api_route("/page/{name}", _asset, methods=["GET", "HEAD"])
    for name, act in _acts(desk).items():
        app.add_api_route(f"/edit/{name}", _asked(act), methods=["POST"])
    app.add_api_route("/healthz", lambda: {"ok": True})
    app.add_api_websocket_route("/ws/news", News(desk))
    app.add_api_websocket_route("/ws/log/{key:path}", _logs(cosmos))


def _results(cosmos: CosmosAPI) -> Callable[[str, str], Response]:
    def result(digest: str, name: str) -> Response:
        return _file(lambda: cosmos.gallery.result_file(digest, name), name, FOREVER)

    return result


def _inputs(cosmos: CosmosAPI) -> Callable[[str], Response]:
    def given(path: str) -> Response:
        return _file(lambda: cosmos.gallery.input_file(path), path, CHECKED)

    return given


def _file(find: Callable[[], Path], name: str, headers: dict[str, str]) -> Response:
    try:
        path = find()
    except NotFoundError as error:
        raise HTTPException(404, error.message) from None
    plain = Path(name).suffix.lower() in (".json", ".log", ".txt")
    kind = "text/plain; charset=utf-8" if plain else None
    return FileResponse(
        path, headers=headers, media_type=kind, filename=Path(name).name, content_disposition_type="inline"
    )


def _acts(desk: Desk) -> dict[str, Act]:
    made, acts = desk.drafts, desk.acts
    edits = {"reword": made.reword, "check": made.check, "draft": made.draft, "plan": made.plan, "save": made.save}
    return {**edits, "foresee": acts.foresee, "do": acts.do, "rate": acts.rate, "upscalers": acts.upscalers}


def _asked(act: Act) -> Callable[[Request], Awaitable[Response]]:
    """A question with JSON in its body, and an answer with JSON. Who may ask is the guard's."""

    async def asked(request: Request) -> Response:
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > BODY_MAX:
                raise HTTPException(413)
        try:
            given = json.loads(body)
        except ValueError:
            raise HTTPException(400, "this is no JSON") from None
        if not isinstance(given, dict):
            raise HTTPException(400, "this is no JSON object")
        return JSONResponse(await asyncio.to_thread(_careful, act, given))

    return asked


def _careful(act: Act, given: Given) -> Row:
    try:
        return act(given)
    except CosmosError as error:
        return refusal(error)


def _asset(name: str) -> Response:
    kind = _KINDS.get(Path(name).suffix)
    found = resources.files("cosmos.ui.assets").joinpath(name)
    if kind is None or "/" in name or not found.is_file():
        raise HTTPException(404)
    return Response(found.read_bytes(), media_type=kind, headers=CHECKED)


class News:
    """Tells every open page when there is something new. One look a second for all of them, none where nobody watches.

    Args:
        desk: The project.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._looked_at = 0.0
        self._version = ""
        self._lock = asyncio.Lock()

    async def __call__(self, socket: WebSocket) -> None:
        await socket.accept()
        gone = asyncio.ensure_future(socket.receive())  # completes when the browser leaves; a sender alone would linger
        told = None
        try:
            while not gone.done():
                version = await self._now()
                if version != told:
                    told = version
                    await socket.send_text(version)
                await asyncio.wait({gone}, timeout=LOOK_EVERY_S)
        except WebSocketDisconnect:
            return
        finally:
            gone.cancel()

    async def _now(self) -> str:
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now - self._looked_at >= LOOK_EVERY_S * 0.9 or not self._version:
                self._version = await asyncio.to_thread(self._look)
                self._looked_at = now
        return self._version

    def _look(self) -> str:
        try:
            return self._desk.version()
        except CosmosError as error:
            return f"trouble: {error.message}"


def _logs(cosmos: CosmosAPI) -> Callable[[WebSocket, str], "object"]:
    """The log of a run's newest attempt, in pieces of JSON text, as it grows."""
    threads = ThreadPoolExecutor(8, thread_name_prefix="log")

    async def log(socket: WebSocket, key: str) -> None:
        await socket.accept()
        loop, pieces, over = asyncio.get_running_loop(), asyncio.Queue[bytes | None](100), threading.Event()

        def read() -> None:
            try:
                for piece in cosmos.logs(key, tail=LOG_TAIL, follow=True):
                    if over.is_set():
                        return
                    asyncio.run_coroutine_threadsafe(pieces.put(piece), loop).result(60)
            except CosmosError as error:
                asyncio.run_coroutine_threadsafe(pieces.put(f"{error.message}\n".encode()), loop).result(60)
            finally:
                asyncio.run_coroutine_threadsafe(pieces.put(None), loop)

        loop.run_in_executor(threads, read)
        gone = asyncio.ensure_future(socket.receive())
        try:
            while not gone.done():
                next_one = asyncio.ensure_future(pieces.get())
                await asyncio.wait({gone, next_one}, return_when=asyncio.FIRST_COMPLETED)
                if not next_one.done():
                    next_one.cancel()
                    return
                piece = next_one.result()
                await socket.send_text(json.dumps(None if piece is None else piece.decode("utf-8", "replace")))
                if piece is None:
                    await socket.close()
                    return
        except WebSocketDisconnect:
            return
        finally:
            over.set()
            gone.cancel()

    return log
