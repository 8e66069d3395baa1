"""What is to be expected of runs, for what a look found: how long each takes, when what runs ends, when all is done."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush

from cosmos.core.desired import Desired, DesiredRun
from cosmos.core.digest import Digest
from cosmos.core.estimate import Basis, Estimate, Learned, is_slow, left_s
from cosmos.core.fitting import may_take
from cosmos.core.observed import BatchState, Observed, ObservedBatch, Reachable
from cosmos.core.offering import gpus_of, slots_of
from cosmos.core.placement import HostConfig
from cosmos.core.plan import Act, Operation
from cosmos.core.recorded import Attempt, Recorded
from cosmos.core.run import Run


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of a program that runs, and a warning about one that takes much longer."""

    takes_s: float | None = None
    basis: Basis | None = None
    ends_at: float | None = None
    warning: str = ""


_NOTHING = Expected()


class Forecast:
    """Estimates for one look.

    Args:
        desired: What the specs ask for.
        observed: What was found.
        recorded: What the database says, with the timings that are learned from.
        hosts: As configured.
        percents: How much of a batch is done, by its id, where its log tells.
    """

    def __init__(
        self,
        desired: Desired,
        observed: Observed,
        recorded: Recorded,
        hosts: Sequence[HostConfig],
        percents: Mapping[str, int],
    ) -> None:
        self._learned = Learned(recorded.timings)
        self._wants = _by_digest(desired.runs)
        self._observed = observed
        self._hosts = sorted(hosts, key=lambda config: config.name)
        self._percents = percents
        self._members = _open_by_batch(recorded)
        self._names = {config.name: self._gpus_of(config) for config in hosts}

    def of(self, want: DesiredRun, host: str = "", gpus: Iterable[str] = ()) -> Estimate | None:
        """Of a run, on these GPUs, else on those of the host that it would go to, else of those that it might."""
        return self._learned.estimate(want.run.model.name, want.work, self._gpu(want.run, host, gpus))

    def of_attempt(self, attempt: Attempt) -> Estimate | None:
        """Of what is under way; where its spec is gone, by its model alone."""
        want = self._wants.get(attempt.digest)
        if want is not None:
            return self.of(want, attempt.host, attempt.gpus)
        gpu = self._named(attempt.host, attempt.gpus) if attempt.gpus else ""
        return self._learned.estimate(attempt.model, None, gpu)

    def of_batch(self, attempt: Attempt) -> Estimate | None:
        """Of all the runs with which it shares a load of the model."""
        own, members = self.of_attempt(attempt), self._members.get(attempt.batch_id, ())
        if own is None or len(members) < 2:
            return own
        each = [self.of_attempt(member) for member in members]
        known = [estimate.run_s for estimate in each if estimate is not None]
        return replace(own, run_s=sum(known)) if len(known) == len(each) else None

    def left_s(self, attempt: Attempt, takes_s: float | None) -> float | None:
        """How long its program will run on, by the clock of its host; None where it does not run, or nothing tells."""
        spent = self.spent_s(attempt)
        is_shared = len(self._members.get(attempt.batch_id, ())) > 1  # its log tells of one run after the other
        percent = None if is_shared else self._percents.get(attempt.batch_id)
        return None if spent is None else left_s(takes_s, spent, percent)

    def spent_s(self, attempt: Attempt) -> float | None:
        """For how long its program has run, by the clock of its host; None where it does not run."""
        view = self._observed.hosts.get(attempt.host)
        batch = view.batches.get(attempt.batch_id) if isinstance(view, Reachable) else None
        if not isinstance(view, Reachable) or batch is None or not _runs(batch):
            return None
        return max(0.0, view.clock - (batch.started_at or view.clock))

    def expected(self, want: DesiredRun, attempt: Attempt | None, now: float) -> Expected:
        """In whole seconds, so that what is kept of it does not change with every look."""
        spent = None if attempt is None else self.spent_s(attempt)
        if attempt is None or spent is None:
            return _NOTHING
        estimate = self.of_batch(attempt)
        left = self.left_s(attempt, estimate.total_s if estimate else None)
        ends_at = None if left is None else float(round(now + left))
        if estimate is None:
            return Expected(ends_at=ends_at)
        warns = want.run.timeout_s is None and is_slow(estimate, spent)
        warning = f"takes much longer than others did; cosmos logs {want.run.key} tells what it does" if warns else ""
        return Expected(float(max(1, round(estimate.total_s))), estimate.basis, ends_at, warning)

    def ends(self, attempts: Iterable[Attempt]) -> dict[str, float]:
        """By batch, seconds from its begin to its likely end, of those for which something tells."""
        found = {}
        for attempt in attempts:
            if not attempt.is_open:
                continue
            estimate, spent = self.of_batch(attempt), self.spent_s(attempt)
            total = estimate.total_s if estimate else None
            left = self.left_s(attempt, total)
            if left is not None and spent is not None:
                found[attempt.batch_id] = spent + left
            elif total is not None:
                found[attempt.batch_id] = total
        return found

    def timed(self, operation: Operation, want: DesiredRun | None) -> Operation:
        """A launch with what is expected of it; other operations as they are."""
        if operation.act is not Act.LAUNCH or want is None:
            return operation
        count = want.run.placement.gpus
        estimate = self.of(want, operation.host, operation.gpus)
        if estimate is None:
            return replace(operation, wants_gpus=count) if count else operation
        eta_s = estimate.run_s + (estimate.load_s or 0.0) / operation.batch_size
        return replace(operation, wants_gpus=count, eta_s=eta_s, basis=estimate.basis)

    def wall_s(
        self, launches: Sequence[Operation], under_way: Iterable[Attempt], order: Sequence[DesiredRun]
    ) -> float | None:
        """When all is done, with the GPUs and slots that there are; None where no host was seen, or nothing is known.

        Args:
            launches: Launches of which it is known how long they take, first the first.
            under_way: Attempts that hold GPUs and slots.
            order: Runs after those that they need.
        """
        lanes = {config.name: lane for config in self._hosts if (lane := self._lanes(config))}
        if not lanes or not launches:
            return None
        batches = {attempt.batch_id: attempt for attempt in under_way if attempt.is_open and attempt.host in lanes}
        for _, attempt in sorted(batches.items()):
            estimate = self.of_batch(attempt)
            left = self.left_s(attempt, estimate.total_s if estimate else None)
            lanes[attempt.host].take(len(attempt.gpus), left or 0.0, 0.0)
        by_key = {operation.key: operation for operation in launches}
        followers = {want.run.key: want.run.waits_for for want in order if by_key.keys() & set(want.run.waits_for)}
        first = [operation for operation in launches if operation.key not in followers]
        later = [by_key[want.run.key] for want in order if want.run.key in followers and want.run.key in by_key]
        takes_s: dict[str, float] = defaultdict(float)
        for operation in launches:
            takes_s[_share(operation)] += operation.eta_s or 0.0
        ends: dict[str, float] = {}
        over: dict[str, float] = {}
        for operation in (*first, *later):
            share = _share(operation)
            if share not in over:
                after = max((ends.get(key, 0.0) for key in followers.get(operation.key, ())), default=0.0)
                over[share] = self._place(operation, takes_s[share], lanes, after)
            ends[operation.key] = over[share]
        return max(ends.values())

    def _place(self, operation: Operation, takes_s: float, lanes: Mapping[str, "_Lanes"], after: float) -> float:
        """When it ends, with all that share its load."""
        want = self._wants[operation.digest]
        able = [config.name for config in self._hosts if config.name in lanes and may_take(config, want.run.placement)]
        names = [operation.host] if operation.host in lanes else able or list(lanes)
        best = min(names, key=lambda name: lanes[name].free_at(operation.wants_gpus))
        return lanes[best].take(operation.wants_gpus, takes_s, after)

    def _lanes(self, config: HostConfig) -> "_Lanes | None":
        view = self._observed.hosts.get(config.name)
        return _Lanes(len(gpus_of(config, view)), slots_of(config, view)) if isinstance(view, Reachable) else None

    def _gpu(self, run: Run, host: str, gpus: Iterable[str]) -> str | None:
        """Name of the model of its GPUs: "" for a run without, None where it may be one or another."""
        if not run.placement.gpus:
            return ""
        given = tuple(gpus)
        if given:
            return self._named(host, given)
        hosts = [config for config in self._hosts if host in ("", config.name) and may_take(config, run.placement)]
        return _only(name for config in hosts for name in self._names[config.name].values())

    def _named(self, host: str, gpus: Iterable[str]) -> str | None:
        names = self._names.get(host, {})
        return _only(names.get(gpu, "") for gpu in gpus) or None

    def _gpus_of(self, config: HostConfig) -> dict[str, str]:
        view = self._observed.hosts.get(config.name)
        return {gpu.id: gpu.name for gpu in gpus_of(config, view)} if isinstance(view, Reachable) else {}


