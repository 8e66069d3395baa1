"""The members of a batch that is over: which of them are made, which has failed, and which had no turn.

A member is known by its digest and told apart by what it left, never by its position among others. What is made is
kept, however the batch ended. Of the others the first in the batch's order was under way: what ended the batch is
its failure. Those after it had no turn, so that is no try of theirs, and they are tried again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from cosmos.adapters.base import Adapter, Launch, OutputPlace, Sharing, Verdict
from cosmos.core.codec import run_from_json
from cosmos.core.digest import Digest, batch_id, member_folder
from cosmos.core.grouping import SHARED_FAULTS
from cosmos.core.observed import BatchMeta, ExitRecord, Member, ObservedBatch, Reachable
from cosmos.core.ports import Progress
from cosmos.core.reasons import Reason
from cosmos.core.recorded import AttemptState, Recorded, Verb
from cosmos.core.run import Run
from cosmos.engine.collect import Ended, Found, find, keep
from cosmos.engine.parts import Part, by_digest
from cosmos.engine.world import World
from cosmos.errors import RefusedError, TransferError

Judged = tuple[Part, Verdict]


def launch_of(members: Mapping[str, Run], world: World) -> tuple[Launch, Mapping[str, tuple[str, str]]]:
    """What is started for runs by their member folders, and whose blob of which role each file of `inputs/` is."""
    folder, run = next(iter(members.items()))
    adapter = world.adapters[run.model.adapter]
    if len(members) == 1:
        launch = adapter.launch(run, folder)
        return launch, {name: (folder, role) for name, role in launch.inputs.items()}
    shared = _sharing(adapter).launch_together(members)
    return shared.launch, shared.inputs


def places_of(members: Mapping[str, Run], world: World) -> Mapping[str, OutputPlace]:
    """Where the outputs of runs are on the host, by their member folders."""
    folder, run = next(iter(members.items()))
    if len(members) == 1:
        return {folder: OutputPlace(folder=folder)}
    return _sharing(world.adapters[run.model.adapter]).launch_together(members).places


def runs_of(meta: BatchMeta, world: World) -> dict[str, Run]:
    """The runs of a batch by their member folders, as they were when it was launched.

    Raises:
        RefusedError: Another version of cosmos has made it.
    """
    runs: dict[str, Run] = {}
    for member in meta.members:
        try:
            run = run_from_json(member.run)
        except ValueError:
            run = None
        if run is None or run.model.adapter not in world.adapters:
            message = f"batch {meta.batch_id} was made by a cosmos that this one does not understand"
            raise RefusedError(message, "apply once with that version; until then the batch stays on its host")
        runs[member_folder(member.digest)] = run
    return runs


def _sharing(adapter: Adapter) -> Sharing:
    if not isinstance(adapter, Sharing):
        message = f"model program {adapter.name} does one run at a time here, and this batch has several"
        raise RefusedError(message, "apply once with the version of cosmos that began it")
    return adapter


def settle(
    parts: Sequence[Part],
    meta: BatchMeta,
    batch: ObservedBatch,
    view: Reachable,
    recorded: Recorded,
    world: World,
    moved: Progress,
) -> None:
    """Judge the open members of a batch that has exited, and make each result and failure durable here."""
    if batch.exit is not None:
        _Settling(meta, batch, view, batch.exit, recorded, world, moved).members(parts, {})


def settle_lost(
    lost: Sequence[Judged],
    meta: BatchMeta,
    batch: ObservedBatch,
    view: Reachable,
    recorded: Recorded,
    world: World,
    moved: Progress,
) -> None:
    """The same for a batch of several that left no exit record: members that are whole are kept all the same."""
    began = batch.started_at or view.clock
    record = ExitRecord(code=_NO_CODE, started_at=began, ended_at=view.clock, boot_id=batch.boot_id)
    why = {part.operation.digest: verdict for part, verdict in lost}
    _Settling(meta, batch, view, record, recorded, world, moved).members([part for part, _ in lost], why)


_NO_CODE = 137
"""Stands for the exit code that nobody knows."""


class _Settling:
    def __init__(
        self,
        meta: BatchMeta,
        batch: ObservedBatch,
        view: Reachable,
        record: ExitRecord,
        recorded: Recorded,
        world: World,
        moved: Progress,
    ) -> None:
        self._runs = runs_of(meta, world)
        self._places = places_of(self._runs, world)
        argv = launch_of(self._runs, world)[0].argv
        self._ended = Ended(meta=meta, batch=batch, view=view, record=record, argv=argv)
        self._recorded = recorded
        self._world = world
        self._moved = moved

    def members(self, parts: Sequence[Part], lost: Mapping[Digest, Verdict]) -> None:
        """In the batch's order. One whose outputs do not arrive holds up the judgement of failures, and no result."""
        found, trouble = by_digest(parts), None
        unmade: list[Judged] = []
        is_made = False
        for member in self._ended.meta.members:
            part = found.get(member.digest)
            if part is None:
                continue
            try:
                verdict = self._member(part, member, lost.get(member.digest))
            except TransferError as error:
                trouble = trouble or error
                continue
            is_made = is_made or verdict.reason is None
            if verdict.reason is not None:
                unmade.append((part, verdict))
        if trouble is not None:
            raise trouble
        self._close(unmade, is_made=is_made)

    def _member(self, part: Part, member: Member, lost: Verdict | None) -> Verdict:
        """Keep the result of a member that is made; else say why it is not."""
        folder = member_folder(member.digest)
        operation, run, place = part.operation, self._runs[folder], self._places[folder]
        name = batch_id(member.run_id, member.digest, operation.attempt)
        found = find(operation, run, place, self._ended, name, self._world, self._moved)
        if isinstance(found, Verdict):
            return found
        verdict = self._judge(found, lost)
        if verdict.reason is None:
            keep(operation, found, self._ended, verdict, self._world)
        return verdict

    def _judge(self, found: Found, lost: Verdict | None) -> Verdict:
        """Of one of several the exit says little: it may have been made before what ended the batch."""
        adapter = self._world.adapters[found.run.model.adapter]
        verdict = lost or adapter.judge(found.run, found.evidence)
        if verdict.reason is None or len(self._ended.meta.members) == 1 or not self._has_begun:
            return verdict
        record = self._ended.record
        well = ExitRecord(code=0, started_at=record.started_at, ended_at=record.ended_at, boot_id=record.boot_id)
        alone = adapter.judge(found.run, replace(found.evidence, exit=well))
        return alone if alone.reason is None else verdict

    @property
    def _has_begun(self) -> bool:
        return self._ended.record.stage == "program" and self._ended.batch.started_at is not None

    def _close(self, unmade: Sequence[Judged], *, is_made: bool) -> None:
        record = self._ended.record
        if record.stopped:
            unmade = [(part, verdict if self._is_meant(part) else _REQUEUED) for part, verdict in unmade]
        states = [self._state(member) for member in self._ended.meta.members]
        is_cut = record.timed_out or record.stalled or record.interrupted
        is_own = (record.code == 0 and not is_cut) or record.stage == "preflight"
        close_all(
            unmade,
            record.ended_at,
            self._world,
            is_own=is_own,
            is_blamed=AttemptState.FAILED in states,
            is_made=is_made or AttemptState.SUCCEEDED in states,
        )

    def _is_meant(self, part: Part) -> bool:
        """Was the batch stopped for the sake of this member? It is then as a run that was stopped alone."""
        request = self._recorded.requests.get(part.operation.digest)
        is_cancelled = request is not None and request.verb is Verb.CANCEL
        return is_cancelled or len(self._ended.meta.members) == 1

    def _state(self, member: Member) -> AttemptState | None:
        """Of the member's attempt in this batch."""
        own = self._ended.meta.batch_id
        attempts = self._recorded.attempts.get(member.digest, ())
        return next((attempt.state for attempt in attempts if attempt.batch_id == own), None)


