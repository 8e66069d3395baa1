"""Commands that show: status, list, show, logs, explain."""

from enum import StrEnum
from typing import Annotated

import typer

from cosmos.cli.options import (
    Labels,
    ListOutput,
    ListOutputOption,
    Name,
    Names,
    Output,
    OutputOption,
    examples,
    seconds,
    shell,
    split,
)


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog=examples("cosmos status", "cosmos status --look -o json | jq '.runs[] | select(.phase == \"Failed\")'")
    )(status)
    app.command(
        "list",
        epilog=examples(
            "cosmos list runs -l scene=city",
            "cosmos list runs --where 'rating >= 4 and prompt != none'",
            'cosmos list prompts "heavy-*"',
            "cosmos list models -o json",
        ),
    )(list_)
    app.command(
        epilog=examples("cosmos show city-rain/edge-0.2", "cosmos show prompt/heavy-rain", "cosmos show model/preview")
    )(show)
    app.command(
        epilog=examples("cosmos logs city-rain/edge-0.2 --tail 50", "cosmos logs -f --since 10m city-rain/edge-0.2")
    )(logs)
    app.command(epilog=examples("cosmos explain city-rain/edge-0.2", "cosmos explain city-rain/edge-0.2 -o json"))(
        explain
    )


class Kind(StrEnum):
    RUNS = "runs"
    PROMPTS = "prompts"
    MODELS = "models"
    HOSTS = "hosts"
    SWEEPS = "sweeps"


def status(
    context: typer.Context,
    look: Annotated[
        bool | None,
        typer.Option(
            "--look/--no-look",
            help="Look at the hosts first, or never. Default: when work is under way.",
            show_default=False,
        ),
    ] = None,
    output: ListOutputOption = ListOutput.TEXT,
) -> int:
    """Show where every run stands."""
    from cosmos.cli import render, status_page

    given = shell(context)
    with given.open() as cosmos:
        view = cosmos.status(look=look)
    render.answer(
        output,
        color=given.color,
        text=lambda screen: status_page.lines(view, screen),
        document=lambda: status_page.document(view),
        names=(one.key for one in view.statuses),
    )
    return 0


def list_(
    context: typer.Context,
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help="What to list.")],
    names: Names = None,
    labels: Labels = None,
    where: Annotated[
        str,
        typer.Option(metavar="CONDITION", help="Only runs for which it holds, as 'rating >= 4'.", show_default=False),
    ] = "",
    output: ListOutputOption = ListOutput.TEXT,
) -> int:
    """List runs, sweeps, prompts, models or hosts."""
    from cosmos.cli import listing, render

    if where and kind is not Kind.RUNS:
        raise typer.BadParameter("only runs are listed by a condition", param_hint="--where")
    given = shell(context)
    with given.open() as cosmos:
        if where:
            found = listing.runs(cosmos, names or [], split(labels), where)
        else:
            found = listing.LISTS[kind.value](cosmos, names or [], split(labels))
    render.answer(
        output,
        color=given.color,
        text=lambda screen: listing.lines(found, screen),
        document=lambda: listing.document(found),
        names=found.names,
    )
    return 0


def show(context: typer.Context, name: Name, output: OutputOption = Output.TEXT) -> int:
    """Show all about one run, prompt or model."""
    from cosmos.cli import details, render

    given = shell(context)
    with given.open() as cosmos:
        found = cosmos.show(name)
    render.answer(
        output,
        color=given.color,
        text=lambda screen: details.lines(found, screen),
        document=lambda: details.document(found),
    )
    return 0


def logs(
    context: typer.Context,
    name: Name,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as the log grows, until the run ends.")] = False,
    tail: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Only the last N lines.", show_default=False)
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only what was written in the last 10m, 1h30m or 45s.", show_default=False),
    ] = None,
    attempt: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Of this attempt; default: the newest.", show_default=False)
    ] = None,
) -> int:
    """Print the log of a run, byte for byte."""
    from cosmos.cli import render

    screen, since_s = render.out(), seconds(since, "--since")
    with shell(context).open() as cosmos:
        for piece in cosmos.logs(name, attempt=attempt, since_s=since_s, tail=tail, follow=follow):
            screen.write_bytes(piece)
    return 0


def explain(context: typer.Context, name: Name, output: OutputOption = Output.TEXT) -> int:
    """Say why a run would or would not start. Names the line that decides."""
    from cosmos.cli import explanation, render

    given = shell(context)
    with given.open() as cosmos:
        found = cosmos.explain(name)
    render.answer(
        output,
        color=given.color,
        text=lambda screen: explanation.lines(found, screen),
        document=lambda: explanation.document(found),
    )
    return 0
