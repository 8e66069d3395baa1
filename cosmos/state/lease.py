"""The lease: one controller at a time acts on what a database records, on whatever machines they are.

A row with an epoch, which every taking raises, and a beat, which its holder moves. Whoever wants it takes it at once
from a holder that is known to have ended, and otherwise only after watching the beat stand still: no clock but the
watcher's own is believed. A holder that was stopped meanwhile and goes on writes nothing any more, because each of
its writes is one transaction with `require`.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields

from sqlalchemy import bindparam, select, update

from cosmos.core.ports import Clock
from cosmos.errors import BusyError, Fenced, StateError
from cosmos.state.database import Database
from cosmos.state.process import Process, has_ended
from cosmos.state.tables import lease
from cosmos.state.transaction import Statement, Transaction

logger = logging.getLogger(__name__)

BEAT_EVERY_S = 5.0
STILL_S = 15.0
"""A beat that has not moved for so long, while somebody watched, is that of a controller that is no more."""
LOOK_EVERY_S = 0.5

Tell = Callable[[str], None]
"""Called with a sentence for a person who waits."""

_EPOCH = Statement(select(lease.c.epoch).with_for_update(read=True))
_PROCESS = tuple(field.name for field in fields(Process))
_LEASE = Statement(
    select(
        *(lease.c.epoch, lease.c.held, lease.c.since, lease.c.beat, lease.c.beat_at),
        *(lease.c[name] for name in _PROCESS),
    )
)
_TAKE = Statement(
    update(lease).where(
        lease.c.epoch == bindparam("same_epoch"),
        lease.c.beat == bindparam("same_beat"),
        lease.c.held == bindparam("same_held"),
    )
)
_OF_EPOCH = update(lease).where(lease.c.epoch == bindparam("same_epoch"))
_BEAT = Statement(_OF_EPOCH.values(beat=lease.c.beat + 1, beat_at=bindparam("now")))
_RELEASE = Statement(_OF_EPOCH.values(held=False))
_DATABASE = Statement(select(lease.c.database))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """The lease as one controller has it."""

    epoch: int
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    epoch: int
    held: bool
    since: float
    beat: int
    beat_at: float
    holder: Process


class Lease:
    """The lease of one database, as one process sees it.

    Args:
        database: Where it is.
        process: Who takes it.
        clock: `now` is for people and the row, `monotonic` measures.
        beat_every_s: How often a holder moves its beat.
        still_s: How long a beat must stand still to be taken for dead.
        pause: Waits between two looks at another one's beat.
    """

    def __init__(
        self,
        database: Database,
        process: Process,
        clock: Clock,
        *,
        beat_every_s: float = BEAT_EVERY_S,
        still_s: float = STILL_S,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._database = database
        self._process = process
        self._clock = clock
        self._beat_every_s = beat_every_s
        self._still_s = still_s
        self._pause = pause
        self._seen: tuple[int, int, float] | None = None
        """Another holder's epoch and beat, and when they were first seen, by the monotonic clock."""
        self._kept = 0
        """The epoch that this one had and could not give back."""

    @property
    def name(self) -> str:
        """Who takes it, for people: `process 4711`."""
        return self._name(self._process)

    @contextmanager
    def held(
        self, *, watch: bool = True, tell: Tell = logger.warning, is_detached: Callable[[], bool] = lambda: False
    ) -> Iterator[Hold]:
        """Hold it until the end of the block.

        Args:
            watch: Wait to see whether a holder that seems to be dead is. Without it nothing is waited for, but what
                was seen counts when it is asked again.
            tell: Told why it waits.
            is_detached: True once nobody wants to wait any more.

        Raises:
            BusyError: Another one has it; the message says which.
        """
        hold = self._take(watch, tell, is_detached)
        end = threading.Event()
        heart = threading.Thread(target=self._keep_beating, args=(hold, end), name="cosmos-lease", daemon=True)
        heart.start()
        try:
            yield hold
        finally:
            end.set()
            heart.join()
            self._release(hold)

    def _take(self, watch: bool, tell: Tell, is_detached: Callable[[], bool]) -> Hold:
        watched: _Row | None = None
        while True:
            found = self._try()
            if isinstance(found, Hold):
                return found
            silent_s = abs(self._clock.now() - found.beat_at)
            moves = watched is not None and (watched.epoch, watched.beat) != (found.epoch, found.beat)
            if not watch or moves or silent_s < self._still_s or is_detached():
                raise self._busy(found)
            if watched is None:
                watched = found
                tell(
                    f"{self._name(found.holder)} works on this project and has been silent for {silent_s:.0f} s; "
                    f"if it stays so for {self._still_s:.0f} s more, this one takes over"
                )
            self._pause(min(LOOK_EVERY_S, self._still_s / 4))

    def _try(self) -> Hold | _Row:
        """Take it if it is free. What was read is named in the update: of two that read the same one gets it."""
        while True:
            with self._database.writing() as transaction:
                found = _read(transaction)
                if found.held and not self._is_dead(found):
                    return found
                now = self._clock.now()
                # so an older copy of the database, put back in its place, goes on above what hosts have seen
                epoch = max(found.epoch + 1, int(now * 1000))
                mine = {name: getattr(self._process, name) for name in _PROCESS}
                same = {"same_epoch": found.epoch, "same_beat": found.beat, "same_held": found.held}
                values = {"epoch": epoch, "held": True, "since": now, "beat": 0, "beat_at": now, **mine}
                if transaction.change(_TAKE, **same, **values) == 1:
                    return Hold(epoch=epoch, since=now)

    def _is_dead(self, found: _Row) -> bool:
        now = self._clock.monotonic()
        if self._seen is None or self._seen[:2] != (found.epoch, found.beat):
            self._seen = (found.epoch, found.beat, now)
        if found.epoch == self._kept or has_ended(found.holder, self._process):
            return True
        return now - self._seen[2] >= self._still_s

    def _keep_beating(self, hold: Hold, end: threading.Event) -> None:
        while not end.wait(self._beat_every_s):
            try:
                with self._database.writing() as transaction:
                    if transaction.change(_BEAT, same_epoch=hold.epoch, now=self._clock.now()) == 0:
                        return  # the next write of this controller is told who has it
            except StateError as error:  # busy or full: not lost by that
                logger.warning("the lease could not be kept up: %s", error.message)

    def _release(self, hold: Hold) -> None:
        try:
            with self._database.writing() as transaction:
                transaction.change(_RELEASE, same_epoch=hold.epoch)
        except StateError as error:  # the end of this process frees it as well
            self._kept = hold.epoch
            logger.warning("the lease could not be given back: %s", error.message)

    def _name(self, holder: Process) -> str:
        here = (holder.machine, holder.boot) == (self._process.machine, self._process.boot)
        return f"process {holder.pid}{'' if here else f' of {holder.who}'}"

    def _busy(self, found: _Row) -> BusyError:
        name = self._name(found.holder)
        here = name == f"process {found.holder.pid}"
        stop = f"stop it (kill {found.holder.pid})" if here else "stop it there"
        return BusyError(
            f"another cosmos works on this project: {name}, since {_utc(found.since)}",
            f"wait for it to end, or {stop}: work on hosts goes on and is found again",
        )


def require(transaction: Transaction, epoch: int) -> None:
    """Make sure, until the end of the transaction, that the lease is held as of this epoch.

    Raises:
        Fenced: Another controller has taken it since.
    """
    # on a server the row is locked, so that it is taken before or after this transaction; SQLite has one writer anyway
    if transaction.value(_EPOCH) != epoch:
        found = _read(transaction)
        raise Fenced(
            f"another cosmos acts on this project now: process {found.holder.pid} of {found.holder.who}, "
            f"since {_utc(found.since)}; this one was silent too long and has stopped",
            "nothing is lost: work on hosts goes on, and the other one collects it; cosmos status shows it",
        )


def database_id(transaction: Transaction) -> str:
    """What tells this database from others; made with it."""
    return str(transaction.value(_DATABASE))


def _read(transaction: Transaction) -> _Row:
    epoch, held, since, beat, beat_at, *process = next(transaction.rows(_LEASE))
    holder = Process(**dict(zip(_PROCESS, process, strict=True)))
    return _Row(epoch=epoch, held=bool(held), since=since, beat=beat, beat_at=beat_at, holder=holder)


def _utc(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
