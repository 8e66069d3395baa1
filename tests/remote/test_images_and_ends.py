"""Why a container could not start, and how it ended: each with its own reason, and with what to do."""

from pathlib import Path

import pytest

from cosmos.core.plan import Phase
from cosmos.core.reasons import REASONS, Reason
from cosmos.core.recorded import AttemptState
from tests.disks import small_disk
from tests.remote.site import NOTHING, SLOW, WRITE, Site, model, runs
from tests.services.dockerd import Dockerd
from tests.services.gpu_host import GpuHost
from tests.services.images import BARE, BASE, Images

pytestmark = pytest.mark.needs("docker", "ssh")

ALLOCATE = "python3 -c 'print(len(bytearray(1 << 28)))'"
LITTLE = "container: {memory: 64m}"


def ends(site: Site) -> dict[str, tuple[Reason | None, int]]:
    """Reason and number of the last attempt, by run; each has ended."""
    outcome = site.apply(timeout_s=60)
    assert outcome.exit_code == 3
    assert {status.phase for status in outcome.statuses} == {Phase.FAILED}
    return {status.key: (status.reason, status.attempt) for status in outcome.statuses}


def why(site: Site, key: str) -> str:
    return site.attempts(key)[-1].message


def test_what_no_other_attempt_can_mend_fails_at_once_with_its_own_reason(site: Site, images: Images) -> None:
    images.load(site.docker, BARE)
    site.write(
        model(WRITE, name="absent", image="cosmos-test:absent"),
        model(WRITE, name="bare", image=BARE),
        model(WRITE, name="program").replace("[bash, -c", "[no-such-program, -c"),
        model("true", name="nothing"),
        *(runs(name, model=name) for name in ("absent", "bare", "program", "nothing")),
    )
    assert ends(site) == {
        "absent": (Reason.IMAGE_MISSING, 1),
        "bare": (Reason.PROGRAM_NOT_FOUND, 1),
        "program": (Reason.PROGRAM_NOT_FOUND, 1),
        "nothing": (Reason.OUTPUT_MISSING, 1),
    }
    assert "cosmos-test:absent" in why(site, "absent")
    assert "cosmos hosts pull" in REASONS[Reason.IMAGE_MISSING].remedy
    assert f"the image {BARE} has no bash" in why(site, "bare")
    assert "no-such-program" in why(site, "program")
    assert (site.containers(), site.gpu_host.batches("workshop")) == ([], [])


def test_a_program_or_a_child_of_it_that_the_kernel_ended_for_memory_says_so(site: Site) -> None:
    once = "retry: {limit: 0}"
    site.write(
        model(f"exec {ALLOCATE}", name="whole", more=LITTLE),
        model(f"{ALLOCATE}; exit 3", name="child", more=LITTLE),
        model("exit 3", name="innocent", more=LITTLE),
        *(runs(name, model=name, more=once) for name in ("whole", "child", "innocent")),
    )
    assert ends(site) == {
        "whole": (Reason.HOST_OUT_OF_MEMORY, 1),
        "child": (Reason.HOST_OUT_OF_MEMORY, 1),
        "innocent": (Reason.PROGRAM_FAILED, 1),
    }


def test_a_container_killed_by_hand_is_tried_again(site: Site) -> None:
    site.write(model(SLOW), runs("one"))
    with site.applying() as outcomes:
        site.seen_running("one")
        (name,) = site.live()
        site.docker.docker("kill", name)
        site.seen_running("one", attempt=2)
        assert len(site.live()) == 1
        site.let_go("one", attempt=2)
    (outcome,) = outcomes
    assert outcome.exit_code == 0
    first, second = site.attempts("one")
    assert (first.state, first.reason) == (AttemptState.FAILED, Reason.PROCESS_LOST)
    assert "137" in first.message
    assert second.state is AttemptState.SUCCEEDED
    assert site.starts.names == [f"cosmos-{first.batch_id}", f"cosmos-{second.batch_id}"]
    assert (site.plan_text(), site.containers()) == (NOTHING, [])


@pytest.mark.needs("mount")
def test_a_full_disk_of_the_host_is_named_where_it_bites(tmp_path: Path, docker: Dockerd, images: Images) -> None:
    """First while an input is uploaded, then while the program writes; the disk has 8 MB."""
    images.load(docker, BASE)
    (tmp_path / "host").mkdir()
    host = GpuHost(tmp_path / "host", docker)
    try:
        with small_disk(host.workdir, 8):
            site = Site(tmp_path / "project", toml=host.toml(), gpu_host=host)
            (site.root / "inputs").mkdir()
            (site.root / "inputs" / "large.bin").write_bytes(bytes(9 << 20))
            reads = model(WRITE, name="reads", more="inputs: {file: {required: true}}", args=("{inputs.file}",))
            site.write(reads, runs("large", model="reads", more="inputs: {file: inputs/large.bin}"))
            site.apply(timeout_s=2)
            (trouble,) = site.seen[-1].troubles
            assert "the host's disk is full" in trouble
            assert site.attempts("large") == ()

            site.write(model('cat /dev/zero >"$1"'), runs("fills", more="retry: {limit: 0}"))
            assert ends(site) == {"fills": (Reason.DISK_FULL, 1)}
            docker.remove_containers()
    finally:
        host.sshd.stop()
