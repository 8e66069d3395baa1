"""A machine in memory: run directories, blobs, processes or containers, GPUs, a disk, a clock, and what befalls them.

What the scripts in hosts/bash do to a real machine happens here to values, by the same rules. Time passes only
when somebody looks: `settle` then lets everything happen that was due, in its order.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cosmos.core.observed import ExitRecord, Gpu
from cosmos.core.ports import BatchPlan, Clock
from cosmos.hosts.memory.parts import Claim, RunDirectory, Tree, Work, discard_damaged
from cosmos.hosts.memory.program import Behaviour, by_argv

KILLED = 137
ENDED = 143
TURN_S = 0.03
"""How late run.sh may notice that the time is up."""


@dataclass(eq=False)
class Machine:
    """One machine. Fields may be set at any time: that is how a test lets things happen to it."""

    clock: Clock
    behaviour: Behaviour = by_argv
    containers: bool = False
    gpus: tuple[Gpu, ...] = ()
    images: frozenset[str] | None = None
    """Those that are there; None for every image."""
    skew_s: float = 0.0
    """How far its wall clock is ahead."""
    is_up: bool = True
    is_readable: bool = True
    is_full: bool = False
    disk_total: int = 1 << 40
    boots: int = 1
    trees: dict[str, Tree] = field(default_factory=dict)
    on_step: Callable[[str], None] = lambda step: None
    """Called between two changes of one script: raising there cuts it off half-way."""
    on_begin: Callable[[Work], None] = lambda work: None
    """Called when a program begins."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    ends: int = 0
    """How many batches have ended so far, however they did."""
    _turn: int = 0
    _at: float = field(init=False)
    """The moment (monotonic) that things happen at, while the machine settles."""
    _epoch: float = field(init=False)

    def __post_init__(self) -> None:
        self._at = self.clock.monotonic()
        self._epoch = self.clock.now() - self._at

    @property
    def boot_id(self) -> str:
        return f"boot-{self.boots}"

    @property
    def wall(self) -> float:
        """Seconds since the epoch on its own clock, which goes on when the controller's jumps."""
        return self._epoch + self._at + self.skew_s

    def tree(self, project: str) -> Tree:
        return self.trees.setdefault(project, Tree())

    # What happens by itself

    def settle(self) -> None:
        """Let everything happen that was due until now."""
        now = self.clock.monotonic()
        while True:
            due = [work for work in self._works() if work.child and work.runner and work.ends_at <= now]
            if not due:
                break
            work = min(due, key=lambda work: work.ends_at)
            self._at = work.ends_at
            self._complete(work)
            self._hand_over()
        self._at = now
        self._hand_over()

    def start(self, tree: Tree, directory: RunDirectory, work: Work) -> None:
        """run.sh: claim, verify the inputs, wait for the GPUs, begin the program."""
        directory.claim = Claim(self.boot_id, self.wall)
        work.runner = work.was_started = True
        if not self._refuse_damaged(work):
            self._hand_over()

    def new_work(self, tree: Tree, directory: RunDirectory, plan: BatchPlan) -> Work:
        self._turn += 1
        work = Work(tree, directory, plan, self._turn, self.containers)
        before = tree.works.get(directory.batch_id)
        if before is not None and before.lives:
            tree.strays.append(before)
        tree.works[directory.batch_id] = work
        return work

    def end(self, work: Work, code: int, *, stage: str = "program", **how: bool) -> None:
        """run.sh writes its record, and ends."""
        directory = work.directory
        claimed = directory.claim.at if directory.claim else self.wall
        started = claimed if directory.began is None else directory.began
        directory.record = ExitRecord(
            code=code, started_at=started, ended_at=self.wall, boot_id=self.boot_id, stage=stage, **how
        )
        self.bury(work, 0)

    def stop(self, work: Work, *, with_record: bool) -> None:
        """run.sh is told to end; without a record where its run directory is not there any more."""
        if work.is_container and not work.was_started:
            del work.tree.works[work.directory.batch_id]
        elif work.runner and with_record:
            self.end(work, ENDED, stopped=True)
        elif work.lives:
            self.bury(work, ENDED)

    def bury(self, work: Work, code: int) -> None:
        """Nothing of it is alive any more; docker keeps how its container ended."""
        if work.lives:
            self.ends += 1
        if work.child and not self.is_full:
            for after_s, files in work.program.steps:
                work.directory.outputs.update(files if work.began_at + after_s <= self._at else {})
        work.runner = work.child = False
        work.code = code
        work.locks.clear()
        if work in work.tree.strays:
            work.tree.strays.remove(work)
        elif not work.is_container and work.tree.works.get(work.directory.batch_id) is work:
            del work.tree.works[work.directory.batch_id]
        self._hand_over()

    def _works(self) -> Iterable[Work]:
        return [work for tree in self.trees.values() for work in tree.all()]

    def _complete(self, work: Work) -> None:
        plan, program = work.plan, work.program
        if program.lasts_s > plan.timeout_s:
            self.end(work, ENDED, timed_out=True)
        elif self.is_full and program.files:
            work.directory.log += b"cosmos: No space left on device\n"
            self.end(work, 1)
        else:
            work.directory.outputs.update(program.files)
            self.end(work, program.code)

    def _hand_over(self) -> None:
        """Whoever waits takes what GPUs are free, each in the order of their names, first come first served."""
        held = {gpu for work in self._works() if work.lives for gpu in work.locks}
        for work in sorted((work for work in self._works() if work.waits), key=lambda work: work.turn):
            for gpu in sorted(work.plan.meta.gpus):
                if gpu in work.locks:
                    continue
                if gpu in held:
                    break
                held.add(gpu)
                work.locks.add(gpu)
            else:
                self._begin(work)

    def _begin(self, work: Work) -> None:
        if not work.waits or self._refuse_damaged(work):
            return
        directory = work.directory
        inputs = {name: file.data for name, file in directory.inputs.items()}
        work.program = self.behaviour(work.plan, inputs)
        work.child = True
        work.began_at = self._at
        work.ends_at = self._at + min(work.program.lasts_s, work.plan.timeout_s + TURN_S)
        directory.began = self.wall
        if work.program.log:
            directory.log += work.program.log
            directory.times += f"{self.wall} {len(directory.log)}\n".encode()
        self.on_begin(work)

    def _refuse_damaged(self, work: Work) -> bool:
        directory = work.directory
        damaged = directory.damaged()
        for name in damaged:
            sha256 = work.plan.inputs[name]
            directory.log += f"cosmos: inputs/{name} is damaged: its sha256 is not {sha256}\n".encode()
        if damaged:
            if not work.is_container:
                discard_damaged(work.tree, directory)
            self.end(work, 1, stage="verify")
        return bool(damaged)

    # What befalls it

    def kill_runner(self, work: Work) -> None:
        """run.sh ends without its record. Of a container it is the first process, and all end with it."""
        if work.is_container or not work.child:
            self.bury(work, KILLED)
            return
        work.runner = False
        self.ends += 1

    def kill(self, work: Work, *, oom: bool = False) -> None:
        """All of it ends at once, by KILL."""
        work.was_oom_killed = oom
        self.bury(work, KILLED)

    def restart_daemon(self) -> None:
        """Without live-restore: every container gets TERM, of which run.sh can still tell."""
        for work in self._works():
            if work.is_container and work.runner:
                self.end(work, ENDED)

    def reboot(self) -> None:
        self.boots += 1
        for work in self._works():
            if work.lives:
                self.kill(work)

    def rot(self, sha256: str) -> bool:
        """Change bytes of a blob, in all projects, and not its size. False where there is none."""
        files = [tree.blobs[sha256] for tree in self.trees.values() if sha256 in tree.blobs]
        for file in files:
            file.data = bytes([file.data[0] ^ 0xFF]) + file.data[1:] if file.data else b"\xff"
        return bool(files)

    def forget_container(self, tree: Tree, batch_id: str) -> None:
        """A person removes it, with `docker rm -f`."""
        work = tree.works.get(batch_id)
        if work is not None and work.is_container:
            self.bury(work, KILLED)
            del tree.works[batch_id]


def nobodys(machine: Machine) -> Claim:
    return Claim(machine.boot_id, machine.wall, is_nobodys=True)
