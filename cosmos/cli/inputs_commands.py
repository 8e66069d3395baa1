"""Commands about scenes: inputs, prepare."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosmos.cli.options import ListOutput, ListOutputOption, Output, OutputOption, examples, shell

if TYPE_CHECKING:
    from cosmos.cli.render import Screen


def add_to(app: typer.Typer) -> None:
    app.command(epilog=examples("cosmos inputs", "cosmos inputs -o json | jq '.inputs[] | select(.runs == [])'"))(
        inputs
    )
    app.command(
        epilog=examples(
            "cosmos prepare ~/renders/city_v3 --name city",
            "cosmos prepare beauty/ depth/ masks/ --name city --fps 24 --replace",
        )
    )(prepare)


def inputs(context: typer.Context, output: ListOutputOption = ListOutput.TEXT) -> int:
    """List scenes: what is in them, and what uses them."""
    from cosmos.cli import inputs_page, render

    given = shell(context)
    with given.open() as cosmos:
        rows = cosmos.inputs.scenes()
    render.answer(
        output,
        color=given.color,
        text=lambda screen: inputs_page.lines(rows, screen),
        document=lambda: inputs_page.document(rows),
        names=(row.name for row in rows),
    )
    return 0


def prepare(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="DIR", help="Folders of a render, or files.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="Of the scene; default: the folder's.")] = "",
    fps: Annotated[
        str | None,
        typer.Option(metavar="F", help="As 24 or 24000/1001; default: the videos', else 24.", show_default=False),
    ] = None,
    near: Annotated[
        float | None,
        typer.Option(metavar="VALUE", help="Depth in the files that becomes white.", show_default=False),
    ] = None,
    far: Annotated[
        float | None,
        typer.Option(metavar="VALUE", help="Depth in the files that becomes black.", show_default=False),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="In the place of the scene of this name.")] = False,
    output: OutputOption = Output.TEXT,
) -> int:
    """Make a scene of PNG sequences or videos.

    All or nothing: gaps, and files that do not fit together, are named and refused. docs/inputs.md has the rules.
    """
    from cosmos.cli import inputs_page, render

    given = shell(context)
    talk = render.err(color=given.color)
    rate = _rate(fps)
    try:
        with given.open() as cosmos, _progress(talk) as listener:
            done = cosmos.inputs.prepare(
                paths, name=name, fps=rate, near=near, far=far, replace=replace, listener=listener
            )
    except KeyboardInterrupt:
        talk.write("Interrupted: no half scene is left.")
        raise
    talk.write(*inputs_page.talk(done, talk))
    render.answer(
        output,
        color=given.color,
        text=lambda screen: inputs_page.lines([done.scene], screen),
        document=lambda: inputs_page.prepared(done),
    )
    return 0


def _rate(text: str | None) -> Fraction | None:
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6}|/[0-9]{1,6})?", text) and not re.search("/0+$", text):
        rate = Fraction(text)
        if 1 <= rate <= 240:
            return rate
    raise typer.BadParameter(f'"{text}" is no rate from 1 to 240, as 24 or 24000/1001', param_hint="--fps")


@contextmanager
def _progress(screen: "Screen") -> "Iterator[Callable[[str, int, int], None]]":
    """Bars on a terminal; elsewhere a line for each file that is done."""
    if screen.width is not None:
        from cosmos.cli.bars import bars

        with bars(screen) as told:
            yield told
        return

    def line(file: str, done: int, total: int) -> None:
        if done == total:
            screen.write(f"{file}: {total} frames")

    yield line
