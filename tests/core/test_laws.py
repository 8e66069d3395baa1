"""The laws of docs/laws.md as properties of every plan in a small world where anything may happen in between.

Events are edits, requests, exits, lost processes, reboots, hosts that go away, cut-off passes, starts that
arrive late, a database that is lost. Plans are carried out in `world.py`. Safety is checked at every step;
at the end the events stop and everything must come to rest.

Hypothesis chooses the steps; what happens in one comes from a seed, so that rare things are as likely as others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TypeVar

import hypothesis
import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cosmos.core import plan_text
from cosmos.core.case import Policy
from cosmos.core.desired import Desired, DesiredRun
from cosmos.core.observed import BatchState, Observed, OutputState, Reachable
from cosmos.core.placement import HostConfig
from cosmos.core.plan import Act, Cause, Operation, Phase, Plan, Sync
from cosmos.core.reasons import Reason
from cosmos.core.reconcile import reconcile
from cosmos.core.recorded import Recorded, Request, Verb
from cosmos.core.run import Placement, Source
from cosmos.core.suspension import Scope, Suspension, Suspensions
from tests.core.world import Directory, Machine, World
from tests.makers import a_blob, a_digest, a_material, a_want

KEYS = ("a", "b", "c", "d", "e")
HOSTS = ("gpu-1", "local")
POLICY = Policy(stage_ahead=1)
PASSES = 60
"""Within so many passes without events everything has come to rest."""

SEEDS = st.integers(0, 2**32)
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What is written about one run. Specs of version `shared` that read the same source have one digest."""

    version: str
    needs: frozenset[int]
    suspend: bool
    priority: int
    placement: Placement
    blob: str
    reads_previous: bool


def some_spec(chance: Random, gpus: Sequence[int]) -> Spec:
    return Spec(
        version=chance.choice(["shared", "one", "two", "three", "four", "five"]),
        needs=frozenset(n for n in range(len(KEYS)) if chance.random() < 0.1),
        suspend=chance.random() < 0.1,
        priority=chance.randrange(3),
        placement=Placement(gpus=chance.choice(gpus), host=chance.choice(["any"] * 8 + ["gpu-1", "nowhere"])),
        blob=chance.choice("xyz"),
        reads_previous=chance.random() < 0.2,
    )


def want_of(index: int, spec: Spec, before: Mapping[str, DesiredRun]) -> DesiredRun:
    """The run of one spec; it needs and reads only runs with a smaller key."""
    source = before.get(KEYS[index - 1]) if spec.reads_previous and index else None
    word = spec.version if spec.version == "shared" else f"{KEYS[index]} {spec.version}"
    return a_want(
        KEYS[index],
        digest=a_digest(f"{word} from {source.digest}" if source else word),
        material=a_material(prompt={"text": word, "negative": ""}),
        source=Source(key=source.run.key, file="video.mp4") if source else None,
        source_digest=source.digest if source else None,
        needs=tuple(KEYS[n] for n in sorted(spec.needs) if n < index),
        suspend=spec.suspend,
        priority=spec.priority,
        placement=spec.placement,
        blobs={"color": a_blob(spec.blob)},
    )


