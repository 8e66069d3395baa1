"""What `cosmos hosts check` and `cosmos doctor` print: a line a finding, with the remedy below what is wrong."""

from collections.abc import Mapping, Sequence

from cosmos.cli.render import Screen, plural, printable
from cosmos.core.finding import Finding, Level
from cosmos.errors import HostUnreachable

FORMAT_VERSION = 1

_MARKS = {Level.OK: ("ok", "green"), Level.WARNING: ("warn", "yellow")}
_BAD = ("FAIL", "red")

Findings = Mapping[str, Sequence[Finding]]


def lines(found: Findings, screen: Screen) -> list[str]:
    shown: list[str] = []
    for host, findings in found.items():
        width = max(len(finding.about) for finding in findings)
        shown.append(screen.paint(host, "bold"))
        for finding in findings:
            mark, style = _MARKS.get(finding.level, _BAD)
            words = printable(finding.words)
            shown.append(f"  {screen.paint(mark.ljust(4), style)}  {finding.about.ljust(width)}  {words}")
            if finding.remedy:
                shown.append(f"        {'':{width}}  -> {printable(finding.remedy)}")
        bad = sum(_is_bad(finding) for finding in findings)
        verdict = screen.paint(plural(bad, "problem"), "red") if bad else screen.paint("ready", "green")
        shown.append(f"  {host}: {verdict}")
    return shown


def document(found: Findings) -> dict[str, object]:
    return {"format_version": FORMAT_VERSION, "hosts": _groups(found)}


def examined(found: Findings) -> dict[str, object]:
    return {"format_version": FORMAT_VERSION, "ready": worst(found) == 0, "groups": _groups(found)}


def _groups(found: Findings) -> list[dict[str, object]]:
    return [
        {
            "name": name,
            "ready": not any(_is_bad(finding) for finding in findings),
            "findings": [
                {"level": one.level.value, "about": one.about, "words": one.words, "remedy": one.remedy}
                for one in findings
            ],
        }
        for name, findings in found.items()
    ]


def exit_code(found: Findings) -> int:
    """Of the worst: 6 where a host cannot be reached, else 1 where one has a problem."""
    levels = {finding.level for findings in found.values() for finding in findings}
    if Level.UNREACHABLE in levels:
        return HostUnreachable.exit_code
    return 1 if Level.PROBLEM in levels else 0


def worst(found: Findings) -> int:
    """1 where something is to be mended; 6 where all that is wrong is that a host cannot be reached."""
    levels = {finding.level for findings in found.values() for finding in findings}
    return 1 if Level.PROBLEM in levels else exit_code(found)


def _is_bad(finding: Finding) -> bool:
    return finding.level in (Level.PROBLEM, Level.UNREACHABLE)
