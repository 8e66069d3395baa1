"""What `cosmos search` prints: a line a hit, with what stands there around the words."""

import re
from collections.abc import Iterator, Sequence

from cosmos.cli.render import Screen, plural, table
from cosmos.cli.status_page import FORMAT_VERSION
from cosmos.results import Hit, Searched

HEADS = ("KIND", "NAME", "RUNS", "FILE", "FIELD", "WHAT IT SAYS")
BEFORE = 10
"""Letters that are shown before the first word, where the text is longer than its place."""


def lines(found: Searched, limit: int, screen: Screen) -> Iterator[str]:
    hits = found.hits[:limit]
    if not hits:
        return
    pattern = re.compile("|".join(map(re.escape, sorted(found.words, key=len, reverse=True))) or "$^", re.IGNORECASE)
    head, *rows = table(screen, HEADS, [_cells(hit, pattern, screen) for hit in hits], spare=("RUNS", "FIELD"))
    yield head
    for row in rows:
        yield pattern.sub(lambda match: screen.paint(match[0], "yellow"), row)


def _cells(hit: Hit, pattern: "re.Pattern[str]", screen: Screen) -> Sequence[str]:
    where = hit.at.file if hit.kind == "input" else hit.at.short
    return (hit.kind, hit.name, str(hit.runs), where, hit.field, _around(hit.text, pattern, screen))


def _around(text: str, pattern: "re.Pattern[str]", screen: Screen) -> str:
    """From shortly before the first word on; all of it where nothing is cut."""
    match = pattern.search(text)
    if screen.width is None or match is None or match.start() <= BEFORE:
        return text
    return f"...{text[match.start() - BEFORE :]}"


def talk(found: Searched, limit: int) -> Iterator[str]:
    if not found.hits:
        yield "Nothing has all of these words."
    elif len(found.hits) > limit:
        yield f"{plural(len(found.hits) - limit, 'more hit')}: --limit shows more, more words show fewer."


def document(found: Searched, limit: int) -> dict[str, object]:
    return {
        "format_version": FORMAT_VERSION,
        "total": len(found.hits),
        "hits": [
            {
                "kind": hit.kind,
                "name": hit.name,
                "file": hit.at.file,
                "line": None if hit.kind == "input" else hit.at.line,
                "field": hit.field,
                "text": hit.text,
                "score": hit.score,
                "runs": hit.runs,
            }
            for hit in found.hits[:limit]
        ],
    }