class Events:
    """What may happen to a world, besides passes. Each takes its details from `chance`.

    `names` may happen, the more often the likelier; runs need one of `gpus`.
    """

    def __init__(self, names: Sequence[str], gpus: Sequence[int]) -> None:
        self.names = names
        self.gpus = gpus
        local = Machine(config=HostConfig(name="local", slots=2))
        gpu = Machine(config=HostConfig(name="gpu-1", slots=2), gpus=("0", "1"))
        self.world = World(machines={"local": local, "gpu-1": gpu})
        self.specs: dict[int, Spec] = {}
        self.broken: set[str] = set()

    def happen(self, chance: Random) -> None:
        event = chance.choice(self.names)
        note(f"-- {event}")
        getattr(self, event)(chance)

    def edit_a_spec(self, chance: Random) -> None:
        self.specs[chance.randrange(len(KEYS))] = some_spec(chance, self.gpus)
        self._read_specs()

    def remove_a_spec(self, chance: Random) -> None:
        self.specs.pop(chance.randrange(len(KEYS)), None)
        self._read_specs()

    def toggle_suspend(self, chance: Random) -> None:
        if self.specs:
            index = chance.choice(sorted(self.specs))
            self.specs[index] = replace(self.specs[index], suspend=not self.specs[index].suspend)
            self._read_specs()

    def break_or_mend_a_spec(self, chance: Random) -> None:
        self.broken ^= {chance.choice(KEYS)}
        self._read_specs()

    def mend_all_specs(self) -> None:
        self.broken.clear()
        self._read_specs()

    def _read_specs(self) -> None:
        """A run whose spec, or one that it waits for, is broken cannot be judged."""
        wants: dict[str, DesiredRun] = {}
        self.world.held.clear()
        for index in sorted(self.specs):
            want = want_of(index, self.specs[index], wants)
            if self.broken & {want.run.key} or self.world.held & set(want.run.waits_for):
                self.world.held.add(want.run.key)
            wants[want.run.key] = want
        self.world.wants = {key: want for key, want in wants.items() if key not in self.world.held}

    def ask(self, chance: Random) -> None:
        """A request, as the commands of a person make it."""
        if not self.world.wants:
            return
        digest = self.world.wants[chance.choice(sorted(self.world.wants))].digest
        entry, verb = self.world.ledger.get(digest), chance.choice([Verb.CANCEL, Verb.RETRY, Verb.RERUN])
        after = max(self.world.attempts.get(digest, {}), default=0)
        if verb is Verb.RERUN:
            if entry is None:
                return
            after = entry.attempt
        self.world.requests[digest] = Request(digest=digest, verb=verb, after=after, at=self.world.now)

    def a_program_ends(self, chance: Random) -> None:
        for directory in self._some(BatchState.RUNNING, chance):
            if directory.has_begun:
                directory.state, directory.code = BatchState.EXITED, chance.choice([0, 0, 0, 1, 137])
        self._settle()

    def a_process_is_killed(self, chance: Random) -> None:
        for directory in self._some(BatchState.RUNNING, chance):
            survivors = chance.randrange(2) if directory.has_begun else 0
            directory.state, directory.survivors = BatchState.LOST, survivors
        self._settle()

    def a_host_reboots(self, chance: Random) -> None:
        name = chance.choice(HOSTS)
        machine = self.world.machines[name]
        machine.boot += 1
        self.world.late = [late for late in self.world.late if late[0] != name]
        for directory in machine.living:
            directory.survivors = 0
            directory.state = BatchState.LOST if directory.state is BatchState.RUNNING else directory.state
        self._settle()

    def _settle(self) -> None:
        for machine in self.world.machines.values():
            machine.settle()

    def a_host_goes_away_or_comes_back(self, chance: Random) -> None:
        machine = self.world.machines[chance.choice(HOSTS)]
        machine.is_up = not machine.is_up or chance.random() < 0.5

    def a_host_leaves_or_joins_the_configuration(self, chance: Random) -> None:
        machine = self.world.machines[chance.choice(HOSTS)]
        machine.is_configured = not machine.is_configured or chance.random() < 0.5

    def a_run_directory_is_wiped(self, chance: Random) -> None:
        machine = self.world.machines[chance.choice(HOSTS)]
        still = sorted(name for name, directory in machine.directories.items() if not directory.alive)
        if still:
            del machine.directories[chance.choice(still)]

    def the_blobs_of_a_host_are_wiped(self, chance: Random) -> None:
        self.world.machines[chance.choice(HOSTS)].blobs.clear()

    def outputs_are_touched(self, chance: Random) -> None:
        if self.world.outputs:
            folder = chance.choice(sorted(self.world.outputs))
            self.world.outputs[folder] = chance.choice(list(OutputState)[1:])

    def time_passes(self, chance: Random) -> None:
        self.world.now += chance.choice([1, 10, 1000])

    def a_start_arrives_late(self, chance: Random) -> None:
        if self.world.late:
            self.world.start(*self.world.late.pop(chance.randrange(len(self.world.late))))

    def a_person_declares_work_lost(self, chance: Random) -> None:
        """What `--assume-lost` does, for work on a host that is away."""
        gone = [
            attempt for attempt in self.world.everything if attempt.is_open and not self.world.can_see(attempt.host)
        ]
        for attempt in gone:
            self.world.requests[attempt.digest] = Request(
                digest=attempt.digest, verb=Verb.ASSUME_LOST, after=attempt.number, at=self.world.now
            )

    def a_person_suspends_or_resumes(self, chance: Random) -> None:
        said, now = self.world.suspensions, self.world.now
        host, key = chance.choice(HOSTS), chance.choice(KEYS)

        def flip(found: Mapping[str, Suspension], scope: Scope, subject: str) -> dict[str, Suspension]:
            rest = {name: each for name, each in found.items() if name != subject}
            new = Suspension(scope=scope, subject=subject, active=True, at=now)
            return rest if subject in found else {**rest, subject: new}

        what = chance.choice(list(Scope))
        if what is Scope.HOST:
            hosts = flip(said.hosts, what, host)
            resumed = {**said.resumed, **({} if host in hosts else {host: now})}
            said = replace(said, hosts=hosts, resumed=resumed)
        elif what is Scope.RUN:
            said = replace(said, runs=flip(said.runs, what, key))
        else:
            project = {} if said.project is None else {"": said.project}
            said = replace(said, project=flip(project, what, "").get(""))
        self.world.suspensions = said

    def the_database_is_lost(self, chance: Random) -> None:
        """While all hosts can be looked at, and a pass follows: of what is elsewhere nobody could know."""
        if chance.random() < 0.5 and all(each.is_up and each.is_configured for each in self.world.machines.values()):
            for state in (self.world.ledger, self.world.attempts, self.world.requests, self.world.metas):
                state.clear()
            self.world.materials.clear()
            self.world.outputs.clear()
            self.world.assumed.clear()
            self.a_whole_pass()

    def a_whole_pass(self) -> None:
        for operation in self.plan().ready:
            for _ in self.world.carry_out(operation):
                pass

    def plan(self) -> Plan:
        """The plan of the world as it is; from equal inputs in another order it is equal."""
        desired, observed = self.world.desired, self.world.look()
        self.world.note_begun()
        recorded = self.world.recorded
        hosts = [machine.config for machine in self.world.configured.values()]
        plan = reconcile(desired, observed, recorded, hosts, now=self.world.now, policy=POLICY)
        again = reconcile(
            replace(desired, runs=desired.runs[::-1]),
            Observed(hosts=_backwards(observed.hosts), outputs=_backwards(observed.outputs)),
            replace(recorded, attempts=_backwards(recorded.attempts), ledger=_backwards(recorded.ledger)),
            hosts[::-1],
            now=self.world.now,
            policy=POLICY,
        )
        assert again == plan
        assert plan_text.text(again) == plan_text.text(plan)
        check_plan(plan, desired, observed, recorded)
        return plan

    def _some(self, state: BatchState, chance: Random) -> list[Directory]:
        found = self.directories(state)
        return [chance.choice(found)] if found else []

    def directories(self, state: BatchState) -> list[Directory]:
        everything = [each for name in HOSTS for _, each in sorted(self.world.machines[name].directories.items())]
        return [directory for directory in everything if directory.state is state]


