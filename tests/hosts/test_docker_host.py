"""The docker runtime on this machine, held to the contract on a real engine, and what only containers can show."""

import base64
import os
import shutil
import signal
import subprocess
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from cosmos.core.observed import BatchState, Reachable
from cosmos.core.ports import BatchPlan, Host
from cosmos.errors import HostRefused, HostUnreachable
from cosmos.hosts.docker.command import Grants
from cosmos.hosts.docker.executor import DockerExecutor
from cosmos.hosts.local import LocalTransport
from cosmos.hosts.process import ProcessHost
from cosmos.hosts.ssh.transport import SshTransport
from cosmos.hosts.transport import Transport
from tests.contracts.container_contract import ContainerContract
from tests.contracts.host_contract import GpuContract, HostContract, Lab, until
from tests.contracts.process_contract import ProcessContract, bash
from tests.services.dockerd import Dockerd
from tests.services.gpu_host import GpuHost
from tests.services.gpus import FakeGpus, GpuProcess, uuid_of
from tests.services.images import BASE, Images

pytestmark = pytest.mark.needs("docker")


WRITE = """
import base64, pathlib, sys, zlib
log, code, *files = sys.argv[1:]
print(log, flush=True) if log else None
for name, data in zip(files[::2], files[1::2]):
    path = pathlib.Path("outputs", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(zlib.decompress(base64.b64decode(data)))
sys.exit(int(code))
"""


def _write_files(log: str, files: Mapping[str, bytes], code: int) -> tuple[str, ...]:
    packed = [word for name, data in files.items() for word in (name, base64.b64encode(zlib.compress(data)).decode())]
    return ("python3", "-c", WRITE, log, str(code), *packed)


