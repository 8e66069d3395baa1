"""The stream of docker's events, cut in every way while an apply waits on it. It only says when to look.

Nothing else makes these applies look again within the patience of a test: what they notice, they are told.
"""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from threading import Thread

import pytest

from cosmos.config import ConfigManager
from cosmos.core.case import Policy
from cosmos.core.plan import Phase
from cosmos.engine import watch
from cosmos.engine.converge import Converge
from cosmos.engine.cycle import Report
from cosmos.engine.watch import WATCH_AGAIN_S
from cosmos.project.wiring import open_project
from tests.processes import words
from tests.remote.site import PATIENCE_S, SLOW, Site, model, runs, until
from tests.services.dockerd import Dockerd
from tests.services.gpu_host import GpuHost
from tests.services.images import BASE, Images
from tests.services.proxy import Address, Proxy

pytestmark = pytest.mark.needs("docker", "ssh")

NEVER_S = 10 * PATIENCE_S


@pytest.fixture(autouse=True)
def _no_watch_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "WATCH_S", NEVER_S)


@dataclass
class Wait:
    """An apply that waits, on the one host of a site."""

    site: Site
    reports: list[Report]

    @property
    def streams(self) -> list[int]:
        """Processes of the host that listen to docker, of its connections that are open."""
        return [pid for pid in self.site.gpu_host.sshd.processes("docker") if "events" in words(pid)]

    def is_watched(self) -> int:
        """Once it does nothing but to listen: the process that it listens to."""
        until(lambda: self.is_quiet and len(self.streams) == 1, "docker's events are listened to")
        return self.streams[0]

    @property
    def is_quiet(self) -> bool:
        report = self.reports[-1]
        phases = {status.phase for status in report.plan.statuses}
        return not report.busy and phases <= {Phase.RUNNING, Phase.SUCCEEDED}

    def is_watched_anew(self, before: int) -> None:
        """After a process that listened has ended: at the price of one look, and one more that was under way."""
        looks = len(self.reports)
        until(lambda: self.streams not in ([], [before]), "docker's events are listened to again")
        assert looks <= len(self.reports) <= looks + 2

    def phase(self, key: str) -> Phase:
        status = self.reports[-1].plan.status_of(key)
        assert status is not None
        return status.phase


@contextmanager
def waiting(site: Site, look_every_s: float = NEVER_S) -> Iterator[Wait]:
    """Until everything is done, which the block has to see to."""
    project = open_project(ConfigManager(site.root, environment={}).settings(), print)
    reports: list[Report] = []
    try:
        with project.lease.held() as hold, project.engine(hold) as engine:
            loop = Converge(engine, reports.append, look_every_s=look_every_s)
            thread = Thread(target=loop.run, args=(project.desire(), Policy()), kwargs={"timeout_s": NEVER_S})
            thread.start()
            try:
                yield Wait(site, reports)
                thread.join(PATIENCE_S)
                assert not thread.is_alive(), "it has not noticed the end"
            finally:
                loop.stop()
                thread.join()
    finally:
        project.close()


def ended_well(site: Site, *keys: str) -> None:
    assert [site.output(key) for key in keys] == list(keys)
    assert len(site.starts.names) == len(keys), "each was started once"
    assert site.containers() == []


def test_a_stream_that_is_killed_is_opened_again_and_costs_a_look(site: Site) -> None:
    site.write(model(SLOW), runs("one"))
    with waiting(site) as wait:
        site.seen_running("one")
        for _ in range(2):
            stream = wait.is_watched()
            os.kill(stream, signal.SIGKILL)
            wait.is_watched_anew(stream)
            assert wait.phase("one") is Phase.RUNNING
        site.let_go("one")
    ended_well(site, "one")


def test_a_connection_that_is_cut_is_made_again_and_costs_a_look(
    site: Site, make_proxy: Callable[[Address], Proxy]
) -> None:
    proxy = make_proxy(("127.0.0.1", site.gpu_host.sshd.port))
    site.configure(site.gpu_host.toml(port=str(proxy.port)))
    site.write(model(SLOW), runs("one"))
    with waiting(site) as wait:
        site.seen_running("one")
        stream = wait.is_watched()
        proxy.cut()
        wait.is_watched_anew(stream)
        assert proxy.connections == 2
        assert wait.phase("one") is Phase.RUNNING
        site.let_go("one")
    ended_well(site, "one")