EVENTS = (
    *("edit_a_spec", "edit_a_spec", "remove_a_spec", "toggle_suspend", "break_or_mend_a_spec", "ask", "ask", "ask"),
    *("a_program_ends", "a_program_ends", "a_program_ends", "a_program_ends", "a_process_is_killed"),
    *("a_host_reboots", "a_host_goes_away_or_comes_back", "a_host_goes_away_or_comes_back"),
    *("a_host_leaves_or_joins_the_configuration", "a_run_directory_is_wiped", "the_blobs_of_a_host_are_wiped"),
    *("outputs_are_touched", "outputs_are_touched", "time_passes", "time_passes", "a_start_arrives_late"),
    *("a_person_declares_work_lost", "a_person_suspends_or_resumes", "the_database_is_lost"),
)
GPUS = (0, 0, 0, 1, 2)

CROWD = (
    *(*["edit_a_spec"] * 7, "remove_a_spec", "toggle_suspend", "break_or_mend_a_spec", "ask"),
    *("a_program_ends", "a_program_ends", "a_process_is_killed", "a_host_reboots", *["time_passes"] * 3),
    *("a_start_arrives_late", "a_run_directory_is_wiped", "a_person_suspends_or_resumes", "the_database_is_lost"),
)
CROWD_GPUS = (0, 1, 1, 1, 1, 2)
"""Hosts are there, programs take long, and most runs need a GPU: so there is always one that waits for it."""


def _backwards(values: Mapping[K, V]) -> dict[K, V]:
    return dict(list(values.items())[::-1])


