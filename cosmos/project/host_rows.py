"""Hosts as people see them: rows of `list hosts`, and the note beside the statuses that `status` reads."""

from collections.abc import Iterable
from dataclasses import replace

from cosmos import meters
from cosmos.core.breaker import closures
from cosmos.core.idle import Idle, idle
from cosmos.core.occupancy import Occupancy, occupancies
from cosmos.core.plan import Plan
from cosmos.engine.seen import Look
from cosmos.meters import GpuMeter, HostMeter, Meters
from cosmos.outcome import HostNote, notes_from_text, notes_to_text, queue_of, queue_to_text
from cosmos.project.reading import HOSTS, METERS, QUEUE
from cosmos.project.wiring import Project
from cosmos.views import GpuRow, HostRow, host_row, queued


def rows(project: Project, look: Look, plan: Plan) -> list[HostRow]:
    """Every configured host, as a look found it."""
    away = {note.name: note.since for note in notes_from_text(project.records.noted(HOSTS)) if not note.reachable}
    occupied = occupancies(look.observed, look.recorded)
    idled = _idle(project, look)
    names = [config.name for config in project.world.host_configs]
    closed = closures(look.recorded, names, project.world.clock.now())
    found = []
    for config in project.world.host_configs:
        settings = project.settings.hosts[config.name]
        empty = HostRow(
            name=config.name,
            runtime=settings.runtime,
            address=settings.address,
            slots=config.slots,
            queued=queued(plan, config.name),
            idle=idled.get(config.name),
            labels=config.labels,
            closure=closed.get(config.name),
        )
        row = host_row(
            config, empty, look.observed.hosts.get(config.name), occupied.get(config.name, Occupancy())
        )  # fmt: skip
        found.append(row if row.reachable else replace(row, since=away.get(row.name) or row.since))
    return found


def _idle(project: Project, look: Look) -> dict[str, Idle]:
    """Asked only where somebody gives out GPUs."""
    has_gpus = any(getattr(view, "gpus", ()) for view in look.observed.hosts.values())
    return idle(project.records.gpu_attempts()) if has_gpus else {}


def remember(project: Project, look: Look, plan: Plan) -> tuple[HostNote, ...]:
    """Note the hosts and the queue beside the statuses, for readers that do not look."""
    remember_queue(project, plan)
    seen = rows(project, look, plan)
    found = tuple(notes(seen))
    noted = project.records.noted_all([HOSTS, METERS])
    text = notes_to_text(found)
    if text != noted[HOSTS]:
        project.records.note(HOSTS, text)
    measured = measures(seen, project.world.clock.now())
    if is_news(measured, meters.from_text(noted[METERS])):
        project.records.note(METERS, meters.to_text(measured))
    return found


MEASURED_EVERY_S = 10.0
"""Figures of a GPU change at every look, and whoever shows them asks again when they do."""


def is_news(measured: Meters, before: Meters) -> bool:
    """Whether a measurement is worth to be noted in the place of the one before."""
    is_due = not 0 <= measured.at - before.at < MEASURED_EVERY_S
    are_others = [host.host for host in measured.hosts] != [host.host for host in before.hosts]
    return is_due or are_others


def measures(found: Iterable[HostRow], at: float) -> Meters:
    """What was measured on the hosts that were reached, at a time in seconds since the epoch."""
    return Meters(at=at, hosts=tuple(map(_measure, (row for row in found if row.reachable))))


def _measure(row: HostRow) -> HostMeter:
    return HostMeter(
        host=row.name,
        disk_free=row.disk_free,
        disk_total=row.disk_total,
        gpus=tuple(
            GpuMeter(
                id=one.gpu.id,
                name=f"gpu{one.gpu.index}",
                model=one.gpu.name,
                memory_used_mib=one.gpu.memory_used_mib,
                memory_total_mib=one.gpu.memory_total_mib,
                utilisation=one.gpu.utilisation,
                temperature=one.gpu.temperature,
                power=one.gpu.power,
            )
            for one in row.gpus
            if one.offered
        ),
    )


def remember_queue(project: Project, plan: Plan) -> None:
    """Note what is still to come beside the statuses, for readers that do not look."""
    text = queue_to_text(queue_of(plan, project.world.clock.now()))
    if text != project.records.noted(QUEUE):
        project.records.note(QUEUE, text)


def notes(found: Iterable[HostRow]) -> list[HostNote]:
    return [
        HostNote(
            name=row.name,
            reachable=row.reachable,
            why=row.why,
            since=row.since,
            queued=row.queued,
            closed=row.closure.why if row.closure else "",
            gpus={f"gpu{gpu.gpu.index}": _does(gpu) for gpu in row.gpus if gpu.offered},
            gaps=row.idle.count if row.idle else 0,
            idle_median_s=row.idle.median_s if row.idle else 0.0,
            idle_worst_s=row.idle.worst_s if row.idle else 0.0,
        )
        for row in found
    ]


def _does(gpu: GpuRow) -> str:
    ours = f"{gpu.run}, then {gpu.next}" if gpu.run and gpu.next else gpu.run or gpu.next
    return " and ".join([*([ours] if ours else []), *gpu.gpu.holders]) or "free"
