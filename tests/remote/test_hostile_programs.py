"""Programs that leave traps for who collects their outputs, and for the scripts that work in their run directory."""

import hashlib
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from cosmos.core.digest import member_folder
from cosmos.core.plan import Phase
from cosmos.core.reasons import Reason
from cosmos.errors import TransferError
from cosmos.hosts.docker.executor import DockerExecutor
from cosmos.hosts.ssh.transport import SshTransport
from tests.remote.site import PROJECT, SLOW, WRITE, Site, model, runs, until

pytestmark = pytest.mark.needs("docker", "ssh")

TREE = """\
cd "$(dirname "$1")"
ln -s /etc/shadow shadow
ln -s / root
ln -s out.txt link.txt
mkfifo pipe
echo one >twin; ln twin other-twin
echo x >-rf
echo x >"$(printf 'new\\nline')"
echo x >"$(printf 'half\\xff')"
mkdir -p folder/deep; echo x >folder/deep/file
truncate -s 100G sparse
rm -f ../../run.log; ln -s /etc/shadow ../../run.log
"""


def published(site: Site, key: str) -> list[str]:
    folder = (site.root / "outputs" / key / "latest").resolve()
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_of_a_hostile_tree_only_what_is_declared_is_collected(site: Site) -> None:
    """100 GB of nothing would take minutes to read: that this ends shows that it was not."""
    site.write(model(f"({TREE}); {WRITE}"), runs("one"))
    assert site.apply().exit_code == 0
    assert published(site, "one") == ["out.txt", "provenance.json", "run.log"]
    assert site.output("one") == "one"
    assert (site.root / "outputs" / "one" / "latest" / "run.log").read_bytes() == b""
    shadow = hashlib.sha256(Path("/etc/shadow").read_bytes()).hexdigest()
    assert not list((site.root / ".cosmos" / "store").rglob(shadow))
    assert site.gpu_host.batches(PROJECT) == []


@pytest.mark.parametrize(
    "trap",
    [
        'ln -s /etc/shadow "$1"',
        'mkfifo "$1"',
        'mkdir "$1"',
        'echo x >twin; ln twin "$1"',
        'd=$(dirname "$1"); rmdir "$d"; ln -s /etc "$d"',
    ],
)
def test_a_declared_output_that_is_no_regular_file_of_its_own_is_missing(site: Site, trap: str) -> None:
    site.write(model(trap), runs("one"))
    (status,) = site.apply().statuses
    assert (status.phase, status.reason) == (Phase.FAILED, Reason.OUTPUT_MISSING)


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file of the host that no container can reach."""
    path = tmp_path / "victim"
    path.write_text("precious")
    return path


def test_links_in_a_run_directory_lead_no_script_to_a_file_of_the_host(site: Site, victim: Path) -> None:
    """The program takes its claim away and gives itself another, so that the host writes the records in its place."""
    where = shlex.quote(str(victim))
    traps = f"""
rm -f claim run.log began last.tmp
for name in stop exit.tmp image.new run.sh.new create.new batch.json.new; do ln -sfT {where} $name; done
printf '{{"pid":0,"start":0,"boot":"%s","at":1}}\\n' "$(cat /proc/sys/kernel/random/boot_id)" >claim
echo >outputs/set; while :; do sleep 0.05; done
"""
    site.write(model(traps), runs("one"))
    site.apply(wait=False)
    until((site.batch("one") / "outputs" / "set").exists, "the traps are set")
    with site.api() as api:
        api.cancel(["one"])
    assert victim.read_text() == "precious"
    until(lambda: site.live() == [], "it was stopped")
    site.apply(timeout_s=10)
    assert victim.read_text() == "precious"


def test_a_program_that_hides_that_it_ran_is_not_started_anew(site: Site, victim: Path) -> None:
    """Without claim and record it looks as if it had never begun. Its container says otherwise."""
    where = shlex.quote(str(victim))
    hides = f"""
rm -f claim began run.log; rm -f exit.tmp; mkdir -p exit.json/x
for name in image.new run.sh.new create.new batch.json.new inputs.sha256.new; do ln -sfT {where} $name; done
exit 7
"""
    site.write(model(hides), runs("one", more="retry: {limit: 0}"))
    (status,) = site.apply(timeout_s=30).statuses
    assert status.phase is Phase.FAILED
    assert len(site.starts.names) == 1
    assert victim.read_text() == "precious"


@pytest.fixture
def machine(site: Site) -> Iterator[DockerExecutor]:
    """The host of the site, without a project around it."""
    transport = SshTransport(site.gpu_host.sshd.target())
    host = DockerExecutor("gpu", transport, str(site.gpu_host.workdir), PROJECT)
    yield host
    host.close()


def test_an_output_that_changes_after_it_was_listed_is_not_taken(
    site: Site, machine: DockerExecutor, tmp_path: Path
) -> None:
    site.write(model(SLOW), runs("one"))
    site.start("one")
    site.let_go("one")
    batch = site.batch("one")
    until((batch / "exit.json").exists, "it has ended")
    (digest,) = (attempt.digest for attempt in site.attempts("one"))
    (entry,) = machine.manifest(batch.name, member_folder(digest))
    (batch / "outputs" / member_folder(digest) / "out.txt").write_text("ONE")
    with pytest.raises(TransferError, match="did not arrive with the sha256"):
        machine.fetch(batch.name, member_folder(digest), [(entry, tmp_path / "got")], lambda count: None)
    assert not (tmp_path / "got").exists()
    assert not (site.root / "outputs" / "one").exists()
