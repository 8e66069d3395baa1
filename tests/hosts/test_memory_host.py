"""The host in memory, as processes and as containers, held to the contract of the real ones."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cosmos.core.ports import BatchPlan, Host
from cosmos.engine.world import SystemClock
from cosmos.errors import Fenced, HostUnreachable
from cosmos.hosts.memory.host import MemoryHost
from cosmos.hosts.memory.machine import Machine
from cosmos.hosts.memory.parts import Tree
from cosmos.hosts.memory.program import ENDLESS, Program, argv_of
from cosmos.hosts.ownership import Owner
from tests.contracts.container_contract import ContainerContract
from tests.contracts.host_contract import GpuContract, HostContract, lab
from tests.makers import a_batch_meta

__all__ = ["lab"]


class MemoryWorld:
    """A machine of this test's own."""

    def __init__(self, folder: Path, *, containers: bool) -> None:
        self.folder = folder
        self.machine = Machine(SystemClock(), containers=containers)
        self.host: Host = self.another_controller()

    @property
    def tree(self) -> Tree:
        return self.machine.tree("demo")

    def another_controller(self) -> Host:
        return MemoryHost("memory", self.machine, "demo")

    def another_project(self) -> Host:
        return MemoryHost("memory", self.machine, "other")

    def program(self, *, log: str = "", files: Mapping[str, bytes] | None = None, code: int = 0) -> tuple[str, ...]:
        return argv_of(Program(log=f"{log}\n".encode() if log else b"", files=files or {}, code=code))

    def endless_program(self) -> tuple[str, ...]:
        return argv_of(Program(log=b"started\n", lasts_s=ENDLESS))

    def kill_runner(self, batch_id: str) -> None:
        with self.machine.lock:
            self.machine.kill_runner(self.tree.works[batch_id])

    def kill_batch(self, batch_id: str) -> None:
        with self.machine.lock:
            self.machine.kill(self.tree.works[batch_id])

    def damage_blob(self, sha256: str) -> None:
        assert self.machine.rot(sha256)

    def lose_batch_json(self, batch_id: str) -> None:
        self.tree.directories[batch_id].is_whole = False

    def create_only(self, batch_id: str) -> None:
        def cut(step: str) -> None:
            if step == "created":
                raise HostUnreachable("memory: was cut off")

        self.machine.on_step = cut
        with pytest.raises(HostUnreachable):
            self.host.start(batch_id)
        self.machine.on_step = lambda step: None

    def kill_daemon(self) -> None:
        self.machine.restart_daemon()

    def silence_daemon(self) -> None:
        self.machine.is_readable = False

    def revive_daemon(self) -> None:
        self.machine.is_readable = True

    def remove_container(self, batch_id: str) -> None:
        self.machine.forget_container(self.tree, batch_id)

    def make_unreadable(self) -> None:
        self.machine.is_readable = False


@pytest.fixture(params=["processes", "containers"])
def world(tmp_path: Path, request: pytest.FixtureRequest) -> MemoryWorld:
    folder = tmp_path / "local"
    folder.mkdir()
    return MemoryWorld(folder, containers=request.param == "containers")


class TestMemoryHost(HostContract, GpuContract):
    pass


class TestMemoryContainers(ContainerContract):
    @pytest.fixture
    def world(self, tmp_path: Path) -> MemoryWorld:
        return MemoryWorld(tmp_path, containers=True)


class TestMemoryOwnership:
    """The table of docs/recovery.md; tests/hosts/test_ownership.py holds the scripts to it."""

    def host(self, world: MemoryWorld, **who: Any) -> Host:
        owner = Owner(**{"database": "a", "place": "m:/cosmos.db", **who})
        return MemoryHost("memory", world.machine, "demo", owner=owner)

    @pytest.mark.parametrize("next_one", [{"epoch": 3}, {"database": "b", "epoch": 3}])
    def test_a_later_controller_fences_the_one_before(self, world: MemoryWorld, next_one: Mapping[str, Any]) -> None:
        before, after = self.host(world, epoch=2), self.host(world, **next_one)
        before.prepare(BatchPlan(meta=a_batch_meta("one"), argv=world.program()))
        after.stop("rs_0-00000000-a1", 1)
        for act in (before.start, before.release):
            with pytest.raises(Fenced, match="acts on memory now"):
                act(a_batch_meta("one").batch_id)
        assert before.observe([]).batches.keys() == {a_batch_meta("one").batch_id}

    def test_a_folder_of_another_database_is_neither_changed_nor_looked_at(self, world: MemoryWorld) -> None:
        self.host(world, epoch=2).prepare(BatchPlan(meta=a_batch_meta("one"), argv=world.program()))
        theirs = self.host(world, epoch=9, database="b", place="m:/other.db")
        with pytest.raises(HostUnreachable, match="belongs to"):
            theirs.start(a_batch_meta("one").batch_id)
        with pytest.raises(HostUnreachable, match="belongs to"):
            theirs.observe([])
