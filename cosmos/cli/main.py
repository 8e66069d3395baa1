"""The program `cosmos`: its commands, and what becomes of errors.

`main` is the only place that turns an error into words and an exit code. What is imported here is paid
for by `cosmos --help`, so the commands import their own work where they do it.
"""

import gc
import io
import itertools
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Annotated

import typer
from typer.main import get_command

from cosmos.cli import (
    create_commands,
    daemon_commands,
    edit_commands,
    host_commands,
    inputs_commands,
    notify_commands,
    past_commands,
    project_commands,
    reading_commands,
    results_commands,
    rollback_commands,
    run_commands,
    suspend_commands,
    ui_commands,
    upkeep_commands,
)
from cosmos.cli.options import LogFormat, Shell
from cosmos.errors import CosmosError, SpecError

EXIT_USAGE = 64

EPILOG = """\b
Exit codes:
  0  as desired                          4  stale plan, or another one works
  1  an error, or declined               5  --timeout passed while waiting
  2  plan --detailed-exitcode: changes   6  a host could not be reached
  3  some runs failed or cannot start   64  the command line was wrong
                                       130  interrupted; what runs goes on
"""

app = typer.Typer(
    name="cosmos",
    help="Videos from specs: prompts and runs are YAML files, cosmos makes what they ask for.",
    epilog=EPILOG,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
project_commands.add_to(app)
run_commands.add_to(app)
daemon_commands.add_to(app)
suspend_commands.add_to(app)
reading_commands.add_to(app)
inputs_commands.add_to(app)
results_commands.add_to(app)
host_commands.add_to(app)
notify_commands.add_to(app)
past_commands.add_to(app)
rollback_commands.add_to(app)
create_commands.add_to(app)
edit_commands.add_to(app)
upkeep_commands.add_to(app)
ui_commands.add_to(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if arguments is None:
        _settle_process(verbose=any(word in ("--verbose", "-v", "-vv") for word in words))
    try:
        code = get_command(app)(words, prog_name="cosmos", standalone_mode=False)
    except typer.TyperException as error:
        _complain(words, "Usage", error.format_message(), _usage_hint(error))
        return EXIT_USAGE
    except CosmosError as error:
        _explain(words, error)
        return error.exit_code
    return code if isinstance(code, int) else 0


def _settle_process(*, verbose: bool) -> None:
    """No letter that the locale lacks ends the program, and no traceback reaches a user who did not ask."""
    gc.set_threshold(200_000)  # what a command makes lives to its end; looking for garbage took a tenth of its time
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if not verbose:
        sys.excepthook = _fault


def _version(wanted: bool) -> None:
    if wanted:
        from importlib import metadata

        typer.echo(f"cosmos {metadata.version('cosmos-gitops')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def before(
    context: typer.Context,
    project: Annotated[
        Path | None,
        typer.Option(
            "--project",
            "-C",
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="The project; default: found from here.",
        ),
    ] = None,
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, show_default=False, help="Log to stderr; -vv logs more.")
    ] = 0,
    no_color: Annotated[
        bool, typer.Option("--no-color", help="No colour. The variable NO_COLOR means the same.")
    ] = False,
    log_format: Annotated[
        LogFormat,
        typer.Option("--log-format", metavar="text|json", help="json: the log on stderr is one JSON object a line."),
    ] = LogFormat.TEXT,
    max_runs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=10_000,
            help="Runs that one spec may make; default: project.max_runs.",
            show_default=False,
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> int:
    """What stands before the command."""
    del version
    context.obj = Shell(project=project, verbose=verbose, color=not no_color, log_format=log_format, max_runs=max_runs)
    if verbose or log_format is not LogFormat.TEXT:
        from cosmos.cli import logs

        logs.start(verbose, log_format)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
    return 0


def _explain(words: Sequence[str], error: CosmosError) -> None:
    """Message and next step of an error that cosmos foresees."""
    code = type(error).__name__.removesuffix("Error")
    problems = error.problems if isinstance(error, SpecError) else ()
    if problems and not _wants_json(words) and not _logs_json(words):
        sys.stderr.writelines(f"{problem}\n" for problem in problems)
    _complain(words, code, error.message, error.hint, [problem.as_json() for problem in problems])


def _complain(
    words: Sequence[str], code: str, message: str, hint: str, problems: Sequence[dict[str, object]] = ()
) -> None:
    if _wants_json(words):
        error = {"code": code, "message": message, "hint": hint, "problems": list(problems)}
        sys.stderr.write(f"{json.dumps({'error': error})}\n")
        return
    if _logs_json(words):
        from cosmos.cli import logs

        logs.complain(code, message, hint, problems)
        return
    from cosmos.cli.render import err, printable

    screen = err(color="--no-color" not in words)
    screen.write(f"{screen.paint('error:', 'red')} {printable(message)}")
    if hint:
        screen.write(f"  {printable(hint)}")


def _usage_hint(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context is not None else 'cosmos'} --help shows what it takes"


def _fault(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What nobody foresaw: not the user's mistake, and not for the user to read."""
    del trace
    words = f"{kind.__name__}: {error}" if str(error) else kind.__name__
    sys.stderr.write(f"error: a fault of cosmos, not of yours: {words}\n")
    sys.stderr.write("  `cosmos -v` and the same command shows where; please report that\n")


def _wants_json(words: Sequence[str]) -> bool:
    """As a command would read it; asked of the bare words, since an error may come before they are read."""
    return "-ojson" in words or _is_given(words, "--output", "json") or _is_given(words, "-o", "json")


def _logs_json(words: Sequence[str]) -> bool:
    return _is_given(words, "--log-format", "json")


def _is_given(words: Sequence[str], option: str, value: str) -> bool:
    return f"{option}={value}" in words or (option, value) in itertools.pairwise(words)
