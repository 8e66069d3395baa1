"""Commands that change spec files: rate, accept, delete. Each shows what it changes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from cosmos.cli.options import Name, complete_names, examples, shell, split

if TYPE_CHECKING:
    from cosmos.cli.render import Screen
    from cosmos.edits import Edit

_STYLES = {"+": "green", "-": "red", "@": "cyan"}

CommitOption = Annotated[
    bool, typer.Option("--commit", help="Commit the file, and nothing else. Default: it is only edited.")
]


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog=examples(
            'cosmos rate city-rain/edge-0.2 5 --note "best puddles" --tag hero',
            "cosmos rate city-rain/edge-0.2 --clear",
        )
    )(rate)
    app.command(epilog=examples("cosmos accept city-better", "cosmos accept city-better --name heavy-rain-2 --commit"))(
        accept
    )
    app.command(epilog=examples("cosmos delete city-rain", "cosmos delete prompt/heavy-rain --yes --commit"))(delete)


def rate(
    context: typer.Context,
    name: Name,
    rating: Annotated[
        int | None, typer.Argument(metavar="N", min=1, max=5, help="1 (reject) to 5 (best).", show_default=False)
    ] = None,
    note: Annotated[
        str | None, typer.Option(metavar="TEXT", help="A note, in place of the one there is.", show_default=False)
    ] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option(
            "--tag", metavar="WORD", help="A tag, in place of those there are. Repeat for more.", show_default=False
        ),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take the rating away.")] = False,
    digest: Annotated[
        str, typer.Option(metavar="DIGEST", help="Of an earlier output; default: the one of now.", show_default=False)
    ] = "",
    commit: CommitOption = False,
) -> int:
    """Rate an output of a run, as a Review in specs/reviews.

    A review is about one output. It is part of no digest: rating runs nothing again.
    """
    from cosmos.cli import render

    if (rating is None and note is None and tags is None and not clear) or (rating is not None and clear):
        raise typer.BadParameter("say a rating from 1 to 5, --clear, --note or --tag", param_hint="N")
    fields: dict[str, object] = {"rating": rating} if rating is not None or clear else {}
    fields |= {"note": note} if note is not None else {}
    fields |= {"tags": split(tags)} if tags is not None else {}
    given = shell(context)
    screen, talk = render.out(color=given.color), render.err(color=given.color)
    with given.open() as cosmos:
        edit = cosmos.specs.review(name, fields, digest=digest)
        made = cosmos.specs.save(edit, commit=commit)
    screen.write(*diff(edit, screen))
    talk.write(done(edit, made))
    return 0


def accept(
    context: typer.Context,
    name: Name,
    called: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Of the prompt; default: made from the old one's.")
    ] = "",
    digest: Annotated[
        str, typer.Option(metavar="DIGEST", help="Of an earlier output; default: the one of now.", show_default=False)
    ] = "",
    commit: CommitOption = False,
) -> int:
    """Take the text that a run made as a new Prompt.

    It has labels and inputs of the run's own. Runs of the model cosmos-transfer1-enhance make such texts. No
    run changes: name the new prompt in one.
    """
    from cosmos.cli import render

    given = shell(context)
    screen, talk = render.out(color=given.color), render.err(color=given.color)
    with given.open() as cosmos:
        edit = cosmos.specs.accept(name, name=called, digest=digest)
        made = cosmos.specs.save(edit, commit=commit)
    screen.write(*diff(edit, screen))
    talk.write(done(edit, made))
    return 0


def delete(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A run with all its members, a prompt or a model; or kind/name.",
            autocompletion=complete_names,
        ),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    commit: CommitOption = False,
) -> int:
    """Delete a spec. Shows what follows first; outputs and reviews are kept."""
    from cosmos.cli import questions, render

    given = shell(context)
    screen, talk = render.out(color=given.color), render.err(color=given.color)
    with given.open() as cosmos:
        edit = cosmos.specs.remove(name)
        cosmos.specs.check(edit)
        gone = cosmos.specs.gone(edit)
        screen.write(*diff(edit, screen))
        talk.write(*_follows(gone))
        if not yes:
            questions.require(f"{edit.subject}?", "nothing was changed", "cosmos delete --yes")
        made = cosmos.specs.save(edit, commit=commit)
    talk.write(done(edit, made))
    return 0


RUNS_SHOWN = 10


def _follows(gone: "list[tuple[str, str]]") -> Iterator[str]:
    from cosmos.cli.render import plural

    if not gone:
        yield "No run goes with it."
        return
    yield f"With it {plural(len(gone), 'run')} {'goes' if len(gone) == 1 else 'go'} from the specs:"
    yield from (f"  {key}  {phase}" for key, phase in gone[:RUNS_SHOWN])
    if len(gone) > RUNS_SHOWN:
        yield f"  and {len(gone) - RUNS_SHOWN} more"
    yield "Their outputs are kept. What runs goes on until cosmos cancel, or cosmos apply --prune."


def diff(edit: "Edit", screen: "Screen") -> Iterator[str]:
    from cosmos.cli.render import printable

    for line in edit.diff:
        yield screen.paint(printable(line), _STYLES.get(line[:1], ""))


def done(edit: "Edit", made: str) -> str:
    if not edit.diff:
        return "It says so already: nothing was changed."
    paths = ", ".join(each.path for each in edit.edits)
    return f"{edit.subject}: committed as {made[:8]}." if made else f"{edit.subject}: edited {paths}."
