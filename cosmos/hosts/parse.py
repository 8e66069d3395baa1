"""What a host printed -> values of `core.observed`. Pure, and the pair of bash/observe.sh and bash/manifest.sh.

An answer that is not understood as a whole is a look that was not made (`HostUnreachable`). One damaged
record file is not: it is known to be there, so the batch is reported without what that file would say.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from cosmos.core.observed import BatchMeta, BatchState, ExitRecord, ObservedBatch, Reachable
from cosmos.core.recorded import FileEntry, Manifest
from cosmos.errors import HostRefused, HostUnreachable
from cosmos.hosts.gpus import read_gpus
from cosmos.hosts.layout import checked_sha256, is_output_name
from cosmos.hosts.records import read_claim, read_exit, read_meta, read_time

_DIGITS = 30
"""Of the largest number that a host counts in; Python gives up beyond 4300, and a float becomes infinite."""
_ARITY = {"owner": 1, "host": 4, "blob": 1, "gpu": 1, "app": 2, "batch": 1, "life": 5, "file": 2}
"""Fields after the tag of each record. After the tag `texts` come lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Life:
    """What the process table says of a batch that had no exit record."""

    alive: bool = False
    unclaimed: bool = False
    """Nobody had claimed the batch when the processes were looked at: a claim was then made during the look."""
    survivors: int = 0
    log_tail: bytes = b""
    evidence: str = ""


def read_observation(answer: bytes) -> Reachable:
    """A whole look.

    Raises:
        HostUnreachable: The answer is not what bash/observe.sh prints.
    """
    records, _, lines = answer.partition(b"texts\0")
    if not lines.endswith(b"end\n"):
        raise _not_understood("it was cut off")
    rows: dict[str, list[tuple[str, ...]]] = {tag: [] for tag in _ARITY}
    for tag, fields in _records(_text(records)):
        rows[tag].append(fields)
    boot_id, clock, space, cores = _exactly(4, [word for fields in rows["host"] for word in fields])
    gpus, driver, trouble = read_gpus([line for (line,) in rows["gpu"]], rows["app"])
    free, total, block = (_number(word) for word in _exactly(3, space.split()))
    return Reachable(
        boot_id=boot_id,
        clock=_clock(clock),
        disk_free=free * block,
        disk_total=total * block,
        batches=_batches(rows, lines),
        blobs=frozenset(sha256 for (sha256,) in rows["blob"]),
        cores=_number(cores),
        gpus=gpus,
        driver=driver,
        gpu_trouble=trouble,
    )


def read_owner_line(answer: bytes) -> str:
    """The line of controller.json, which comes first in a look; empty where there is none."""
    tag, _, rest = answer.partition(b"\0")
    line, separator, _ = rest.partition(b"\0")
    if tag != b"owner" or not separator:
        raise _not_understood("it does not say whose the folder is")
    return _text(line)


