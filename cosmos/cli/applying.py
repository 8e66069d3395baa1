"""A plan carried out at a terminal: followed as it goes, with Ctrl-C as a way out that stops nothing."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from cosmos.cli import live, plan_page, render
from cosmos.cli.interrupt import Interrupt
from cosmos.cli.options import Shell

if TYPE_CHECKING:
    from cosmos.api import CosmosAPI, Listener
    from cosmos.core.plan import RunStatus
    from cosmos.outcome import Outcome, PlanView


def carry_out(
    given: Shell,
    cosmos: "CosmosAPI",
    view: "PlanView",
    *,
    stay: bool = True,
    timeout_s: float | None = None,
    max_gpu_hours: float | None = None,
) -> "Outcome":
    """Apply a plan, and say what came of it."""

    def call(listener: "Listener") -> "Outcome":
        return cosmos.apply(view, wait=stay, timeout_s=timeout_s, max_gpu_hours=max_gpu_hours, listener=listener)

    screen, talk = render.out(color=given.color), render.err(color=given.color)
    result = follow(given, cosmos, view.plan.statuses, call)
    screen.write("", *plan_page.outputs(result, view, cosmos.settings), *plan_page.outcome(result, screen))
    talk.write(*plan_page.come_back(result))
    return result


def follow(
    given: Shell, cosmos: "CosmosAPI", before: "Iterable[RunStatus]", call: "Callable[[Listener], Outcome]"
) -> "Outcome":
    """Call with progress on stderr, and with Ctrl-C as a way out that stops nothing."""
    with live.watching(render.err(color=given.color), before, table=not given.verbose) as watcher:

        def detach() -> None:
            cosmos.detach()
            watcher.say("Detaching once what is under way here is done; Ctrl-C again leaves at once.")

        with Interrupt(detach):
            return call(watcher)