_REQUEUED = Verdict(reason=Reason.NOT_REACHED, message="its batch was stopped for the sake of another run in it")

_OWN = frozenset({Reason.STOPPED, Reason.NOT_REACHED, Reason.ASSUMED_LOST})
"""Said of one member alone."""


def close_all(
    verdicts: Iterable[Judged],
    at: float,
    world: World,
    *,
    is_own: bool = False,
    is_blamed: bool = False,
    is_made: bool = False,
) -> None:
    """Close the attempts of members that are not made.

    Args:
        verdicts: In the batch's order.
        at: When the batch ended.
        world: Where to write it down.
        is_own: Each verdict is about its member, and not about what ended the batch.
        is_blamed: One that is closed already was under way when the batch ended.
        is_made: Some member was made.
    """
    blamed = "another run" if is_blamed else ""
    for part, verdict in verdicts:
        reason = verdict.reason or Reason.PROCESS_LOST
        is_shared = reason in SHARED_FAULTS and not is_made
        if blamed and not (is_own or is_shared or reason in _OWN):
            message = f"the batch ended before its turn, at {blamed}"
            _close(part, Verdict(reason=Reason.NOT_REACHED, message=message), at, world)
            continue
        if reason not in _OWN:
            blamed = part.operation.key
        _close(part, verdict, at, world)


def _close(part: Part, verdict: Verdict, at: float, world: World) -> None:
    operation, reason = part.operation, verdict.reason or Reason.PROCESS_LOST
    cancelled = reason in (Reason.STOPPED, Reason.NOT_REACHED)
    world.records.failed(
        operation.batch_id, reason, verdict.message, at, cancelled=cancelled, digest=operation.digest
    )  # fmt: skip
    kind = "Normal" if cancelled else "Warning"
    world.records.event(kind, operation.key, reason.value, verdict.message, world.clock.now())
