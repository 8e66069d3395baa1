"""SqlRecords: the `Records` port on a database, and the read side for the CLI and the page.

Each method is one short transaction; what it does in there is in `loading`, `claims`, `history` and
`statuses`. Built by `cosmos.project.wiring` around an open `Database`; safe for use from several threads.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from cosmos.core.digest import Digest, Material
from cosmos.core.estimate import Timing
from cosmos.core.observed import BatchMeta, Origin
from cosmos.core.plan import Plan
from cosmos.core.reasons import Reason
from cosmos.core.recorded import Attempt, LedgerEntry, Recorded, Request
from cosmos.core.suspension import Suspension, Suspensions
from cosmos.state import claims, history, lease, loading, statuses, suspending
from cosmos.state.board import Board
from cosmos.state.database import Database
from cosmos.state.history import Event
from cosmos.state.lease import Hold
from cosmos.state.statuses import read as read_board
from cosmos.state.transaction import Transaction

FORGET_EVERY_S = 3600.0
"""How often old events are looked for."""


class SqlRecords:
    """The database of one project.

    Every method raises StateError, with the next step, when the database cannot be used.

    Args:
        database: An open database.
        epoch: What the engine records is written only while the lease is held as of this epoch; None needs no lease.
    """

    def __init__(self, database: Database, epoch: int | None = None) -> None:
        self._database = database
        self._epoch = epoch
        self._forgot_at = 0.0

    def under(self, hold: Hold) -> "SqlRecords":
        """The same for the controller that holds the lease: its writes raise Fenced once another one has it."""
        return SqlRecords(self._database, hold.epoch)

    @property
    def database_id(self) -> str:
        """What tells this database from all others."""
        with self._database.reading() as transaction:
            return lease.database_id(transaction)

    @contextmanager
    def _acting(self) -> Iterator[Transaction]:
        """A transaction of the engine."""
        with self._database.writing() as transaction:
            if self._epoch is not None:
                lease.require(transaction, self._epoch)
            yield transaction

    def load(self, wanted: Mapping[str, Digest]) -> Recorded:
        with self._database.reading() as transaction:
            return loading.load(transaction, wanted)

    def meta(self, batch_id: str) -> BatchMeta | None:
        with self._database.reading() as transaction:
            return history.meta(transaction, batch_id)

    # What the engine records

    def intend(
        self,
        attempt: Attempt,
        material: Material,
        meta: BatchMeta,
        result: LedgerEntry | None = None,
        timing: Timing | None = None,
    ) -> bool:
        try:
            with self._acting() as transaction:
                claims.intend(transaction, attempt, material, meta)
                if result is not None:
                    claims.finished(transaction, result, result.finished_at)
                    if timing is not None:
                        claims.timed(transaction, result.batch_id, timing, result.finished_at)
        except claims.TakenError:
            return False
        return True

    def started(self, batch_id: str, at: float) -> None:
        with self._acting() as transaction:
            claims.started(transaction, batch_id, at)

    def finished(self, entry: LedgerEntry, ended_at: float, timing: Timing | None = None) -> None:
        with self._acting() as transaction:
            claims.finished(transaction, entry, ended_at)
            if timing is not None:
                claims.timed(transaction, entry.batch_id, timing, ended_at)

    def failed(self, batch_id: str, reason: Reason, message: str, ended_at: float, *, cancelled: bool) -> None:
        with self._acting() as transaction:
            claims.failed(transaction, batch_id, reason, message, ended_at, cancelled=cancelled)

    def released(self, batch_id: str) -> None:
        with self._acting() as transaction:
            claims.released(transaction, batch_id)

    def request(self, request: Request, *, instead_of: Request | None = None) -> None:
        with self._acting() as transaction:
            history.request(transaction, request, instead_of)

    def suspend(self, said: Suspension) -> None:
        """Record that something is suspended, or used again."""
        with self._database.writing() as transaction:
            suspending.write(transaction, said)

    def suspensions(self) -> Suspensions:
        """What is suspended now."""
        with self._database.reading() as transaction:
            return suspending.read(transaction)

    def event(self, kind: str, subject: str, reason: str, message: str, at: float) -> None:
        with self._acting() as transaction:
            history.event(transaction, kind, subject, reason, message, at)

    def save_statuses(self, plan: Plan, looked_at: float, holds: Callable[[str], bool] = lambda key: False) -> None:
        with self._acting() as transaction:
            statuses.save(transaction, plan, looked_at, holds)
            if not 0 <= looked_at - self._forgot_at < FORGET_EVERY_S:
                history.forget_events(transaction, looked_at)
                self._forgot_at = looked_at

    def note(self, name: str, value: str) -> None:
        """Keep a word beside the statuses, for readers of the board."""
        with self._database.writing() as transaction:
            statuses.note(transaction, name, value)

    def noted(self, name: str) -> str:
        """What was kept last under a name; empty where nothing was."""
        return self.noted_all([name])[name]

    def noted_all(self, names: Sequence[str]) -> dict[str, str]:
        """The same for several names, as of one moment."""
        with self._database.reading() as transaction:
            return statuses.noted(transaction, names)

    def raise_note(self, name: str, value: float) -> float:
        """Keep a number that only grows: this one, or a little more than the last; returns it."""
        with self._database.writing() as transaction:
            return statuses.raise_note(transaction, name, value)

    # What people read

    def everything(self) -> Recorded:
        """Every result, attempt and newest request, of runs that are gone from the specs too."""
        with self._database.reading() as transaction:
            return loading.everything(transaction)

    def board(self, *, statuses: bool = True) -> Board:
        """Where every run stood at the last look; without `statuses` only who acts, and the notes."""
        with self._database.reading() as transaction:
            return read_board(transaction, whole=statuses)

    def events(self, *, kind: str = "", since: float = 0.0, limit: int = 100) -> tuple[Event, ...]:
        """The newest events first."""
        with self._database.reading() as transaction:
            return history.latest_events(transaction, kind=kind, since=since, limit=limit)

    def events_since(self, since: float, kind: str = "") -> tuple[Event, ...]:
        """All events of that time and later, oldest first."""
        with self._database.reading() as transaction:
            return history.events_since(transaction, since, kind)

    def known_runs(self) -> tuple[tuple[str, str, str], ...]:
        """Key, id and digest of every run that ever was, once for each digest."""
        with self._database.reading() as transaction:
            return history.known_runs(transaction)

    def materials(self) -> dict[str, tuple[Digest, Material]]:
        """By run id: the digest that was launched or adopted last, and what it was made of."""
        with self._database.reading() as transaction:
            return history.materials_of(transaction)

    def origins(self) -> dict[str, tuple[str, Origin]]:
        """By batch id: who began it, and from which specs."""
        with self._database.reading() as transaction:
            return history.origins(transaction)

    def history(self, subject: str, limit: int = 100) -> tuple[Event, ...]:
        """The newest events about a subject and about what is named below it, oldest first."""
        with self._database.reading() as transaction:
            return history.events_about(transaction, subject, limit)

    def attempts_of(self, run_id: str) -> tuple[Attempt, ...]:
        """Every attempt of a run, whatever its digest was then, oldest first."""
        with self._database.reading() as transaction:
            return history.attempts_of(transaction, run_id)

    def gpu_attempts(self, per_host: int = 50) -> tuple[Attempt, ...]:
        """The newest attempts that were given GPUs, so many of each host, oldest first."""
        with self._database.reading() as transaction:
            return history.gpu_attempts(transaction, per_host)

    def ledger_of(self, run_id: str) -> tuple[LedgerEntry, ...]:
        """Every result of a run, whatever its digest was then, newest first."""
        with self._database.reading() as transaction:
            return history.ledger_of(transaction, run_id)

    def results(self, digests: Sequence[Digest]) -> tuple[LedgerEntry, ...]:
        """What is done of some digests."""
        with self._database.reading() as transaction:
            return history.results(transaction, digests)

    def requests_of(self, digests: Sequence[Digest]) -> tuple[Request, ...]:
        """What people asked about some digests, oldest first."""
        with self._database.reading() as transaction:
            return history.requests_of(transaction, digests)

    def find_keys(self, word: str, limit: int = 20) -> tuple[str, ...]:
        """Keys of runs, those gone from the specs too, whose key, id or digest begins with a word."""
        with self._database.reading() as transaction:
            return history.find_keys(transaction, word, limit)
