"""What `cosmos verify` prints: a line a finding, with what mends it below."""

from collections.abc import Sequence

from cosmos.cli.render import Screen, plural, printable
from cosmos.core.flaw import Flaw, FlawKind, Verified
from cosmos.core.plan_text import size
from cosmos.errors import HostUnreachable

FORMAT_VERSION = 1
FIX = "with --fix: "


def lines(found: Verified, screen: Screen) -> list[str]:
    shown: list[str] = []
    for flaw, how in found.mended:
        shown += _finding(screen, screen.paint("mended", "green"), flaw, [how])
    for flaw in found.problems:
        shown += _finding(screen, screen.paint("FAIL  ", "red"), flaw, _remedies(flaw))
    for flaw in found.flaws:
        if flaw.is_note:
            shown += _finding(screen, screen.paint("note  ", "yellow"), flaw, _remedies(flaw))
    return [*shown, *([""] if shown else []), summary(found, screen)]


def _finding(screen: Screen, mark: str, flaw: Flaw, below: Sequence[str]) -> list[str]:
    where = f" on {flaw.host}" if flaw.host and flaw.host != flaw.subject else ""
    words = flaw.words.removeprefix(f"{flaw.subject}: ")
    head = f"{mark}  {screen.paint(flaw.kind.value, 'bold')}  {printable(flaw.subject)}{where}: {printable(words)}"
    return [head, *(f"        -> {printable(words)}" for words in below if words)]


def _remedies(flaw: Flaw) -> list[str]:
    return [f"{FIX if flaw.fixable else ''}{flaw.remedy}"]


def summary(found: Verified, screen: Screen) -> str:
    """`Verified 41 results, 164 blobs (1.2 GB read), 2 hosts: 1 problem, 2 notes.`."""
    read = f" ({size(found.read)} read)" if found.read else ""
    looked = (
        f"{plural(found.results, 'result')}, {plural(found.blobs, 'blob')}{read}, {plural(len(found.hosts), 'host')}"
    )
    parts = []
    if found.mended:
        parts.append(f"{len(found.mended)} mended")
    if found.problems:
        parts.append(screen.paint(plural(len(found.problems), "problem"), "red"))
    else:
        parts.append(screen.paint("nothing is wrong" if not found.mended else "nothing is left", "green"))
    notes = len(found.flaws) - len(found.problems)
    return f"Verified {looked}: {', '.join([*parts, *([plural(notes, 'note')] if notes else [])])}."


def document(found: Verified) -> dict[str, object]:
    return {
        "format_version": FORMAT_VERSION,
        "clean": not found.problems,
        "findings": [_document(flaw) for flaw in found.flaws],
        "mended": [{**_document(flaw), "how": how} for flaw, how in found.mended],
        "results": found.results,
        "blobs": found.blobs,
        "read": found.read,
        "hosts": list(found.hosts),
    }


def _document(flaw: Flaw) -> dict[str, object]:
    return {
        "kind": flaw.kind.value,
        "level": "note" if flaw.is_note else "problem",
        "subject": flaw.subject,
        "host": flaw.host,
        "words": flaw.words,
        "remedy": flaw.remedy,
        "fixable": flaw.fixable,
    }


def exit_code(found: Verified) -> int:
    """1 where something is wrong; 6 where the only trouble is a host that could not be looked at."""
    kinds = {flaw.kind for flaw in found.problems}
    if not kinds:
        return 0
    return HostUnreachable.exit_code if kinds == {FlawKind.HOST_UNREACHABLE} else 1
