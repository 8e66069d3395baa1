"""`cosmos ui`: the server. A FastAPI application with our routes, Gradio behind them; nothing leaves the machine."""

import os
import socket
import warnings
from collections.abc import Callable, MutableMapping
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from cosmos.api import CosmosAPI
from cosmos.errors import ConfigError, RefusedError
from cosmos.settings import Settings
from cosmos.ui.guard import Guard, is_loopback

VARIABLE = "COSMOS_UI_PASSWORD"
SHORTEST = 8
_QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_RUN_HISTORY": "False",
    "GRADIO_SSR_MODE": "False",
    "GRADIO_MCP_SERVER": "False",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
_NOT_OURS = ("GRADIO_ALLOWED_PATHS", "GRADIO_BLOCKED_PATHS", "GRADIO_ROOT_PATH", "GRADIO_SHARE")
IDLE_S = 0.05
"""Between two looks of Gradio's queue at itself; its own thousandth of a second takes 7 % of a core."""
SESSIONS = 50
SHARED = ("cosmos", "close", "stage", "filters", "edit", "editor", "act", "review")
"""Scripts that pages use, in the order in which they need each other."""


def read_password(settings: Settings, environment: MutableMapping[str, str]) -> str:
    """From the environment, where it is taken out so that no program inherits it, or from the file; empty without.

    Raises:
        ConfigError: It cannot be read, or is too short.
    """
    text, place = environment.pop(VARIABLE, ""), VARIABLE
    if not text and settings.ui.password_file:
        place = settings.ui.password_file
        try:
            text = (settings.root / Path(place).expanduser()).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError, RuntimeError) as error:
            words = (isinstance(error, OSError) and error.strerror) or str(error)
            remedy = "write the password into it, or correct `password_file` of [ui]"
            raise ConfigError(f"cosmos.toml: ui.password_file: {place}: {words}", remedy) from None
    password = text.strip()
    if (text or settings.ui.password_file) and len(password) < SHORTEST:
        raise ConfigError(
            f"the password of the page in {place} has less than {SHORTEST} letters", "choose a longer one"
        )
    return password


def check_place(host: str, password: str) -> None:
    """Beyond this machine only with a password.

    Raises:
        RefusedError: There is none.
    """
    if not is_loopback(host) and not password:
        remedy = f"set {VARIABLE}, or `password_file` of [ui]; or reach 127.0.0.1 through `ssh -L 8787:127.0.0.1:8787`"
        raise RefusedError(f"the page would be open to everybody who reaches {host}", remedy)


def make_app(cosmos: CosmosAPI, *, names: tuple[str, ...] = (), password: str = "") -> FastAPI:
    """The whole page as an ASGI application."""
    settings = cosmos.settings
    temporary = settings.state / "page"
    temporary.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in _NOT_OURS:
        os.environ.pop(name, None)
    os.environ.update(_QUIET, GRADIO_TEMP_DIR=str(temporary))
    import gradio as gr

    from cosmos.ui import routes
    from cosmos.ui.desk import Desk
    from cosmos.ui.frame import document
    from cosmos.ui.pages import PAGES

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Guard, names=(*settings.ui.names, *names), password=password)
    desk = Desk(cosmos)
    app.router.add_event_handler("shutdown", desk.leave)
    routes.add_to(app, desk)
    blocks = document(desk, PAGES)
    blocks.queue(default_concurrency_limit=8, api_open=False, max_size=200)
    blocks.state_session_capacity = SESSIONS
    scripts = "".join(f'<script src="/page/{name}.js"></script>' for name in (*SHARED, *(page.name for page in PAGES)))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*SSR.*|.*ssr.*")
        gr.mount_gradio_app(
            app,
            blocks,
            path="/",
            run_history=False,
            footer_links=[],
            ssr_mode=False,
            enable_monitoring=False,
            mcp_server=False,
            show_error=False,
            allowed_paths=[],
            blocked_paths=[str(settings.root)],
            max_file_size="1mb",
            theme=gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
            head=f'<link rel="stylesheet" href="/page/cosmos.css">{scripts}',
        )
    for name in ("sleep_when_free", "progress_update_sleep_when_free"):
        if hasattr(blocks._queue, name):
            setattr(blocks._queue, name, IDLE_S)
    return app


class _Server(uvicorn.Server):
    """Says when it listens, and ends at the first Ctrl-C whatever browsers hold open."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[int], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready(self.servers[0].sockets[0].getsockname()[1])


def serve(cosmos: CosmosAPI, *, host: str, port: int, password: str, ready: Callable[[int], None]) -> None:
    """Serve until Ctrl-C or TERM. `ready` is told the port once it listens.

    Raises:
        RefusedError: The address cannot be used.
    """
    names = () if host in ("0.0.0.0", "::") else (host,)  # noqa: S104 - compared, not listened to
    app = make_app(cosmos, names=names, password=password)
    config = uvicorn.Config(
        app, host=host, port=port, log_level="error", timeout_graceful_shutdown=1, access_log=False, lifespan="on"
    )
    try:
        _Server(config, ready).run()
    except SystemExit as error:  # uvicorn's word for an address that it cannot have
        remedy = "another program may have it: choose another with --port, or 0 for a free one"
        raise RefusedError(f"the page cannot listen on {host} port {port}", remedy) from error
    except KeyboardInterrupt:
        return
