"""Programs that a host need not have: without them, and with ones that do not work, the work is the same."""

import ast
import hashlib
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cosmos.errors import HostRefused
from cosmos.hosts.bundle import bundle
from cosmos.hosts.layout import Layout
from cosmos.hosts.local import LocalTransport
from cosmos.hosts.parse import read_manifest
from cosmos.hosts.remote import RemoteCommandExecutor, Script
from cosmos.hosts.scripts import BashScriptBuilder
from tests.makers import a_batch_id

RECEIVE = Path(__file__).parents[2] / "cosmos" / "hosts" / "bash" / "receive.py"
BATCH = a_batch_id()
LONG = 16 << 20
"""Bytes from which on an output is hashed by itself."""
NAMES = ("-rf", "a b", "\\", "line\nend", "*", "\u00e9")
PROGRAMS = {
    "missing": "",
    "fails": "exit 1",
    "prints help": "echo usage; exit 0",
    "says no": "echo 'pyenv: command not found' >&2; exit 127",
}


class Machine:
    """A host with such programs."""

    def __init__(self, folder: Path, path: str) -> None:
        self.folder = folder
        self.transport = LocalTransport({"PATH": path})
        self.builder = BashScriptBuilder(Layout(str(folder / "host"), "demo"))
        self.blobs = Path(self.builder.layout.blobs)
        self.outputs = Path(self.builder.layout.batch(BATCH), "outputs", "one")

    def run(self, script: Script, *feed: bytes) -> bytes:
        return RemoteCommandExecutor("gpu", self.transport).run(script, feed)

    def receive(self, data: bytes, *feed: bytes) -> bytes:
        sha256 = hashlib.sha256(data).hexdigest()
        self.run(self.builder.blobs([sha256]))
        return self.run(self.builder.receive(sha256, len(data), f"{sha256}.1-1"), *feed or (data,))

    def receive_many(self, *feed: bytes) -> bytes:
        self.run(self.builder.blobs(["0" * 64]))
        return self.run(self.builder.receive_many("1-1", 1000), *feed)

    def there(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.blobs.glob("??/*")}