class _Lanes:
    """When the GPUs and the slots of one host come free, in seconds from now."""

    def __init__(self, gpus: int, slots: int) -> None:
        self._gpus = [0.0] * gpus
        self._slots = [0.0] * max(1, slots)

    def free_at(self, gpus: int) -> float:
        lane, count = self._chosen(gpus)
        return sorted(lane)[count - 1]

    def take(self, gpus: int, seconds: float, after: float) -> float:
        """Hold as many of those that come free first; returns when that ends."""
        lane, count = self._chosen(gpus)
        start = max(after, *(heappop(lane) for _ in range(count)))
        for _ in range(count):
            heappush(lane, start + seconds)
        return start + seconds

    def _chosen(self, gpus: int) -> tuple[list[float], int]:
        if gpus and self._gpus:
            return self._gpus, min(gpus, len(self._gpus))
        return self._slots, 1


def _by_digest(runs: Iterable[DesiredRun]) -> dict[Digest, DesiredRun]:
    """Of runs that share a digest the first by name, whatever their order."""
    found: dict[Digest, DesiredRun] = {}
    for want in runs:
        other = found.get(want.digest)
        if other is None or want.run.key < other.run.key:
            found[want.digest] = want
    return found


def _share(operation: Operation) -> str:
    """What takes its GPUs once: a batch of several runs, or a run."""
    return operation.batch_id if operation.batch_size > 1 else operation.key


def _open_by_batch(recorded: Recorded) -> dict[str, list[Attempt]]:
    found: dict[str, list[Attempt]] = {}
    for attempt in (each for tried in recorded.attempts.values() for each in tried if each.is_open):
        found.setdefault(attempt.batch_id, []).append(attempt)
    for members in found.values():
        members.sort(key=lambda attempt: attempt.digest)  # a sum of floats depends on its order
    return found


def _runs(batch: ObservedBatch) -> bool:
    return batch.state is BatchState.RUNNING and batch.started_at is not None


def _only(names: Iterable[str]) -> str | None:
    """The one that all are; None where they differ, or there is none."""
    found = set(names)
    return found.pop() if len(found) == 1 else None
