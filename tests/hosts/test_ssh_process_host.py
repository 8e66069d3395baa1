"""The process runtime over SSH, held to the contract: nothing in it may depend on being on this machine."""

import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from cosmos.core.observed import BatchState
from cosmos.core.ports import Host
from cosmos.hosts.process import ProcessHost
from cosmos.hosts.ssh.transport import SshTransport
from cosmos.hosts.transport import Transport
from tests.contracts.host_contract import HostContract, Lab, lab
from tests.contracts.process_contract import ProcessContract, bash, runner_of, write_files
from tests.services.sshd import Sshd, sshd

pytestmark = pytest.mark.needs("ssh")

__all__ = ["lab"]


class Kept:
    """A transport that is not closed with its host: logging in anew for each test is most of its time."""

    def __init__(self, transport: Transport) -> None:
        self.approach = transport.approach
        self.stream = transport.stream

    def close(self) -> None:
        pass


class SshWorld:
    """This machine as one that is reached over SSH, with a work directory of its own for each test."""

    def __init__(self, server: Sshd, kept: Transport, workdir: Path, folder: Path) -> None:
        self._server = server
        self._workdir = workdir
        self.folder = folder
        self.root = workdir / "demo"
        self.host: Host = ProcessHost("gpu", Kept(kept), str(workdir), "demo")

    def another_controller(self) -> ProcessHost:
        return ProcessHost("gpu", SshTransport(self._server.target()), str(self._workdir), "demo")

    def program(self, *, log: str = "", files: Mapping[str, bytes] | None = None, code: int = 0) -> tuple[str, ...]:
        return write_files(log, files or {}, code)

    def endless_program(self) -> tuple[str, ...]:
        return bash("echo started; exec sleep 1000")

    def kill_runner(self, batch_id: str) -> None:
        os.kill(runner_of(self.root, batch_id), signal.SIGKILL)

    def damage_blob(self, sha256: str) -> None:
        blob = self.root / "blobs" / sha256[:2] / sha256
        blob.chmod(0o644)
        with blob.open("r+b") as file:
            file.write(b"\xff")

    def lose_batch_json(self, batch_id: str) -> None:
        (self.root / "batches" / batch_id / "batch.json").unlink()

    def make_unreadable(self) -> None:
        batches = self.root / "batches"
        batches.rename(batches.with_name("elsewhere"))
        batches.write_text("not a folder")

    def end(self) -> None:
        """Stop whatever a test has left running."""
        for claim in self.root.glob("batches/rs_*/claim"):
            if not claim.with_name("exit.json").exists():
                self.host.stop(claim.parent.name, 0)


@pytest.fixture(scope="module")
def server() -> Iterator[Sshd]:
    with sshd() as server:
        yield server


@pytest.fixture(scope="module")
def kept(server: Sshd) -> Iterator[Transport]:
    transport = SshTransport(server.target())
    yield transport
    transport.close()


@pytest.fixture
def world(server: Sshd, kept: Transport, tmp_path: Path) -> Iterator[SshWorld]:
    folder = tmp_path / "local"
    folder.mkdir()
    world = SshWorld(server, kept, tmp_path / "work dir's", folder)
    yield world
    world.end()


class TestProcessHostOverSsh(HostContract):
    """Of the other contract, what the way to a host could change."""

    test_hostile_text = ProcessContract.test_hostile_text_reaches_the_program_byte_for_byte
    test_marks = ProcessContract.test_marks_become_paths_and_words_that_look_like_them_stay
    test_what_a_program_inherits = ProcessContract.test_the_program_reads_nothing_and_knows_its_batch
    test_killing = ProcessContract.test_a_program_that_ignores_term_is_killed_with_all_its_children
    test_survivors = ProcessContract.test_what_outlives_a_killed_runner_is_seen_and_has_to_be_stopped
    test_no_controller = ProcessContract.test_the_time_limit_holds_without_a_controller
    test_strays = ProcessContract.test_nothing_of_a_program_outlives_its_exit_record


def test_a_batch_outlives_the_session_that_started_it(world: SshWorld, server: Sshd) -> None:
    world.host = first = world.another_controller()
    batch_id = Lab(world).running()
    server.signal_sessions(signal.SIGKILL)
    world.host = other = world.another_controller()
    found = Lab(world).look(batch_id)
    assert (found.state, found.log_tail) == (BatchState.RUNNING, b"started\n")
    other.stop(batch_id, 5)
    first.close()
    other.close()
