"""What a daemon and other commands of one project tell each other, through notes in the database.

A daemon says who it is and what it follows. A command asks it for a look, and sees by a number that a pass which
began afterwards has ended; or it asks for a turn with the lease, and the daemon stands aside meanwhile. Nothing here
is needed for safety: that is the lease.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from cosmos.errors import BusyError, RefusedError
from cosmos.outcome import DaemonNote, PlanView, daemon_from_text, daemon_to_text
from cosmos.project.reading import ASKED, DAEMON, HANDLED, note_asked, present_in
from cosmos.project.wiring import Project
from cosmos.state.lease import Hold, Tell

logger = logging.getLogger(__name__)

ACCEPTED = "accepted"
"""The specs whose removals a person has said to be meant."""
TURN = "turn"
"""Until when somebody else wants to act, in seconds since the epoch; empty or past: nobody does."""
TURN_S = 60.0
"""How long a daemon stands aside for one who asked and does not come."""
LOOK_EVERY_S = 0.2


def announce(project: Project, daemon: DaemonNote) -> None:
    project.records.note(DAEMON, daemon_to_text(daemon))


def leave(project: Project, epoch: int) -> None:
    """Say that the daemon of this epoch is no more."""
    daemon = daemon_from_text(project.records.noted(DAEMON))
    if daemon is not None and daemon.epoch == epoch:
        project.records.note(DAEMON, "")


def present(project: Project) -> DaemonNote | None:
    """The daemon that acts now, if one does."""
    return present_in(project.records.board(statuses=False))


class GoneError(RefusedError):
    """The daemon ended before it had looked."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What others have asked a daemon for, as of one moment."""

    number: str
    """Another text with every asking."""
    turn_until: float

    def wants_turn(self, now: float) -> bool:
        """Somebody waits for the lease. A note of one who was killed ends by itself."""
        return now < self.turn_until <= now + 2 * TURN_S


def asked(project: Project) -> Asked:
    found = project.records.noted_all([ASKED, TURN])
    return Asked(number=found[ASKED], turn_until=float(found[TURN] or 0.0))


def handled(project: Project, before: Asked) -> None:
    """A pass that began after `before` was read has ended."""
    if before.number and project.records.noted(HANDLED) != before.number:
        project.records.note(HANDLED, before.number)


def ask(project: Project) -> float:
    """Ask the daemon for a look; returns the number to wait for."""
    return note_asked(project.records, project.world.clock.now())


def accept(project: Project, daemon: DaemonNote) -> None:
    """Say that the removals which the daemon holds back are meant.

    Raises:
        RefusedError: It holds none back.
    """
    if not daemon.blocked_at:
        raise RefusedError("the daemon holds no removals back", "cosmos status shows what it does")
    project.records.note(ACCEPTED, daemon.blocked_at)


def await_pass(project: Project, number: float, end: float | None, is_detached: Callable[[], bool]) -> bool:
    """Wait until a pass that heard this number has ended; False when the time is over, or nobody waits any more.

    Args:
        project: Whose daemon.
        number: From `ask`.
        end: Monotonic time after which it is given up.
        is_detached: True once nobody wants to wait any more.

    Raises:
        GoneError: The daemon has ended meanwhile.
        RefusedError: That pass failed.
    """
    while float(project.records.noted(HANDLED) or 0.0) < number:
        if is_detached() or (end is not None and time.monotonic() >= end):
            return False
        if present(project) is None:
            raise GoneError("the daemon ended before it had looked", "run the same command again")
        time.sleep(LOOK_EVERY_S)
    daemon = present(project)
    if daemon is not None and daemon.failed:
        first, *rest = daemon.failed.splitlines()
        raise RefusedError(
            f"the daemon ({daemon.name}) could not look: {first}", " ".join(line.strip() for line in rest)
        )
    return True


def check_same(project: Project, daemon: DaemonNote, view: PlanView) -> None:
    """A daemon does what it follows, not what is here. To be asked after a pass of it.

    Raises:
        BusyError: It follows other specs for one of these runs.
    """
    theirs = {status.key: status.digest for status in project.records.board().statuses}
    others = [want.run.key for want in view.desired.runs if want.run.key in view.selected]
    others = [key for key in others if theirs.get(key) != view.desired.by_key()[key].digest]
    if not others:
        return
    what = f"commit {daemon.revision[:10]}" if daemon.revision else "the working tree"
    more = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
    raise BusyError(
        f"a daemon ({daemon.name}) applies {what}, where {others[0]}{more} is not as here",
        "commit the change and the daemon does it" if daemon.revision else "run it again: the files changed meanwhile",
    )


@contextmanager
def turn(
    project: Project, tell: Tell = logger.warning, is_detached: Callable[[], bool] = lambda: False
) -> Iterator[Hold]:
    """The lease, from a daemon too: it stands aside once its acts under way have ended.

    Raises:
        BusyError: Another controller has it, that is no daemon or does not stand aside.
    """
    with ExitStack() as stack:
        yield _taken(stack, project, tell, is_detached)


def _taken(stack: ExitStack, project: Project, tell: Tell, is_detached: Callable[[], bool]) -> Hold:
    try:
        return stack.enter_context(project.lease.held(tell=tell, is_detached=is_detached))
    except BusyError:
        daemon = present(project)
        if daemon is None:
            raise
    tell(f"the daemon ({daemon.name}) is asked to stand aside meanwhile")
    end = time.monotonic() + TURN_S
    project.records.note(TURN, repr(project.world.clock.now() + TURN_S))
    try:
        while True:
            try:
                return stack.enter_context(project.lease.held(watch=False))
            except BusyError:
                if time.monotonic() >= end or is_detached():
                    raise
            time.sleep(LOOK_EVERY_S)
    finally:
        project.records.note(TURN, "")
