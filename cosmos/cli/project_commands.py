"""Commands about the project and its specs: init, validate, schema."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosmos.cli.options import Output, OutputOption, examples, shell

if TYPE_CHECKING:
    from cosmos.cli.render import Screen
    from cosmos.core.desired import Desired
    from cosmos.scaffold import Scaffold


def add_to(app: typer.Typer) -> None:
    app.command(epilog=examples("cosmos init my-project", "cosmos init my-project --demo"))(init)
    app.command(epilog=examples("cosmos validate", "cosmos validate -o json | jq .problems"))(validate)
    app.command(
        epilog=examples(
            "cosmos schema > specs.schema.json",
            "# first line of a spec, for editors with a YAML language server:",
            "# yaml-language-server: $schema=../specs.schema.json",
        )
    )(schema)


def init(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Where; default: here.", show_default=False)
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Add a scene and specs that run without a GPU.")] = False,
) -> int:
    """Make a project: cosmos.toml, specs, inputs. What is there already stays as it is."""
    from cosmos.api import CosmosAPI
    from cosmos.cli import render

    given = shell(context)
    target = (given.project or Path()) / (folder or Path())
    scaffold = CosmosAPI.init(target, demo=demo)
    render.out(color=given.color).write(*_made(scaffold))
    render.err(color=given.color).write(*_next_steps(scaffold.root, demo=demo))
    return 0


def _made(scaffold: "Scaffold") -> list[str]:
    lines = [f"made  {path}" for path in scaffold.made]
    lines += [f"kept  {path} (was there)" for path in scaffold.kept]
    return [*lines, *(f"added to .gitignore: {line}" for line in scaffold.ignored)]


def _next_steps(root: Path, *, demo: bool) -> list[str]:
    where = os.path.relpath(root)
    steps = [] if where == "." else [f"  cd {where}"]
    if not demo:
        steps.append("  edit specs/example.yaml, and put a scene into inputs/")
    steps += ["  cosmos plan     says what would be done", "  cosmos apply    does it"]
    return ["", "Next:", *steps]


def validate(context: typer.Context, output: OutputOption = Output.TEXT) -> int:
    """Name every problem of the specs, with file, line and column. Looks at no host."""
    from cosmos.cli import render

    given = shell(context)
    with given.open() as cosmos:
        desired = cosmos.validate()
    render.answer(
        output, color=given.color, text=lambda screen: _problems(desired, screen), document=lambda: _document(desired)
    )
    return 1 if desired.problems else 0


def _problems(desired: "Desired", screen: "Screen") -> list[str]:
    from cosmos.cli.render import plural, printable

    lines = [printable(str(problem)) for problem in desired.problems]
    read = f"{plural(desired.specs, 'spec')} in {plural(desired.files, 'file')}, {plural(len(desired.runs), 'run')}"
    advice = [printable(str(warning)) for warning in desired.warnings]
    warned = f", {screen.paint(plural(len(advice), 'warning'), 'yellow')}" if advice else ""
    if not lines:
        return [*advice, f"{read}: {screen.paint('no problems', 'green')}{warned}"]
    held = f"; {plural(len(desired.held), 'run')} held back" if desired.held else ""
    return [*advice, *lines, f"{read}: {screen.paint(plural(len(lines), 'problem'), 'red')}{warned}{held}"]


def _document(desired: "Desired") -> dict[str, object]:
    return {
        "format_version": 1,
        "valid": not desired.problems,
        "files": desired.files,
        "specs": desired.specs,
        "runs": [want.run.key for want in desired.runs],
        "held": sorted(desired.held),
        "problems": [problem.as_json() for problem in desired.problems],
        "warnings": [warning.as_json() for warning in desired.warnings],
    }


def schema() -> int:
    """Print the JSON Schema of a spec document, for editors."""
    from cosmos.api import CosmosAPI
    from cosmos.cli import render

    document = CosmosAPI.schema()
    render.answer("json", color=False, text=lambda _: (), document=lambda: document)
    return 0
