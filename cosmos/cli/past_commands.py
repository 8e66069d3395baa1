"""Commands about what happened: events, history."""

import time
from enum import StrEnum
from typing import Annotated

import typer

from cosmos.cli.options import Name, Output, OutputOption, complete_names, examples, seconds, shell


class EventKind(StrEnum):
    NORMAL = "Normal"
    WARNING = "Warning"


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog=examples("cosmos events", "cosmos events -w --kind Warning", 'cosmos events --for "city-*" --since 7d')
    )(events)
    app.command(epilog=examples("cosmos history city-rain/edge-0.2", "cosmos history city-rain -n 3 -o json"))(history)


def events(
    context: typer.Context,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Go on with each event as it comes, until Ctrl-C.")
    ] = False,
    name: Annotated[
        str,
        typer.Option(
            "--for",
            metavar="NAME",
            help="About these runs: name, id, glob, unique prefix.",
            autocompletion=complete_names,
            show_default=False,
        ),
    ] = "",
    since: Annotated[str, typer.Option(metavar="TIME", help="Of the last 10m, 1h30m, 7d, ...; kept are 30d.")] = "1d",
    kind: Annotated[EventKind | None, typer.Option(help="Only of this kind.", show_default=False)] = None,
    output: OutputOption = Output.TEXT,
) -> int:
    """Show what happened, newest last. With --watch and -o json: one JSON document a line."""
    from cosmos.cli import past_page, render

    given, since_s = shell(context), seconds(since, "--since") or 0.0
    begin, of_kind = time.time() - since_s, kind.value if kind else ""
    with given.open() as cosmos:
        if watch:
            rows_to_come = cosmos.upkeep.watch(name=name, since=begin, kind=of_kind)
            past_page.follow(rows_to_come, render.out(color=given.color), as_json=output is Output.JSON)
        rows = cosmos.upkeep.events(name=name, since=begin, kind=of_kind)
    render.answer(
        output,
        color=given.color,
        text=lambda screen: past_page.event_lines(rows, screen, since),
        document=lambda: past_page.event_document(rows),
    )
    return 0


def history(
    context: typer.Context,
    name: Name,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="Newest versions of each run.")] = 10,
    output: OutputOption = Output.TEXT,
) -> int:
    """Show the versions of a run or sweep and all that happened.

    A version is a digest that the run had: what rollback goes back to. Runs may be gone from the specs.
    """
    from cosmos.cli import past_page, render

    given = shell(context)
    with given.open() as cosmos:
        rows, versions = cosmos.upkeep.history(name), cosmos.upkeep.versions(name)
    shown = past_page.newest(versions, limit)
    render.answer(
        output,
        color=given.color,
        text=lambda screen: [*past_page.version_lines(shown, screen), *past_page.history_lines(rows, screen)],
        document=lambda: past_page.history_document(rows, shown),
    )
    return 0
