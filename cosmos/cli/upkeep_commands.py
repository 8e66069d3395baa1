"""Commands that look after what there is: doctor, verify, gc, backup."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosmos.cli.options import HostNames, Output, OutputOption, examples, seconds, shell

if TYPE_CHECKING:
    from cosmos.cli.render import Screen


def add_to(app: typer.Typer) -> None:
    app.command(epilog=examples("cosmos doctor", "cosmos doctor --no-hosts -o json"))(doctor)
    checks = examples("cosmos verify", "cosmos verify --read-data --fix", "cosmos verify --host lambda -o json")
    app.command(epilog=checks)(verify)
    clears = examples(
        "cosmos gc --store --hosts", "cosmos gc --host lambda --yes", "cosmos gc --store --older-than 30d"
    )
    app.command(epilog=clears)(gc)
    app.command(epilog=examples("cosmos backup ~/backups/state-$(date +%F).db"))(backup)


def doctor(
    context: typer.Context,
    hosts: Annotated[bool, typer.Option("--hosts/--no-hosts", help="Look at the hosts too.")] = True,
    output: OutputOption = Output.TEXT,
) -> int:
    """Say what is wrong here and on the hosts, and what mends it.

    Mends nothing itself. Exits with 1 when something has to be mended, with 6 when all that is wrong is that a host
    could not be reached. Works where there is no project, too.
    """
    from cosmos.cli import check_page, render

    given = shell(context)
    with given.open() as cosmos:
        found = cosmos.doctor.examine(hosts=hosts)
    render.answer(
        output,
        color=given.color,
        text=lambda screen: check_page.lines(found, screen),
        document=lambda: check_page.examined(found),
    )
    return check_page.worst(found)


def verify(
    context: typer.Context,
    read: Annotated[
        bool, typer.Option("--read-data", help="Read every byte again, here and on the hosts. Takes time.")
    ] = False,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can be mended. Without it nothing is changed.")] = False,
    hosts: HostNames = None,
    output: OutputOption = Output.TEXT,
) -> int:
    """Hold ledger, store, outputs/ and hosts against each other.

    Exits with 0 when nothing is wrong, with 1 when something is (left), with 6 when all that is wrong is that a host
    could not be looked at.
    """
    from cosmos.cli import render, verify_page

    given = shell(context)
    talk = render.err(color=given.color)
    with given.open() as cosmos:
        found = cosmos.upkeep.verify(hosts or [], read=read, fix=fix, say=lambda words: _say(talk, words))
    render.answer(
        output,
        color=given.color,
        text=lambda screen: verify_page.lines(found, screen),
        document=lambda: verify_page.document(found),
    )
    return verify_page.exit_code(found)


def gc(
    context: typer.Context,
    store: Annotated[bool, typer.Option("--store", help="In the local store, and kept logs of failures.")] = False,
    every: Annotated[bool, typer.Option("--hosts", help="On all hosts.")] = False,
    hosts: HostNames = None,
    finished: Annotated[
        bool,
        typer.Option("--finished", help="On hosts, inputs of finished runs too."),
    ] = False,
    older: Annotated[
        str, typer.Option("--older-than", metavar="TIME", help="Only what was not used for so long; least: 10m.")
    ] = "1d",
    yes: Annotated[
        bool, typer.Option("--yes/--dry-run", "-y", help="Remove it, or only say what would go (the default).")
    ] = False,
    output: OutputOption = Output.TEXT,
) -> int:
    """Remove what neither results, nor live work, nor specs refer to. Results always stay; so does what is in doubt."""
    from cosmos.cli import gc_page, render
    from cosmos.core.garbage import Scope

    given, idle_s, named = shell(context), seconds(older, "--older-than"), ["*"] if every else hosts or []
    if not store and not named:
        raise typer.TyperException("nothing says where: --store, --hosts or --host NAME")
    if finished and not named:
        raise typer.TyperException("--finished is about hosts: give --hosts or --host NAME with it")
    scope = Scope(store=store, hosts=named, idle_s=idle_s or 0.0, finished=finished)
    talk = render.err(color=given.color)
    with given.open() as cosmos:
        found = cosmos.upkeep.clear(scope, say=lambda words: _say(talk, words)) if yes else cosmos.upkeep.garbage(scope)
    render.answer(
        output,
        color=given.color,
        text=lambda screen: gc_page.lines(found, screen),
        document=lambda: gc_page.document(found),
    )
    return gc_page.exit_code(found)


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.", dir_okay=False)],
) -> int:
    """Write a whole copy of the database to a new file."""
    from cosmos.cli import render
    from cosmos.core.plan_text import size

    given = shell(context)
    with given.open() as cosmos:
        written = cosmos.upkeep.back_up(file)
    render.err(color=given.color).write(f"{file}: {size(written)}, checked. docs/operations.md says what else to keep.")
    return 0


def _say(talk: "Screen", words: str) -> None:
    """What a person waits for, where a person waits."""
    if talk.width is not None:
        talk.write(talk.paint(f"{words} ...", "dim"))
