"""What a daemon measures, for Prometheus. The only door to its client library.

No label grows with the runs: phases, reasons and hosts are few, and a revision is replaced by the next one.
"""

import threading
from collections import Counter as Counts
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from cosmos.core.plan import ENDED, Phase, RunStatus
from cosmos.core.reasons import Reason
from cosmos.outcome import HostNote, Pass

RESULTS = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED})
"""Phases that are the end of a run. A suspended one goes on some day."""
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
"""Seconds of a pass."""


class Metrics:
    """Is told of each pass. Any thread may ask for the page.

    Args:
        version: Of cosmos.
    """

    def __init__(self, version: str) -> None:
        self._registry = CollectorRegistry()
        self._latest = _Latest(version)
        self._registry.register(self._latest)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._ended = Counter(
            "cosmos_run_ended",
            "Runs that ended while the daemon looked on",
            ("result", "reason"),
            registry=self._registry,
        )
        self._took = Histogram(
            "cosmos_reconcile_duration_seconds", "How long passes took", buckets=BUCKETS, registry=self._registry
        )
        self._failures = Counter("cosmos_reconcile_failures", "Passes that failed", registry=self._registry)
        self._hooks = Counter("cosmos_hook_requests", "Calls of the webhook", ("result",), registry=self._registry)
        self._begin()

    def _begin(self) -> None:
        """A series that is there from the start has a first increase that an alert can see."""
        for phase in RESULTS - {Phase.FAILED}:
            self._ended.labels(phase.value.lower(), "")
        for reason in ("", *Reason):
            self._ended.labels(Phase.FAILED.value.lower(), reason)
        for result in ("accepted", "refused"):
            self._hooks.labels(result)

    def passed(self, done: Pass) -> None:
        before = self._latest.replace(done)
        self._took.observe(done.took_s)
        for status in _ended(before, done):
            self._ended.labels(status.phase.value.lower(), status.reason.value if status.reason else "").inc()

    def failed(self) -> None:
        self._failures.inc()

    def stands_by(self) -> None:
        """Another controller acts: what it finds is not for this one to say."""
        self._latest.replace(None)

    def hook(self, *, accepted: bool) -> None:
        self._hooks.labels("accepted" if accepted else "refused").inc()

    def page(self, accept: str) -> tuple[str, bytes]:
        """Content type and text of all that is measured, in the form that an `Accept` header asks for."""
        encode, kind = choose_encoder(accept)
        return kind, encode(self._registry)


def _ended(before: Pass | None, done: Pass) -> Iterator[RunStatus]:
    """Runs that have come to an end since the pass before. One whose result was there already has not."""
    open_before = {status.key: status.digest for status in _statuses(before) if status.phase not in ENDED}
    for status in done.statuses:
        if status.phase in RESULTS and status.key in open_before and open_before[status.key] == status.digest:
            yield status


def _statuses(done: Pass | None) -> tuple[RunStatus, ...]:
    return done.statuses if done is not None else ()


class _Latest(Collector):
    """What holds now: made from the newest pass whenever it is asked for, so that what is gone is not shown."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._lock = threading.Lock()
        self._pass: Pass | None = None

    def replace(self, done: Pass | None) -> Pass | None:
        """Returns the one before."""
        with self._lock:
            before, self._pass = self._pass, done
            return before

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        yield _gauge("cosmos_build_info", "The cosmos that runs", {"version": self._version}, 1)
        with self._lock:
            done = self._pass
        if done is None:
            return
        yield from _of_runs(done)
        yield from _of_source(done)
        yield from _of_hosts(done.hosts)
        yield CounterMetricFamily("cosmos_transferred_bytes", "Bytes to and from hosts", value=done.moved)
        name = "cosmos_last_successful_reconcile_timestamp_seconds"
        yield _gauge(name, "When the last pass that did not fail ended", {}, done.at)


def _of_runs(done: Pass) -> Iterator[Metric]:
    runs = GaugeMetricFamily("cosmos_runs", "Runs of the specs", labels=("phase",))
    phases = Counts(status.phase for status in done.statuses)
    for phase in Phase:
        runs.add_metric([phase.value], phases[phase])
    yield runs
    stuck = sum(status.stuck for status in done.statuses)
    yield _gauge("cosmos_runs_stuck", "Runs that only a person can move", {}, stuck)


def _of_source(done: Pass) -> Iterator[Metric]:
    yield _gauge("cosmos_spec_problems", "Problems in the specs", {}, len(done.problems))
    yield _gauge("cosmos_reconcile_troubles", "What could not be done and is tried again", {}, len(done.troubles))
    yield _gauge("cosmos_source_info", "The commit that is applied", {"revision": done.revision}, 1)
    words = "1 while the newest commit is not the one that is applied"
    yield _gauge("cosmos_source_held_back", words, {}, bool(done.held_back))


def _of_hosts(hosts: Iterable[HostNote]) -> Iterator[Metric]:
    up = GaugeMetricFamily("cosmos_host_up", "1 while a host can be reached", labels=("host",))
    closed = GaugeMetricFamily(
        "cosmos_host_closed", "1 while a host is given nothing, or a trial only", labels=("host",)
    )
    idle = GaugeMetricFamily(
        "cosmos_gpu_idle_seconds", "How long GPUs stood idle between two runs, lately", labels=("host", "of")
    )
    for host in hosts:
        up.add_metric([host.name], host.reachable)
        closed.add_metric([host.name], bool(host.closed))
        if host.gaps:
            idle.add_metric([host.name, "median"], host.idle_median_s)
            idle.add_metric([host.name, "worst"], host.idle_worst_s)
    yield from (up, closed, idle)


def _gauge(name: str, words: str, labels: dict[str, str], value: float) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=tuple(labels))
    family.add_metric(list(labels.values()), value)
    return family
