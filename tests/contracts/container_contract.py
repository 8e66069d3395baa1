"""What a host keeps whose batches are containers: what docker says of them is not taken for what happened."""

from typing import Protocol

import pytest

from cosmos.core.observed import BatchState
from cosmos.errors import HostUnreachable
from tests.contracts.host_contract import HostWorld, Lab, until


class ContainerWorld(HostWorld, Protocol):
    """A machine with a docker daemon that can be done harm to."""

    def create_only(self, batch_id: str) -> None:
        """Start a prepared batch, and be cut off when its container is made and not started."""

    def kill_daemon(self) -> None:
        """The daemon ends at once and is started again, as after a crash of it."""

    def silence_daemon(self) -> None:
        """It does not answer any more."""

    def revive_daemon(self) -> None:
        """It answers again."""

    def remove_container(self, batch_id: str) -> None:
        """As a person does, with `docker rm -f`."""


class ContainerContract:
    """Holds wherever batches are containers."""

    def test_a_container_that_was_never_started_has_not_succeeded(self, lab: Lab, world: ContainerWorld) -> None:
        """Docker calls its exit code 0, and a wait for it returns at once."""
        plan = lab.batch(*lab.world.program(log="ran"))
        lab.host.prepare(plan)
        world.create_only(plan.meta.batch_id)
        found = lab.look(plan.meta.batch_id)
        assert (found.state, found.exit, found.waits) == (BatchState.PREPARED, None, False)
        lab.host.start(plan.meta.batch_id)
        ended = lab.wait(plan.meta.batch_id)
        assert ended.exit is not None
        assert ended.exit.code == 0
        assert lab.log(plan.meta.batch_id) == b"ran\n"

    def test_a_container_that_was_never_started_can_be_withdrawn(self, lab: Lab, world: ContainerWorld) -> None:
        plan = lab.batch(*lab.world.program(log="ran"))
        lab.host.prepare(plan)
        world.create_only(plan.meta.batch_id)
        lab.host.stop(plan.meta.batch_id, 1)
        lab.host.start(plan.meta.batch_id)
        found = lab.look(plan.meta.batch_id)
        assert found.exit is not None
        assert (found.state, found.exit.stopped, lab.log(found.batch_id)) == (BatchState.EXITED, True, b"")
        lab.host.release(found.batch_id)
        assert lab.host.observe([]).batches == {}

    def test_what_its_daemon_took_with_it_was_neither_stopped_by_us_nor_short_of_memory(
        self, lab: Lab, world: ContainerWorld
    ) -> None:
        """The daemon ends at its next start what its last one left: by TERM, of which run.sh can tell, or by KILL."""
        batch_id = lab.running()
        world.kill_daemon()
        until(lambda: lab.look(batch_id).state is not BatchState.RUNNING, "the batch has ended")
        found = lab.look(batch_id)
        if found.exit is not None:
            assert (found.exit.code, found.exit.stopped, found.exit.timed_out) == (143, False, False)
        else:
            assert found.state is BatchState.LOST
            assert "137" in found.evidence
        assert "OOMKilled" not in found.evidence
        assert found.survivors == 0
        lab.host.release(batch_id)
        assert lab.host.observe([]).batches == {}

    def test_a_daemon_that_does_not_answer_has_not_lost_its_containers(self, lab: Lab, world: ContainerWorld) -> None:
        batch_id = lab.running()
        world.silence_daemon()
        with pytest.raises(HostUnreachable):
            lab.host.observe([])
        world.revive_daemon()
        assert batch_id in lab.host.observe([]).batches

    def test_a_container_that_a_person_removed_is_lost(self, lab: Lab, world: ContainerWorld) -> None:
        batch_id = lab.running()
        world.remove_container(batch_id)
        found = lab.look(batch_id)
        assert (found.state, found.exit) == (BatchState.LOST, None)
        lab.host.stop(batch_id, 1)
        assert lab.look(batch_id).state is BatchState.LOST
        lab.host.release(batch_id)
        assert lab.host.observe([]).batches == {}
