"""What `cosmos explain` prints: the rule that holds for a run, what follows, and what it rests on."""

from cosmos.cli.render import Screen, printable
from cosmos.cli.status_page import FORMAT_VERSION, STYLES, run_document, why
from cosmos.core import plan_text
from cosmos.core.plan import Plan
from cosmos.views import Explanation


def lines(explanation: Explanation, screen: Screen) -> list[str]:
    """The text form."""
    status = explanation.status
    phase, words = ("Held", "") if status is None else (status.phase.value, why(status))
    found = [
        f"{screen.paint(explanation.key, 'bold')}   {explanation.at.short}",
        f"  {screen.paint(phase, STYLES.get(phase, 'yellow'))}{f': {printable(words)}' if words else ''}",
        f"  Rule: {explanation.rule}",
    ]
    if explanation.operations:
        found += ["", "What apply does:", *(f"  {line}" for line in _acts(explanation))]
    elif status is not None:
        found += ["", "What apply does: nothing."]
    if explanation.facts:
        found += ["", "What this rests on:", *(f"  {printable(fact)}" for fact in explanation.facts)]
    if explanation.log_end:
        found += ["", "End of its log:", *(f"  {printable(line)}" for line in explanation.log_end)]
    return found


def _acts(explanation: Explanation) -> list[str]:
    *acts, _ = plan_text.text(Plan(operations=explanation.operations)).splitlines()
    return acts


def document(explanation: Explanation) -> dict[str, object]:
    """The JSON form. `status` is null when the run is held back by a problem in the specs."""
    return {
        "format_version": FORMAT_VERSION,
        "key": explanation.key,
        "file": explanation.at.file,
        "line": explanation.at.line,
        "rule": explanation.rule,
        "status": explanation.status and run_document(explanation.status),
        "operations": plan_text.as_json(Plan(operations=explanation.operations))["operations"],
        "facts": list(explanation.facts),
        "log_end": list(explanation.log_end),
    }
