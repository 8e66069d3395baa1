"""What a machine in memory holds: run directories, blobs, and the processes or containers of batches."""

import hashlib
from dataclasses import dataclass, field

from cosmos.core.observed import ExitRecord
from cosmos.core.ports import BatchPlan
from cosmos.hosts.memory.program import Program
from cosmos.hosts.ownership import Owner


@dataclass(eq=False, slots=True)
class File:
    """An inode: what is linked to it changes with it. `changed`, by the host's clock: its bytes, or a link to it."""

    data: bytes
    changed: float


@dataclass(frozen=True, slots=True)
class Claim:
    """Who runs a batch. `is_nobodys`: made so that it cannot be started any more."""

    boot: str
    at: float
    is_nobodys: bool = False


@dataclass(eq=False, slots=True)
class RunDirectory:
    """`plan` is what prepare was told; `is_whole` says that batch.json is there."""

    batch_id: str
    made: float = 0.0
    plan: BatchPlan | None = None
    is_whole: bool = False
    inputs: dict[str, File] = field(default_factory=dict)
    claim: Claim | None = None
    began: float | None = None
    record: ExitRecord | None = None
    log: bytes = b""
    times: bytes = b""
    outputs: dict[str, bytes] = field(default_factory=dict)

    def damaged(self) -> list[str]:
        """Names of inputs whose bytes are not those of their sha256."""
        wanted = self.plan.inputs if self.plan else {}
        return [name for name, sha256 in wanted.items() if hashlib.sha256(self.inputs[name].data).hexdigest() != sha256]


@dataclass(eq=False, slots=True)
class Work:
    """A process with its children, or a container. `runner` is run.sh, `child` the program that it has begun."""

    tree: "Tree"
    directory: RunDirectory
    plan: BatchPlan
    turn: int
    is_container: bool
    runner: bool = False
    child: bool = False
    program: Program = field(default_factory=Program)
    began_at: float = 0.0
    ends_at: float = 0.0
    code: int = 0
    """How the container ended; 0 for one that was never started, as docker says it."""
    was_started: bool = False
    was_oom_killed: bool = False
    locks: set[str] = field(default_factory=set)

    @property
    def lives(self) -> bool:
        return self.runner or self.child

    @property
    def waits(self) -> bool:
        """For its GPUs."""
        return self.runner and not self.child


@dataclass(eq=False, slots=True)
class Tree:
    """The folder of one project."""

    blobs: dict[str, File] = field(default_factory=dict)
    directories: dict[str, RunDirectory] = field(default_factory=dict)
    works: dict[str, Work] = field(default_factory=dict)
    """By batch id. A container stays after its end, a process does not."""
    strays: list[Work] = field(default_factory=list)
    """Processes whose run directory is gone, since another was started under its name."""
    owner: Owner | None = None
    """What controller.json says."""

    def all(self) -> list[Work]:
        return [*self.works.values(), *self.strays]

    def called(self, batch_id: str) -> list[Work]:
        """All that carries the name of a batch."""
        return [work for work in self.all() if work.directory.batch_id == batch_id]


def discard_damaged(tree: Tree, directory: RunDirectory) -> None:
    """Drop blobs whose bytes are wrong, so that the next look finds them missing and they are sent again."""
    plan = directory.plan
    for name in directory.damaged():
        sha256 = plan.inputs[name] if plan else ""
        if tree.blobs.get(sha256) is directory.inputs[name]:
            del tree.blobs[sha256]
