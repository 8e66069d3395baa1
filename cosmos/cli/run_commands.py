"""Commands that plan and act: plan, apply, wait, cancel, retry."""

import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosmos.cli.options import (
    Labels,
    Names,
    PlanOutput,
    PlanOutputOption,
    Shell,
    SomeNames,
    Timeout,
    Why,
    examples,
    seconds,
    shell,
    split,
)
from cosmos.errors import RefusedError

if TYPE_CHECKING:
    from cosmos.api import CosmosAPI, Listener
    from cosmos.outcome import Outcome, PlanView

EXIT_CHANGES = 2

Prune = Annotated[bool, typer.Option("--prune", help="Stop what runs for specs that are gone.")]
Accept = Annotated[bool, typer.Option("--accept-removals", help="With --prune: however many these are.")]
Rerun = Annotated[bool, typer.Option("--rerun", help="Finished runs too; needs NAMES or labels.")]


def add_to(app: typer.Typer) -> None:
    app.command(epilog=examples("cosmos plan --base main", 'cosmos plan "city-*" --out city.plan'))(plan)
    app.command(epilog=examples("cosmos apply --yes --timeout 8h", "cosmos apply --plan city.plan"))(apply)
    app.command(epilog=examples("cosmos wait", 'cosmos wait "city-*" --timeout 30m'))(wait)
    app.command(
        epilog=examples("cosmos cancel city-rain/edge-0.2", 'cosmos cancel -l scene=city --why "wrong camera"')
    )(cancel)
    app.command(
        epilog=examples(
            "cosmos retry city-rain/edge-0.2 && cosmos apply",
            'cosmos retry "*" --why "new driver"',
            "cosmos retry city-rain/edge-0.2 --assume-lost",
        )
    )(retry)


def plan(
    context: typer.Context,
    names: Names = None,
    labels: Labels = None,
    rerun: Rerun = False,
    prune: Prune = False,
    accept: Accept = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Save it, for apply --plan.", show_default=False),
    ] = None,
    base: Annotated[
        str, typer.Option(metavar="REF", help="Only what differs from the specs of a commit.", show_default=False)
    ] = "",
    detailed: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit 0: nothing to do, 1: error, 2: changes.")
    ] = False,
    output: PlanOutputOption = PlanOutput.TEXT,
) -> int:
    """Look, and say what apply would do and why. Changes nothing."""
    from cosmos.cli import plan_page, render

    given = shell(context)
    if base:
        if names or labels or rerun or prune or accept or out:
            raise typer.BadParameter("it compares all runs, and saves nothing", param_hint="--base")
        return _compare(given, base, output, detailed=detailed)
    if out is not None and prune:
        raise typer.BadParameter("a plan that stops runs is not saved", param_hint="--prune")
    talk = render.err(color=given.color)
    with given.open() as cosmos:
        view = _plan(cosmos, names, labels, rerun=rerun, prune=prune, accept=accept)
        if out is not None:
            cosmos.review.save(view, out)
    render.answer(
        output,
        color=given.color,
        text=lambda screen: plan_page.lines(view, screen),
        document=lambda: plan_page.document(view),
        markdown=lambda: plan_page.markdown(view),
    )
    if output is PlanOutput.TEXT:
        plan_page.advise(view.desired.warnings, talk)
        plan_page.complain(view.problems, talk)
    if out is not None:
        talk.write(f"Saved: cosmos apply --plan {shlex.quote(str(out))} does exactly this, or nothing.")
    if view.problems:
        return 1
    return EXIT_CHANGES if detailed and not view.plan.is_empty else 0


def _compare(given: Shell, base: str, output: PlanOutput, *, detailed: bool) -> int:
    """What differs from the specs of another commit, with the exit codes of a plan. Looks at no host."""
    from cosmos.cli import plan_page, render

    with given.open() as cosmos:
        found = cosmos.review.compare(base)
    forms = plan_page.Compared(found)
    render.answer(output, color=given.color, text=forms.lines, document=forms.document, markdown=forms.markdown)
    if output is PlanOutput.TEXT:
        plan_page.complain(found.problems, render.err(color=given.color))
    if found.problems:
        return 1
    return EXIT_CHANGES if detailed and found.differences else 0