class DockerWorld:
    """This machine's containers, with a work directory of its own for each test."""

    def __init__(self, daemon: Dockerd, image: str, workdir: Path, folder: Path, way: Callable[[], Transport]) -> None:
        self.daemon = daemon
        self._way = way
        self.image = image
        self._workdir = workdir
        self.folder = folder
        self.root = workdir / "demo"
        self.host: Host = self.another_controller()

    def another_controller(self) -> DockerExecutor:
        return DockerExecutor("gpu", self._way(), str(self._workdir), "demo")

    def another_project(self) -> DockerExecutor:
        return DockerExecutor("gpu", self._way(), str(self._workdir), "other")

    def program(self, *, log: str = "", files: Mapping[str, bytes] | None = None, code: int = 0) -> tuple[str, ...]:
        return _write_files(log, files or {}, code)

    def endless_program(self) -> tuple[str, ...]:
        return bash("echo started; exec sleep 1000")

    def kill_runner(self, batch_id: str) -> None:
        pid = self.daemon.docker("inspect", "--format", "{{.State.Pid}}", f"cosmos-{batch_id}").stdout.strip()
        (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        os.kill(int(child), signal.SIGKILL)

    def kill_batch(self, batch_id: str) -> None:
        self.daemon.docker("kill", f"cosmos-{batch_id}")

    def containers(self) -> list[str]:
        """Names of all there are."""
        return self.daemon.docker("ps", "--all", "--format", "{{.Names}}").stdout.split()

    def damage_blob(self, sha256: str) -> None:
        blob = self.root / "blobs" / sha256[:2] / sha256
        blob.chmod(0o644)
        with blob.open("r+b") as file:
            file.write(b"\xff")

    def lose_batch_json(self, batch_id: str) -> None:
        (self.root / "batches" / batch_id / "batch.json").unlink()

    def create_only(self, batch_id: str) -> None:
        """Its docker can do all but start."""
        folder = self.folder / "bin"
        folder.mkdir()
        script = folder / "docker"
        script.write_text(f'#!/bin/bash\n[[ $1 != start ]] || exit 1\nexec {shutil.which("docker")} "$@"\n')
        script.chmod(0o755)
        more = {**self.daemon.client_environment, "PATH": f"{folder}:{os.environ['PATH']}"}
        other = DockerExecutor("gpu", LocalTransport(more), str(self._workdir), "demo")
        with pytest.raises(HostRefused):
            other.start(batch_id)
        other.close()

    def kill_daemon(self) -> None:
        self.daemon.kill()
        self.daemon.start()

    def silence_daemon(self) -> None:
        self.daemon.kill()

    def revive_daemon(self) -> None:
        self.daemon.start()

    def remove_container(self, batch_id: str) -> None:
        self.daemon.docker("rm", "-f", f"cosmos-{batch_id}")

    def make_unreadable(self) -> None:
        batches = self.root / "batches"
        batches.rename(batches.with_name("elsewhere"))
        batches.write_text("not a folder")


@pytest.fixture
def world(docker: Dockerd, images: Images, tmp_path: Path) -> Iterator[DockerWorld]:
    folder = tmp_path / "local"
    folder.mkdir()

    def local() -> LocalTransport:
        return LocalTransport(docker.client_environment)

    world = DockerWorld(docker, images.load(docker, BASE), tmp_path / "work, dir's", folder, local)
    yield world
    world.host.close()


@pytest.fixture
def far_world(gpu_host: GpuHost, tmp_path: Path) -> Iterator[DockerWorld]:
    folder = tmp_path / "local"
    folder.mkdir()

    def ssh() -> SshTransport:
        return SshTransport(gpu_host.sshd.target())

    world = DockerWorld(gpu_host.docker, BASE, gpu_host.workdir, folder, ssh)
    yield world
    world.host.close()


class DockerLab(Lab):
    """Batches with an image."""

    world: DockerWorld

    def batch(self, *argv: str, key: str = "city", **fields: object) -> BatchPlan:
        return super().batch(*argv, key=key, **{"image": self.world.image, **fields})


@pytest.fixture
def lab(world: DockerWorld) -> DockerLab:
    return DockerLab(world)


class TestDockerHost(HostContract, GpuContract, ContainerContract):
    test_no_record = ProcessContract.test_what_is_no_regular_file_is_no_record_of_an_end


@pytest.mark.needs("ssh")
class TestDockerHostOverSsh:
    """Of the contract, what the way to a host could change."""

    @pytest.fixture
    def lab(self, far_world: DockerWorld) -> DockerLab:
        return DockerLab(far_world)

    test_no_look = HostContract.test_a_look_that_cannot_be_made_is_no_empty_answer
    test_many_starts = HostContract.test_of_many_starts_at_once_one_runs
    test_another_controller = HostContract.test_another_controller_sees_and_stops_the_same_work
    test_lost = HostContract.test_a_batch_whose_runner_was_killed_is_lost_until_it_is_cleaned
    test_fetch = HostContract.test_outputs_are_fetched_byte_for_byte
    test_waiting = HostContract.test_waiting_returns_at_the_first_exit
    test_withdrawn = HostContract.test_a_batch_stopped_before_its_start_can_no_longer_start


SLOW_LIST = """\
#!/bin/bash
# Docker, whose list of containers may take its time on the way to who asked.
if [[ $1 == ps && -e FOLDER/slow ]]; then
  rm FOLDER/slow
  list=$(DOCKER "$@")
  touch FOLDER/listed
  until [[ -e FOLDER/go ]]; do sleep 0.02; done
  [[ -z $list ]] || echo "$list"
else
  exec DOCKER "$@"
fi
"""


SLOW_STATE = """\
#!/bin/bash
# Docker, which calls a container created for a few lists after it runs.
[[ $1 == ps && -s FOLDER/lag ]] || exec DOCKER "$@"
truncate -s -1 FOLDER/lag
DOCKER "$@" | sed 's/|running|/|created|/'
"""


def observer(text: str, world: "DockerWorld", tmp_path: Path) -> DockerExecutor:
    """A controller whose docker is a script."""
    script = tmp_path / "bin" / "docker"
    script.parent.mkdir()
    script.write_text(text.replace("FOLDER", str(tmp_path)).replace("DOCKER", shutil.which("docker") or ""))
    script.chmod(0o755)
    more = {**world.daemon.client_environment, "PATH": f"{script.parent}:{os.environ['PATH']}"}
    return DockerExecutor("gpu", LocalTransport(more), str(world.root.parent), "demo")


def test_a_container_that_docker_does_not_yet_call_running_is_not_lost(
    lab: DockerLab, world: DockerWorld, tmp_path: Path
) -> None:
    other = observer(SLOW_STATE, world, tmp_path)
    batch_id = lab.running()
    (tmp_path / "lag").write_text("...")
    assert other.observe([]).batches[batch_id].state is BatchState.RUNNING
    assert (tmp_path / "lag").read_text() == "", "docker was asked until it knew"
    lab.host.stop(batch_id, 5)
    other.close()


def test_a_batch_that_starts_while_a_look_is_made_is_not_lost(
    lab: DockerLab, world: DockerWorld, tmp_path: Path
) -> None:
    """The containers were listed before it was started, and its claim is seen after."""
    other = observer(SLOW_LIST, world, tmp_path)
    plan = lab.batch(*world.endless_program())
    lab.host.prepare(plan)
    (tmp_path / "slow").touch()
    looks: list[Reachable] = []
    look = threading.Thread(target=lambda: looks.append(other.observe([])))
    look.start()
    until((tmp_path / "listed").exists, "the containers are listed")
    lab.host.start(plan.meta.batch_id)
    until(lambda: b"started" in lab.log(plan.meta.batch_id), "it runs")
    (tmp_path / "go").touch()
    look.join()
    other.close()
    assert looks[0].batches[plan.meta.batch_id].state is BatchState.RUNNING


@pytest.fixture
def strange_container() -> Iterator[int]:
    """A process in a control group as another engine, such as podman, makes one; its pid."""
    places = (Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup"))
    folder = next(path for path in places if path.is_dir()) / ("f" * 64)
    folder.mkdir()
    with subprocess.Popen(["sleep", "1000"]) as process:
        (folder / "cgroup.procs").write_text(str(process.pid))
        yield process.pid
        process.kill()
    until(lambda: not (folder / "cgroup.procs").read_text(), "it has ended")
    folder.rmdir()


def test_only_our_own_containers_leave_a_gpu_free(
    lab: DockerLab, world: DockerWorld, gpus: FakeGpus, strange_container: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container that docker does not list is another engine's."""
    monkeypatch.setenv("PATH", f"{gpus.path}:{os.environ['PATH']}")
    batch_id = lab.running()
    ours = world.daemon.docker("inspect", "--format", "{{.State.Pid}}", f"cosmos-{batch_id}").stdout.strip()
    world.daemon.docker("create", "--name", "trainer", "--network", "none", world.image, "sleep", "1000")
    world.daemon.docker("start", "trainer")
    theirs = world.daemon.docker("inspect", "--format", "{{.State.Pid}}", "trainer").stdout.strip()
    gpus.occupy(
        GpuProcess(uuid_of(0), int(ours)),
        GpuProcess(uuid_of(1), strange_container),
        GpuProcess(uuid_of(1), int(theirs)),
    )
    free, held = lab.host.observe([]).gpus
    assert free.holders == ()
    assert held.holders == (
        f"python3 (pid {strange_container}, 3,590 MiB)",
        f"python3 in container trainer (pid {theirs}, 3,590 MiB)",
    )
    lab.host.stop(batch_id, 5)


ODD_START = """\
#!/bin/bash
# Docker, which says something of its own when a container is to start.
[[ $1 == start ]] || exec DOCKER "$@"
SAY
"""


@pytest.fixture
def check(
    world: DockerWorld, gpus: FakeGpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], DockerExecutor]]:
    """A host with GPUs whose docker says so at a start."""
    monkeypatch.setenv("PATH", f"{gpus.path}:{os.environ['PATH']}")
    made: list[DockerExecutor] = []

    def make(say: str) -> DockerExecutor:
        made.append(observer(ODD_START.replace("SAY", say), world, tmp_path))
        return made[0]

    yield make
    made[0].close()


@pytest.mark.parametrize(
    ("say", "words"),
    [
        ('exec DOCKER "$@"', "a container was given all of them"),
        ("echo 'exec: \"true\": executable file not found in $PATH'; exit 127", "a container was given all of them"),
        ("echo warning; echo 'Error: no space left' >&2; exit 1", "Error: no space left"),
        ("exit 1", "docker gave no reason"),
    ],
)
def test_containers_get_gpus_when_one_did_and_no_probe_is_left(
    world: DockerWorld, check: Callable[[str], DockerExecutor], say: str, words: str
) -> None:
    world.daemon.docker("create", "--name", "cosmos-check-1", "--network", "none", world.image, "true")
    found = [one for one in check(say).check([world.image]) if one.about == "GPUs in containers"]
    assert [one.words for one in found] == [words]
    assert world.daemon.docker("ps", "-a", "--format", "{{.Names}}").stdout.split() == ["cosmos-check-1"]


def test_a_check_that_is_ended_leaves_no_container(world: DockerWorld, check: Callable[[str], DockerExecutor]) -> None:
    host = check("exec sleep 1000")
    script = replace(host.builder.check([world.image]), deadline_s=5.0)
    with pytest.raises(HostUnreachable, match="took longer"):
        host.executor.run(script)
    until(lambda: not world.daemon.docker("ps", "-aq").stdout, "it is removed")


RETAG = """\
#!/bin/bash
# Docker, whose image is given another name's place as soon as it was looked up.
DOCKER "$@"
code=$?
if [[ $1 == image ]]; then DOCKER tag other:1 cosmos-test:moving; fi
exit "$code"
"""


def test_the_image_on_record_is_the_one_that_ran_whatever_is_done_to_its_name(
    lab: DockerLab, world: DockerWorld, tmp_path: Path
) -> None:
    tag = world.daemon.docker
    other_image = tag("commit", tag("create", "--network", "none", world.image, "true").stdout.strip()).stdout.strip()
    tag("tag", other_image, "other:1")
    tag("tag", world.image, "cosmos-test:moving")
    wanted = tag("image", "inspect", "--format", "{{.Id}}", "cosmos-test:moving").stdout.strip()
    other = observer(RETAG, world, tmp_path)
    program = bash("echo forged >image; rm -f image; echo forged >image.new; mv image.new image; exit 0")
    found = lab.on(other).ended(*program, image="cosmos-test:moving")
    made = tag("inspect", "--format", "{{.Image}}", f"cosmos-{found.batch_id}").stdout.strip()
    assert (found.image, made) == (wanted, wanted)
    assert other_image != wanted
    other.close()


class Crossed(NamedTuple):
    """A host, and another one for the same work directory with another runtime."""

    ours: DockerLab
    theirs: Host
    kind: str


def as_processes(world: DockerWorld, **more: str) -> ProcessHost:
    """The host, once its runtime was changed in the configuration."""
    transport = LocalTransport({**world.daemon.client_environment, **more})
    return ProcessHost("gpu", transport, str(world.root.parent), "demo")


@pytest.fixture(params=["container", "process"])
def crossed(request: pytest.FixtureRequest, lab: DockerLab, world: DockerWorld) -> Iterator[Crossed]:
    processes = as_processes(world)
    if request.param == "container":
        yield Crossed(lab, processes, "container")
    else:
        yield Crossed(lab.on(processes), lab.host, "process")
    processes.close()


def test_of_what_another_runtime_has_started_nothing_is_concluded(crossed: Crossed, world: DockerWorld) -> None:
    """It would be taken for dead, and started a second time."""
    ours, theirs, kind = crossed
    batch_id = ours.running()
    with pytest.raises(HostUnreachable, match=f"{batch_id} on this host was started as a {kind}; set `runtime` back"):
        theirs.observe([])
    acts: list[Callable[[], None]] = [
        lambda: theirs.start(batch_id),
        lambda: theirs.stop(batch_id, 1),
        lambda: theirs.release(batch_id),
    ]
    for act in acts:
        with pytest.raises(HostRefused, match=f"was started as a {kind}"):
            act()
    assert ours.look(batch_id).state is BatchState.RUNNING
    ours.host.stop(batch_id, 5)
    assert theirs.observe([]).batches[batch_id].state is BatchState.EXITED
    theirs.release(batch_id)
    assert ours.host.observe([]).batches == {}
    assert world.containers() == []


@pytest.mark.parametrize("way", ["stop", "release"])
def test_what_another_runtime_has_only_prepared_does_not_start_and_can_be_withdrawn(
    crossed: Crossed, world: DockerWorld, way: str
) -> None:
    ours, theirs, _ = crossed
    plan = ours.batch()
    batch_id = plan.meta.batch_id
    ours.host.prepare(plan)
    assert theirs.observe([]).batches[batch_id].state is BatchState.PREPARED
    with pytest.raises(HostRefused, match="prepare"):
        theirs.start(batch_id)
    if way == "stop":
        theirs.stop(batch_id, 1)
        assert theirs.observe([]).batches[batch_id].state is BatchState.EXITED
    theirs.release(batch_id)
    assert theirs.observe([]).batches == {}


def test_a_directory_that_was_prepared_in_part_is_made_anew_for_another_runtime(
    crossed: Crossed, world: DockerWorld
) -> None:
    ours, theirs, _ = crossed
    plan = ours.batch()
    ours.host.prepare(plan)
    world.lose_batch_json(plan.meta.batch_id)
    theirs.prepare(plan)
    theirs.start(plan.meta.batch_id)
    assert ours.on(theirs).wait(plan.meta.batch_id).state is BatchState.EXITED


def test_a_container_that_was_made_and_not_started_is_released_by_another_runtime(
    lab: DockerLab, world: DockerWorld, tmp_path: Path
) -> None:
    broken, theirs = observer(ODD_START.replace("SAY", "exit 1"), world, tmp_path), as_processes(world)
    with pytest.raises(HostRefused, match="did not start"):
        lab.on(broken).started()
    assert len(world.containers()) == 1
    theirs.release(lab.meta().batch_id)
    assert (world.containers(), theirs.observe([]).batches) == ([], {})
    broken.close()
    theirs.close()


def test_another_runtime_releases_no_container_that_is_not_the_one_of_the_batch(
    lab: DockerLab, world: DockerWorld
) -> None:
    theirs, batch_id = as_processes(world), lab.ended().batch_id
    docker, name = world.daemon.docker, f"cosmos-{batch_id}"
    docker("rm", name)
    docker("create", "--network", "none", "--name", name, "--label", f"cosmos.batch={batch_id}", world.image, "true")
    docker("create", "--network", "none", "--name", f"{name}-2", world.image, "true")
    with pytest.raises(HostRefused, match=f"{name} is not of this project and work directory; it is left alone"):
        theirs.release(batch_id)
    docker("rm", name)
    theirs.release(batch_id)
    assert (world.containers(), theirs.observe([]).batches) == ([f"{name}-2"], {})
    theirs.close()


def test_another_runtime_releases_nothing_while_docker_does_not_answer(lab: DockerLab, world: DockerWorld) -> None:
    theirs, batch_id = as_processes(world), lab.ended().batch_id
    world.daemon.stop()
    with pytest.raises(HostRefused, match=f"{batch_id} had a container: docker does not answer: Cannot connect"):
        theirs.release(batch_id)
    assert theirs.observe([]).batches[batch_id].state is BatchState.EXITED
    world.daemon.start()
    theirs.release(batch_id)
    assert (world.containers(), theirs.observe([]).batches) == ([], {})
    theirs.close()


def test_another_runtime_says_that_a_container_stays_where_there_is_no_docker(
    lab: DockerLab, world: DockerWorld, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for folder in ("/usr/bin", "/usr/sbin"):
        for program in Path(folder).iterdir():
            if program.name != "docker" and not (programs / program.name).exists():
                (programs / program.name).symlink_to(program)
    theirs, batch_id = as_processes(world, PATH=str(programs)), lab.ended().batch_id
    theirs.release(batch_id)
    assert theirs.observe([]).batches == {}
    (said,) = caplog.messages
    assert said == f"gpu: there is no docker any more: the container cosmos-{batch_id} stays, if it is still there"
    theirs.close()


SUDO = """\
#!/bin/bash
# Not the real sudo: it insists on -n, and lets docker be called.
[[ $1 == -n ]] || exit 1
shift
ALLOWED=1 exec "$@"
"""
ONLY_BY_SUDO = """\
#!/bin/bash
# Docker, for a user who is not in its group.
[[ -n ${ALLOWED:-} ]] || { echo 'permission denied while trying to connect to the Docker daemon socket' >&2; exit 1; }
exec DOCKER "$@"
"""


def test_another_runtime_calls_docker_by_sudo_where_it_has_to(
    lab: DockerLab, world: DockerWorld, tmp_path: Path
) -> None:
    observer(ONLY_BY_SUDO, world, tmp_path).close()
    theirs = as_processes(world, PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    batch_id = lab.ended().batch_id
    with pytest.raises(HostRefused, match="permission denied"):
        theirs.release(batch_id)
    sudo = tmp_path / "bin" / "sudo"
    sudo.write_text(SUDO)
    sudo.chmod(0o755)
    theirs.release(batch_id)
    assert world.containers() == []
    theirs.close()


def test_a_container_sees_its_secrets_and_caches_and_its_command_has_neither(
    world: DockerWorld, docker: Dockerd, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("hf_0123456789\n")
    (tmp_path / "cache").mkdir(mode=0o777)
    grants = Grants(caches={"/cache": str(tmp_path / "cache")}, secrets={"HF_TOKEN": str(tmp_path / "token")})
    host = DockerExecutor(
        "gpu", LocalTransport(docker.client_environment), str(tmp_path / "granted"), "demo", grants=grants
    )
    lab = Lab(world).on(host)
    program = bash("[[ $HF_TOKEN == hf_0123456789 ]] && echo kept >/cache/file")
    batch = lab.ended(*program, image=world.image, secrets=("HF_TOKEN",))
    assert batch.exit is not None
    assert batch.exit.code == 0, lab.log(batch.batch_id)
    assert (tmp_path / "cache" / "file").read_text() == "kept\n"
    assert "hf_0123456789" not in docker.docker("inspect", f"cosmos-{batch.batch_id}").stdout
    host.release(batch.batch_id)
    host.close()
