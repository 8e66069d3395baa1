"""Options that commands share, and what the words before the command say.

Imported at every start, so it imports only typer and the standard library; `cosmos.api` comes when
a command opens its project.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

if TYPE_CHECKING:
    from cosmos.api import CosmosAPI


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Shell:
    """What stands before the command: which project, how talkative, whether in colour."""

    project: Path | None = None
    verbose: int = 0
    color: bool = True
    log_format: LogFormat = LogFormat.TEXT
    max_runs: int | None = None

    def open(self) -> "CosmosAPI":
        """The project. Nothing is read before it is asked for something."""
        import logging

        from cosmos.api import CosmosAPI

        if not self.verbose:  # else warnings reach stderr by Python's last resort
            logging.getLogger("cosmos").addHandler(logging.NullHandler())
        cosmos = CosmosAPI(self.project, tell=self._tell)
        if self.max_runs is None:
            return cosmos
        return CosmosAPI(settings=cosmos.settings.model_copy(update={"max_runs": self.max_runs}), tell=self._tell)

    def _tell(self, words: str) -> None:
        if self.log_format is LogFormat.JSON:
            import logging

            logging.getLogger("cosmos").warning("%s", words)
            return
        from cosmos.cli.render import err, printable

        screen = err(color=self.color)
        screen.write(screen.paint(printable(f"! {words}"), "yellow"))


def shell(context: typer.Context) -> Shell:
    return cast(Shell, context.obj)


class Output(StrEnum):
    TEXT = "text"
    JSON = "json"


class PlanOutput(StrEnum):
    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


class ListOutput(StrEnum):
    TEXT = "text"
    JSON = "json"
    NAME = "name"


def examples(*lines: str) -> str:
    """The foot of a command's help. The backspace keeps its lines as they are."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def complete_names(context: typer.Context, incomplete: str) -> list[str]:
    """Runs of the last look, for the TAB key: nothing is looked at and no mistake is reported."""
    from cosmos.api import CosmosAPI
    from cosmos.errors import CosmosError

    project = context.find_root().params.get("project")
    try:
        return [name for name in CosmosAPI(project).known_names() if name.startswith(incomplete)]
    except CosmosError:
        return []


def complete_prompts(context: typer.Context, incomplete: str) -> list[str]:
    """Prompts of the specs, for the TAB key."""
    from cosmos.api import CosmosAPI
    from cosmos.errors import CosmosError

    project = context.find_root().params.get("project")
    try:
        with CosmosAPI(project) as cosmos:
            return [row.name for row in cosmos.prompts() if row.name.startswith(incomplete)]
    except CosmosError:
        return []


def complete_hosts(context: typer.Context, incomplete: str) -> list[str]:
    """Hosts of the configuration, for the TAB key."""
    from cosmos.api import CosmosAPI
    from cosmos.errors import CosmosError

    project = context.find_root().params.get("project")
    try:
        return [name for name in sorted(CosmosAPI(project).settings.hosts) if name.startswith(incomplete)]
    except CosmosError:
        return []


def split(terms: list[str] | None) -> list[str]:
    """Label terms, whether repeated or with commas between."""
    return [term.strip() for value in terms or () for term in value.split(",") if term.strip()]


def seconds(text: str | None, option: str) -> float | None:
    """`30d`, `30m`, `1h30m`, `45s` or a number of seconds."""
    if text is None:
        return None
    from cosmos import duration

    match = re.fullmatch("(?:([0-9]{1,5})d)?(.*)", text, re.DOTALL)
    days, rest = (match[1] or "0", match[2] or "0") if match and text else ("0", text)
    found = float(rest) if rest.isascii() and rest.isdecimal() else duration.seconds(rest)
    if not isinstance(found, float):
        raise typer.BadParameter(f'"{text}" is not a duration such as 30d, 1h30m or 45s', param_hint=option)
    return float(days) * 86400 + found


Name = Annotated[str, typer.Argument(metavar="NAME", help="Name, id or unique prefix.", autocompletion=complete_names)]
Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAMES",
        help='Runs: names, ids, globs ("city-*"), unique prefixes. Default: all.',
        autocompletion=complete_names,
        show_default=False,
    ),
]
SomeNames = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAMES",
        help='Runs: names, ids, globs ("city-*"), unique prefixes; "*" for all.',
        autocompletion=complete_names,
        show_default=False,
    ),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        "-l",
        metavar="TERM",
        help="Only runs with a label: a=b, a!=b, a, !a. Repeat, or put commas between.",
        show_default=False,
    ),
]
HostNames = Annotated[
    list[str] | None,
    typer.Option(
        "--host",
        metavar="HOST",
        help="On this host, or a glob over hosts. Repeat for more.",
        autocompletion=complete_hosts,
        show_default=False,
    ),
]
Why = Annotated[str, typer.Option(metavar="TEXT", help="Kept, and shown with it.", show_default=False)]
OutputOption = Annotated[
    Output, typer.Option("--output", "-o", metavar="text|json", help="json: stdout is one JSON document.")
]
PlanOutputOption = Annotated[
    PlanOutput,
    typer.Option("--output", "-o", metavar="FORM", help="text, json, or markdown for a pull request."),
]
ListOutputOption = Annotated[
    ListOutput,
    typer.Option("--output", "-o", metavar="text|json|name", help="json: one document; name: names, for pipes."),
]
Timeout = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Stop waiting after 30m, 2h, ...; what runs goes on.", show_default=False),
]
