"""What nvidia-smi printed -> `core.observed.Gpu`. Pure, and the pair of `gpus` and `in_use` in bash/observe.sh.

nvidia-smi says [N/A], [Not Supported] or, of a few figures, N/A for what a device does not tell. A driver that does
not answer has no GPUs to offer, and what it says instead is passed on; one that does not tell who computes has GPUs
that may all be in use. A line that is not understood makes the whole look one that was not made.
"""

from collections.abc import Iterable, Mapping, Sequence

from cosmos.core.observed import Gpu
from cosmos.errors import HostUnreachable

_FIELDS = 9
_APP_FIELDS = 4
_LONGEST = 30
"""Letters of a number: one of hundreds is infinite, and no figure of a GPU."""
UNTOLD = "unknown programs: nvidia-smi does not tell"
"""Holder of each GPU where it is not known who computes."""
_WELL, _TOO_LATE = "status 0", "status 124"
_WORDS = 200
"""Most letters of what nvidia-smi says that are passed on."""


def read_gpus(lines: Sequence[str], apps: Sequence[tuple[str, ...]]) -> tuple[tuple[Gpu, ...], str, str]:
    """The GPUs in order of their index, the version of the driver, and what nvidia-smi said instead of both.

    Args:
        lines: Of the CSV that was asked for, and `status N` as the last.
        apps: Lines about programs that compute on a GPU and are not ours, each with its container's name or nothing;
            and `status N` as the last.
    """
    if not lines or lines[-1] != _WELL:
        return (), "", _trouble(lines)
    rows = [_words(line, _FIELDS) for line in lines[:-1] if line.strip()]
    holders = _holders(apps, [row[1] for row in rows])
    found = tuple(sorted((_gpu(row, holders.get(row[1], ())) for row in rows), key=lambda gpu: gpu.index))
    return found, rows[0][-1] if rows else "", ""


def _trouble(lines: Sequence[str]) -> str:
    if lines and lines[-1] == _TOO_LATE:
        return "nvidia-smi does not answer"
    said = [line.strip() for line in lines[:-1] if line.strip()]
    return (said[0] if said else f"nvidia-smi failed: {''.join(lines[-1:]) or 'no answer'}")[:_WORDS]


def _holders(apps: Sequence[tuple[str, ...]], gpus: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """Who computes on a GPU, by its id. A list that may not be whole shows no GPU as free."""
    if not apps or apps[-1][0] != _WELL:
        return dict.fromkeys(gpus, (UNTOLD,))
    holders: dict[str, list[str]] = {}
    for line, container in apps[:-1]:
        gpu, words = _holder(line, container)
        holders.setdefault(gpu, []).append(words)
    return holders


def _gpu(row: Sequence[str], holders: Iterable[str]) -> Gpu:
    index, uuid, name, total, used, busy, temperature, power, _ = row
    return Gpu(
        id=uuid,
        name=name,
        index=int(_number(index) or 0),
        memory_total_mib=int(_number(total) or 0),
        memory_used_mib=_whole(used),
        utilisation=_whole(busy),
        temperature=_whole(temperature),
        power=_number(power),
        holders=tuple(holders),
    )


def _holder(line: str, container: str) -> tuple[str, str]:
    """A program's name may hold commas; the fields around it do not."""
    parts = [part.strip() for part in line.split(",")]
    if len(parts) < _APP_FIELDS:
        raise _not_understood(line)
    uuid, pid, *name, memory = parts
    program = ", ".join(name).rpartition("/")[2] or "a program"
    size = f", {_whole(memory):,} MiB" if not _is_untold(memory) else ""
    where = f" in container {container}" if container else ""
    return uuid, f"{program}{where} (pid {pid}{size})"


def _words(line: str, count: int) -> list[str]:
    words = [part.strip() for part in line.split(",")]
    if len(words) != count:
        raise _not_understood(line)
    return words


def _is_untold(word: str) -> bool:
    return word.startswith("[") or word == "N/A"


def _whole(word: str) -> int | None:
    number = _number(word)
    return None if number is None else int(number)


def _number(word: str) -> float | None:
    """None where the device does not tell."""
    if _is_untold(word):
        return None
    if not word.replace(".", "", 1).isdigit() or not word.isascii() or len(word) > _LONGEST:
        raise _not_understood(word)
    return float(word)


def _not_understood(line: str) -> HostUnreachable:
    return HostUnreachable(
        f"the answer of nvidia-smi is not understood: {line[:80]!r}", "run nvidia-smi there; if it is well, report this"
    )
