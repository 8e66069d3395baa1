"""Transfers that break on their way to and from a host, by either carrier: the next try goes on where they ended."""

import hashlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cosmos.core.ports import BatchPlan, Host
from cosmos.errors import HostUnreachable
from cosmos.hosts.process import ProcessHost
from cosmos.hosts.ssh import transport as ssh_transport
from cosmos.hosts.ssh.transport import SshTransport
from tests.makers import a_batch_meta
from tests.remote.site import WRITE, Site, model, runs, until
from tests.services.proxy import Address, Direction, Proxy
from tests.services.sshd import Sshd, sshd

pytestmark = pytest.mark.needs("ssh")

SIZE = 64 << 20
CUT, HANGS = "the line is cut", "the session hangs and is killed"
AGAIN = SIZE // 10
"""Most bytes that may travel twice, what encryption adds included."""


@pytest.fixture(scope="module")
def server() -> Iterator[Sshd]:
    with sshd() as server:
        yield server


@dataclass
class Way:
    """A host behind a network that can be cut, and its server."""

    host: Host
    proxy: Proxy
    server: Sshd
    workdir: Path

    def break_halfway(self, how: str, direction: Direction) -> "Halfway":
        """Have the next transfer break: at once, or by what the returned progress does."""
        if how == CUT:
            self.proxy.cut_after(SIZE // 2, direction)
            return nothing()
        return Halfway(lambda: stop_then_kill(self.server))


class Halfway:
    """Progress that does something, once, when half of SIZE has passed."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act
        self._count = 0

    def __call__(self, count: int) -> None:
        before, self._count = self._count, self._count + count
        if before < SIZE // 2 <= self._count:
            self._act()


def nothing() -> Halfway:
    return Halfway(lambda: None)


@pytest.fixture(params=["the program ssh", "a second connection"])
def way(
    request: pytest.FixtureRequest,
    server: Sshd,
    tmp_path: Path,
    make_proxy: Callable[[Address], Proxy],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Way]:
    monkeypatch.setattr(ssh_transport, "BY_PROGRAM", SIZE)
    proxy = make_proxy(("127.0.0.1", server.port))
    target = server.target(port=proxy.port, host_key=server.fingerprint)
    transport = SshTransport(target, program=request.param == "the program ssh")
    workdir = tmp_path / "work"
    host = ProcessHost("gpu", transport, str(workdir), "demo")
    yield Way(host, proxy, server, workdir)
    host.close()


@pytest.fixture(scope="module")
def noise() -> bytes:
    return os.urandom(SIZE)


def stop_then_kill(server: Sshd) -> None:
    """Sessions that hang first, so that bytes are on their way to them, and then are gone."""
    server.signal_sessions(signal.SIGSTOP)
    threading.Timer(0.5, server.signal_sessions, [signal.SIGKILL]).start()


@pytest.mark.parametrize("how", [CUT, HANGS])
def test_an_upload_goes_on_where_it_was_cut(way: Way, noise: bytes, tmp_path: Path, how: str) -> None:
    path = tmp_path / "large"
    path.write_bytes(noise)
    blob = (hashlib.sha256(noise).hexdigest(), SIZE, path)
    progress = way.break_halfway(how, "up")
    with pytest.raises(HostUnreachable):
        way.host.put_blobs([blob], progress)
    assert reached(lambda: way.host.observe([blob[0]]).blobs) == frozenset()
    reached(lambda: way.host.put_blobs([blob], nothing()))
    assert way.proxy.passed["up"] < SIZE + AGAIN
    there = way.workdir / "demo" / "blobs" / blob[0][:2] / blob[0]
    assert there.read_bytes() == noise
    assert list((way.workdir / "demo" / "blobs" / ".part").iterdir()) == []


@pytest.mark.parametrize("how", [CUT, HANGS])
def test_a_download_goes_on_where_it_was_cut(way: Way, noise: bytes, tmp_path: Path, how: str) -> None:
    meta = a_batch_meta(project="demo")
    way.host.prepare(BatchPlan(meta=meta, argv=("true",), folders=("one",)))
    way.host.start(meta.batch_id)
    until(lambda: way.host.observe([]).batches[meta.batch_id].exit is not None, "it has ended")
    (way.workdir / "demo" / "batches" / meta.batch_id / "outputs" / "one" / "v.bin").write_bytes(noise)
    (entry,) = way.host.manifest(meta.batch_id, "one")
    target = tmp_path / "got"
    before = way.proxy.passed["down"]
    progress = way.break_halfway(how, "down")
    with pytest.raises(HostUnreachable):
        way.host.fetch(meta.batch_id, "one", [(entry, target)], progress)
    assert 0 < target.stat().st_size < SIZE
    reached(lambda: way.host.fetch(meta.batch_id, "one", [(entry, target)], nothing()))
    assert way.proxy.passed["down"] - before < SIZE + AGAIN
    assert target.read_bytes() == noise


def reached(act: Callable[[], object]) -> object:
    """What it gives, once the host answers again: after a failure it is left alone for a moment."""
    found: list[object] = []

    def is_done() -> bool:
        try:
            found.append(act())
        except HostUnreachable:
            return False
        return True

    until(is_done, "the host answers again")
    return found[0]


@pytest.mark.needs("docker")
@pytest.mark.parametrize("direction", ["up", "down"])
def test_an_apply_goes_on_by_itself_after_a_cut(
    site: Site, make_proxy: Callable[[Address], Proxy], direction: Direction
) -> None:
    size = 24 << 20
    proxy = make_proxy(("127.0.0.1", site.gpu_host.sshd.port))
    site.configure(site.gpu_host.toml(port=str(proxy.port)))
    (site.root / "inputs").mkdir()
    (site.root / "inputs" / "large.bin").write_bytes(os.urandom(size))
    copy = model('cat "$3" >"$1"', more="inputs: {file: {required: true}}", args=("{inputs.file}",))
    site.write(copy, runs("one", more="inputs: {file: inputs/large.bin}"), model(WRITE, name="unused"))
    proxy.cut_after(size // 2, direction)
    assert site.apply().exit_code == 0
    assert (site.root / "outputs/one/latest/out.txt").read_bytes() == (site.root / "inputs/large.bin").read_bytes()
    assert proxy.passed[direction] < 1.2 * size
    assert len(site.starts.names) == 1
