"""A case: all that is known about one run when the rules are asked.

Made by `core.reconcile`, read by `core.rules`. Also what follows from it at once: which failures still count, the
number of the next attempt, why a run has to run. Whether there is a next attempt is in `core.retries`.
"""

from dataclasses import dataclass

from cosmos.core.desired import DesiredRun
from cosmos.core.digest import SHORT, Digest, Material, changed
from cosmos.core.observed import BatchState, HostView, ObservedBatch, OutputState, Reachable
from cosmos.core.placement import Obstacle
from cosmos.core.plan import Cause, Phase
from cosmos.core.reasons import REASONS, Reason
from cosmos.core.recorded import Attempt, AttemptState, LedgerEntry, Request, Verb
from cosmos.core.suspension import Suspension


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a person configured about deciding. Times in seconds."""

    targets: frozenset[str] | None = None
    """Keys that may be started; None for all."""
    backoff_base_s: float = 5.0
    backoff_cap_s: float = 300.0
    stage_ahead: int = 2
    """Waiting runs a host whose inputs are uploaded before there is a slot."""
    run_ahead: bool = True
    """Start the next run of a GPU in advance: it waits on the host for the one that computes there."""
    prune: frozenset[str] = frozenset()
    """Keys that are gone from the specs, and whose running work is stopped."""
    over_budget: frozenset[str] = frozenset()
    """Keys that start nothing, because of the GPU time that they may take."""
    keep_failed: frozenset[str] = frozenset()
    """Hosts on which run directories of failed attempts stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocker:
    """A run that must be done first and is not. `ended` is True when it will not be by itself; `why` says how."""

    key: str
    phase: Phase
    ended: bool
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that the rules may look at for one run."""

    want: DesiredRun
    now: float
    policy: Policy
    made: LedgerEntry | None = None
    """The newest result of the digest."""
    entry: LedgerEntry | None = None
    """The same when it counts as done; None when a rerun is asked for."""
    output: OutputState | None = None
    attempts: tuple[Attempt, ...] = ()
    request: Request | None = None
    view: HostView | None = None
    """The host of the open attempt; None when it is not configured."""
    orphan_host: str = ""
    """Where a batch of this digest is that the database does not know."""
    unrecorded: str = ""
    """Folder of a published result of this digest that the database does not know."""
    ghost_host: str = ""
    """Where an attempt that is recorded as over is still alive."""
    after: str = ""
    """Key of the run whose batch holds the GPUs that the open attempt waits for."""
    obstacle: Obstacle | None = None
    blockers: tuple[Blocker, ...] = ()
    previous: Material | None = None
    suspension: Suspension | None = None
    """A person's word that the run, or the whole project, starts nothing."""
    host_suspension: Suspension | None = None
    """The same about the host of the open attempt."""

    @property
    def open(self) -> Attempt | None:
        """The attempt that holds the digest. An adopted one may be older than the newest."""
        for attempt in reversed(self.attempts):
            if attempt.is_open:
                return attempt
        return None

    @property
    def folder(self) -> str:
        """Below outputs/: where the result is, or where the next one goes."""
        if self.entry is not None:
            return published_folder(self.want.run.key, self.entry)
        return folder_of(self.want.run.key, self.want.digest, self.made, next_attempt(self))

    @property
    def batch(self) -> ObservedBatch | None:
        """The open attempt's batch, as seen on its host."""
        attempt = self.open
        if attempt is None or not isinstance(self.view, Reachable):
            return None
        return self.view.batches.get(attempt.batch_id)

    @property
    def state(self) -> BatchState | None:
        return None if self.batch is None else self.batch.state

    @property
    def floor(self) -> int:
        """Attempts up to this number no longer count."""
        return self.request.after if self.request and self.request.verb is not Verb.CANCEL else 0

    @property
    def failures(self) -> tuple[Attempt, ...]:
        """Attempts that count against the limit: not those withdrawn before they were started."""
        return tuple(a for a in self.attempts if a.number > self.floor and _has_failed(a))

    @property
    def is_given_up(self) -> bool:
        """A person said that the open attempt is lost, though nobody can look."""
        return self.open is not None and gives_up(self.request, self.open)

    @property
    def is_suspended(self) -> bool:
        return self.want.run.suspend or self.suspension is not None

    @property
    def is_cancelled(self) -> bool:
        """A cancel stands until a retry, whatever attempt another controller began at the same moment."""
        return self.request is not None and self.request.verb is Verb.CANCEL


