"""The plan, where runs stand, how far an apply is, and how it ended. Values for every caller of CosmosAPI.

Kept apart from `views`, so that a plan or a quick status imports no more than it shows.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from cosmos.core import plan_text
from cosmos.core.desired import Desired
from cosmos.core.plan import ENDED, Phase, Plan, RunStatus, Sync
from cosmos.core.problem import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """A plan with what it was made from. `selected` are the keys that were asked for.

    An `exact` one is applied only while it would be made again just so, from its `targets` and `labels`.
    """

    plan: Plan
    desired: Desired
    selected: frozenset[str]
    targeted: bool = False
    rerun: bool = False
    revision: str = ""
    targets: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    exact: bool = False
    prune: frozenset[str] = frozenset()
    """Keys that are gone from the specs, and whose running work is stopped."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self.desired.problems

    @property
    def text(self) -> str:
        """The plan as text, as `cosmos plan` prints it."""
        return plan_text.text(self.plan)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitRow:
    """A commit, and the attempts that were begun from it, by how they ended.

    `sha` is empty for those of specs that were in no commit; `edited` counts attempts from specs with changes that the
    commit has not. `subject` is empty where git does not know it here. `keys` are the runs of the
    attempts, newest first.
    """

    sha: str
    author: str
    at: float | None
    subject: str
    states: Mapping[str, int]
    keys: tuple[str, ...]
    edited: int = 0
    last_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """What a run is doing now: `percent` 0..100 or None, and a few words."""

    percent: int | None = None
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One pass of the loop. `doing` is by key, for runs that work; `moved` is bytes since the start.

    `waits` says why there is no first pass yet; empty once there is.
    """

    plan: Plan
    doing: Mapping[str, Doing] = field(default_factory=dict)
    troubles: tuple[str, ...] = ()
    moved: int = 0
    waits: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The end of a call. `exit_code` follows the table in docs/cli.md.

    `handed_to` names the other controller when the request was only recorded, for it to carry out.
    """

    statuses: tuple[RunStatus, ...]
    problems: tuple[Problem, ...] = ()
    troubles: tuple[str, ...] = ()
    timed_out: bool = False
    detached: bool = False
    handed_to: str = ""

    @property
    def failed(self) -> tuple[RunStatus, ...]:
        """Runs that ended without a result, or that only a person can move."""
        return tuple(s for s in self.statuses if s.phase is Phase.FAILED or (s.stuck and s.sync is not Sync.UNKNOWN))

    @property
    def unknown(self) -> tuple[RunStatus, ...]:
        """Runs whose host could not be looked at."""
        return tuple(status for status in self.statuses if status.sync is Sync.UNKNOWN)

    @property
    def exit_code(self) -> int:
        """The first that holds, in order of what a script must know first."""
        checks: Sequence[tuple[bool, int]] = (
            (self.detached, 130),
            (bool(self.problems or self.troubles), 1),
            (self.timed_out, 5),
            (bool(self.unknown), 6),
            (bool(self.failed), 3),
        )
        return next((code for holds, code in checks if holds), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One pass of a daemon, for those who watch it. Times in seconds since the epoch, unless a name ends in `_s`."""

    at: float
    """When it ended."""
    took_s: float
    next_at: float
    """When it looks again by itself, at the latest."""
    revision: str
    """The commit that is applied; empty where it is the working tree."""
    held_back: str
    """Why the newest commit is not the one that is applied, as a sentence; empty where it is."""
    statuses: tuple[RunStatus, ...]
    hosts: tuple["HostNote", ...]
    removals_blocked: str = ""
    """Why removals from the specs are not acted on, as a sentence; empty where none are held back."""
    problems: tuple[Problem, ...] = ()
    troubles: tuple[str, ...] = ()
    moved: int = 0
    """Bytes to and from hosts since the daemon began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostNote:
    """A host at the last look, as `status` shows it. `why` and `since` of one that could not be reached.

    `closed` says why it is given nothing, or no more than a trial.
    `gpus` has by name of a GPU what it does: `gpu0` -> `city-rain, then city-snow`. Idle times in seconds, of
    `gaps` gaps between two batches.
    """

    name: str
    reachable: bool
    why: str = ""
    since: float | None = None
    queued: int = 0
    gpus: Mapping[str, str] = field(default_factory=dict)
    closed: str = ""
    gaps: int = 0
    idle_median_s: float = 0.0
    idle_worst_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueNote:
    """What is still to be started, as of the last look: how many runs, of which nothing is known about so many.

    `gpu_s` are seconds of GPUs of those that are known; `ends_at` is when they and what runs will be done.
    """

    runs: int = 0
    unknown: int = 0
    gpu_s: float = 0.0
    ends_at: float | None = None


def queue_of(plan: Plan, now: float) -> QueueNote:
    """In whole minutes, so that what is kept of it does not change with every look."""
    ends = [status.ends_at for status in plan.statuses if status.ends_at is not None]
    ends += [] if plan.wall_s is None else [now + plan.wall_s]
    return QueueNote(
        runs=len(plan.launches),
        unknown=plan.unknown,
        gpu_s=float(60 * round(plan.gpu_s / 60)),
        ends_at=float(60 * round(max(ends) / 60)) if ends else None,
    )


def queue_to_text(note: QueueNote) -> str:
    return json.dumps(asdict(note), sort_keys=True)


def queue_from_text(text: str) -> QueueNote:
    """What `queue_to_text` made; nothing to come from an empty text, or from what another version made."""
    try:
        return QueueNote(**json.loads(text)) if text else QueueNote()
    except (ValueError, TypeError):
        return QueueNote()


def notes_to_text(notes: Iterable[HostNote]) -> str:
    """Equal notes give equal text."""
    return json.dumps([asdict(note) for note in notes], separators=(",", ":"))


def notes_from_text(text: str) -> tuple[HostNote, ...]:
    """What `notes_to_text` made; none from what another version made."""
    try:
        return tuple(HostNote(**note) for note in json.loads(text or "[]"))
    except (ValueError, TypeError):
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonNote:
    """A daemon, as others know it."""

    epoch: int
    """Of its lease: the note of one that was killed is void once another one acts."""
    name: str
    """`process 4711`, for people."""
    follows: str
    """`commits` or `working tree`."""
    revision: str = ""
    """The commit that it applies."""
    held_back: str = ""
    """Why that is not the newest one."""
    blocked_at: str = ""
    """The specs whose removals wait for a person's word."""
    failed: str = ""
    """What went wrong in its last pass."""
    unwatched: str = ""
    """Why the system does not tell it of changed files, and how often it looks at them itself."""

    @property
    def words(self) -> str:
        what = f"applies commit {self.revision[:10]}" if self.revision else f"follows the {self.follows}"
        return f"The daemon ({self.name}) {what}."


def daemon_to_text(note: DaemonNote) -> str:
    return json.dumps(asdict(note), sort_keys=True)


def daemon_from_text(text: str) -> DaemonNote | None:
    """What `daemon_to_text` made; None from an empty text, or from what another version made."""
    try:
        return DaemonNote(**json.loads(text)) if text else None
    except (ValueError, TypeError):
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    """Where every run stands. `looked_at` is seconds since the epoch, None before the first look.

    `stale` is True when the specs changed since that look, `is_overtaken` when a person asked for something since,
    `acting` when a controller is at work.
    """

    statuses: tuple[RunStatus, ...]
    looked_at: float | None
    hosts: tuple[HostNote, ...] = ()
    stale: bool = False
    is_overtaken: bool = False
    daemon: DaemonNote | None = None
    problems: int = 0
    acting: bool = False
    queue: QueueNote = QueueNote()

    def counts(self) -> dict[Phase, int]:
        """Runs by phase, those that exist."""
        found = [status.phase for status in self.statuses]
        return {phase: found.count(phase) for phase in Phase if phase in found}

    @property
    def waits_for_apply(self) -> bool:
        """There is something to do that a controller would do, and none is at work."""
        waiting = (s for s in self.statuses if s.sync is not Sync.SYNCED and not s.stuck)
        return not self.acting and any(s.phase not in ENDED or s.phase is Phase.SUCCEEDED for s in waiting)
