"""Bugs planted on purpose, one at a time: a simulation that does not notice one of them proves nothing about it.

Each is a patch of a few attributes of the product, or of a host in memory where that stands for a script.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from cosmos.adapters.base import Verdict
from cosmos.adapters.command import CommandAdapter
from cosmos.core import case, placing, rules, standing, sweep
from cosmos.core.observed import BatchMeta, BatchState, ExitRecord, Member, ObservedBatch, Reachable
from cosmos.core.plan import Act, Cause
from cosmos.core.reasons import Reason
from cosmos.engine import collect, cycle, execute, looks
from cosmos.errors import HostUnreachable
from cosmos.hosts.memory import host, sight
from cosmos.hosts.memory.host import MemoryHost
from cosmos.hosts.memory.machine import Machine
from cosmos.state import lease
from cosmos.store.memory import MemoryStore

Patch = tuple[Any, str, Any]


@contextmanager
def planted(patches: list[Patch]) -> Iterator[None]:
    """The product with one bug in it."""
    with ExitStack() as undo:
        for owner, name, value in patches:
            if isinstance(owner, dict):
                undo.callback(owner.__setitem__, name, owner[name])
                owner[name] = value
            else:
                undo.callback(setattr, owner, name, owner.__dict__[name])
                setattr(owner, name, value)
        yield


def random_names() -> list[Patch]:
    count = itertools.count()
    return [(placing, "batch_id", lambda run, digest, number: f"{run}-{digest[:8]}-r{next(count)}")]


def existence_is_proof() -> list[Patch]:
    """Every blob that was ever sent is taken to be there."""
    observe = MemoryHost.observe

    def trusting(self: MemoryHost, wanted: Any) -> Reachable:
        wanted = tuple(wanted)
        return replace(observe(self, wanted), blobs=frozenset(wanted))

    return [(MemoryHost, "observe", trusting)]


def no_verify_at_start() -> list[Patch]:
    return [(Machine, "_refuse_damaged", lambda self, work: False)]


def no_verify_after_download() -> list[Patch]:
    def commit(self: MemoryStore, sha256: str, size: int) -> None:
        if self.partial(sha256).exists():
            self.partial(sha256).replace(self.path(sha256))

    return [(MemoryStore, "commit", commit), (MemoryStore, "_sound", _bytes)]


def _bytes(store: MemoryStore, sha256: str) -> bytes | None:
    path = store.path(sha256)
    return path.read_bytes() if path.exists() else None


def record_before_publish() -> list[Patch]:
    succeeded = collect._succeeded

    def reversed_order(operation: Any, meta: Any, record: Any, manifest: Any, took: Any, world: Any) -> None:
        later = replace(world, store=_Unpublished(world.store))
        succeeded(operation, meta, record, manifest, took, later)
        world.store.publish(operation.folder, manifest)

    return [(collect, "_succeeded", reversed_order)]


class _Unpublished:
    def __init__(self, store: Any) -> None:
        self.store = store

    def publish(self, folder: str, manifest: Any) -> None:
        pass


def release_before_durable() -> list[Patch]:
    succeeded = collect._succeeded

    def hasty(operation: Any, meta: Any, record: Any, manifest: Any, took: Any, world: Any) -> None:
        world.hosts[operation.host].release(operation.batch_id)
        succeeded(operation, meta, record, manifest, took, world)

    return [(collect, "_succeeded", hasty)]


def unknown_is_failed() -> list[Patch]:
    launch = execute._launch

    def hasty(given: Any, world: Any) -> None:
        try:
            launch(given, world)
        except HostUnreachable as error:
            world.records.failed(
                given.operation.batch_id, Reason.HOST_REFUSED, error.message, world.clock.now(), cancelled=False
            )

    return [(execute._ACTS, Act.LAUNCH, hasty)]


def created_is_exited() -> list[Patch]:
    """What docker says of a container that never ran: exit code 0."""

    def fooled(tree: Any, directory: Any) -> ObservedBatch:
        found = sight.seen(tree, directory)
        if found.state is not BatchState.PREPARED:
            return found
        record = ExitRecord(code=0, started_at=1.0, ended_at=1.0, boot_id="boot-1")
        return replace(found, state=BatchState.EXITED, exit=record)

    return [(host, "seen", fooled)]


def stop_without_record() -> list[Patch]:
    adopt = sweep._adopt
    return [(sweep, "_adopt", lambda *found: replace(adopt(*found), act=Act.STOP))]


def intend_after_start() -> list[Patch]:
    intended: list[tuple[Any, ...]] = []
    intend, launch = execute.intend, execute._launch

    def later(operation: Any, want: Any, world: Any) -> bool:
        intended.append((operation, want, world))
        return True

    def launch_first(given: Any, world: Any) -> None:
        if intended:
            operation, want, _ = intended.pop()
            host = world.hosts[operation.host]
            meta = BatchMeta(
                batch_id=operation.batch_id,
                project=world.project,
                members=(Member(run_id=want.run.id, key=want.run.key, digest=want.digest),),
                attempt=operation.attempt,
                digest_schema=1,
            )
            host.prepare(execute._batch(want, meta, operation, given.recorded, world))
            host.start(operation.batch_id)
            intend(operation, want, world)
            return
        launch(given, world)

    return [(execute, "intend", later), (execute._ACTS, Act.LAUNCH, launch_first)]


def nothing_is_adopted() -> list[Patch]:
    return [(sweep, "find", lambda hosts, recorded: sweep.Found(orphans={}, ghosts={}))]


def numbers_are_reused() -> list[Patch]:
    wrong = lambda asked: asked.open.number if asked.open else 1  # noqa: E731
    return [(standing, "next_attempt", wrong), (case, "next_attempt", wrong)]


def retried_under_a_new_name() -> list[Patch]:
    batch = execute._batch

    def renaming(want: Any, meta: Any, operation: Any, recorded: Any, world: Any) -> Any:
        if operation.cause is Cause.RESUMED:
            meta = replace(meta, batch_id=f"{meta.batch_id}-again")
        return batch(want, meta, operation, recorded, world)

    return [(execute, "_batch", renaming)]


def unreachable_is_empty() -> list[Patch]:
    def view(self: Any, name: str, blobs: tuple[str, ...]) -> Any:
        try:
            return self._hosts[name].observe(blobs)
        except HostUnreachable:
            return Reachable(boot_id="", clock=self._clock.now(), disk_free=1, disk_total=1)

    return [(looks.HostLooks, "_view", view)]


def cancelled_is_relaunched() -> list[Patch]:
    return [(case.Case, "is_cancelled", property(lambda self: False))]


def exit_record_is_not_read() -> list[Patch]:
    return [(CommandAdapter, "judge", lambda self, *_: Verdict())]


def resumed_without_stop() -> list[Patch]:
    launch = execute._launch

    def hasty(given: Any, world: Any) -> None:
        launch(replace(given, operation=replace(given.operation, cause=Cause.NEVER_RAN)), world)

    return [(execute._ACTS, Act.LAUNCH, hasty)]


def gone_is_dead() -> list[Patch]:
    """A run directory that is gone is taken as proof that its processes are."""

    def fail(given: Any, world: Any) -> None:
        operation = given.operation
        reason = operation.reason or Reason.PROCESS_LOST
        world.records.failed(operation.batch_id, reason, "", world.clock.now(), cancelled=reason is Reason.STOPPED)

    return [(execute._ACTS, Act.FAIL, fail)]


def gpus_are_not_locked() -> list[Patch]:
    def hand_over(self: Machine) -> None:
        for work in self._works():
            if work.waits:
                work.locks.update(work.plan.meta.gpus)
                self._begin(work)

    return [(Machine, "_hand_over", hand_over)]


def an_edit_stops_work() -> list[Patch]:
    unwanted = sweep._unwanted

    def hasty(attempt: Any, view: Any, recorded: Any, *, is_pruned: bool) -> Any:
        batch = view.batches.get(attempt.batch_id)
        if batch is not None and batch.state is BatchState.RUNNING:
            return [sweep._act(attempt, Act.STOP, Cause.NOT_WANTED)]
        return unwanted(attempt, view, recorded, is_pruned=is_pruned)

    return [(sweep, "_unwanted", hasty)]


def closed_without_stop() -> list[Patch]:
    dead = lambda asked: False  # noqa: E731
    return [(standing, "is_alive", dead), (rules, "is_alive", dead)]


def done_is_run_again() -> list[Patch]:
    """A published result that is not as it was is made anew instead of restored."""
    kept = tuple(rule for rule in rules.RULES if "restored from the store" not in rule.says)
    return [(rules, "RULES", kept)]


def lease_is_ignored() -> list[Patch]:
    """Who has lost it goes on writing."""
    return [(lease, "require", lambda connection, epoch: None)]


def folders_are_nobodys() -> list[Patch]:
    """Scripts do not look at controller.json, and write it."""

    def follow(name: str, tree: Any, owner: Any) -> None:
        tree.owner = owner

    return [(host, "follow", follow)]


def given_up_though_it_answers() -> list[Patch]:
    """A word that work is lost is believed more than the host."""

    def believed(work: Any) -> bool:
        attempt = work.open
        return attempt is not None and case.gives_up(work.request, attempt)

    rule = next(rule for rule in rules.RULES if rule.then is standing.assume_lost)
    kept = (replace(rule, when=believed), *(each for each in rules.RULES if each is not rule))
    unseen = lambda self, look: None  # noqa: E731
    return [(rules, "RULES", kept), (cycle.Engine, "_believe_what_is_seen", unseen)]


MUTANTS: Mapping[str, Callable[[], list[Patch]]] = {
    each.__name__: each
    for each in (
        random_names,
        existence_is_proof,
        no_verify_at_start,
        resumed_without_stop,
        no_verify_after_download,
        record_before_publish,
        release_before_durable,
        unknown_is_failed,
        created_is_exited,
        stop_without_record,
        intend_after_start,
        nothing_is_adopted,
        numbers_are_reused,
        retried_under_a_new_name,
        unreachable_is_empty,
        cancelled_is_relaunched,
        exit_record_is_not_read,
        gone_is_dead,
        gpus_are_not_locked,
        an_edit_stops_work,
        closed_without_stop,
        done_is_run_again,
        lease_is_ignored,
        folders_are_nobodys,
        given_up_though_it_answers,
    )
}
