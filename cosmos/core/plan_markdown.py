"""The plan as a comment for a pull request. Everything that a spec says is shown as code, so that it cannot be markup.

In code no forge makes a mention, a link or an issue of a word. A text that could leave the code again is written in
numeric entities, which are never markup.
"""

from collections.abc import Iterable, Sequence

from cosmos.core import comparison_text
from cosmos.core.comparison import Comparison
from cosmos.core.plan import Plan
from cosmos.core.plan_text import launch_rows, other_lines, summary
from cosmos.core.problem import Problem

MARK = "<!-- cosmos plan -->"
"""First line, by which a later comment finds the one that it replaces."""

ROWS = 50
PROBLEMS = 20
CELL = 120
_LEAVES_CODE = frozenset("`|\\<>&")


def code(text: str, limit: int = CELL) -> str:
    """A text as code in one line, in a table too; an empty one as nothing."""
    line = " ".join(text.split())
    line = line if len(line) <= limit else f"{line[: limit - 3]}..."
    shown = "".join(each if each.isprintable() else _escaped(each) for each in line)
    if not shown:
        return ""
    if not _LEAVES_CODE & set(shown):
        return f"`{shown}`"
    return f"<code>{''.join(each if each.isalnum() or each == ' ' else f'&#{ord(each)};' for each in shown)}</code>"


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape", "surrogatepass").decode("ascii")


def markdown(plan: Plan, problems: Sequence[Problem], revision: str) -> str:
    """The whole plan, cut where it is long. Equal plans give equal text."""
    at = f" at {code(revision[:8])}" if revision else ""
    lines = [MARK, f"### cosmos plan{at}", "", summary(plan)]
    rows = [[code(name), *map(code, rest)] for name, *rest in launch_rows(plan.operations)]
    lines += table(("Run", "Why", "Where", "Host", "Time", ""), rows)
    lines += listed("", other_lines(plan), ROWS)
    lines += problem_lines(problems)
    return "\n".join(lines)


def compared(comparison: Comparison) -> str:
    """How specs differ, as a comment; cut where it is long."""
    lines = [MARK, f"### cosmos plan against {code(comparison.base)}", "", comparison_text.summary(comparison, code)]
    found = [[*map(code, row)] for row in comparison_text.rows(comparison.differences)]
    lines += table(("Run", "What differs", "Where", "Result"), found)
    lines += problem_lines(comparison.problems)
    return "\n".join(lines)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], limit: int = ROWS) -> list[str]:
    """A table without the columns that are empty; nothing where there are no rows."""
    if not rows:
        return []
    kept = [place for place in range(len(heads)) if any(row[place] for row in rows)]
    lines = ["", _row([heads[place] for place in kept]), _row(["---"] * len(kept))]
    lines += [_row([row[place] for place in kept]) for row in rows[:limit]]
    return [*lines, *_more(len(rows) - limit)]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _more(count: int) -> list[str]:
    return ["", f"... and {count} more."] if count > 0 else []


def listed(head: str, texts: Sequence[str], limit: int) -> list[str]:
    """Texts as a list of code."""
    if not texts:
        return []
    lines = ["", *([head, ""] if head else []), *(f"- {code(text, 400)}" for text in texts[:limit])]
    return [*lines, *_more(len(texts) - limit)]


def problem_lines(problems: Sequence[Problem]) -> list[str]:
    """What is wrong with the specs."""
    count = len(problems)
    head = f"**{count} problem{'' if count == 1 else 's'} in the specs**; the runs concerned keep what they have:"
    return listed(head, [str(problem) for problem in problems], PROBLEMS)
