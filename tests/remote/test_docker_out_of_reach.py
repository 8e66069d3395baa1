"""A Docker daemon that is stopped, killed or frozen while its host answers: nothing is concluded from its silence."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cosmos.core.plan import Phase, Sync
from cosmos.core.reasons import Reason
from cosmos.core.recorded import AttemptState
from tests.remote.site import NOTHING, PROJECT, SLOW, WRITE, Site, model, runs, until
from tests.services.dockerd import Dockerd
from tests.services.gpu_host import GpuHost
from tests.services.images import BASE, Images

pytestmark = pytest.mark.needs("docker", "ssh")


def how_attempts_ended(site: Site, key: str) -> list[tuple[AttemptState, Reason | None]]:
    return [(attempt.state, attempt.reason) for attempt in site.attempts(key)]


def test_a_host_whose_docker_is_down_starts_nothing_and_says_what_to_do(site: Site) -> None:
    site.write(model(WRITE), runs("one"))
    site.docker.stop()
    outcome = site.apply(timeout_s=30)
    assert (outcome.exit_code, outcome.timed_out) == (6, False)
    (status,) = outcome.statuses
    assert (status.sync, status.phase) == (Sync.UNKNOWN, Phase.QUEUED)
    assert "docker does not answer: Cannot connect to the Docker daemon" in status.message
    assert "systemctl status docker" in status.message
    assert site.attempts("one") == ()

    site.docker.start()
    assert site.apply().exit_code == 0
    assert site.output("one") == "one"


def test_what_a_stopping_daemon_took_with_it_is_lost_and_tried_again_once_it_is_back(site: Site) -> None:
    site.write(model(SLOW), runs("one"))
    with site.applying() as outcomes:
        site.seen_running("one")
        site.docker.stop()
        until(lambda: is_unknown(site), "the daemon is missed")
        assert len(site.gpu_host.batches(PROJECT)) == 1
        site.docker.start()
        site.seen_running("one", attempt=2)
        assert len(site.live()) == 1
        site.let_go("one", attempt=2)
    assert outcomes[0].exit_code == 0
    assert how_attempts_ended(site, "one") == [
        (AttemptState.FAILED, Reason.KILLED),
        (AttemptState.SUCCEEDED, None),
    ]
    assert (site.plan_text(), site.containers()) == (NOTHING, [])


def is_unknown(site: Site) -> bool:
    return bool(site.seen) and all(status.sync is Sync.UNKNOWN for status in site.seen[-1].plan.statuses)


def test_a_run_that_ends_while_the_daemon_is_dead_is_collected_and_one_that_did_not_is_tried_again(site: Site) -> None:
    """A daemon that was killed leaves its containers alive, and ends them when it is started again."""
    site.write(model(SLOW), runs("ended", "survivor"))
    site.start("ended", "survivor")
    site.docker.kill()
    site.let_go("ended")
    until((site.batch("ended") / "exit.json").exists, "it has ended")
    with site.api() as api:
        assert {status.sync for status in api.status(look=True).statuses} == {Sync.UNKNOWN}
    site.docker.start()
    with site.applying() as outcomes:
        site.seen_running("survivor", attempt=2)
        assert len(site.live()) == 1
        site.let_go("survivor", attempt=2)
    assert outcomes[0].exit_code == 0
    assert how_attempts_ended(site, "ended") == [(AttemptState.SUCCEEDED, None)]
    assert how_attempts_ended(site, "survivor") == [
        (AttemptState.FAILED, Reason.KILLED),
        (AttemptState.SUCCEEDED, None),
    ]


def test_a_frozen_daemon_does_not_hold_up_a_look(site: Site) -> None:
    site.write(model(SLOW), runs("one"))
    site.start("one")
    site.docker.freeze()
    status = site.status("one")
    site.docker.thaw()
    assert (status.sync, status.phase) == (Sync.UNKNOWN, Phase.RUNNING)
    assert "docker does not answer: it took too long" in status.message
    site.let_go("one")
    assert site.apply().exit_code == 0
    assert how_attempts_ended(site, "one") == [(AttemptState.SUCCEEDED, None)]


@pytest.fixture
def lasting(images: Images) -> Iterator[Dockerd]:
    """A daemon whose containers live on while it is not there."""
    daemon = Dockerd(options=["--live-restore"])
    try:
        daemon.start()
        images.load(daemon, BASE)
        yield daemon
    finally:
        daemon.close()


def test_with_live_restore_a_restart_of_the_daemon_costs_nothing(tmp_path: Path, lasting: Dockerd) -> None:
    (tmp_path / "host").mkdir()
    host = GpuHost(tmp_path / "host", lasting)
    try:
        site = Site(tmp_path / "project", toml=host.toml(), gpu_host=host)
        site.write(model(SLOW), runs("stays", "goes"))
        with site.applying() as outcomes:
            site.seen_running("stays", "goes")
            lasting.stop()
            site.let_go("goes")
            until((site.batch("goes") / "exit.json").exists, "it has ended")
            lasting.start()
            assert len(site.live()) == 1
            site.let_go("stays")
        assert outcomes[0].exit_code == 0
        assert [how_attempts_ended(site, key) for key in ("stays", "goes")] == [[(AttemptState.SUCCEEDED, None)]] * 2
        assert site.containers() == []
    finally:
        host.sshd.stop()