# Every plan --------------------------------------------------------------------------------------


def check_plan(plan: Plan, desired: Desired, observed: Observed, recorded: Recorded) -> None:
    """What holds for every plan, whatever it was made from."""
    assert [status.key for status in plan.statuses] == [want.run.key for want in desired.runs]
    assert len({operation.id for operation in plan.operations}) == len(plan.operations)
    check_in_line(plan, desired, observed, recorded)
    for operation in plan.operations:
        assert isinstance(operation.cause, Cause)
        assert operation.ready == (not operation.waits)
        if operation.host and operation.reason is not Reason.ASSUMED_LOST:
            assert isinstance(observed.hosts.get(operation.host), Reachable), "an act on a host that was not seen"
        if operation.act is Act.LAUNCH:
            check_launch(operation, recorded)
        elif operation.act in (Act.STOP, Act.FAIL, Act.COLLECT, Act.RELEASE):
            check_known(operation, observed, recorded)


def check_in_line(plan: Plan, desired: Desired, observed: Observed, recorded: Recorded) -> None:
    """What waits for a GPU is stopped once nothing asks for it: its program has not begun."""
    stopped = {operation.batch_id for operation in plan.operations if operation.act is Act.STOP}
    for attempt in (attempt for tried in recorded.attempts.values() for attempt in tried if attempt.is_open):
        view = observed.hosts.get(attempt.host)
        batch = view.batches.get(attempt.batch_id) if isinstance(view, Reachable) else None
        if batch is not None and batch.waits:
            asking = [want.run for want in desired.runs if want.digest == attempt.digest]
            said = recorded.suspensions
            going = [run for run in asking if not run.suspend and said.of_run(run.key) is None]
            wanted = bool(going) or (not asking and desired.holds(attempt.key))
            request = recorded.requests.get(attempt.digest)
            cancelled = request is not None and request.verb is Verb.CANCEL
            ends = bool(asking) and (cancelled or attempt.host in said.hosts)
            assert (batch.batch_id in stopped) == (not wanted or ends), plan_text.text(plan)


def check_launch(operation: Operation, recorded: Recorded) -> None:
    attempts = recorded.attempts.get(operation.digest, ())
    entry, request = recorded.ledger.get(operation.digest), recorded.requests.get(operation.digest)
    verb, after = (request.verb, request.after) if request else (None, 0)
    assert operation.at is not None, "without the place that asks for it"
    assert operation.host or not operation.ready
    held = [(attempt.host, attempt.batch_id) for attempt in attempts if attempt.is_open]
    resumed = [(operation.host, operation.batch_id)] if operation.cause is Cause.RESUMED else []
    assert held == resumed, "started beside an open attempt"
    assert entry is None or (verb is Verb.RERUN and entry.attempt <= after), "a finished digest is run again"
    assert verb is not Verb.CANCEL, "started although it is cancelled"
    said = recorded.suspensions
    assert said.of_run(operation.key) is None, "started although it is suspended"
    assert operation.host not in said.hosts, "placed on a suspended host"


def check_known(operation: Operation, observed: Observed, recorded: Recorded) -> None:
    """Nothing without a record is stopped, collected or removed, and nothing that lives is removed."""
    (attempt,) = [a for a in recorded.attempts.get(operation.digest, ()) if a.batch_id == operation.batch_id]
    assert attempt.host == operation.host
    view = observed.hosts.get(operation.host)
    batch = view.batches.get(operation.batch_id) if isinstance(view, Reachable) else None
    working = batch is not None and (batch.state is BatchState.RUNNING or batch.survivors > 0)
    assert not (working and operation.act in (Act.RELEASE, Act.FAIL, Act.COLLECT)), "it still lives"
    assert not (attempt.is_open and operation.act is Act.RELEASE), "removed before it was over"


# Every step --------------------------------------------------------------------------------------