def test_what_ends_while_the_stream_is_down_is_found_by_the_look(
    site: Site, make_proxy: Callable[[Address], Proxy]
) -> None:
    proxy = make_proxy(("127.0.0.1", site.gpu_host.sshd.port))
    site.configure(site.gpu_host.toml(port=str(proxy.port)))
    site.write(model(SLOW), runs("one", "two"))
    with waiting(site) as wait:
        site.seen_running("one", "two")
        wait.is_watched()
        proxy.black_hole()
        site.let_go("one")
        until((site.batch("one") / "exit.json").exists, "the first has ended")
        proxy.cut()
        proxy.heal()
        until(lambda: wait.phase("one") is Phase.SUCCEEDED, "its end is noticed")
        site.let_go("two")
    ended_well(site, "one", "two")


DEAF = """\
#!/bin/bash
# Docker, whose events cannot be had while there is a file.
[[ $1 == events && -e FOLDER/deaf ]] || exec DOCKER "$@"
echo "$EPOCHREALTIME" >>FOLDER/asked
exit 1
"""


@dataclass
class Deaf:
    """A docker that refuses its events until it is told to `hear`."""

    folder: Path

    @property
    def asked_at(self) -> list[float]:
        path = self.folder / "asked"
        return [float(line) for line in path.read_text().split()] if path.exists() else []

    def hear(self) -> None:
        (self.folder / "deaf").unlink()


@pytest.fixture
def deaf(site: Site, tmp_path: Path) -> Deaf:
    program = site.gpu_host.gpus.path / "docker"
    program.write_text(DEAF.replace("FOLDER", str(tmp_path)).replace("DOCKER", shutil.which("docker") or ""))
    program.chmod(0o755)
    (tmp_path / "deaf").touch()
    return Deaf(tmp_path)


def test_a_stream_that_always_breaks_is_opened_ever_less_often_and_looks_go_on(site: Site, deaf: Deaf) -> None:
    site.write(model(SLOW), runs("one", "two"))
    with waiting(site) as wait:
        site.seen_running("one", "two")
        until(lambda: wait.is_quiet and len(deaf.asked_at) > 1, "it was tried again")
        before, looks = len(deaf.asked_at), len(wait.reports)
        until(lambda: len(deaf.asked_at) >= before + 2, "it was tried a few times more")
        assert len(wait.reports) <= looks + 4
        asked = deaf.asked_at
        pauses = [after - before for before, after in pairwise(asked)]
        assert all(pause >= WATCH_AGAIN_S * 2**turn for turn, pause in enumerate(pauses)), pauses
        site.let_go("one")
        until(lambda: wait.phase("one") is Phase.SUCCEEDED, "an end is noticed without it")
        deaf.hear()
        wait.is_watched()
        site.let_go("two")
    ended_well(site, "one", "two")


def test_a_daemon_that_comes_back_is_listened_to_again(tmp_path: Path, images: Images) -> None:
    daemon = Dockerd(options=["--live-restore"])
    (tmp_path / "host").mkdir()
    try:
        daemon.start()
        images.load(daemon, BASE)
        host = GpuHost(tmp_path / "host", daemon)
        try:
            site = Site(tmp_path / "project", toml=host.toml(), gpu_host=host)
            site.write(model(SLOW), runs("one", "two"))
            with waiting(site, look_every_s=2) as wait:
                site.seen_running("one", "two")
                stream = wait.is_watched()
                daemon.stop()
                site.let_go("one")
                until((site.batch("one") / "exit.json").exists, "one has ended")
                daemon.start()
                until(lambda: wait.streams not in ([], [stream]), "it is listened to again")
                until(lambda: wait.phase("one") is Phase.SUCCEEDED, "the end it did not tell of is noticed")
                site.let_go("two")
            assert [site.output(key) for key in ("one", "two")] == ["one", "two"]
            assert [len(site.attempts(key)) for key in ("one", "two")] == [1, 1]
            assert site.containers() == []
        finally:
            host.sshd.stop()
    finally:
        daemon.close()
