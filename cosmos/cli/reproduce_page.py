"""What `cosmos reproduce` prints: a line for each thing that a result depends on."""

from collections.abc import Iterator

from cosmos.cli.compare_page import likeness
from cosmos.cli.render import Screen, plural, printable, table
from cosmos.cli.status_page import FORMAT_VERSION
from cosmos.core.digest import SHORT
from cosmos.results import Match, Repeated, Reproduction

_STYLES = {Match.SAME.value: "green", Match.DIFFERS.value: "red", Match.UNKNOWN.value: "yellow"}


def lines(found: Reproduction, screen: Screen) -> Iterator[str]:
    yield printable(f"{found.key}, output {found.digest[:SHORT]}, attempt {found.attempt}")
    rows = [(check.match.value, check.about, check.words) for check in found.checks]
    yield from table(screen, ("NOW", "WHAT", "HOW IT IS"), rows, styles=_STYLES)
    unknown = sum(check.match is Match.UNKNOWN for check in found.checks)
    more = f"; of {plural(unknown, 'thing')} nothing can be said" if unknown else ""
    if found.differs:
        yield f"{plural(len(found.differs), 'difference')}{more}: another output may come of it."
    else:
        yield f"Nothing differs{more}."


def document(found: Reproduction) -> dict[str, object]:
    return {
        "format_version": FORMAT_VERSION,
        "run": found.key,
        "digest": found.digest,
        "attempt": found.attempt,
        "is_wanted": found.is_wanted,
        "matches": not found.differs,
        "checks": [{"about": one.about, "match": one.match.value, "words": one.words} for one in found.checks],
    }


def repeated(found: Repeated, screen: Screen) -> Iterator[str]:
    yield ""
    yield printable(f"Attempt {found.attempt} is in outputs/{found.folder}; the earlier output is kept beside it.")
    yield from likeness(found.equal, found.videos, screen)
