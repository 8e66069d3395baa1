"""Command about the page: ui."""

from typing import Annotated

import typer

from cosmos.cli.options import examples, shell

NOT_INSTALLED = "the page needs Gradio, which is not installed"


def add_to(app: typer.Typer) -> None:
    app.command(epilog=examples("cosmos ui", "cosmos ui --open", "cosmos ui --port 0"))(ui)


def ui(
    context: typer.Context,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; beyond this machine a password is needed.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0: a free one.")] = 8787,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> int:
    """Serve the page: look, compare, plan and apply in a browser. Ctrl-C ends it; what runs goes on."""
    import os
    from importlib.util import find_spec

    from cosmos.cli import render
    from cosmos.errors import ConfigError

    if find_spec("gradio") is None:
        raise ConfigError(NOT_INSTALLED, "pip install 'cosmos-gitops[ui]'")
    from cosmos.ui import server

    given = shell(context)
    talk = render.err(color=given.color)

    def ready(port: int) -> None:
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        talk.write(f"The page is at {address}. Ctrl-C ends it.")
        if open_it:
            typer.launch(address)

    with given.open() as cosmos:
        password = server.read_password(cosmos.settings, os.environ)
        server.check_place(host, password)
        server.serve(cosmos, host=host, port=port, password=password, ready=ready)
    return 0
