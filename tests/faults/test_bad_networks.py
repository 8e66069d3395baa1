"""Ways to a host that fall silent, are cut at any byte, or lead to another machine. Controllers are processes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.estate import ON_A_GPU, Estate
from tests.remote.site import SLOW, WRITE, model, runs, until
from tests.services.gpu_host import GpuHost
from tests.services.proxy import Address, Proxy

pytestmark = pytest.mark.needs("docker", "ssh")

STALLS = """\
#!/bin/bash
if [[ $1 == create ]]; then touch FOLDER/asked; until [[ -e FOLDER/go ]]; do sleep 0.05; done; fi
exec DOCKER "$@"
"""


def test_a_black_hole_in_the_middle_of_a_start_starts_nothing_twice(
    estate: Estate, make_proxy: Callable[[Address], Proxy]
) -> None:
    """The host does what it was told while nothing goes through; what became of it, only a later look can tell."""
    proxy = make_proxy(("127.0.0.1", estate.gpu_host.sshd.port))
    estate.configure(estate.gpu_host.toml(port=str(proxy.port)))
    estate.write(model(SLOW), runs("one", more=ON_A_GPU))
    folder = estate.host_program("docker", STALLS)
    controller = estate.controller()
    until((folder / "asked").exists, "docker is asked for a container")
    proxy.black_hole()
    (folder / "go").touch()
    until(lambda: len(estate.live()) == 1, "the container runs")
    estate.says("one Unknown", "does not greet", "more: cosmos explain one")
    proxy.cut()
    proxy.heal()
    estate.seen_running("one")
    estate.let_go("one")
    assert controller.ended() == 0
    estate.all_done("one")


@pytest.fixture
def near(tmp_path: Path, estate: Estate) -> Iterator[GpuHost]:
    """A second machine."""
    folder = tmp_path / "near"
    folder.mkdir()
    host = GpuHost(folder, estate.docker)
    yield host
    host.sshd.stop()


def test_a_frozen_server_holds_up_no_other_host_and_its_work_goes_on(estate: Estate, near: GpuHost) -> None:
    estate.configure(estate.gpu_host.toml("far") + near.toml("near"))
    quick = runs("two", "three", model="quick", more="placement: {gpus: 1, host: near}")
    estate.write(model(SLOW), model(WRITE, name="quick"), runs("one", more="placement: {gpus: 1, host: far}"))
    controller = estate.running("one")
    estate.gpu_host.sshd.freeze()
    controller.kill()
    estate.write(model(SLOW), model(WRITE, name="quick"), runs("one", more="placement: {gpus: 1, host: far}"), quick)
    controller = estate.controller()
    until((estate.root / "outputs/three/latest/out.txt").exists, "the other host is used")
    estate.says("one Unknown Running", "host unreachable", "more: cosmos explain one")
    assert not controller.has_ended()
    estate.let_go("one")
    estate.gpu_host.sshd.thaw()
    assert controller.ended() == 0
    estate.all_done("one", "two", "three")


GRID = ((1, 1), (700, 300), (2500, 1000), (5000, 2500), (9000, 4500))
"""Bytes that are let through up and down before a reset, in the order of what a run sends and gets."""


def test_cut_after_any_number_of_bytes_a_run_is_launched_once(
    estate: Estate, make_proxy: Callable[[Address], Proxy]
) -> None:
    proxy = make_proxy(("127.0.0.1", estate.gpu_host.sshd.port))
    estate.configure(estate.gpu_host.toml(port=str(proxy.port)))
    names: list[str] = []
    for up, down in GRID:
        names.append(f"run{up}")
        estate.write(model(WRITE), runs(*names, more=ON_A_GPU))
        proxy.cut_after(up, "up")
        proxy.cut_after(down, "down")
        codes: list[int] = []
        while not codes or codes[-1]:
            codes.append(estate.controller().ended())
            assert codes[-1] in (0, 6), codes  # one whose first look fails says so, and does not wait
            assert len(codes) < 5, codes
        assert f"{len(names)} in sync." in estate.status_text()
    estate.all_done(*names)


def test_a_server_with_another_key_gets_nothing_until_a_person_trusts_it(estate: Estate) -> None:
    estate.write(model(SLOW), runs("one", more=ON_A_GPU))
    controller = estate.running("one")
    server = estate.gpu_host.sshd
    logins = server.log.count("Accepted publickey")
    server.stop()
    server.new_host_key()
    server.start()
    estate.says(
        "one Unknown Running", "has changed", "nothing was sent", server.fingerprint, "edit host_key in cosmos.toml"
    )
    assert not controller.has_ended()
    controller.kill()
    assert server.log.count("Accepted publickey") == logins
    estate.let_go("one")
    estate.configure(estate.gpu_host.toml())  # the new fingerprint
    estate.finish()
    estate.all_done("one")
