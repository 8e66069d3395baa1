"""Commands about notifications: notify test."""

from typing import TYPE_CHECKING

import typer

from cosmos.cli.options import Output, OutputOption, examples, shell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cosmos.cli.render import Screen
    from cosmos.daemon.notify import Delivery

app = typer.Typer(
    help="Who is told of failures and finished sweeps: test.", no_args_is_help=True, rich_markup_mode=None
)


def add_to(parent: typer.Typer) -> None:
    app.command("test", epilog=examples("cosmos notify test", "cosmos notify test -o json"))(send)
    parent.add_typer(app, name="notify", epilog=examples("cosmos notify test"))


@app.callback()
def group() -> None:
    """Who is told of failures, finished sweeps, hosts that are away: test."""


def send(context: typer.Context, output: OutputOption = Output.TEXT) -> int:
    """Send one message to every URL now. Exits with 1 when one of them did not take it."""
    from cosmos.cli import render
    from cosmos.daemon import notify

    given = shell(context)
    with given.open() as cosmos:
        found = notify.send_test(cosmos.settings)
    render.answer(
        output,
        color=given.color,
        text=lambda screen: _lines(found, screen),
        document=lambda: {
            "format_version": 1,
            "deliveries": [
                {"position": one.position, "to": one.to, "taken": one.taken, "why": one.why} for one in found
            ],
        },
    )
    return 0 if all(one.taken for one in found) else 1


def _lines(found: "Sequence[Delivery]", screen: "Screen") -> "Iterator[str]":
    for one in found:
        mark = screen.paint("ok  ", "green") if one.taken else screen.paint("FAIL", "red")
        yield f"{mark}  {one.position}  {one.to}{f': {one.why}' if one.why else ''}"
