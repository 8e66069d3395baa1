"""What a daemon logs: a line for each change, none for a pass that finds nothing new."""

import logging

from cosmos.core.plan import Phase, RunStatus
from cosmos.outcome import Pass

logger = logging.getLogger("cosmos.daemon")


class Telling:
    """Logs what is new in each pass."""

    def __init__(self) -> None:
        self._before: Pass | None = None

    def __call__(self, done: Pass) -> None:
        before, self._before = self._before, done
        if before is None:
            phases = [status.phase for status in done.statuses]
            counts = ", ".join(f"{phases.count(phase)} {phase.value}" for phase in Phase if phase in phases)
            logger.info("looked in %.1f s%s: %s", done.took_s, _at(done.revision), counts or "no runs")
        elif done.revision != before.revision:
            logger.info("applying%s", _at(done.revision))
        self._tell_runs(before, done)
        self._tell_rest(before, done)
        logger.debug("looked in %.2f s; next in %.0f s at the latest", done.took_s, done.next_at - done.at)

    def _tell_runs(self, before: Pass | None, done: Pass) -> None:
        if before is None:
            return
        phases = {status.key: status.phase for status in before.statuses}
        for status in done.statuses:
            old = phases.get(status.key)
            if old is not status.phase:
                say = logger.warning if status.phase is Phase.FAILED else logger.info
                say("%s %s -> %s%s", status.key, old or "new", status.phase, _ending(status))
        wanted = {status.key for status in done.statuses}
        for key in phases.keys() - wanted:
            logger.info("%s is no longer in the specs", key)

    def _tell_rest(self, before: Pass | None, done: Pass) -> None:
        for problem in done.problems:
            if before is None or problem not in before.problems:
                logger.warning("%s", problem)
        for trouble in done.troubles:
            if before is None or trouble not in before.troubles:
                logger.warning("%s (tried again by itself)", "; ".join(trouble.splitlines()))
        known = () if before is None else (before.held_back, before.removals_blocked)
        for words in filter(None, (done.held_back, done.removals_blocked)):
            if words not in known:
                logger.warning("%s", words)
        away = {host.name for host in before.hosts if not host.reachable} if before is not None else set()
        for host in done.hosts:
            if not host.reachable and host.name not in away:
                logger.warning("%s cannot be reached: %s", host.name, host.why)
            elif host.reachable and host.name in away:
                logger.info("%s answers again", host.name)


def _at(revision: str) -> str:
    return f" at commit {revision[:10]}" if revision else ""


def _ending(status: RunStatus) -> str:
    if status.phase is Phase.SUCCEEDED:
        return f"   {status.folder}" if status.folder else ""
    words = ": ".join(filter(None, [status.reason.value if status.reason else "", status.message]))
    return f"   {'; '.join(words.splitlines())}" if words else ""
