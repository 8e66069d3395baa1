"""The read side: small frozen rows for the command line, the page and notebooks. Nothing here looks or acts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cosmos.core.breaker import Closure
from cosmos.core.desired import DesiredRun
from cosmos.core.digest import SHORT
from cosmos.core.estimate import Basis
from cosmos.core.idle import Idle
from cosmos.core.observed import NO_COMMIT, Gpu, HostView, Origin, Reachable
from cosmos.core.occupancy import Occupancy
from cosmos.core.offering import gpus_of, slots_of
from cosmos.core.placement import HostConfig
from cosmos.core.plan import Act, Operation, Phase, Plan, RunStatus
from cosmos.core.problem import Location
from cosmos.core.recorded import Attempt, LedgerEntry
from cosmos.core.reviews import Review
from cosmos.core.run import Model, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run of `list runs`."""

    key: str
    id: str
    digest: str
    prompt: str | None
    model: str
    labels: Mapping[str, str]
    at: Location
    phase: Phase
    rating: int | None = None
    """What a person gave the output that the specs ask for now, 1 to 5."""
    note: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """Mean rating of the `rated` ones among some runs; None where none is."""

    rating: float | None
    rated: int
    runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRow:
    """The runs of one spec that makes several. `phases` counts those that there are.

    `axes` has, by axis and value, what people think of the runs that have it: which setting wins.
    """

    name: str
    at: Location
    phases: Mapping[Phase, int]
    mean: Mean
    axes: Mapping[str, Mapping[str, Mean]]

    @property
    def runs(self) -> int:
        return self.mean.runs


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """One model; `built_in` when it comes with cosmos."""

    name: str
    model: Model
    built_in: bool
    runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuRow:
    """One GPU of a host: `gpu` as its device shows it, and what uses it.

    `run` is the key of what this project has on it, `next` of what waits for it; `offered` when the
    configuration lets it be given out.
    """

    gpu: Gpu
    run: str = ""
    next: str = ""
    offered: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRow:
    """One host as configured and as found; `why` says what kept us from looking, `since` when that began.

    `slots` is 0 where they follow from a machine that could not be looked at. `queued` counts the runs that
    wait for a place there.
    """

    name: str
    runtime: str
    address: str
    slots: int
    busy: int = 0
    queued: int = 0
    reachable: bool = False
    why: str = ""
    since: float | None = None
    disk_free: int = 0
    disk_total: int = 0
    cores: int = 0
    driver: str = ""
    gpus: tuple[GpuRow, ...] = ()
    closure: Closure | None = None
    """Why it is given nothing, or no more than a trial."""
    idle: Idle | None = None
    """How long its GPUs stood idle between batches lately; None where nothing was measured."""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownKey:
    """The key that an SSH server showed. `expected` are the keys that are known for it, and where from.

    `is_way`: of the machine that the host is reached through, not its own. `is_fixed`: `host_key` says which key it
    must be, so that trusting another one would change nothing.
    """

    name: str
    server: str
    type: str
    blob: bytes
    fingerprint: str
    is_known: bool
    is_revoked: bool = False
    is_way: bool = False
    is_fixed: bool = False
    expected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownOwner:
    """Whose the project's folder on a host is. `line` is what stands there; empty where nobody has acted yet."""

    name: str
    line: str
    who: str = ""
    is_ours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One thing that happened, how often, and when last (seconds since the epoch)."""

    subject: str
    kind: str
    reason: str
    message: str
    count: int
    last_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRow:
    """One thing of a run's history: an attempt, a result, a request or an event.

    `who` began or asked for it, `origin` are the specs that it was begun from, `took_s` how long its program ran.
    """

    at: float
    key: str
    what: str
    digest: str = ""
    host: str = ""
    who: str = ""
    origin: Origin = NO_COMMIT
    took_s: float | None = None
    reason: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRow:
    """One digest that a run had. `number` counts from 1, in the order in which they were first tried.

    `origin` are the specs that its result, or else its newest attempt, was begun from; `is_made` when there is a
    result, `is_now` when the specs ask for it now. `at` is None where nothing was tried yet.
    """

    key: str
    number: int
    digest: str
    result: str
    at: float | None = None
    origin: Origin = NO_COMMIT
    took_s: float | None = None
    is_made: bool = False
    is_now: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetails:
    """All about one run. `files` are absolute paths of its published files.

    `origin` are the specs that its result, or else its newest attempt, was begun from.
    """

    run: Run
    digest: str
    status: RunStatus
    attempts: tuple[Attempt, ...] = ()
    entry: LedgerEntry | None = None
    origin: Origin = NO_COMMIT
    files: tuple[str, ...] = ()
    events: tuple[EventRow, ...] = ()
    log_end: tuple[str, ...] = ()
    """Of a failed run: the last lines of its log."""
    takes_s: float | None = None
    """How long it is expected to run, of one that is not done."""
    basis: Basis | None = None
    review: Review | None = None
    """Of the output that the specs ask for now."""
    reviews: tuple[Review, ...] = ()
    """Of every output that the run ever had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a run would or would not start: the rule that holds, its consequence, and what was looked at."""

    key: str
    at: Location
    rule: str
    facts: tuple[str, ...]
    status: RunStatus | None = None
    """None when the run is held."""
    operations: tuple[Operation, ...] = ()
    log_end: tuple[str, ...] = ()
    """Of a failed run: the last lines of its log."""


def host_row(config: HostConfig, row: HostRow, view: HostView | None, occupancy: Occupancy) -> HostRow:
    """A host's row, with what a look found there and what it is doing for this project."""
    if not isinstance(view, Reachable):
        since = view.since if view is not None else None
        return replace(row, why=view.why if view is not None else "no look", since=since)
    offered = {gpu.id for gpu in gpus_of(config, view)}
    return replace(
        row,
        reachable=True,
        slots=slots_of(config, view),
        busy=len(occupancy.holders),
        disk_free=view.disk_free,
        disk_total=view.disk_total,
        cores=view.cores,
        driver=view.driver,
        gpus=tuple(
            GpuRow(gpu=gpu, run=holds, next=waits, offered=gpu.id in offered)
            for gpu in view.gpus
            for holds, waits in [occupancy.on(gpu.id)]
        ),
    )


def queued(plan: Plan, host: str) -> int:
    """Runs that wait for a place on a host, or are next on one of its GPUs."""
    places = {operation.key: operation.host for operation in plan.operations if operation.act is Act.LAUNCH}
    waiting = (status for status in plan.statuses if status.phase is Phase.QUEUED and not status.stuck)
    return sum(places.get(status.key, status.host) == host for status in waiting)


def facts(
    want: DesiredRun, attempts: Sequence[Attempt], entry: LedgerEntry | None, notes: Iterable[str]
) -> tuple[str, ...]:
    """What an explanation rests on, a sentence each."""
    run = want.run
    lines = [f"digest {want.digest[:SHORT]}: model {run.model.name}, adapter {run.model.adapter} {run.adapter_version}"]
    lines += [f"input {role}: {blob.path} ({blob.sha256[:SHORT]})" for role, blob in sorted(want.blobs.items())]
    if entry is not None:
        lines.append(f"result of attempt {entry.attempt} in outputs/{entry.folder}")
    for attempt in attempts:
        end = f": {attempt.reason.value}: {attempt.message}" if attempt.reason else ""
        lines.append(f"attempt {attempt.number} on {attempt.host} {attempt.state.value}{end}")
    return (*lines, *notes)
