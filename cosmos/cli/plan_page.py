"""The plan and how an apply of it went, as text and as JSON."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cosmos.cli.live import WORKING
from cosmos.cli.render import Screen, plural, printable
from cosmos.cli.status_page import counts, next_steps, run_document
from cosmos.core import comparison_text, plan_text
from cosmos.core.comparison import Comparison
from cosmos.core.plan import Act, Phase, RunStatus, Sync
from cosmos.core.problem import Problem
from cosmos.outcome import Outcome, PlanView
from cosmos.settings import Settings

OUTPUTS_SHOWN = 20

_GLYPHS = {
    **dict.fromkeys("+", "green"),
    **dict.fromkeys(("-/+", ">", "r"), "yellow"),
    **dict.fromkeys("^v", "cyan"),
    **dict.fromkeys("x!?", "red"),
    **dict.fromkeys("-=", "dim"),
}


def lines(view: PlanView, screen: Screen) -> list[str]:
    """The text form; the sign at the beginning of a line has its colour."""
    return _colored(view.text, screen)


def _colored(text: str, screen: Screen) -> list[str]:
    found = []
    for line in printable(text).splitlines():
        glyph, space, rest = line.partition(" ")
        found.append(f"{screen.paint(glyph, _GLYPHS[glyph])}{space}{rest}" if glyph in _GLYPHS else line)
    return found


def document(view: PlanView) -> dict[str, object]:
    """The JSON form."""
    return {
        **plan_text.as_json(view.plan),
        "runs": [run_document(status) for status in view.plan.statuses],
        "problems": [problem.as_json() for problem in view.problems],
        "warnings": [warning.as_json() for warning in view.desired.warnings],
        "revision": view.revision,
    }


def markdown(view: PlanView) -> str:
    """The form for a pull request."""
    from cosmos.core import plan_markdown

    return plan_markdown.markdown(view.plan, view.problems, view.revision)


@dataclass(frozen=True, slots=True)
class Compared:
    """Specs against those of another commit, in each form."""

    comparison: Comparison

    def lines(self, screen: Screen) -> list[str]:
        return _colored(comparison_text.text(self.comparison), screen)

    def document(self) -> dict[str, object]:
        return comparison_text.as_json(self.comparison)

    def markdown(self) -> str:
        from cosmos.core import plan_markdown

        return plan_markdown.compared(self.comparison)


def complain(problems: Sequence[Problem], screen: Screen) -> None:
    """Problems of the specs, which keep their own runs and no others from being planned."""
    if problems:
        found = [printable(str(problem)) for problem in problems]
        count = screen.paint(plural(len(found), "problem"), "red")
        screen.write(*found, f"{count} in the specs; the runs concerned keep what they have")


def advise(warnings: Sequence[Problem], screen: Screen) -> None:
    """What is allowed and perhaps not meant: said before GPU time is spent."""
    if warnings:
        screen.write(*(printable(str(warning)) for warning in warnings))


def is_settled(view: PlanView) -> bool:
    """Nothing is to be done and nothing is under way."""
    moving = any(status.phase in WORKING or status.until is not None for status in view.plan.statuses)
    return view.plan.is_empty and not moving


def standing(view: PlanView) -> Outcome:
    """The runs that were asked for, as an outcome."""
    statuses = tuple(status for status in view.plan.statuses if status.key in view.selected)
    return Outcome(statuses=statuses, problems=view.problems)


def outcome(result: Outcome, screen: Screen) -> list[str]:
    """How a call ended: what failed, what could not be done, counts."""
    found = [f"{screen.paint('!', 'red')} {printable(trouble)}" for trouble in result.troubles]
    found += next_steps(result.statuses, screen)
    return [*found, f"{counts(result.statuses)}."]


def outputs(result: Outcome, view: PlanView, settings: Settings) -> list[str]:
    """Paths of what was made since the plan, from where the user is."""
    made = [path for status in result.statuses if _is_new(status, view) for path in _paths(status, view, settings)]
    if not made:
        return []
    more = len(made) - OUTPUTS_SHOWN
    rest = [f"  and {more} more below {os.path.relpath(settings.outputs)}/"] if more > 0 else []
    return ["Made:", *(f"  {path}" for path in made[:OUTPUTS_SHOWN]), *rest, ""]


def _is_new(status: RunStatus, view: PlanView) -> bool:
    if status.phase is not Phase.SUCCEEDED or status.sync is not Sync.SYNCED:
        return False
    before = view.plan.status_of(status.key)
    return before is None or before.phase is not Phase.SUCCEEDED or _restored(status.key, view)


def _restored(key: str, view: PlanView) -> bool:
    return any(operation.act is Act.RESTORE and operation.key == key for operation in view.plan.operations)


def _paths(status: RunStatus, view: PlanView, settings: Settings) -> Iterator[str]:
    want = view.desired.by_key().get(status.key)
    for output in want.run.outputs.values() if want is not None else ():
        yield os.path.relpath(settings.outputs / status.folder / output.path)


def come_back(result: Outcome) -> list[str]:
    """What to type when work goes on without us."""
    if not result.detached and not result.timed_out and not any(one.phase in WORKING for one in result.statuses):
        return []
    why = "Detached" if result.detached else "Time is up" if result.timed_out else "Started"
    return [
        f"{why}; what runs goes on.",
        "  cosmos wait          stays until it has ended, and collects it",
        "  cosmos apply         does that, and starts what is left",
        "  cosmos cancel NAMES  stops runs",
    ]