def _records(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    words = iter(text.split("\0")[:-1])
    for tag in words:
        if tag not in _ARITY:
            raise _not_understood(f"no record is called {tag[:40]!r}")
        fields = tuple(islice(words, _ARITY[tag]))
        _exactly(_ARITY[tag], fields)
        yield tag, fields


def _batches(rows: Mapping[str, list[tuple[str, ...]]], lines: bytes) -> dict[str, ObservedBatch]:
    lives = {batch_id: _life(*fields) for batch_id, *fields in rows["life"]}
    sizes = {path: _number(size) for path, size in rows["file"]}
    texts: dict[str, str] = {}
    gone: set[str] = set()
    for line in _text(lines).split("\n")[:-2]:
        path, separator, text = line.partition("\0")
        if separator:
            texts[path.removeprefix("./")] = text
        else:
            gone.add(path)
    ids = [batch_id for (batch_id,) in rows["batch"] if batch_id not in gone]
    return {batch_id: _batch(batch_id, lives.get(batch_id, _Life()), sizes, texts) for batch_id in ids}


def _life(alive: str, survivors: str, tail: str, evidence: str) -> _Life:
    try:
        log_tail = base64.b64decode(tail, validate=True)
    except ValueError:
        raise _not_understood("the end of a log is no base64") from None
    return _Life(
        alive=alive == "1",
        unclaimed=alive == "2",
        survivors=_number(survivors),
        log_tail=log_tail,
        evidence=evidence,
    )


def _batch(batch_id: str, life: _Life, sizes: Mapping[str, int], texts: Mapping[str, str]) -> ObservedBatch:
    claim = read_claim(texts.get(f"{batch_id}/claim", ""))
    record = read_exit(texts.get(f"{batch_id}/exit.json", ""))
    meta = read_meta(texts.get(f"{batch_id}/batch.json", ""))
    if meta is not None and meta.batch_id != batch_id:
        meta = None
    touched = not sizes.keys().isdisjoint({f"{batch_id}/claim", f"{batch_id}/exit.json"})
    return ObservedBatch(
        batch_id=batch_id,
        state=_state(record, life, touched, meta),
        meta=meta,
        exit=record,
        started_at=read_time(texts.get(f"{batch_id}/began", "")),
        image=texts.get(f"{batch_id}/image", ""),
        evidence=life.evidence if record is None else "",
        boot_id=claim.boot if claim else "",
        survivors=life.survivors if record is None else 0,
        log_bytes=sizes.get(f"{batch_id}/run.log", 0),
        log_tail=life.log_tail if record is None else b"",
    )


def _state(record: ExitRecord | None, life: _Life, touched: bool, meta: BatchMeta | None) -> BatchState:
    """`touched`: there is a claim or an exit record, be it one that cannot be read."""
    if record is not None:
        return BatchState.EXITED
    if life.alive or (life.unclaimed and touched):
        return BatchState.RUNNING
    if touched:
        return BatchState.LOST
    return BatchState.PARTIAL if meta is None else BatchState.PREPARED


def read_logs(answer: bytes) -> tuple[bytes, bytes, bytes]:
    """The log, its times, and the rest of what bash/logs.sh and bash/manifest.sh printed."""
    line, _, rest = answer.partition(b"\n")
    log, times = (_number(word) for word in _exactly(2, _text(line).split()))
    if len(rest) < log + times:
        raise _not_understood("the log was cut off")
    return rest[:log], rest[log : log + times], rest[log + times :]


def read_manifest(answer: bytes, wanted: Iterable[str] | None = None) -> tuple[Manifest, tuple[str, ...]]:
    """Files of an output folder, and words about what of it is not taken.

    Args:
        answer: What was printed.
        wanted: Names of the files that were to be read; None for all.

    Raises:
        HostUnreachable: The answer is not what bash/manifest.sh prints.
        HostRefused: The folder changed while it was read.
    """
    listed, separator, hashed = answer.partition(b"\0\0")
    special, *pairs = listed.split(b"\0")
    if not separator or len(pairs) % 2 or (hashed and not hashed.endswith(b"\0")):
        raise _not_understood("the list of outputs was cut off")
    sizes = {_text(name): _number(_text(size)) for size, name in zip(pairs[::2], pairs[1::2], strict=True)}
    hashes = dict(_hashed(_text(line)) for line in hashed.split(b"\0")[:-1])
    if hashes.keys() != (sizes.keys() if wanted is None else sizes.keys() & set(wanted)):
        raise HostRefused("the outputs changed while they were listed", "look again once nothing writes there")
    names = sorted(filter(is_output_name, hashes))
    odd = tuple(ascii(name) for name in sorted(sizes) if not is_output_name(name))
    links = _number(_text(special))
    manifest = tuple(FileEntry(name=name, sha256=checked_sha256(hashes[name]), size=sizes[name]) for name in names)
    return manifest, (*odd, f"{links} links or special files") if links else odd


def _hashed(line: str) -> tuple[str, str]:
    sha256, mark, name = line.partition(" *./")
    if not mark:
        raise _not_understood(f"{line[:80]!r} is no line of sha256sum")
    return name, sha256


def _text(data: bytes) -> str:
    """Bytes that are no UTF-8 become half surrogates, which are not printable and so refused as names."""
    return data.decode("utf-8", "surrogateescape")


def _number(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) <= _DIGITS):
        raise _not_understood(f"{word[:40]!r} is no number")
    return int(word)


def _clock(word: str) -> float:
    _number(word.replace(".", "", 1))
    return float(word)


def _exactly(count: int, words: Sequence[str]) -> Sequence[str]:
    if len(words) != count:
        raise _not_understood(f"{len(words)} words where {count} belong")
    return words


def _not_understood(why: str) -> HostUnreachable:
    return HostUnreachable(
        f"the host's answer is not understood: {why}", "look again; if it stays so, see docs/operations.md"
    )
