"""What bash/stored.sh printed -> `core.stock.Stock`. Pure."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from cosmos.core.stock import Stock, Stored
from cosmos.errors import HostUnreachable
from cosmos.hosts.layout import GONE, is_batch_id, is_sha256

_ARITY = {"now": 1, "blob": 4, "kept": 4, "end": 0}
_TIME = re.compile(r"[0-9]{1,12}(\.[0-9]+)?")
_NUMBER = re.compile(r"[0-9]{1,30}")


def read_stock(answer: bytes) -> Stock:
    """What a host keeps. Files with names that are none of ours are not in it.

    Raises:
        HostUnreachable: The answer is not what bash/stored.sh prints.
    """
    now = 0.0
    blobs: dict[str, Stored] = {}
    kept: dict[str, list[Stored]] = {}
    is_whole = False
    for tag, fields in _records(answer):
        is_whole = tag == "end"
        if tag == "now":
            now = _time(fields[0])
        elif tag == "blob" and is_sha256(fields[0]):
            blobs[fields[0]] = _stored(fields, now)
        elif tag == "kept":
            kept.setdefault(_top(fields[0]), []).append(_stored(fields, now))
    if not is_whole:
        raise _not_understood("it was cut off")
    names = {path: path.partition("/")[2] for path in kept if path.startswith("batches/")}
    return Stock(
        blobs=blobs,
        leftovers={path: _whole(kept[path]) for path in kept if _is_leftover(path)},
        folders={name: _whole(kept[path]) for path, name in names.items() if is_batch_id(name)},
    )


def _records(answer: bytes) -> Iterator[tuple[str, Sequence[str]]]:
    words = iter(answer.decode("utf-8", "surrogateescape").split("\0")[:-1])
    for tag in words:
        if tag not in _ARITY:
            raise _not_understood(f"no record is called {tag[:40]!r}")
        fields = tuple(islice(words, _ARITY[tag]))
        if len(fields) != _ARITY[tag]:
            raise _not_understood("it was cut off")
        yield tag, fields


def _top(path: str) -> str:
    """Of a path below blobs/.part or batches: what is removed as a whole."""
    depth = 3 if path.startswith("blobs/") else 2
    return "/".join(path.split("/")[:depth])


def _is_leftover(path: str) -> bool:
    return path.startswith(("blobs/.part/", f"batches/{GONE}"))


def _stored(fields: Sequence[str], now: float) -> Stored:
    _, size, changed, links = fields
    if not _NUMBER.fullmatch(size) or not _NUMBER.fullmatch(links):
        raise _not_understood(f"{size[:40]!r} or {links[:40]!r} is no number")
    return Stored(size=int(size), idle_s=max(0.0, now - _time(changed)), links=int(links))


def _whole(parts: Sequence[Stored]) -> Stored:
    """Bytes that have another name stay when this one goes."""
    size = sum(part.size for part in parts if part.links == 1)
    return Stored(size=size, idle_s=min(part.idle_s for part in parts))


def _time(word: str) -> float:
    if not _TIME.fullmatch(word):
        raise _not_understood(f"{word[:40]!r} is no time")
    return float(word)


def _not_understood(why: str) -> HostUnreachable:
    return HostUnreachable(
        f"the host's answer is not understood: {why}", "look again; if it stays so, see docs/operations.md"
    )