class Laws(RuleBasedStateMachine):
    """Passes and events in any order."""

    names: Sequence[str] = EVENTS
    gpus: Sequence[int] = GPUS

    def __init__(self) -> None:
        super().__init__()
        self.events = Events(self.names, self.gpus)
        self.world = self.events.world
        self.steps = 0

    def chance(self, seed: int) -> Random:
        """Hypothesis likes to draw a number again; the same number gives something else at each step."""
        self.steps += 1
        return Random(f"{seed} {self.steps}")

    @initialize(seed=SEEDS)
    def specs_are_written(self, seed: int) -> None:
        chance = self.chance(seed)
        for _ in range(4):
            self.events.edit_a_spec(chance)

    @rule(seed=SEEDS)
    def a_round(self, seed: int) -> None:
        """A few events, and then most often a pass of some kind."""
        chance = self.chance(seed)
        for _ in range(chance.randrange(4)):
            self.events.happen(chance)
        how = chance.choice(("whole", "whole", "whole", "cut off", "cut off", "disturbed", "disturbed", "none"))
        note(f"-- a pass: {how}")
        if how == "whole":
            self.events.a_whole_pass()
        elif how == "cut off":
            self._cut_off(chance)
        elif how == "disturbed":
            self._disturbed(chance)

    def _cut_off(self, chance: Random) -> None:
        """The controller is killed; a start that it had sent may still arrive."""
        left = chance.randrange(9)
        for operation in self.events.plan().ready:
            for step in self.world.carry_out(operation):
                left -= 1
                if left < 0:
                    if step == "prepared":
                        self.world.late.append((operation.host, operation.batch_id))
                    return

    def _disturbed(self, chance: Random) -> None:
        """What the plan was made from is no longer so when it is carried out."""
        left = chance.randrange(5)
        for operation in self.events.plan().ready:
            if left == 0:
                event = chance.choice(("edit_a_spec", "a_host_goes_away_or_comes_back", "a_program_ends", "ask"))
                getattr(self.events, event)(chance)
            left -= 1
            for _ in self.world.carry_out(operation):
                pass

    @invariant()
    def slots_and_gpus_are_never_given_twice(self) -> None:
        for name, machine in self.world.machines.items():
            living = [each for each in machine.living if each.meta.batch_id not in self.world.assumed]
            begun = [each for each in living if not each.waits]
            assert len(begun) <= machine.config.slots, f"{name} has {len(begun)} at work"
            gpus = [gpu for each in begun for gpu in each.gpus]
            assert len(gpus) == len(set(gpus)), f"{name} uses a GPU twice"
            followed = [gpu for each in living if each.waits for gpu in each.gpus]
            assert len(followed) == len(set(followed)), f"{name} has two that wait for a GPU"

    @invariant()
    def a_digest_is_held_by_one_attempt_at_most(self) -> None:
        for digest in self.world.attempts:
            self.world.open(digest)

    def teardown(self) -> None:
        """Events stop, programs end well: everything comes to rest."""
        self.world.late.clear()
        self.events.mend_all_specs()
        self.world.suspensions = Suspensions()
        for machine in self.world.machines.values():
            machine.is_up = machine.is_configured = True
        for _ in range(PASSES):
            plan = self.events.plan()
            waits = any(status.until for status in plan.statuses)  # for a back-off, or until a host has rested
            if plan.is_empty and not waits and not list(self.world.living()):
                break
            self.events.a_whole_pass()
            self.world.now += 1000
            for directory in self.events.directories(BatchState.RUNNING):
                if directory.has_begun:
                    directory.state = BatchState.EXITED
        assert plan.is_empty, plan_text.text(plan)
        assert not list(self.world.living())
        stuck = {status.digest for status in plan.statuses if status.stuck}  # a host may have the last copy
        for attempt in (a for tried in self.world.attempts.values() for a in tried.values()):
            assert not attempt.is_open
            is_kept = attempt.reason is Reason.ASSUMED_LOST and attempt.digest not in self.world.ledger
            assert attempt.released or attempt.digest in stuck or is_kept
        for status in plan.statuses:
            ended = status.phase in (Phase.FAILED, Phase.CANCELLED, Phase.SUSPENDED)
            assert status.sync is Sync.SYNCED or ended or status.stuck, status


class Crowded(Laws):
    """The same where GPUs are short, so that runs are started behind those that compute."""

    names = CROWD
    gpus = CROWD_GPUS


for laws in (Laws, Crowded):
    laws.TestCase.settings = settings(
        max_examples=60,
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[hypothesis.Phase.reuse, hypothesis.Phase.generate],  # a seed does not get simpler by being smaller
    )
TestLaws = pytest.mark.timeout(120)(Laws.TestCase)
TestCrowdedLaws = pytest.mark.timeout(120)(Crowded.TestCase)
