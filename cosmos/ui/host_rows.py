"""Hosts as the page shows them: what they do, and what was measured on them. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from cosmos.core.finding import Finding, Level
from cosmos.core.idle import Busy
from cosmos.meters import GpuMeter, HostMeter, Meters
from cosmos.outcome import HostNote

Row = dict[str, Any]


def host_rows(hosts: Sequence[HostNote], meters: Meters, busy: Mapping[str, Busy]) -> list[Row]:
    """Hosts as the last look left them. What was not measured is None."""
    return [_host(host, meters.of(host.name) if host.reachable else None, busy.get(host.name)) for host in hosts]


def _host(host: HostNote, meter: HostMeter | None, busy: Busy | None) -> Row:
    by_name = {gpu.name: gpu for gpu in meter.gpus} if meter is not None else {}
    return {
        "name": host.name,
        "reachable": host.reachable,
        "words": host.closed or host.why,
        "since": host.since,
        "queued": host.queued,
        "gpus": [gpu_row(name, does, by_name.get(name)) for name, does in host.gpus.items()],
        "idle": host.idle_median_s if host.gaps else None,
        "busy": None if busy is None else {"percent": round(100 * busy.share), "over": busy.over_s},
        "disk": None if meter is None else {"free": meter.disk_free, "total": meter.disk_total},
    }


def gpu_row(name: str, does: str, meter: GpuMeter | None) -> Row:
    """One GPU; a figure that nobody measured, or that its device does not tell, is None."""
    used, total = (meter.memory_used_mib, meter.memory_total_mib) if meter is not None else (None, 0)
    return {
        "name": name,
        "does": does,
        "model": meter.model if meter is not None else "",
        "use": meter.utilisation if meter is not None else None,
        "used": used,
        "total": total or None,
        "memory": round(100 * used / total) if used is not None and total else None,
        "temperature": meter.temperature if meter is not None else None,
        "power": meter.power if meter is not None else None,
    }


_WORST = (Level.UNREACHABLE, Level.PROBLEM)


def check_rows(found: Mapping[str, Sequence[Finding]]) -> list[Row]:
    """What was found on each host; those that lack something first."""
    rows: list[Row] = [
        {
            "name": name,
            "problems": sum(finding.level in _WORST for finding in findings),
            "findings": [
                {"level": one.level.value, "about": one.about, "words": one.words, "remedy": one.remedy}
                for one in findings
            ],
        }
        for name, findings in found.items()
    ]
    return sorted(rows, key=lambda row: (not row["problems"], row["name"]))
