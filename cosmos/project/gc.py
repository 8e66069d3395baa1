"""`cosmos gc`: what may be removed, and its removal. What is removed is judged again where it is, at that moment."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from cosmos.core import garbage
from cosmos.core.desired import Desired
from cosmos.core.digest import Digest
from cosmos.core.garbage import Cleared, Garbage, Kind, Scope, Sorted
from cosmos.core.recorded import Recorded
from cosmos.errors import CosmosError, Fenced, HostError
from cosmos.project.wiring import Project
from cosmos.store.stock import logs_in, remove_log

LOGS, STORE = "logs", "store"


def find(project: Project, scope: Scope) -> Cleared:
    """What would be removed. A host that cannot be looked at is skipped, and named."""
    desired, recorded = project.desire(), project.records.everything()
    parts: list[Sorted] = []
    if scope.store:
        parts += [_in_store(project, recorded, scope.idle_s), _logs(project, desired, recorded, scope.idle_s)]
    if scope.hosts:
        with ThreadPoolExecutor(len(scope.hosts), "looking") as pool:
            parts += pool.map(lambda name: _on_host(project, name, desired, recorded, scope), scope.hosts)
    return Cleared(
        garbage=tuple(each for part in parts for each in part.garbage),
        held=tuple(words for part in parts for words in part.held),
        away=tuple(part.away for part in parts if part.away),
    )


def _in_store(project: Project, recorded: Recorded, idle_s: float) -> Sorted:
    stock = project.stock.stored()
    first = garbage.in_store(stock, recorded, (), idle_s=idle_s)
    sizes = {each.size for each in first.garbage if each.kind is Kind.BLOB}
    copies = {sha256 for sha256, _ in project.stock.published(sizes)} if sizes else set()
    return garbage.in_store(stock, recorded, copies, idle_s=idle_s) if copies else first


def _logs(project: Project, desired: Desired, recorded: Recorded, idle_s: float) -> Sorted:
    kept = logs_in(project.world.logs)
    wanted = [want.run.id for want in desired.runs]
    if kept and (desired.is_blind or desired.held):
        return Sorted(held=("logs: a spec that cannot be judged may ask for their runs; cosmos validate names it",))
    return garbage.logs(kept, recorded, wanted, idle_s=idle_s)


def _on_host(project: Project, name: str, desired: Desired, recorded: Recorded, scope: Scope) -> Sorted:
    host = project.world.hosts[name]
    try:
        stock = host.stored()
        view = host.observe(())
    except HostError as error:
        return Sorted(away=error.message)
    needed = garbage.needed_blobs(desired, recorded, finished=scope.finished)
    durable = _durable(project, recorded)
    return garbage.on_host(name, view, stock, recorded, needed=needed, durable=durable, idle_s=scope.idle_s)


def _durable(project: Project, recorded: Recorded) -> frozenset[Digest]:
    """Digests whose results are whole in the store, as far as no reading tells."""
    stock = project.stock
    return frozenset(
        digest
        for digest, entry in recorded.ledger.items()
        if all(stock.flaw(file, read=False) is None for file in entry.manifest)
    )


def remove(project: Project, found: Cleared, scope: Scope, say: Callable[[str], None]) -> Cleared:
    """Remove what was found, and still is unused. The caller holds the lease.

    Returns:
        What was removed, with what was found and failed.

    Raises:
        Fenced: Another controller acts now.
    """
    removed: list[Garbage] = []
    failed: list[str] = []
    for place in dict.fromkeys(each.place for each in found.garbage):
        here = [each for each in found.garbage if each.place == place]
        say(f"removing {len(here)} things from {place}")
        try:
            for gone in _removals(project, place, here, scope.idle_s, failed):
                removed.append(gone)  # noqa: PERF402 - what was removed before a failure counts
        except Fenced:
            raise
        except CosmosError as error:
            failed.append(f"{place}: {error.message}")
    return replace(found, garbage=tuple(removed), failed=tuple(failed), done=True)


def _removals(
    project: Project, place: str, here: Sequence[Garbage], idle_s: float, failed: list[str]
) -> Iterable[Garbage]:
    if place == LOGS:
        for each in here:
            remove_log(project.world.logs, each.name)
            yield each
        return
    keeper = project.stock if place == STORE else project.world.hosts[place]
    directories = [each for each in here if each.kind is Kind.RUN_DIRECTORY]
    for each in directories:
        try:
            project.world.hosts[place].release(each.name)
            project.records.released(each.name)
        except HostError as error:
            failed.append(f"{each.name} on {place}: {error.message}")
            continue
        yield each
    for kind, least in ((Kind.LEFTOVER, garbage.GRACE_S), (Kind.BLOB, max(idle_s, garbage.GRACE_S))):
        names = [each.name for each in here if each.kind is kind]
        blobs, paths = (names, ()) if kind is Kind.BLOB else ((), names)
        gone = keeper.discard(unused=blobs, leftovers=paths, idle_s=least) if names else frozenset()
        yield from (each for each in here if each.kind is kind and each.name in gone)
