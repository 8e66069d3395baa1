"""What `cosmos compare` prints: two columns of what differs, and how alike the videos are."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from urllib.parse import quote

from cosmos.cli.render import Screen, cut, local_time, one_line, plural, printable, table, timestamp
from cosmos.cli.status_page import FORMAT_VERSION
from cosmos.core.digest import SHORT
from cosmos.core.plan_text import duration
from cosmos.core.run import Similarity
from cosmos.results import Compared, Side

NAME_WIDTH = 18
"""Columns that names of settings are thought to take, when the rest is shared by two values."""


def lines(found: Compared, screen: Screen) -> Iterator[str]:
    one, other = found.one, found.other
    rows = [("digest", one.digest[:SHORT], other.digest[:SHORT]), *_made(one, other)]
    rows += [(name, *values) for name, values in found.settings.items()]
    room = None if screen.width is None else max(12, (screen.width - NAME_WIDTH) // 2 - 2)
    cells = [(name, cut(one_line(first), room), cut(one_line(second), room)) for name, first, second in rows]
    yield from table(screen, ("", cut(one.key, room), cut(other.key, room)), cells)
    yield ""
    if not found.settings:
        yield "No setting differs that the output depends on."
    yield from likeness(found.equal, found.videos, screen)
    for side in (one, other):
        if not side.is_made:
            yield printable(f"{side.key} has no result yet.")
    if not found.videos and not found.equal and one.is_made and other.is_made:
        yield "They have no video in common."


def _made(one: Side, other: Side) -> Iterator[tuple[str, str, str]]:
    for name, first, second in (
        ("rating", str(one.rating or ""), str(other.rating or "")),
        ("took", _span(one.took_s), _span(other.took_s)),
        ("made", _time(one.finished_at), _time(other.finished_at)),
        ("host", one.host, other.host),
        ("gpus", ", ".join(one.gpus), ", ".join(other.gpus)),
        ("commit", one.commit[:SHORT], other.commit[:SHORT]),
        ("attempt", str(one.attempt or ""), str(other.attempt or "")),
    ):
        if first or second:
            yield name, first or "-", second or "-"


def _span(seconds: float | None) -> str:
    return "" if seconds is None else duration(seconds)


def _time(seconds: float | None) -> str:
    return "" if seconds is None else local_time(seconds)


def likeness(equal: Iterable[str], videos: Mapping[str, Similarity], screen: Screen) -> Iterator[str]:
    """A line for each video that two results have in common."""
    for role in equal:
        yield f"{role}: {screen.paint('the same bytes', 'green')}"
    for role, alike in videos.items():
        yield from _alike(role, alike, screen)


def _alike(role: str, alike: Similarity, screen: Screen) -> Iterator[str]:
    psnr = "no pixel differs" if alike.psnr is None else f"PSNR {alike.psnr:.1f} dB"
    least = f"least {alike.ssim_least:.4f} at frame {alike.least_at}"
    yield f"{screen.paint(role, 'bold')}: SSIM {alike.ssim:.4f} ({least}), {psnr}, {plural(alike.frames, 'frame')}"
    yield from (f"  {note}" for note in alike.notes)


def talk(found: Compared) -> Iterator[str]:
    """Where a person sees more; the page shows what the specs ask for now."""
    keys = [side.key for side in (found.one, found.other) if side.is_made]
    if len(set(keys)) == 2:
        yield f"Side by side, in step: cosmos ui, then /compare?compare={quote(','.join(keys), safe='/,')}"


def document(found: Compared) -> dict[str, object]:
    return {
        "format_version": FORMAT_VERSION,
        "runs": [_side(found.one), _side(found.other)],
        "settings": {name: list(values) for name, values in found.settings.items()},
        "videos": {role: asdict(alike) for role, alike in found.videos.items()},
        "equal": list(found.equal),
    }


def _side(side: Side) -> dict[str, object]:
    return {
        "run": side.key,
        "digest": side.digest,
        "is_made": side.is_made,
        "rating": side.rating,
        "took_s": side.took_s,
        "finished_at": timestamp(side.finished_at),
        "attempt": side.attempt or None,
        "host": side.host,
        "gpus": list(side.gpus),
        "commit": side.commit,
        "inputs": dict(side.inputs),
    }