def apply(  # noqa: PLR0913, PLR0917 - its options
    context: typer.Context,
    names: Names = None,
    labels: Labels = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    rerun: Rerun = False,
    prune: Prune = False,
    accept: Accept = False,
    stay: Annotated[
        bool,
        typer.Option(
            "--wait/--no-wait", help="Stay until all is done (default), or until started.", show_default=False
        ),
    ] = True,
    timeout: Timeout = None,
    hours: Annotated[
        float | None,
        typer.Option(
            "--max-gpu-hours", metavar="N", min=0, help="Refuse to start what may take more.", show_default=False
        ),
    ] = None,
    saved: Annotated[
        Path | None,
        typer.Option(
            "--plan", metavar="FILE", help="Do what plan --out saved, unasked; exit 4 if stale.", show_default=False
        ),
    ] = None,
) -> int:
    """Show the plan, ask, and do it. Ctrl-C detaches: what runs goes on."""
    from cosmos.cli import applying, plan_page, questions, render

    if saved is not None and (names or labels or rerun or prune or accept):
        raise typer.BadParameter("a saved plan has its own names and options", param_hint="--plan")
    if hours is not None and not math.isfinite(hours):
        raise typer.BadParameter("it must be a number of hours", param_hint="--max-gpu-hours")
    given, timeout_s = shell(context), seconds(timeout, "--timeout")
    screen, talk = render.out(color=given.color), render.err(color=given.color)
    with given.open() as cosmos:
        view = (
            _plan(cosmos, names, labels, rerun=rerun, prune=prune, accept=accept)
            if saved is None
            else cosmos.review.saved(saved)
        )
        screen.write(*plan_page.lines(view, screen))
        plan_page.advise(view.desired.warnings, talk)
        plan_page.complain(view.problems, talk)
        if plan_page.is_settled(view):
            result = plan_page.standing(view)
            if result.failed:
                screen.write("", *plan_page.outcome(result, screen))
            return result.exit_code
        cosmos.gpu_time.require(view, hours)
        if not view.plan.is_empty and not yes and not view.exact:
            questions.require("\nApply this plan?", "nothing was started", "cosmos apply --yes")

        return applying.carry_out(given, cosmos, view, stay=stay, timeout_s=timeout_s, max_gpu_hours=hours).exit_code


def wait(context: typer.Context, names: Names = None, labels: Labels = None, timeout: Timeout = None) -> int:
    """Stay until what is under way has ended, and collect it. Starts nothing."""
    from cosmos.cli import applying, plan_page, render

    given, timeout_s = shell(context), seconds(timeout, "--timeout")
    with given.open() as cosmos:

        def call(listener: "Listener") -> "Outcome":
            return cosmos.wait(names or [], split(labels), timeout_s=timeout_s, listener=listener)

        result = applying.follow(given, cosmos, cosmos.status(look=False).statuses, call)
    screen, talk = render.out(color=given.color), render.err(color=given.color)
    plan_page.complain(result.problems, talk)
    screen.write(*plan_page.outcome(result, screen))
    talk.write(*plan_page.come_back(result))
    return result.exit_code


def cancel(
    context: typer.Context,
    names: SomeNames = None,
    labels: Labels = None,
    why: Why = "",
) -> int:
    """Stop runs. They start no more until a retry; what they have made stays."""
    from cosmos.cli import render

    given = shell(context)
    talk = render.err(color=given.color)
    with given.open() as cosmos:
        result = cosmos.cancel(
            names or [], split(labels), why=why, listener=lambda progress: talk.write(*filter(None, [progress.waits]))
        )
    render.out(color=given.color).write(*(f"{status.key} {status.phase.value}" for status in result.statuses))
    if result.handed_to:
        talk.write(f"Noted. It is carried out by the other one: {result.handed_to}")
    for trouble in result.troubles:
        talk.write(f"{talk.paint('error:', 'red')} {trouble}")
    return 1 if result.troubles else 0


def retry(
    context: typer.Context,
    names: SomeNames = None,
    labels: Labels = None,
    why: Why = "",
    assume_lost: Annotated[
        bool, typer.Option("--assume-lost", help="Give up work on a host that cannot be looked at.")
    ] = False,
) -> int:
    """Let failed and cancelled runs be tried again. Starts nothing by itself."""
    from cosmos.cli import render

    given = shell(context)
    with given.open() as cosmos:
        keys = cosmos.retry(names or [], split(labels), why=why, assume_lost=assume_lost)
    render.out(color=given.color).write(*keys)
    render.err(color=given.color).write("cosmos apply starts them.")
    return 0


def _plan(
    cosmos: "CosmosAPI", names: list[str] | None, labels: list[str] | None, *, rerun: bool, prune: bool, accept: bool
) -> "PlanView":
    terms = split(labels)
    if accept and not prune:
        raise typer.BadParameter("it says how much --prune may stop", param_hint="--accept-removals")
    if rerun and not names and not terms:
        raise RefusedError("--rerun without names would run everything again", 'name runs or labels; "*" means all')
    return cosmos.plan(names or [], terms, rerun=rerun, prune=prune, accept_removals=accept)
