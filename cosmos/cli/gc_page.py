"""What `cosmos gc` prints: each thing, sums by place and kind, and what was held back."""

from cosmos.cli.render import Screen, age, printable, table
from cosmos.core.garbage import Cleared, Garbage, Kind
from cosmos.core.plan_text import size
from cosmos.errors import HostUnreachable

FORMAT_VERSION = 1
HEADS = ("WHERE", "WHAT", "NAME", "SIZE", "UNUSED", "WHY")
SPARE = ("UNUSED",)

_PLURALS = {Kind.RUN_DIRECTORY: ("run directory", "run directories")}


def lines(found: Cleared, screen: Screen) -> list[str]:
    shown = table(screen, HEADS, [_row(each) for each in found.garbage], spare=SPARE) if found.garbage else []
    if shown:
        shown.append("")
    verb = "freed" if found.done else "would be freed"
    for (place, kind), (count, total) in found.sums().items():
        shown.append(f"{place}: {_counted(count, kind)}, {size(total)} {verb}")
    if not found.garbage:
        shown.append("Nothing was removed." if found.done else "Nothing to remove.")
    elif not found.done:
        shown.append(f"{size(_total(found))} in all. Nothing was removed; the same with --yes removes it.")
    else:
        shown.append(f"{size(_total(found))} freed in all.")
    for mark, style, sentences in (
        ("held:", "yellow", found.held),
        ("away:", "yellow", found.away),
        ("failed:", "red", found.failed),
    ):
        shown += [f"{screen.paint(mark, style)} {printable(words)}" for words in sentences]
    return shown


def exit_code(found: Cleared) -> int:
    """1 where something could not be removed, 6 where a host was away. What was held back is no failure."""
    if found.failed:
        return 1
    return HostUnreachable.exit_code if found.away else 0


def _row(each: Garbage) -> tuple[str, ...]:
    name = each.name[:12] if each.kind is Kind.BLOB else each.name
    return each.place, each.kind.value, name, size(each.size), age(each.idle_s), each.why


def _counted(count: int, kind: Kind) -> str:
    one, many = _PLURALS.get(kind, (kind.value, f"{kind.value}s"))
    return f"{count} {one if count == 1 else many}"


def _total(found: Cleared) -> int:
    return sum(each.size for each in found.garbage)


def document(found: Cleared) -> dict[str, object]:
    return {
        "format_version": FORMAT_VERSION,
        "done": found.done,
        "bytes": _total(found),
        "garbage": [
            {
                "place": each.place,
                "kind": each.kind.value,
                "name": each.name,
                "bytes": each.size,
                "unused_s": round(each.idle_s),
                "why": each.why,
            }
            for each in found.garbage
        ],
        "held": list(found.held),
        "away": list(found.away),
        "failed": list(found.failed),
    }
