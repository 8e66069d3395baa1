"""Hosts where we are not the superuser: a member of docker's group, and one who may call docker by sudo."""

import grp
import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cosmos.core.plan import Sync
from tests.remote.site import NOTHING, PROJECT, SLOW, Site, model, runs
from tests.services.dockerd import Dockerd
from tests.services.gpu_host import GpuHost
from tests.services.images import BASE, Images
from tests.services.sshd import User, user

pytestmark = pytest.mark.needs("docker", "ssh")

SUDO = """\
#!/bin/bash
# Not the real sudo: it insists on -n, and lets who has the file do what its group may.
[[ $1 == -n ]] || { echo 'sudo: a terminal is required' >&2; exit 1; }
shift
echo "$*" >>FOLDER/asked
DOCKER_HOST=unix://SOCKET exec "$@"
"""


@pytest.fixture(scope="module")
def member() -> Iterator[User]:
    """A user of this machine without rights."""
    with user() as member:
        yield member


@pytest.fixture(scope="module")
def shared(member: User, images: Images) -> Iterator[Dockerd]:
    """A daemon whose socket belongs to the group of that user."""
    daemon = Dockerd(group=grp.getgrgid(pwd.getpwnam(member.name).pw_gid).gr_name)
    try:
        daemon.start()
        images.load(daemon, BASE)
        yield daemon
    finally:
        daemon.close()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that every user can look into, which folders of tests are not."""
    with tempfile.TemporaryDirectory(prefix="cosmos-host-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def site(tmp_path: Path, open_folder: Path, member: User, shared: Dockerd) -> Iterator[Site]:
    host = GpuHost(open_folder, shared)
    (open_folder / "sshd").chmod(0o755)
    host.workdir = member.home / "cosmos"
    toml = host.toml(user=f'"{member.name}"', workdir='"~/cosmos"')
    site = Site(tmp_path / "project", toml=toml, gpu_host=host)
    yield site
    shared.remove_containers()
    shutil.rmtree(host.workdir, ignore_errors=True)  # the next test's project is another one, of the same name
    host.sshd.stop()


WHO = f'{SLOW}; echo " $(id -u):$(id -g) $(touch "$HOME/file" && echo home)" >>"$1"'


def test_a_member_of_dockers_group_owns_all_that_its_runs_write(site: Site, member: User) -> None:
    site.write(model(WHO), runs("a", "b", "c", more="placement: {gpus: 1}"))
    site.start("a", "b")
    entry = pwd.getpwnam(member.name)
    assert {site.inspect(name)["Config"]["User"] for name in site.live()} == {f"{entry.pw_uid}:{entry.pw_gid}"}
    written = [path for path in site.gpu_host.workdir.rglob("*") if not path.is_symlink()]
    assert {path.stat().st_uid for path in written} == {entry.pw_uid}
    site.let_go("a", "b", "c")
    assert site.apply().exit_code == 0
    assert [site.output(key) for key in "abc"] == [f"{key} {entry.pw_uid}:{entry.pw_gid} home\n" for key in "abc"]
    assert (site.plan_text(), site.containers(), site.gpu_host.batches(PROJECT)) == (NOTHING, [], [])


def test_with_sudo_docker_is_called_by_it(site: Site, member: User, open_folder: Path) -> None:
    asked = open_folder / "asked"
    asked.touch(mode=0o666)
    asked.chmod(0o666)
    sudo = site.gpu_host.gpus.path / "sudo"
    sudo.write_text(SUDO.replace("FOLDER", str(open_folder)).replace("SOCKET", str(site.docker.socket)))
    sudo.chmod(0o755)
    site.configure(site.gpu_host.toml(user=f'"{member.name}"', workdir='"~/cosmos"', sudo="true"))
    site.write(model(SLOW), runs("one"))
    site.start("one")
    site.let_go("one")
    assert site.apply().exit_code == 0
    words = {line.split()[1] for line in asked.read_text().splitlines()}
    assert {"ps", "image", "create", "start", "rm"} <= words


def test_who_may_not_use_docker_is_told_how_to(site: Site, member: User) -> None:
    os.chown(site.docker.socket, 0, 0)
    try:
        site.write(model(SLOW), runs("one"))
        with site.api() as api:
            (status,) = api.status(look=True).statuses
            (found,) = (one for one in api.machines.check()["gpu"] if one.about == "docker")
    finally:
        os.chown(site.docker.socket, 0, pwd.getpwnam(member.name).pw_gid)
    assert status.sync is Sync.UNKNOWN
    assert "permission denied" in status.message
    assert "usermod -aG docker" in status.message
    assert "permission denied" in found.words
    assert "usermod -aG docker" in found.remedy
