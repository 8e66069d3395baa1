"""Commands that go back: rollback to an earlier version of a run, undo of a removal."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cosmos.cli.options import Name, examples, seconds, shell

if TYPE_CHECKING:
    from cosmos.cli.render import Screen
    from cosmos.edits import FileEdit, GoBack, TakeBack
    from cosmos.outcome import PlanView

OTHERS_SHOWN = 10

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog=examples("cosmos rollback city-rain/edge-0.2", "cosmos rollback city-rain/edge-0.2 3 --no-commit")
    )(rollback)
    app.command(epilog=examples("cosmos undo", "cosmos undo --within 7d --no-commit"))(undo)


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
        screen.write(*_diff(plan.edits, screen))
        talk.write(*_about(plan))
        if not yes:
            what = "Commit this?" if commit else "Edit the files so?"
            questions.require(what, "nothing was changed", "cosmos rollback --yes")
        made = cosmos.review.carry_out(plan, commit=commit)
    talk.write(f"Committed as {made[:8]}." if made else f"Edited: {', '.join(edit.path for edit in plan.edits)}.")
    talk.write("cosmos apply restores the outputs." if plan.is_made else "cosmos apply makes it again.")
    return 0


def undo(
    context: typer.Context,
    within: Annotated[
        str, typer.Option(metavar="TIME", help="Not what a commit removed before the last 10m, 1h30m, 7d, ...")
    ] = "1d",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    no_commit: Annotated[
        bool, typer.Option("--no-commit", help="Only edit the files; they are committed if a commit had removed it.")
    ] = False,
) -> int:
    """Take back the last removal of specs.

    Only spec files change. Outputs were kept, and what was not stopped meanwhile goes on.
    """
    from cosmos.cli import plan_page, questions, render

    given, within_s = shell(context), seconds(within, "--within") or 0.0
    screen, talk = render.out(color=given.color), render.err(color=given.color)
    with given.open() as cosmos:
        found = cosmos.review.removed(within_s)
        screen.write(*_diff(found.edit.edits, screen))
        talk.write(*_about_removal(found))
        cosmos.specs.check(found.edit)
        view = cosmos.review.plan(found)
        screen.write(*(plan_page.lines(view, screen) if view is not None else ()))
        commits = bool(found.commit) and not no_commit
        if not yes:
            what = "Commit this?" if commits else "Edit the files so?"
            questions.require(what, "nothing was changed", "cosmos undo --yes")
        made = cosmos.review.take_back(found, commit=commits)
    talk.write(f"Committed as {made[:8]}." if made else f"Edited: {', '.join(each.path for each in found.edit.edits)}.")
    talk.write(*_what_next(view))
    return 0


def _about_removal(found: "TakeBack") -> Iterator[str]:
    import time

    from cosmos.cli.render import age, plural

    whose = ", ".join(found.documents[:OTHERS_SHOWN])
    more = len(found.documents) - OTHERS_SHOWN
    whose += f" and {more} more" if more > 0 else ""
    if found.commit:
        yield f"{found.commit[:8]} by {found.author}, {age(time.time() - found.at)} ago: {found.words}"
        yield f"It removed {whose}."
    else:
        yield f"Removed from the files, in no commit yet: {whose}."
    yield f"{plural(len(found.keys), 'run')} {'comes' if len(found.keys) == 1 else 'come'} back."


def _what_next(view: "PlanView | None") -> Iterator[str]:
    if view is not None and not view.plan.is_empty:
        yield "cosmos apply does what the plan says; a daemon does so by itself."


def _diff(edits: "Sequence[FileEdit]", screen: "Screen") -> Iterator[str]:
    from cosmos.cli.render import printable

    for edit in edits:
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
