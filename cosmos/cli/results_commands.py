"""Commands about what runs have made, and finding it: export, whence, search, compare, reproduce."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosmos.cli.options import (
    Labels,
    ListOutput,
    ListOutputOption,
    Names,
    Output,
    OutputOption,
    Shell,
    complete_names,
    examples,
    shell,
    split,
)

if TYPE_CHECKING:
    from cosmos.api import CosmosAPI
    from cosmos.results import Reproduction

SHARD = 1000
"""Runs of a tar file."""


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog=examples(
            "cosmos export --where 'rating >= 4' ~/clips",
            'cosmos export "city-*" --controls --format webdataset ~/shards',
        )
    )(export)
    app.command(epilog=examples("cosmos whence ~/downloads/clip.mp4", "cosmos whence clip.mp4 -o json"))(whence)
    app.command(epilog=examples('cosmos search "rain avenue"', "cosmos search 'tag:hero kind:review' -o json"))(search)
    app.command(
        epilog=examples("cosmos compare city/edge-0.1 city/edge-0.5", "cosmos compare city city@071af839 -o json")
    )(compare)
    app.command(
        epilog=examples(
            "cosmos reproduce city/edge-0.5", "cosmos reproduce city@071af839", "cosmos reproduce city --rerun"
        )
    )(reproduce)


def export(
    context: typer.Context,
    names: Names = None,
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Where to.", file_okay=False, show_default=False)
    ] = None,
    labels: Labels = None,
    where: Annotated[
        str,
        typer.Option(metavar="CONDITION", help="Only runs for which it holds, as 'rating >= 4'.", show_default=False),
    ] = "",
    controls: Annotated[bool, typer.Option("--controls", help="Inputs and computed controls too.")] = False,
    form: Annotated[
        str,
        typer.Option(
            "--format", metavar="FORM", help="files; or webdataset: tar files of 1000 runs, webdataset:N of N runs."
        ),
    ] = "files",
    link: Annotated[bool, typer.Option("--link", help="Hard links to the store: no room, but read-only.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files with other content.")] = False,
    output: OutputOption = Output.TEXT,
) -> int:
    """Put videos and a JSONL manifest into a folder. Can be repeated."""
    from cosmos.cli import render, results_page

    if folder is None:
        raise typer.BadParameter("say the folder to export to", param_hint="DIR")
    shard = _shard(form)
    if shard and link:
        raise typer.BadParameter("a tar file has copies", param_hint="--link")
    given = shell(context)
    with given.open() as cosmos:
        done = cosmos.results.export(
            folder,
            names or [],
            split(labels),
            where=where,
            controls=controls,
            link=link,
            force=force,
            shard=shard,
        )
    render.err(color=given.color).write(*results_page.export_talk(done))
    render.answer(
        output,
        color=given.color,
        text=lambda screen: results_page.export_lines(done),
        document=lambda: results_page.export_document(done),
    )
    return 0


def whence(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Any file, of any name.")],
    output: OutputOption = Output.TEXT,
) -> int:
    """Say by its bytes which run made a file, and which read it.

    Exits with 1 when it is neither an output nor an input of this project.
    """
    from cosmos.cli import render, results_page

    given = shell(context)
    with given.open() as cosmos:
        found = cosmos.results.whence(file)
    render.answer(
        output,
        color=given.color,
        text=lambda screen: results_page.whence_lines(found, screen),
        document=lambda: results_page.whence_document(found),
    )
    return 0


def search(
    context: typer.Context,
    text: Annotated[list[str], typer.Argument(metavar="TEXT", help='Words; "several words", or field:word.')],
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="The best N.")] = 50,
    output: ListOutputOption = ListOutput.TEXT,
) -> int:
    """Find prompts, runs, reviews and scenes by words, best first.

    Fields: kind, name, text, negative, label, prompt, model, param, control, note, tag, rating, input.
    """
    from cosmos.cli import render, search_page

    given = shell(context)
    with given.open() as cosmos:
        found = cosmos.results.search(" ".join(text))
    render.answer(
        output,
        color=given.color,
        text=lambda screen: search_page.lines(found, limit, screen),
        document=lambda: search_page.document(found, limit),
        names=dict.fromkeys(hit.name for hit in found.hits[:limit]),
    )
    if output is ListOutput.TEXT:
        render.err(color=given.color).write(*search_page.talk(found, limit))
    return 0


Side = Annotated[
    str, typer.Argument(metavar="RUN", help="Or RUN@DIGEST: an earlier output.", autocompletion=complete_names)
]


def compare(context: typer.Context, one: Side, other: Side, output: OutputOption = Output.TEXT) -> int:
    """Hold two runs against each other: settings, times, frames."""
    from cosmos.cli import compare_page, render

    given = shell(context)
    with given.open() as cosmos:
        found = cosmos.results.compare(one, other)
    render.answer(
        output,
        color=given.color,
        text=lambda screen: compare_page.lines(found, screen),
        document=lambda: compare_page.document(found),
    )
    render.err(color=given.color).write(*compare_page.talk(found))
    return 0


def reproduce(
    context: typer.Context,
    name: Side,
    rerun: Annotated[bool, typer.Option("--rerun", help="Run it again, and compare the frames.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before that.")] = False,
    output: OutputOption = Output.TEXT,
) -> int:
    """Say whether a result could be made again: what is still so.

    Exits with 1 when something differs. --rerun makes an attempt more, beside the old output, which stays.
    """
    from cosmos.cli import render, reproduce_page

    if yes and not rerun:
        raise typer.BadParameter("it is about --rerun", param_hint="--yes")
    if rerun and output is Output.JSON:
        raise typer.BadParameter("what happens is told as text", param_hint="--rerun")
    given = shell(context)
    with given.open() as cosmos:
        found = cosmos.results.reproduce(name)
        render.answer(
            output,
            color=given.color,
            text=lambda screen: reproduce_page.lines(found, screen),
            document=lambda: reproduce_page.document(found),
        )
        if rerun:
            return _again(given, cosmos, found, yes=yes)
    return 1 if found.differs else 0


def _again(given: Shell, cosmos: "CosmosAPI", found: "Reproduction", *, yes: bool) -> int:
    from cosmos.cli import applying, plan_page, questions, render, reproduce_page
    from cosmos.errors import RefusedError

    if not found.is_wanted:
        raise RefusedError(
            f"the specs do not ask for this output of {found.key}",
            f"cosmos rollback {found.key} {found.digest[:8]} makes them ask for it again",
        )
    screen = render.out(color=given.color)
    view = cosmos.plan([found.key], rerun=True)
    screen.write("", *plan_page.lines(view, screen))
    cosmos.gpu_time.require(view, None)
    if not yes:
        questions.require("\nRun it again?", "nothing was started", "cosmos reproduce --rerun --yes")
    outcome = applying.carry_out(given, cosmos, view)
    if not outcome.exit_code:
        screen.write(*reproduce_page.repeated(cosmos.results.repeated(found), screen))
    return outcome.exit_code


def _shard(form: str) -> int:
    """Runs of a tar file; 0 for plain files."""
    found = re.fullmatch("files|webdataset(?::([1-9][0-9]{0,6}))?", form)
    if found is None:
        raise typer.BadParameter(f'"{form}" is none of files, webdataset, webdataset:N', param_hint="--format")
    return 0 if form == "files" else int(found[1] or SHARD)
