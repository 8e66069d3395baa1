"""What the engine records about batches that wait on their host: the begin of a program, not the start of run.sh."""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from cosmos.adapters import ADAPTERS
from cosmos.core.case import Policy
from cosmos.core.desired import Desired, DesiredRun
from cosmos.core.observed import BatchMeta, BatchState, ExitRecord, ObservedBatch, Reachable
from cosmos.core.placement import HostConfig
from cosmos.core.plan import Phase, Plan
from cosmos.core.ports import BatchPlan, Progress, Result
from cosmos.core.recorded import Attempt, AttemptState, FileEntry, Manifest
from cosmos.core.run import OutputFile, Placement
from cosmos.core.stock import Stock
from cosmos.core.suspension import Scope, Suspension
from cosmos.engine.converge import Converge
from cosmos.engine.cycle import Engine, Report
from cosmos.engine.workers import InlineWorkers
from cosmos.engine.world import SystemClock, World
from cosmos.local_ai.probe import MediaProbe
from cosmos.state.database import open_database
from cosmos.state.facts import SqlFactCache
from cosmos.state.records import SqlRecords
from cosmos.store.blobs import LocalStore
from tests.makers import BOOT, NOW, PROJECT, a_gpu, a_model, a_want


@dataclass
class Bench:
    """A host with one GPU, whose programs begin and end when the test says so."""

    name: str = "bench"
    metas: dict[str, BatchMeta] = field(default_factory=dict)
    batches: dict[str, ObservedBatch] = field(default_factory=dict)

    def observe(self, wanted_blobs: Iterable[str]) -> Reachable:
        del wanted_blobs
        batches = dict(self.batches)
        return Reachable(boot_id=BOOT, clock=NOW, disk_free=1, disk_total=2, batches=batches, gpus=(a_gpu(),))

    def prepare(self, batch: BatchPlan) -> None:
        self.metas[batch.meta.batch_id] = batch.meta

    def start(self, batch_id: str) -> None:
        self._put(batch_id, BatchState.RUNNING)

    def begin(self, batch_id: str, at: float) -> None:
        self._put(batch_id, BatchState.RUNNING, started_at=at)

    def end(self, batch_id: str, began: float, code: int = 1) -> None:
        record = ExitRecord(code=code, started_at=began, ended_at=began + 5, boot_id=BOOT)
        self._put(batch_id, BatchState.EXITED, started_at=began, exit=record)

    def stop(self, batch_id: str, grace_s: float) -> None:
        began = self.batches[batch_id].started_at
        record = ExitRecord(code=143, started_at=began or NOW, ended_at=NOW, boot_id=BOOT, stopped=True)
        self._put(batch_id, BatchState.EXITED, started_at=began, exit=record)

    def _put(self, batch_id: str, state: BatchState, **fields: object) -> None:
        meta = self.metas[batch_id]
        self.batches[batch_id] = ObservedBatch(batch_id=batch_id, state=state, meta=meta, **fields)  # type: ignore[arg-type]

    def release(self, batch_id: str) -> None:
        self.batches.pop(batch_id, None)

    def put_blobs(self, blobs: Sequence[tuple[str, int, Path]], progress: Progress) -> None: ...

    def manifest(self, batch_id: str, folder: str) -> Manifest:
        return ()

    def result(self, batch_id: str, folder: str, names: Iterable[str], log_limit: int) -> Result:
        return Result(manifest=(), log=b"", log_times=b"")

    def fetch(
        self, batch_id: str, folder: str, files: Sequence[tuple[FileEntry, Path]], progress: Progress
    ) -> None: ...

    def read_log(self, batch_id: str, offset: int, limit: int) -> bytes:
        return b""

    def read_log_times(self, batch_id: str) -> bytes:
        return b""

    def wait_for_exit(self, batch_ids: Sequence[str], timeout_s: float) -> None: ...

    def stored(self) -> Stock:
        return Stock()

    def damaged(self, blobs: Mapping[str, int]) -> frozenset[str]:
        return frozenset()

    def discard(
        self,
        *,
        unused: Iterable[str] = (),
        damaged: Mapping[str, int] | None = None,
        leftovers: Iterable[str] = (),
        idle_s: float,
    ) -> frozenset[str]:
        return frozenset()

    def close(self) -> None: ...


