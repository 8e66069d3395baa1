"""Commands about machines: hosts list, check, trust, pull, against a real SSH server and Docker daemon."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.console import Console
from tests.remote.site import WRITE, model, runs
from tests.services.gpu_host import GpuHost
from tests.services.gpus import Gpu
from tests.services.images import BASE
from tests.services.sshd import free_port

pytestmark = pytest.mark.needs("docker", "ssh")


@pytest.fixture
def far(tmp_path: Path, gpu_host: GpuHost) -> Iterator[Console]:
    """A project with one GPU host, and one run that needs an image there."""
    console = Console(tmp_path / "console", toml=gpu_host.toml())
    write(console, model(WRITE), runs("one"))
    yield console
    console.close()


def write(console: Console, *documents: str) -> None:
    (console.root / "specs" / "all.yaml").write_text("".join(documents))


def configure(console: Console, toml: str) -> None:
    (console.root / "cosmos.toml").write_text(f'[project]\nname = "workshop"\n{toml}')


def levels(console: Console, *words: str) -> dict[str, str]:
    """Level by what it is about, of the one host."""
    done = console.cosmos("hosts", "check", *words, "-o", "json")
    (host,) = json.loads(done.stdout)["hosts"]
    return {finding["about"]: finding["level"] for finding in host["findings"]}


def test_a_host_that_has_everything_is_ready(far: Console) -> None:
    done = far.cosmos("hosts", "check")
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert (lines[0], lines[-1].strip()) == ("gpu", "gpu: ready")
    assert re.search(r"ok +connection +over SSH, as root@\[127.0.0.1\]:\d+", done.stdout)
    assert re.search(rf"ok +image +{BASE}", done.stdout)
    assert re.search(r"ok +GPUs +NVIDIA H200, .*; NVIDIA H200", done.stdout)
    assert re.search(r"ok +GPUs in containers ", done.stdout)
    assert re.search(r"warn +live-restore ", done.stdout)
    assert "FAIL" not in done.stdout


def test_an_image_that_is_missing_is_named_with_the_command_that_brings_it(far: Console) -> None:
    write(far, model(WRITE, image="cosmos-test:absent"), runs("one"))
    done = far.cosmos("hosts", "check")
    assert done.returncode == 1
    assert re.search(r"FAIL +image +cosmos-test:absent is not on the host", done.stdout)
    assert "-> cosmos hosts pull gpu cosmos-test:absent" in done.stdout
    assert done.stdout.splitlines()[-1].strip() == "gpu: 1 problem"


def test_a_host_without_gpus_or_whose_driver_fails_says_so(far: Console, gpu_host: GpuHost) -> None:
    gpu_host.gpus.fail()
    done = far.cosmos("hosts", "check")
    assert done.returncode == 1
    assert re.search(r"FAIL +GPUs +NVIDIA-SMI has failed", done.stdout)
    gpu_host.gpus.uninstall()
    done = far.cosmos("hosts", "check")
    assert done.returncode == 0
    assert re.search(r"warn +GPUs +none", done.stdout)


def test_a_docker_that_is_down_is_a_problem_with_a_remedy(far: Console, gpu_host: GpuHost) -> None:
    gpu_host.docker.stop()
    done = far.cosmos("hosts", "check")
    gpu_host.docker.start()
    assert done.returncode == 1
    assert re.search(r"FAIL +docker +Cannot connect to the Docker daemon", done.stdout)
    assert "-> sudo systemctl start docker" in done.stdout


def test_a_host_that_cannot_be_reached_exits_with_6_and_the_others_are_checked(far: Console, gpu_host: GpuHost) -> None:
    configure(far, gpu_host.toml() + gpu_host.toml("gone", port=str(free_port())))
    done = far.cosmos("hosts", "check")
    assert done.returncode == 6
    assert "gpu: ready" in done.stdout
    assert re.search(r"FAIL +connection +gone: nothing listens on 127.0.0.1 port \d+", done.stdout)
    assert "-> see that the machine is up" in done.stdout
    assert levels(far, "gone") == {"connection": "unreachable"}
    listed = far.cosmos("hosts", "list")
    assert listed.returncode == 0
    assert re.search(r"^gone .*Unreachable", listed.stdout, re.MULTILINE)
    assert re.search(r"^gpu .*Reachable", listed.stdout, re.MULTILINE)


def test_hosts_list_shows_gpus_and_who_is_on_them(far: Console, gpu_host: GpuHost) -> None:
    gpu_host.gpus.set(Gpu(0), Gpu(1, memory_used=70_000, utilization_gpu=97))
    listed = far.cosmos("hosts", "list", "-o", "json")
    assert listed.returncode == 0
    (host,) = json.loads(listed.stdout)["hosts"]
    assert host["name"] == "gpu"
    assert len(host["gpus"]) == 2


def test_an_unknown_key_is_refused_with_the_command_that_trusts_it(far: Console, gpu_host: GpuHost) -> None:
    configure(far, gpu_host.toml(host_key='""'))
    done = far.cosmos("hosts", "check")
    assert done.returncode == 6
    assert "cosmos hosts trust gpu" in done.stdout

    refused = far.cosmos("hosts", "trust", "gpu")
    assert refused.returncode == 1
    assert gpu_host.sshd.fingerprint in refused.stderr
    assert "--yes" in refused.stderr
    assert far.cosmos("hosts", "check").returncode == 6

    assert far.cosmos("hosts", "trust", "gpu", "--yes").returncode == 0
    assert far.cosmos("hosts", "check").returncode == 0
    again = far.cosmos("hosts", "trust", "gpu", "--yes")
    assert (again.returncode, "known already" in again.stderr) == (0, True)


def test_trust_asks_at_a_terminal_and_does_what_the_answer_says(far: Console, gpu_host: GpuHost) -> None:
    configure(far, gpu_host.toml(host_key='""'))
    pins = far.root / ".cosmos" / "known_hosts"
    for answer, code in (("n", 1), ("y", 0)):
        with far.terminal("hosts", "trust", "gpu", columns=120) as terminal:
            assert gpu_host.sshd.fingerprint in terminal.read_until("Trust it from now on?")
            terminal.type(f"{answer}\n")
            assert terminal.read_to_end()[1] == code
        assert pins.exists() == (answer == "y")


def test_a_changed_key_is_shown_beside_the_one_that_was_trusted(far: Console, gpu_host: GpuHost) -> None:
    configure(far, gpu_host.toml(host_key='""'))
    before = gpu_host.sshd.fingerprint
    assert far.cosmos("hosts", "trust", "gpu", "--yes").returncode == 0
    gpu_host.sshd.stop()
    gpu_host.sshd.new_host_key()
    gpu_host.sshd.start()
    done = far.cosmos("hosts", "trust", "gpu")
    assert done.returncode == 1
    assert "Until now it had another key" in done.stderr
    assert before in done.stderr
    assert gpu_host.sshd.fingerprint in done.stderr


def test_pulling_what_does_not_exist_is_refused_in_dockers_words(far: Console) -> None:
    done = far.cosmos("hosts", "pull", "gpu", "127.0.0.1:9/absent:1")
    assert done.returncode == 1
    assert "gpu: 127.0.0.1:9/absent:1" in done.stderr
    assert "connection refused" in done.stderr
    assert "cannot be pulled" in done.stderr


def test_pull_needs_a_host_with_docker(far: Console) -> None:
    configure(far, "[hosts.local]\n")
    done = far.cosmos("hosts", "pull", "local", BASE)
    assert done.returncode == 1
    assert "runs no containers" in done.stderr
