"""Shortcuts that write a spec: create prompt, create run, inference, upscale. Nothing exists outside the specs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosmos.cli.edit_commands import CommitOption, diff, done
from cosmos.cli.options import Shell, complete_names, complete_prompts, examples, shell

if TYPE_CHECKING:
    from cosmos.api import CosmosAPI
    from cosmos.edits import Edit

Prompts = Annotated[
    list[str], typer.Argument(metavar="PROMPT", help="Names of prompts.", autocompletion=complete_prompts)
]
NameOption = Annotated[str, typer.Option("--name", metavar="NAME", help="Of the spec; default: made from it.")]
ModelOption = Annotated[str, typer.Option("--model", metavar="NAME", help="Name of a model.")]
WeightsOption = Annotated[
    str,
    typer.Option(
        "--weights",
        metavar="W",
        help="Of controls: edge=0.5,depth=0.3. Default: a quarter each.",
        show_default=False,
    ),
]
SeedOption = Annotated[
    list[int] | None, typer.Option("--seed", metavar="N", help="Repeat for a run of each.", show_default=False)
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="A field, as params.steps=20. Repeat.", show_default=False),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

app = typer.Typer(help="Write a spec: a prompt or a run.", no_args_is_help=True, rich_markup_mode=None)


def add_to(parent: typer.Typer) -> None:
    app.command(
        epilog=examples(
            'cosmos create prompt "Heavy rain at night" inputs/city',
            'cosmos create prompt "Fog" city --name fog --commit',
        )
    )(prompt)
    app.command(
        epilog=examples(
            "cosmos create run heavy-rain --model preview", "cosmos create run fog --set matrix.params.seed=[1,2]"
        )
    )(run)
    first = examples('cosmos create prompt "Heavy rain at night" inputs/city', "cosmos create run heavy-rain")
    parent.add_typer(app, name="create", epilog=first)
    parent.command(
        epilog=examples(
            "cosmos inference heavy-rain --weights edge=0.5,depth=0.3 --seed 7",
            "cosmos inference heavy-rain fog --model preview --set params.frames=24 --yes",
        )
    )(inference)
    parent.command(
        epilog=examples("cosmos upscale city/edge-0.5", "cosmos upscale inputs/best.mp4 --set params.weight=0.7")
    )(upscale)


def prompt(
    context: typer.Context,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to make.")],
    scene: Annotated[str, typer.Argument(metavar="DIR", help="A scene: its folder, or its name in inputs/.")],
    name: NameOption = "",
    negative: Annotated[str, typer.Option("--negative", metavar="TEXT", help="What to keep away from.")] = "",
    commit: CommitOption = False,
) -> int:
    """Write a Prompt. Its name is made from the words that other prompts do not have."""
    given = shell(context)
    with given.open() as cosmos:
        edit = cosmos.shortcuts.prompt(text, scene, name=name, negative=negative)
        return _write(given, cosmos, edit, "cosmos inference NAME makes a video of it", commit=commit)


def run(
    context: typer.Context,
    prompts: Prompts,
    model: ModelOption = "cosmos-transfer1",
    weights: WeightsOption = "",
    seeds: SeedOption = None,
    sets: SetOption = None,
    name: NameOption = "",
    commit: CommitOption = False,
) -> int:
    """Write a Run of a prompt; of several, one with a run for each. Starts nothing."""
    given = shell(context)
    with given.open() as cosmos:
        edit = _runs(cosmos, prompts, model, weights, seeds, sets, name)
        return _write(given, cosmos, edit, "cosmos apply makes it", commit=commit)


def inference(
    context: typer.Context,
    prompts: Prompts,
    model: ModelOption = "cosmos-transfer1",
    weights: WeightsOption = "",
    seeds: SeedOption = None,
    sets: SetOption = None,
    name: NameOption = "",
    yes: Yes = False,
    commit: CommitOption = False,
) -> int:
    """Write a Run of prompts, and make it.

    The plan is shown, and asked about, first. Nothing is written when the answer is no. Other runs are left alone.
    """
    given = shell(context)
    with given.open() as cosmos:
        edit = _runs(cosmos, prompts, model, weights, seeds, sets, name)
        return _apply(given, cosmos, edit, "cosmos inference --yes", yes=yes, commit=commit)


def upscale(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="RUN|FILE", help="A run, or a video.", autocompletion=complete_names)],
    model: ModelOption = "cosmos-transfer1-upscale",
    sets: SetOption = None,
    name: NameOption = "",
    yes: Yes = False,
    commit: CommitOption = False,
) -> int:
    """Write a Run that makes a video larger, and make it.

    The plan is shown, and asked about, first. Of a run it is the output, of a file in the project the file.
    """
    given = shell(context)
    with given.open() as cosmos:
        edit = cosmos.shortcuts.upscale(what, model=model, values=cosmos.shortcuts.values(sets or []), name=name)
        return _apply(given, cosmos, edit, "cosmos upscale --yes", yes=yes, commit=commit)


def _runs(
    cosmos: "CosmosAPI",
    prompts: list[str],
    model: str,
    weights: str,
    seeds: list[int] | None,
    sets: list[str] | None,
    name: str,
) -> "Edit":
    values = cosmos.shortcuts.values(sets or [])
    if seeds:
        values |= {"params.seed": seeds[0]} if len(seeds) == 1 else {"matrix.params.seed": list(seeds)}
    return cosmos.shortcuts.runs(prompts, model=model, weights=_weights(weights), values=values, name=name)


def _weights(text: str) -> dict[str, float] | None:
    """`edge=0.5,depth=0.3`; what is not named counts nothing."""
    if not text:
        return None
    found: dict[str, float] = {}
    for term in text.split(","):
        name, _, number = term.strip().partition("=")
        try:
            found[name] = float(number)
        except ValueError:
            raise typer.BadParameter(f'"{term}" is no weight such as edge=0.5', param_hint="--weights") from None
    return found


def _write(given: Shell, cosmos: "CosmosAPI", edit: "Edit", then: str, *, commit: bool) -> int:
    """Show what is written, and write it."""
    from cosmos.cli import render

    screen, talk = render.out(color=given.color), render.err(color=given.color)
    made = cosmos.specs.save(edit, commit=commit)
    screen.write(*diff(edit, screen))
    talk.write(done(edit, made), f"Next: {then.replace('NAME', Path(edit.edits[0].path).stem)}")
    return 0


def _apply(given: Shell, cosmos: "CosmosAPI", edit: "Edit", command: str, *, yes: bool, commit: bool) -> int:
    """Show what would be written and done, ask, write it, and do it."""
    from cosmos.cli import applying, plan_page, questions, render

    screen, talk = render.out(color=given.color), render.err(color=given.color)
    cosmos.specs.check(edit)
    new = cosmos.specs.new(edit)
    proposed = cosmos.specs.plan(edit, new)
    screen.write(*diff(edit, screen), "", *plan_page.lines(proposed, screen))
    cosmos.gpu_time.require(proposed, None)
    if not yes:
        questions.require("\nWrite this spec, and apply the plan?", "nothing was written or started", command)
    talk.write(done(edit, cosmos.specs.save(edit, commit=commit)))
    view = cosmos.plan(new)
    if plan_page.is_settled(view):
        return plan_page.standing(view).exit_code
    return applying.carry_out(given, cosmos, view).exit_code
