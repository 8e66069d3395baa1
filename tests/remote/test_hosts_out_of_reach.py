"""Hosts that cannot be reached: who is refused, who is not who he was, and who is gone while work runs there.

Could not look is not nothing there: nothing is started elsewhere, nothing is given up.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from cosmos.core.plan import Phase, RunStatus, Sync
from tests.remote.site import NOTHING, PROJECT, SLOW, WRITE, Site, model, runs, until
from tests.services.proxy import Address, Proxy
from tests.services.sshd import make_key

pytestmark = pytest.mark.needs("docker", "ssh")


def test_a_key_that_the_host_refuses_starts_nothing_and_says_what_to_do(site: Site, tmp_path: Path) -> None:
    key = make_key(tmp_path / "other")
    site.configure(site.gpu_host.toml(key=f'"{key}"'))
    site.write(model(WRITE), runs("one"))
    outcome = site.apply()

    assert outcome.exit_code == 6
    (status,) = outcome.statuses
    assert (status.sync, status.phase) == (Sync.UNKNOWN, Phase.QUEUED)
    assert f"refused the key {key}" in status.message
    assert "add the public key to ~/.ssh/authorized_keys" in status.message
    assert site.attempts("one") == ()
    assert not site.gpu_host.workdir.exists()


def test_a_host_with_another_host_key_is_left_alone_until_it_is_trusted(site: Site) -> None:
    site.write(model(SLOW), runs("one"))
    site.start("one")
    site.gpu_host.sshd.stop()
    site.gpu_host.sshd.new_host_key()
    site.gpu_host.sshd.start()
    outcome = site.apply(timeout_s=1)
    (status,) = outcome.statuses
    assert (status.sync, status.phase) == (Sync.UNKNOWN, Phase.RUNNING)
    assert "has changed" in status.message
    assert "nothing was sent" in status.message
    assert site.gpu_host.sshd.fingerprint in status.message

    site.configure(site.gpu_host.toml())  # the new fingerprint
    site.let_go("one")
    assert site.apply().exit_code == 0
    assert len(site.starts.names) == 1


def test_a_run_outlives_the_way_to_its_host_and_is_collected_over_a_new_one(site: Site) -> None:
    """With a second host that could take it: what may still be alive is not started elsewhere."""
    site.configure(site.gpu_host.toml() + "[hosts.local]\nworkdir = 'local'\n")
    site.write(model(SLOW), runs("one"))
    site.start("one")
    site.gpu_host.sshd.stop()
    outcome = site.apply(timeout_s=3)
    (status,) = outcome.statuses
    assert (outcome.timed_out, outcome.exit_code) == (True, 5)
    assert (status.sync, status.phase, status.host, status.attempt) == (Sync.UNKNOWN, Phase.RUNNING, "gpu", 1)
    assert "host unreachable" in status.message
    assert "see that the machine is up and its sshd runs on that port" in status.message
    assert site.plan_text().splitlines()[-1] == "Nothing to do now: 1 needs attention; 0 unchanged."

    site.let_go("one")
    site.gpu_host.sshd.start()
    assert site.apply().exit_code == 0
    assert site.output("one") == "one"
    assert len(site.starts.names) == 1
    assert site.plan_text() == NOTHING


def test_an_apply_that_waits_goes_on_by_itself_when_its_host_is_back(site: Site) -> None:
    site.write(model(SLOW), runs("one", "two"))
    with site.applying() as outcomes:
        site.seen_running("one", "two")
        site.gpu_host.sshd.stop()
        until(lambda: is_unknown(site, "one"), "the host is missed")
        site.let_go("one", "two")
        site.gpu_host.sshd.start()
    (outcome,) = outcomes
    assert outcome.exit_code == 0
    assert [site.output(name) for name in ("one", "two")] == ["one", "two"]
    assert len(site.starts.names) == 2


def test_a_mute_host_holds_up_neither_a_look_nor_the_other_hosts(
    site: Site, make_proxy: Callable[[Address], Proxy]
) -> None:
    proxy = make_proxy(("127.0.0.1", site.gpu_host.sshd.port))
    near = site.gpu_host.toml("near", workdir=f'"{site.root / "near"}"')
    site.configure(site.gpu_host.toml("far", port=str(proxy.port)) + near)
    far = runs("one", more="placement: {host: far}")
    site.write(model(SLOW), far)
    site.start("one")
    site.write(model(SLOW), far, model(WRITE, name="quick"), runs("two", model="quick", more="placement: {host: near}"))
    proxy.black_hole()
    with site.applying() as outcomes:
        until(lambda: is_done(site, "two"), "the run on the other host is done")
        assert is_unknown(site, "one")
        site.let_go("one")
        proxy.heal()
    (outcome,) = outcomes
    assert outcome.exit_code == 0
    assert len(site.starts.names) == 2
    assert site.gpu_host.batches(PROJECT) == []


def last_seen(site: Site, key: str) -> RunStatus | None:
    return site.seen[-1].plan.status_of(key) if site.seen else None


def is_done(site: Site, key: str) -> bool:
    status = last_seen(site, key)
    return status is not None and status.phase is Phase.SUCCEEDED


def is_unknown(site: Site, key: str) -> bool:
    status = last_seen(site, key)
    return status is not None and status.sync is Sync.UNKNOWN
