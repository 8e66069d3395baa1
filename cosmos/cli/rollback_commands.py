"""The command that goes back to an earlier version of a run: rollback."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from cosmos.cli.options import Name, examples, shell

if TYPE_CHECKING:
    from cosmos.cli.render import Screen
    from cosmos.edits import GoBack

OTHERS_SHOWN = 10

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog=examples("cosmos rollback city-rain/edge-0.2", "cosmos rollback city-rain/edge-0.2 3 --no-commit")
    )(rollback)


def rollback(
    context: typer.Context,
    name: Name,
    version: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="Version as cosmos history numbers it, or a digest. Default: the one before, with a result.",
            show_default=False,
        ),
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    commit: Annotated[bool, typer.Option("--commit/--no-commit", help="Commit the files, or only edit them.")] = True,
) -> int:
    """Go back to an earlier version of a run, by a commit.

    Only spec files change. cosmos apply then restores the old outputs.
    """
    from cosmos.cli import questions, render

    given = shell(context)
    screen, talk = render.out(color=given.color), render.err(color=given.color)
    with given.open() as cosmos:
        plan = cosmos.review.go_back(name, version)
        screen.write(*_diff(plan, screen))
        talk.write(*_about(plan))
        if not yes:
            what = "Commit this?" if commit else "Edit the files so?"
            questions.require(what, "nothing was changed", "cosmos rollback --yes")
        made = cosmos.review.carry_out(plan, commit=commit)
    talk.write(f"Committed as {made[:8]}." if made else f"Edited: {', '.join(edit.path for edit in plan.edits)}.")
    talk.write("cosmos apply restores the outputs." if plan.is_made else "cosmos apply makes it again.")
    return 0


def _diff(plan: "GoBack", screen: "Screen") -> Iterator[str]:
    from cosmos.cli.render import printable

    for edit in plan.edits:
        for line in edit.diff:
            yield screen.paint(printable(line), _STYLES.get(line[:1], ""))


def _about(plan: "GoBack") -> Iterator[str]:
    from cosmos.core import comparison_text

    yield f"{plan.key} goes back to version {plan.number}, {plan.digest[:8]}, as of {plan.commit[:8]}."
    yield f"What differs is {', '.join(plan.documents)}."
    if plan.others:
        yield "With it change:"
        rows = comparison_text.lines(plan.others)
        yield from (f"  {line}" for line in rows[:OTHERS_SHOWN])
        if len(rows) > OTHERS_SHOWN:
            yield f"  and {len(rows) - OTHERS_SHOWN} more"