@pytest.fixture(params=PROGRAMS)
def machine(request: pytest.FixtureRequest, bare_path: str, tmp_path: Path) -> Iterator[Machine]:
    """One whose python3 and openssl are of no use."""
    (tmp_path / "bin").mkdir()
    for name in ("python3", "openssl"):
        if PROGRAMS[request.param]:
            (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{PROGRAMS[request.param]}\n")
            (tmp_path / "bin" / name).chmod(0o755)
    machine = Machine(tmp_path, f"{tmp_path / 'bin'}:{bare_path}")
    yield machine
    machine.transport.close()


@pytest.fixture
def able(tmp_path: Path) -> Iterator[Machine]:
    """One with Python and openssl, where this machine has them."""
    machine = Machine(tmp_path, os.defpath)
    yield machine
    machine.transport.close()


def a_bundle(folder: Path, *datas: bytes) -> list[bytes]:
    blobs = []
    for number, data in enumerate(datas):
        path = folder / f"{number}"
        path.write_bytes(data)
        blobs.append((hashlib.sha256(data).hexdigest(), len(data), path))
    return list(bundle(blobs, lambda _: None))


def check_manifest(machine: Machine) -> None:
    """Long files and short ones with names that are hard to pass on."""
    machine.outputs.mkdir(parents=True)
    expected = {}
    for number, name in enumerate(NAMES):
        for size in (number, LONG - number % 2):
            data = name.encode().ljust(size, b"x")[:size]
            (machine.outputs / f"{name}{size}").write_bytes(data)
            expected[f"{name}{size}"] = (size, hashlib.sha256(data).hexdigest())
    manifest, odd = read_manifest(machine.run(machine.builder.manifest(BATCH, "one")))
    assert {entry.name: (entry.size, entry.sha256) for entry in manifest}.items() <= expected.items()
    assert len(manifest) + len(odd) == len(expected)


def test_blobs_arrive_all_the_same(machine: Machine) -> None:
    assert machine.receive(b"large") == b""
    assert machine.receive_many(*a_bundle(machine.folder, b"one", b"two")) == b""
    assert set(machine.there().values()) == {b"large", b"one", b"two"}


def test_outputs_are_hashed_all_the_same(machine: Machine) -> None:
    check_manifest(machine)


def test_long_outputs_are_hashed(able: Machine) -> None:
    check_manifest(able)


def test_a_python_that_ends_in_the_middle_is_not_taken_over_from(bare_path: str, tmp_path: Path) -> None:
    """Nobody knows how much of stdin it has read."""
    program = tmp_path / "python3"
    program.write_text('#!/bin/sh\nif [ $# = 5 ]; then mkdir ".part/$5"; else : >".part/$7"; fi\nexit 1\n')
    program.chmod(0o755)
    machine = Machine(tmp_path, f"{tmp_path}:{bare_path}")
    receive: list[Callable[[], bytes]] = [
        lambda: machine.receive(b"large"),
        lambda: machine.receive_many(*a_bundle(tmp_path, b"one")),
    ]
    for act in receive:
        with pytest.raises(HostRefused, match="python3 ended with 1"):
            act()
    assert machine.there() == {}


def without_python(folder: Path, bare_path: str, program: str, text: str) -> Machine:
    """A host of which one other program is like this."""
    (folder / "bin").mkdir()
    (folder / "bin" / program).write_text(f"#!/bin/sh\n{text}\n")
    (folder / "bin" / program).chmod(0o755)
    return Machine(folder, f"{folder / 'bin'}:{bare_path}")


@pytest.mark.parametrize("text", ["kill -9 $$", "exit 127", "exit 1", "/usr/bin/sha256sum --version; exit 2"])
def test_what_was_not_verified_is_no_blob(bare_path: str, tmp_path: Path, text: str) -> None:
    machine = without_python(tmp_path, bare_path, "sha256sum", text)
    with pytest.raises(HostRefused, match="cannot verify blobs"):
        machine.receive_many(*a_bundle(tmp_path, b"one", b"two"))
    assert machine.there() == {}
    assert list((machine.blobs / ".part").iterdir()) == []


def test_blobs_are_placed_whole_where_there_are_no_links(bare_path: str, tmp_path: Path) -> None:
    """By renames: a copy that is cut off would be taken for a blob."""
    machine = without_python(tmp_path, bare_path, "cp", "exit 1")
    assert machine.receive_many(*a_bundle(tmp_path, b"one", b"two")) == b""
    assert set(machine.there().values()) == {b"one", b"two"}
    assert list((machine.blobs / ".part").iterdir()) == []


def test_of_a_bundle_without_python_the_damaged_are_named(bare_path: str, tmp_path: Path) -> None:
    machine = without_python(tmp_path, bare_path, "unused", "")
    sha256 = hashlib.sha256(b"one").hexdigest()
    pieces = [piece.replace(b"one\0", b"0ne\0") for piece in a_bundle(tmp_path, b"one", b"two")]
    assert machine.receive_many(*pieces) == f"bad {sha256}\n".encode()
    assert set(machine.there().values()) == {b"two"}


def test_of_a_cut_bundle_python_keeps_what_is_whole(able: Machine) -> None:
    if not Path("/usr/bin/python3").exists():
        pytest.skip("python3 is not installed in /usr/bin")
    pieces = a_bundle(able.folder, b"one", b"two", b"three")
    with pytest.raises(HostRefused, match="was cut off"):
        able.receive_many(*pieces[:2], pieces[2][:514])
    assert set(able.there().values()) == {b"one", b"two"}
    assert list((able.blobs / ".part").iterdir()) == []


@pytest.mark.parametrize("name", ["../../x", "ab/" + "g" * 64, "cd/" + "ab" * 32, "ab/" + "ab" * 31, ""])
def test_a_bundle_has_no_other_names_than_those_of_blobs(able: Machine, name: str) -> None:
    if not Path("/usr/bin/python3").exists():
        pytest.skip("python3 is not installed in /usr/bin")
    header = tarfile.TarInfo(name)
    with pytest.raises(HostRefused, match="cannot write blobs"):
        able.receive_many(header.tobuf(tarfile.USTAR_FORMAT), bytes(1024))
    assert able.there() == {}


def test_a_bundle_is_a_tar(tmp_path: Path) -> None:
    sizes = (0, 1, 512, 20_000, 4 << 20)
    pieces = a_bundle(tmp_path, *(bytes(size) for size in sizes))
    for size, piece in zip(sizes, pieces, strict=False):
        sha256 = hashlib.sha256(bytes(size)).hexdigest()
        header = tarfile.TarInfo(f"{sha256[:2]}/{sha256}")
        header.size, header.mode = size, 0o444
        assert piece[:512] == header.tobuf(tarfile.USTAR_FORMAT)


def test_the_python_of_a_host_may_be_old() -> None:
    ast.parse(RECEIVE.read_text("ascii"), feature_version=(3, 6))
