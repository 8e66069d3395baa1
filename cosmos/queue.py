"""SimplifiedQueueService: runs as a queue, for the page and for notebooks. It wraps CosmosAPI, and keeps nothing.

The order is the one in which reconcile gives out places: by priority, then by key. A priority is a field of a spec,
so a run is moved by an edit of its file, which is shown before it is saved. To pause is to suspend. A run is claimed by
whoever holds the project's lease, in one transaction, before anything is started; the queue itself starts nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cosmos.api import CosmosAPI
from cosmos.core.gallery import Item, next_first
from cosmos.core.plan import Phase, Sync
from cosmos.core.suspension import Suspensions
from cosmos.edits import Edit
from cosmos.errors import NotFoundError, RefusedError
from cosmos.foreseen import Foreseen
from cosmos.outcome import Outcome

HIGHEST = 100
"""Priority of a spec, at most."""
WORKING = (Phase.COLLECTING, Phase.RUNNING, Phase.STARTING, Phase.STAGING)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueView:
    """Runs that are not over. `waiting` is in order: the first one is next.

    `blocked` are those that cannot start though their turn came, with why in their status; `held` those that somebody
    or a spec suspended. `suspensions` has what is paused as a whole.
    """

    working: tuple[Item, ...]
    waiting: tuple[Item, ...]
    blocked: tuple[Item, ...]
    held: tuple[Item, ...]
    suspensions: Suspensions

    @property
    def is_paused(self) -> bool:
        return self.suspensions.project is not None

    def position(self, key: str) -> int | None:
        """The place of a waiting run, counted from 1."""
        return next((number for number, item in enumerate(self.waiting, 1) if item.key == key), None)


class SimplifiedQueueService:
    """The queue of one project.

    Args:
        cosmos: The project.
    """

    def __init__(self, cosmos: CosmosAPI) -> None:
        self._cosmos = cosmos

    def view(self) -> QueueView:
        """The queue as the last look left it."""
        places: dict[str, list[Item]] = {}
        for item in self._cosmos.gallery.all():
            places.setdefault(_place(item), []).append(item)
        found = {name: tuple(sorted(items, key=next_first)) for name, items in places.items()}
        working = sorted(found.get("working", ()), key=lambda item: WORKING.index(item.status.phase))
        return QueueView(
            working=tuple(working),
            waiting=found.get("waiting", ()),
            blocked=found.get("blocked", ()),
            held=found.get("held", ()),
            suspensions=self._cosmos.suspending.standing(),
        )

    # Order -----------------------------------------------------------------------------------

    def prioritise(self, key: str, priority: int) -> Edit:
        """Another priority (0 to 100) for the spec of a run, and so for all runs of it. Writes nothing.

        Raises:
            NotFoundError: There is no such run.
            RefusedError: The spec does not say the priority of this run by one field.
        """
        if not 0 <= priority <= HIGHEST:
            raise RefusedError(f"{priority} is no priority", f"it is a number from 0 to {HIGHEST}")
        item = self._item(key)
        edit = self._cosmos.specs.propose(f"run/{item.sweep}", {"priority": priority})
        then = edit.desired.by_key().get(key)
        if not edit.problems and then is not None and then.run.priority != priority:
            raise RefusedError(f"the priority of {key} follows from its matrix", "edit the axis `priority` of its spec")
        return edit

    def move_to_front(self, key: str) -> Edit:
        """A priority by which a run, and the others of its spec, come before all that wait. Writes nothing.

        Raises:
            NotFoundError: There is no such run.
            RefusedError: It is there already, or the others have the highest priority.
        """
        item, waiting = self._item(key), self.view().waiting
        others = [other for other in waiting if other.sweep != item.sweep]
        highest = max((other.want.run.priority for other in others if other.want is not None), default=-1)
        if not others or (waiting[0].sweep == item.sweep and _priority(item) > highest):
            raise RefusedError(f"nothing waits before {item.sweep}", "its own runs start in the order of their names")
        if highest >= HIGHEST:
            first = next(other for other in others if _priority(other) == highest)
            raise RefusedError(f"{first.sweep} has the highest priority", f"give it less than {HIGHEST} first")
        return self.prioritise(key, highest + 1)

    # Pause -----------------------------------------------------------------------------------

    def pause(self, *, hosts: Sequence[str] = (), why: str = "") -> list[str]:
        """Start nothing more, on some hosts or, without any, in the whole project. What runs goes on."""
        return self._cosmos.suspending.suspend(hosts=hosts, project=not hosts, why=why)

    def go_on(self, *, hosts: Sequence[str] = (), why: str = "") -> list[str]:
        """End a pause. Starts nothing by itself: a daemon does, or the next apply.

        Raises:
            RefusedError: There is none.
        """
        return self._cosmos.suspending.resume(hosts=hosts, project=not hosts, why=why)

    # Runs ------------------------------------------------------------------------------------

    def cancel(self, keys: Sequence[str], *, why: str = "") -> Outcome:
        """Take runs out of the queue, and stop those that run, until `retry`."""
        return self._cosmos.cancel(keys, why=why)

    def foresee_cancel(self, keys: Sequence[str]) -> Foreseen:
        """What `cancel` would do."""
        return self._cosmos.foreseeing.cancel(keys)

    def claim(self, keys: Sequence[str] = ()) -> Outcome:
        """Start what can start now, of some runs or of all, each once, whoever else asks at the same time.

        The lease comes first, and the intent of each start is recorded in one transaction before anything is done.
        Returns once all of it has started.

        Raises:
            BusyError: Another controller has the lease.
        """
        return self._cosmos.apply(self._cosmos.plan(keys), wait=False)

    def _item(self, key: str) -> Item:
        found = self._cosmos.gallery.of([key])
        if not found or found[0].want is None:
            raise NotFoundError(f'no run of the specs is called "{key}"', "the specs may have changed: see the runs")
        return found[0]


def _place(item: Item) -> str:
    status = item.status
    if status.phase in WORKING:
        return "working"
    if status.phase is Phase.SUSPENDED:
        return "held"
    if status.phase not in (Phase.PENDING, Phase.QUEUED, Phase.WAITING):
        return "over"
    is_blocked = status.stuck or status.phase is Phase.WAITING or status.sync is Sync.UNKNOWN
    return "blocked" if is_blocked else "waiting"


def _priority(item: Item) -> int:
    return item.want.run.priority if item.want is not None else 0
