"""Commands that hold things back and let them go: suspend, resume."""

from typing import Annotated

import typer

from cosmos.cli.options import HostNames, Labels, SomeNames, Why, examples, shell, split

Whole = Annotated[bool, typer.Option("--project", help="The whole project.")]


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog=examples(
            'cosmos suspend "city-rain/*" --why "wrong camera"',
            'cosmos suspend --host lambda --why "new driver"',
            "cosmos suspend --project",
        )
    )(suspend)
    app.command(
        epilog=examples('cosmos resume "city-rain/*"', "cosmos resume --host lambda", "cosmos resume --project")
    )(resume)


def suspend(
    context: typer.Context,
    names: SomeNames = None,
    labels: Labels = None,
    hosts: HostNames = None,
    project: Whole = False,
    why: Why = "",
) -> int:
    """Start nothing more of runs, on hosts or in the project. What runs goes on."""
    from cosmos.cli import render

    given = shell(context)
    with given.open() as cosmos:
        found = cosmos.suspending.suspend(names or [], split(labels), hosts=hosts or [], project=project, why=why)
        closed = [word.removeprefix("host ") for word in found if word.startswith("host ")]
        left = {name: len(cosmos.suspending.under_way(name)) for name in closed}
    render.out(color=given.color).write(*found)
    render.err(color=given.color).write(*(_emptiness(name, count) for name, count in left.items()))
    return 0


def _emptiness(host: str, count: int) -> str:
    if not count:
        return f"{host} is empty: nothing that cosmos began is there."
    goes = "run goes" if count == 1 else "runs go"
    return f"{host} is not empty yet: {count} {goes} on there. The same command says so when it is."


def resume(
    context: typer.Context,
    names: SomeNames = None,
    labels: Labels = None,
    hosts: HostNames = None,
    project: Whole = False,
    why: Why = "",
) -> int:
    """End what suspend began. Also ends the rest of a host on which runs failed. Starts nothing by itself."""
    from cosmos.cli import render

    given = shell(context)
    with given.open() as cosmos:
        found = cosmos.suspending.resume(names or [], split(labels), hosts=hosts or [], project=project, why=why)
    render.out(color=given.color).write(*found)
    render.err(color=given.color).write("cosmos apply goes on.")
    return 0
