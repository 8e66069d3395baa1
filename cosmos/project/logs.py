"""Logs of attempts: from the host while they run, from the store or the kept logs once they are over."""

import time
from collections.abc import Iterator
from pathlib import Path

from cosmos.core.digest import run_id
from cosmos.core.logtimes import offset_since
from cosmos.core.ports import Host
from cosmos.core.recorded import Attempt, AttemptState
from cosmos.core.select import one
from cosmos.engine.collect import LOG, TIMES
from cosmos.errors import NotFoundError
from cosmos.project import plans
from cosmos.project.wiring import Project

CHUNK = 1 << 16
LOOK_EVERY_S = 0.5


def read(
    project: Project, name: str, *, attempt: int | None, since_s: float | None, tail: int | None, follow: bool
) -> Iterator[bytes]:
    """Pieces of the log of one attempt, the newest by default.

    Raises:
        NotFoundError: No such run or attempt, or its log is kept nowhere.
    """
    key = _key(project, name)
    chosen = _attempt(project.records.attempts_of(run_id(project.settings.name, key)), key, attempt)
    since = None if since_s is None else project.world.clock.now() - since_s
    file = _kept(project, chosen)
    if file is not None:
        times = project.world.logs / f"{chosen.batch_id}{TIMES}"
        offset = 0 if since is None else offset_since(times.read_bytes() if times.exists() else b"", since)
        yield from _file(file, offset, tail)
    elif chosen.is_open:
        yield from _live(project.world.hosts[chosen.host], chosen.batch_id, since, tail, follow=follow)
    else:
        raise NotFoundError(f"the log of {key} attempt {chosen.number} is kept nowhere", "it ended without one")


def _key(project: Project, name: str) -> str:
    """Of a run of the specs, or one that once was; to read the specs of many runs takes seconds."""
    if project.records.find_keys(name) == (name,):
        return name
    desired = project.desire()
    with plans.among_runs(desired, [name]):
        return one(plans.named(desired), name)


def _attempt(attempts: tuple[Attempt, ...], key: str, number: int | None) -> Attempt:
    if not attempts:
        raise NotFoundError(f"{key} has not run yet", f"cosmos explain {key} says why")
    for attempt in reversed(attempts):
        if number in (None, attempt.number):
            return attempt
    numbers = ", ".join(str(attempt.number) for attempt in attempts)
    raise NotFoundError(f"{key} has no attempt {number}", f"it has: {numbers}")


def _kept(project: Project, attempt: Attempt) -> Path | None:
    if attempt.state is AttemptState.SUCCEEDED:
        for entry in project.records.ledger_of(attempt.run_id):
            if entry.batch_id == attempt.batch_id:
                found = (project.world.store.path(file.sha256) for file in entry.manifest if file.name == LOG)
                return next((path for path in found if path.exists()), None)
    path = project.world.logs / f"{attempt.batch_id}.log"
    return path if path.exists() and not attempt.is_open else None


END_BYTES = 16_384
END_LINES = 10


def end_of(project: Project, attempt: Attempt) -> tuple[str, ...]:
    """The last lines of the log of an attempt that failed, as it was kept here; none where there is none."""
    path = project.world.logs / f"{attempt.batch_id}.log"
    if not path.exists():
        return ()
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - END_BYTES))
        end = last_lines(file.read(), END_LINES)
    return tuple(end.decode("utf-8", errors="replace").splitlines())


def _file(path: Path, offset: int, tail: int | None) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(offset)
        if tail is not None:
            yield last_lines(file.read(), tail)
            return
        while chunk := file.read(CHUNK):
            yield chunk


def _live(host: Host, batch_id: str, since: float | None, tail: int | None, *, follow: bool) -> Iterator[bytes]:
    offset = 0 if since is None else offset_since(host.read_log_times(batch_id), since)
    seen = bytearray()
    while chunk := host.read_log(batch_id, offset, CHUNK):
        offset += len(chunk)
        seen += chunk
    yield bytes(seen) if tail is None else last_lines(bytes(seen), tail)
    while follow:
        view = host.observe(())
        while chunk := host.read_log(batch_id, offset, CHUNK):
            offset += len(chunk)
            yield chunk
        batch = view.batches.get(batch_id)
        if batch is None or batch.exit is not None:
            return
        time.sleep(LOOK_EVERY_S)


def last_lines(data: bytes, count: int) -> bytes:
    """The last `count` lines, each with its end."""
    lines = data.splitlines(keepends=True)
    return b"".join(lines[len(lines) - count :] if 0 < count < len(lines) else lines if count else [])
