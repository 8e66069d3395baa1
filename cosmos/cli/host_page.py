"""Hosts and their GPUs as rows and as JSON."""

import time
from collections.abc import Sequence

from cosmos.cli.render import age, plural, timestamp
from cosmos.core.idle import Idle
from cosmos.core.plan_text import duration, size
from cosmos.views import GpuRow, HostRow

HEADS = ("NAME", "ADDRESS", "RUNTIME", "BUSY", "QUEUED", "CORES", "DISK", "LABELS", "HOST")
SPARE = ("LABELS", "RUNTIME", "CORES", "ADDRESS", "QUEUED")
GPU_HEADS = ("HOST", "GPU", "NAME", "MEMORY", "USE", "TEMP", "POWER", "DOES")
GPU_SPARE = ("POWER", "TEMP", "NAME", "MEMORY")


def cells(row: HostRow) -> tuple[str, ...]:
    away = "" if row.since is None else f" for {age(time.time() - row.since)}"
    labels = ",".join(f"{name}={value}" for name, value in sorted(row.labels.items()))
    return (
        row.name,
        row.address,
        row.runtime,
        f"{row.busy} of {row.slots}" if row.reachable else "-",
        str(row.queued),
        str(row.cores) if row.reachable else "-",
        f"{size(row.disk_free)} free" if row.disk_total else "-",
        labels or "-",
        (row.closure.word if row.closure else "Reachable") if row.reachable else f"Unreachable{away}",
    )


def gpu_cells(host: HostRow) -> list[tuple[str, ...]]:
    return [
        (
            host.name,
            str(row.gpu.index),
            row.gpu.name,
            f"{_figure(row.gpu.memory_used_mib, 1 / 1024, '.1f')}/{row.gpu.memory_total_mib / 1024:.1f} GiB",
            _figure(row.gpu.utilisation, 1, ".0f", "%"),
            _figure(row.gpu.temperature, 1, ".0f", "C"),
            _figure(row.gpu.power, 1, ".0f", "W"),
            does(row),
        )
        for row in host.gpus
    ]


def _figure(number: float | None, scale: float, form: str, unit: str = "") -> str:
    return "-" if number is None else f"{number * scale:{form}}{unit}"


def does(row: GpuRow) -> str:
    """`city-rain, then city-snow`, and who else uses it."""
    ours = f"{row.run}, then {row.next}" if row.run and row.next else row.run or row.next
    others = [f"used by {holder}" for holder in row.gpu.holders]
    return "; ".join([*([ours] if ours else []), *others]) or ("free" if row.offered else "not used by cosmos")


def remarks(rows: Sequence[HostRow]) -> list[str]:
    """Below the tables: why a host could not be reached, drivers, and how long GPUs stood idle."""
    found = []
    for row in rows:
        found += [f"{row.name}: {row.why}"] if row.why else []
        found += [f"{row.name}: {row.closure.why}"] if row.closure else []
        found += [f"{row.name}: driver {row.driver}"] if row.driver else []
        if row.idle is not None:
            found.append(f"{row.name}: {idle_words(row.idle)}")
    return found


def idle_words(idle: Idle) -> str:
    times = f"median {short(idle.median_s)}, worst {short(idle.worst_s)}"
    return f"GPUs idle between batches: {times}, of {plural(idle.count, 'gap')}"


def short(seconds: float) -> str:
    """`0.04s`, `1.5s`, `3m10s`."""
    return f"{seconds:.2f}s" if seconds < 1 else f"{seconds:.1f}s" if seconds < 10 else duration(seconds)


def document(row: HostRow) -> dict[str, object]:
    idle = row.idle
    return {
        "name": row.name,
        "address": row.address,
        "runtime": row.runtime,
        "reachable": row.reachable,
        "why": row.why,
        "closed": row.closure.why if row.closure else "",
        "since": timestamp(row.since),
        "slots": row.slots,
        "busy": row.busy,
        "queued": row.queued,
        "cores": row.cores,
        "driver": row.driver,
        "disk_free": row.disk_free,
        "disk_total": row.disk_total,
        "gpus": [_gpu(gpu) for gpu in row.gpus],
        "idle": None if idle is None else {"gaps": idle.count, "median_s": idle.median_s, "worst_s": idle.worst_s},
        "labels": dict(row.labels),
    }


def _gpu(row: GpuRow) -> dict[str, object]:
    gpu = row.gpu
    return {
        "index": gpu.index,
        "id": gpu.id,
        "name": gpu.name,
        "memory_used_mib": gpu.memory_used_mib,
        "memory_total_mib": gpu.memory_total_mib,
        "utilisation": gpu.utilisation,
        "temperature": gpu.temperature,
        "power": gpu.power,
        "offered": row.offered,
        "run": row.run,
        "next": row.next,
        "holders": list(gpu.holders),
    }