@dataclass
class Lab:
    """An engine on the bench, with a real database and store."""

    bench: Bench
    records: SqlRecords
    engine: Engine
    wants: list[DesiredRun] = field(default_factory=list)

    def cycle(self) -> Plan:
        return self.engine.cycle(Desired(runs=tuple(self.wants)), Policy()).plan

    def want(self, *keys: str, suspend: bool = False) -> None:
        model = a_model("echo", adapter="command", command=("true",), outputs={"text": "out.txt"}, params={}, inputs={})
        self.wants = [
            a_want(
                key,
                model=model,
                inputs={},
                params={},
                outputs={"text": OutputFile(path="out.txt", video=False)},
                placement=Placement(gpus=1),
                suspend=suspend and key != "first",
            )
            for key in keys
        ]

    def attempt(self, key: str) -> Attempt:
        (found,) = self.records.attempts_of(a_want(key).run.id)
        return found


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    database = open_database(f"sqlite:///{tmp_path / 'state.db'}")
    records, bench = SqlRecords(database), Bench()
    world = World(
        project=PROJECT,
        root=tmp_path,
        logs=tmp_path / "logs",
        hosts={"bench": bench},
        host_configs=(HostConfig(name="bench", slots=0),),
        keep_failed=frozenset(),
        records=records,
        store=LocalStore(tmp_path / "store", tmp_path / "outputs", SqlFactCache(database)),
        probe=MediaProbe(),
        adapters=ADAPTERS,
        clock=SystemClock(),
    )
    yield Lab(bench, records, Engine(world=world, workers=InlineWorkers()))
    database.close()


def in_line(lab: Lab) -> tuple[Attempt, Attempt]:
    """`first` computes since NOW - 50, `second` was started behind it."""
    lab.want("first", "second")
    lab.cycle()
    first = lab.attempt("first")
    lab.bench.begin(first.batch_id, NOW - 50)
    lab.cycle()
    return lab.attempt("first"), lab.attempt("second")


def test_a_start_alone_is_not_recorded_as_begun(lab: Lab) -> None:
    lab.want("first")
    lab.cycle()
    lab.cycle()
    assert lab.bench.batches[lab.attempt("first").batch_id].waits
    assert (lab.attempt("first").state, lab.attempt("first").started_at) == (AttemptState.INTENDED, None)
    assert [event.reason for event in lab.records.history("first")] == []


def test_the_begin_is_recorded_as_the_host_tells_it_once(lab: Lab) -> None:
    first, second = in_line(lab)
    assert (first.state, first.started_at) == (AttemptState.STARTED, NOW - 50)
    assert (second.state, second.started_at, second.gpus) == (AttemptState.INTENDED, None, first.gpus)
    plan = lab.cycle()
    assert plan.is_empty
    assert [status.phase for status in plan.statuses] == [Phase.RUNNING, Phase.QUEUED]
    assert [(event.reason, event.count) for event in lab.records.history("first")] == [("Started", 1)]
    lab.bench.end(first.batch_id, NOW - 50)
    lab.bench.begin(second.batch_id, NOW - 44)
    lab.cycle()
    assert lab.attempt("second").started_at == NOW - 44
    assert lab.attempt("first").state is AttemptState.FAILED


def test_what_is_about_to_begin_is_looked_at_again_soon(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only then is the next one started behind it."""
    lab.want("first", "second")
    over, looks = threading.Event(), 0
    monkeypatch.setattr(lab.bench, "wait_for_exit", lambda ids, timeout_s: over.wait(timeout_s))

    def listen(report: Report) -> None:
        nonlocal looks
        looks += 1
        if looks == 4:
            lab.bench.begin(lab.attempt("first").batch_id, time.time())
        if len(report.look.observed.hosts["bench"].batches) == 2:  # type: ignore[union-attr]
            converge.stop()

    converge = Converge(lab.engine, listen, look_every_s=60)
    converge.run(Desired(runs=tuple(lab.wants)), Policy(), timeout_s=20)
    over.set()
    assert not converge.timed_out


def test_what_is_seen_only_after_its_end_began_when_its_exit_record_says(lab: Lab) -> None:
    lab.want("first")
    lab.cycle()
    lab.bench.end(lab.attempt("first").batch_id, NOW - 7)
    lab.cycle()
    attempt = lab.attempt("first")
    assert (attempt.started_at, attempt.ended_at, attempt.state) == (NOW - 7, NOW - 2, AttemptState.FAILED)


@pytest.mark.parametrize("how", ["suspended", "removed", "its host suspended", "the project suspended"])
def test_a_withdrawn_follower_never_began_and_is_tried_again_as_if_nothing_had_been(lab: Lab, how: str) -> None:
    _, second = in_line(lab)
    scope = {"its host suspended": Scope.HOST, "the project suspended": Scope.PROJECT}.get(how)
    if scope is not None:
        subject = "bench" if scope is Scope.HOST else ""
        said = Suspension(scope=scope, subject=subject, active=True, at=NOW)
        lab.records.suspend(said)
    elif how == "suspended":
        lab.want("first", "second", suspend=True)
    else:
        lab.want("first")
    for _ in range(3):
        lab.cycle()
    withdrawn = lab.attempt("second")
    assert (withdrawn.state, withdrawn.started_at, withdrawn.released) == (AttemptState.CANCELLED, None, True)
    assert second.batch_id not in lab.bench.batches
    if scope is not None:
        lab.records.suspend(replace(said, active=False))
    lab.want("first", "second")
    lab.cycle()
    again = lab.records.attempts_of(second.run_id)[-1]
    assert (again.number, again.state) == (2, AttemptState.INTENDED)
