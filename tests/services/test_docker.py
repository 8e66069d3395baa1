"""The private Docker daemon does what tests of containers count on."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.media import FRAMES
from tests.services.dockerd import Dockerd
from tests.services.gpus import uuid_of
from tests.services.images import BARE, BASE, PREVIEW, Images

pytestmark = pytest.mark.needs("docker")

SHIM_SOCKETS = Path("/run/containerd/s")
"""Outside the daemon's folder, whatever that is."""

DECODE = """
import cosmos.local_ai.preview
from pathlib import Path
from cosmos.local_ai.video import open_video
with open_video(Path("/color.mp4")) as video:
    print(len(list(video.images())))
"""

TOOLS = """
flock /tmp/lock true
printf x | sha256sum
find /tmp -name lock
python3 -c 'import json, ssl, sqlite3; print(json.dumps(1))'
"""


def test_the_base_image_has_what_scripts_need_for_any_user(docker: Dockerd, images: Images) -> None:
    tag = images.load(docker, BASE)
    done = docker.docker("run", "--network", "none", "--user", "65534:65534", tag, "bash", "-euc", TOOLS)
    assert done.stdout.splitlines() == [
        "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881  -",
        "/tmp/lock",
        "1",
    ]


def test_the_bare_image_has_no_bash(docker: Dockerd, images: Images) -> None:
    tag = images.load(docker, BARE)
    assert docker.docker("run", "--network", "none", tag, "true").returncode == 0
    done = docker.docker("run", "--network", "none", tag, "bash", check=False)
    assert done.returncode == 127
    assert "executable file not found" in done.stderr


def test_gpus_are_accepted_and_recorded(docker: Dockerd, images: Images) -> None:
    tag = images.load(docker, BARE)
    wanted = ["--gpus", f'"device={uuid_of(0)},{uuid_of(1)}"']
    docker.docker("create", "--name", "gpus", "--network", "none", *wanted, tag, "true")
    (found,) = json.loads(docker.docker("inspect", "gpus").stdout)
    (request,) = found["HostConfig"]["DeviceRequests"]
    assert request["DeviceIDs"] == [uuid_of(0), uuid_of(1)]
    assert docker.docker("start", "--attach", "gpus").returncode == 0


def test_a_restarted_daemon_has_its_containers(docker: Dockerd, images: Images) -> None:
    tag = images.load(docker, BARE)
    docker.docker("run", "--name", "ended", "--network", "none", tag, "sh", "-c", "exit 5", check=False)
    docker.docker("run", "--detach", "--init", "--name", "going", "--network", "none", tag, "sleep", "60")
    docker.kill()
    docker.start()
    form = "{{.Name}} {{.State.Status}} {{.State.ExitCode}}"
    found = docker.docker("inspect", "--format", form, "ended", "going").stdout.splitlines()
    assert found == ["/ended exited 5", "/going exited 143"]  # without --init, after ten seconds, 137


def test_a_frozen_daemon_answers_nobody(docker: Dockerd) -> None:
    docker.freeze()
    with pytest.raises(subprocess.TimeoutExpired):
        docker.docker("version", timeout=1)
    docker.thaw()
    docker.docker("version")


def test_nothing_is_left_of_a_closed_daemon(images: Images) -> None:
    daemon = Dockerd(options=["--live-restore"])
    try:
        daemon.start()
        daemon.docker("run", "--detach", "--network", "none", images.load(daemon, BARE), "sleep", "60")
        mounts = Path("/proc/self/mountinfo").read_text()
        assert str(daemon.root) in mounts
        daemon.kill()
        named = (daemon.root / "exec").rglob("io.containerd.runtime.v2.task/*/*/address")
        sockets = [Path(file.read_text().removeprefix("unix://")) for file in named]
        assert sockets
        assert all(socket.parent == SHIM_SOCKETS and socket.exists() for socket in sockets)
    finally:
        daemon.close()
    assert not any(socket.exists() for socket in sockets)
    assert not daemon.root.exists()
    assert str(daemon.root) not in Path("/proc/self/mountinfo").read_text()
    words = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")]
    assert not [line for line in words if bytes(daemon.root) in line]


def test_the_preview_image_runs_without_network_or_home(docker: Dockerd, images: Images, scene: Path) -> None:
    tag = images.load(docker, PREVIEW)
    mount = ["--mount", f"type=bind,src={scene / 'color.mp4'},dst=/color.mp4,readonly"]
    locked = ["--network", "none", "--user", "12345:12345", "--read-only", "--cap-drop", "ALL", *mount]
    assert "--payload" in docker.docker("run", *locked, tag, "python3", "-m", "cosmos.local_ai.preview", "-h").stdout
    assert docker.docker("run", *locked, tag, "python3", "-c", DECODE).stdout == f"{FRAMES}\n"
