"""A comparison of specs as text, as JSON and as a comment for a pull request."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from cosmos.core.comparison import Comparison, Difference, FieldChange, How
from cosmos.core.digest import SHORT
from cosmos.core.plan_text import FOLD, columns, duration

FORMAT_VERSION = 1
"""Of the JSON form. Fields are added under one version; a changed meaning raises it."""

FIELDS = 4
"""Fields of one run that are shown; JSON has each."""
VALUE = 32
"""Letters of a value beyond which only the field's name is shown."""

GLYPHS = {How.NEW: "+", How.CHANGED: "-/+", How.REMOVED: "-", How.UNKNOWN: "?"}


def text(comparison: Comparison) -> str:
    """The whole comparison. Equal ones give equal text."""
    found = lines(comparison.differences)
    if found and comparison.unchanged:
        found.append(f"= {comparison.unchanged} unchanged")
    return "\n".join([*found, summary(comparison)])


def lines(differences: Iterable[Difference]) -> list[str]:
    """Runs that differ, in columns."""
    return columns(rows(differences))


def summary(comparison: Comparison, shown: Callable[[str], str] = str) -> str:
    """The last line: counts, or that nothing differs. `shown` gives the name of the other commit as it is written."""
    where = shown(comparison.base)
    if comparison.commit and not comparison.commit.startswith(comparison.base):
        where = f"{where} ({comparison.commit[:SHORT]})"
    differences = comparison.differences
    if not differences:
        return f"No run differs from {where}: {comparison.unchanged} unchanged."
    counts = Counter(each.how for each in differences)
    parts = [f"{counts[how]} {_WORDS.get(how, how.value)}" for how in How if counts[how]]
    run, made = len(comparison.to_run), sum(each.is_made for each in differences)
    line = f"Compared with {where}: {', '.join(parts)}; {comparison.unchanged} unchanged. {run} to run"
    return f"{line}{f', {made} made already' if made else ''}.{_costs(comparison.to_run)}"


_WORDS = {How.UNKNOWN: "that cannot be compared"}


def _costs(to_run: Sequence[Difference]) -> str:
    """Run time, and that of GPUs, of the runs for which it is known."""
    known = [(each.eta_s, each.gpus) for each in to_run if each.eta_s is not None]
    total, gpus = sum(eta for eta, _ in known), sum(eta * count for eta, count in known)
    parts = [f"~{duration(total)} of run time"] if total else []
    parts += [f"~{duration(gpus)} of GPU time"] if gpus else []
    return f"  {', '.join(parts)}." if parts else ""


def rows(differences: Iterable[Difference]) -> list[list[str]]:
    """A row a run; more than FOLD members of one sweep that differ alike share a row."""
    groups: dict[tuple[object, ...], list[Difference]] = {}
    for each in differences:
        groups.setdefault((each.key.partition("/")[0], each.how, _what(each), each.is_made), []).append(each)
    return [row for group in groups.values() for row in _group_rows(group)]


def _group_rows(group: Sequence[Difference]) -> list[list[str]]:
    if len(group) <= FOLD:
        return [_row(f"run {each.key}", each) for each in group]
    return [_row(f"{len(group)} runs {group[0].key.partition('/')[0]}/*", group[0])]


def _row(name: str, each: Difference) -> list[str]:
    result = "is made already" if each.is_made else "to run" if each.digest else ""
    return [f"{GLYPHS[each.how]} {name}", _what(each), each.at.short, result]


def _what(each: Difference) -> str:
    if each.how is not How.CHANGED:
        return each.why or each.how.value
    more = len(each.fields) - FIELDS
    shown = [_field(field) for field in each.fields[:FIELDS]]
    return ", ".join([*shown, *([f"and {more} more"] if more > 0 else [])])


def _field(change: FieldChange) -> str:
    if change.field.startswith("inputs.") or change.field == "source.digest":
        return change.field
    before, after = _value(change.before), _value(change.after)
    short = before is not None and after is not None
    return f"{change.field} {before} -> {after}" if short else change.field


def _value(value: object) -> str | None:
    shown = "none" if value is None else json.dumps(value)
    return shown if len(shown) <= VALUE else None


def as_json(comparison: Comparison) -> dict[str, object]:
    """Plain data: format_version, base, commit, differences, summary, problems."""
    counts = Counter(each.how for each in comparison.differences)
    return {
        "format_version": FORMAT_VERSION,
        "base": comparison.base,
        "commit": comparison.commit,
        "differences": [_difference(each) for each in comparison.differences],
        "summary": {
            **{how.value: counts[how] for how in How},
            "unchanged": comparison.unchanged,
            "to_run": len(comparison.to_run),
            "eta_s": sum(each.eta_s or 0.0 for each in comparison.to_run),
        },
        "problems": [problem.as_json() for problem in comparison.problems],
    }


def _difference(each: Difference) -> Mapping[str, object]:
    return {
        "key": each.key,
        "how": each.how.value,
        "file": each.at.file,
        "line": each.at.line,
        "digest": each.digest or None,
        "digest_before": each.digest_before or None,
        "fields": [{"field": one.field, "before": one.before, "after": one.after} for one in each.fields],
        "is_made": each.is_made,
        "eta_s": each.eta_s,
        "basis": each.basis and each.basis.value,
        "gpus": each.gpus,
        "why": each.why,
    }