def gives_up(request: Request | None, attempt: Attempt) -> bool:
    return request is not None and request.verb is Verb.ASSUME_LOST and attempt.number <= request.after


def _has_failed(attempt: Attempt) -> bool:
    withdrawn = attempt.state is AttemptState.CANCELLED and attempt.started_at is None
    return attempt.state in (AttemptState.FAILED, AttemptState.CANCELLED) and not withdrawn


def launch_cause(case: Case) -> tuple[Cause, str]:
    """Why this run has to run, with the names that changed."""
    if case.request is not None and case.request.verb is Verb.RERUN:
        return Cause.FORCED, ""
    if case.request is not None and case.request.verb in (Verb.RETRY, Verb.ASSUME_LOST):
        return Cause.RETRY_REQUESTED, ""
    facet, names = changed(case.previous, case.want.material) if case.previous else ("", ())
    return (_FACET_CAUSES[facet], ", ".join(names)) if facet else (Cause.NEVER_RAN, "")


_FACET_CAUSES = {
    "model": Cause.MODEL_CHANGED,
    "prompt": Cause.PROMPT_CHANGED,
    "inputs": Cause.INPUT_CHANGED,
    "controls": Cause.CONTROLS_CHANGED,
    "params": Cause.PARAMS_CHANGED,
    "source": Cause.SOURCE_CHANGED,
}


def next_attempt(case: Case) -> int:
    """Number of the attempt to start. A new one is above all that were used, or that a request speaks of."""
    if case.open is not None:
        return case.open.number
    return max(case.attempts[-1].number if case.attempts else 0, case.floor) + 1


COULD_START = frozenset({BatchState.PREPARED, BatchState.PARTIAL})
"""A late start may still reach what is in one of these; stopping it makes that impossible."""


def is_alive(case: Case) -> bool:
    """The open attempt has a process, or could still be given one."""
    return case.batch is not None and (case.state in COULD_START or is_working(case.batch))


def is_working(batch: ObservedBatch) -> bool:
    """It has a process."""
    return batch.state is BatchState.RUNNING or batch.survivors > 0


def is_unstarted(case: Case) -> bool:
    """The program of the open attempt has not begun."""
    if waits(case):
        return True
    if case.open is None or case.state in (BatchState.RUNNING, BatchState.EXITED, BatchState.LOST):
        return False
    return case.open.state is AttemptState.INTENDED or case.state is BatchState.PREPARED


def waits(case: Case) -> bool:
    """The open attempt was started in advance, and waits on its host for its GPUs."""
    return case.batch is not None and case.batch.waits


def lacks_source(case: Case) -> bool:
    """The open attempt has still to be prepared, and what it reads of another run is not there (any more)."""
    source = case.want.run.source
    if source is None or not is_unstarted(case) or waits(case) or case.state is BatchState.PREPARED:
        return False
    return any(blocker.key == source.key for blocker in case.blockers)


def lost_because(batch: ObservedBatch, view: Reachable) -> tuple[Reason, str]:
    """Why a claimed batch has neither process nor exit record, and one sentence with what the runtime knows."""
    if OOM_KILLED in batch.evidence:
        reason = Reason.HOST_OUT_OF_MEMORY
    elif batch.boot_id and batch.boot_id != view.boot_id:
        reason = Reason.HOST_REBOOTED
    else:
        reason = Reason.PROCESS_LOST
    known = f": {batch.evidence}" if batch.evidence else ""
    return reason, f"{REASONS[reason].meaning}{known}"


OOM_KILLED = "OOMKilled"
"""In the evidence of a container that the kernel ended to free memory."""


def published_folder(key: str, entry: LedgerEntry) -> str:
    """Folder below outputs/ where a run shows the result that counts, whichever run made it."""
    return f"{key}/{entry.folder.rpartition('/')[2] or entry.digest[:SHORT]}"


def folder_of(key: str, digest: Digest, entry: LedgerEntry | None, attempt: int) -> str:
    """Folder below outputs/ for the result of an attempt; a second result of one digest gets its own."""
    if entry is not None and entry.attempt == attempt:
        return published_folder(key, entry)
    own = f"{key}/{digest[:SHORT]}"
    return own if entry is None else f"{own}-a{attempt}"
