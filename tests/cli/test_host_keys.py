"""`cosmos hosts trust` and `check`, against real SSH servers, one behind another."""

import contextlib
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.console import Console
from tests.services.sshd import Sshd, sshd

pytestmark = pytest.mark.needs("ssh")


@pytest.fixture
def hop() -> Iterator[Sshd]:
    with sshd() as server:
        yield server


@pytest.fixture
def end(hop: Sshd) -> Iterator[Sshd]:
    with sshd() as server:
        (hop.folder / "authorized_keys").write_text(server.key.with_suffix(".pub").read_text())
        yield server


def configure(console: Console, server: Sshd, *more: str, name: str = "gpu", workdir: Path | None = None) -> None:
    """Add a host to cosmos.toml."""
    lines = (
        f"[hosts.{name}]",
        'address = "127.0.0.1"',
        f"port = {server.port}",
        'user = "root"',
        f'key = "{server.key}"',
        f'workdir = "{workdir or console.root / "work"}"',
        *more,
    )
    add(console, "\n".join((*lines, "")))


def add(console: Console, toml: str) -> None:
    path = console.root / "cosmos.toml"
    path.write_text(f"{path.read_text()}{toml}")


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Console]:
    console = Console(tmp_path / "console")
    (console.root / "cosmos.toml").write_text('[project]\nname = "workshop"\n')
    yield console
    console.close()


def new_key(server: Sshd) -> None:
    server.stop()
    server.new_host_key()
    server.start()


def test_trust_goes_on_to_the_host_behind_the_machine_that_it_is_reached_through(
    far: Console, hop: Sshd, end: Sshd
) -> None:
    configure(far, end, f'jump = "root@127.0.0.1:{hop.port}"')
    first = far.cosmos("hosts", "trust", "gpu", "--yes")
    assert first.returncode == 0, first.stderr
    assert first.stderr.index(hop.fingerprint) < first.stderr.index(end.fingerprint)
    assert first.stderr.count("Next: cosmos hosts check gpu") == 1
    assert far.cosmos("hosts", "check").returncode == 0

    before = hop.fingerprint
    new_key(hop)
    assert "cosmos hosts trust gpu" in far.cosmos("hosts", "check").stdout
    again = far.cosmos("hosts", "trust", "gpu", "--yes")
    assert again.returncode == 0
    assert f"another key: {before}" in again.stderr
    assert "known already" in again.stderr
    assert far.cosmos("hosts", "check").returncode == 0


def test_a_key_that_is_fixed_in_the_configuration_is_changed_there(far: Console, end: Sshd) -> None:
    configure(far, end, f'host_key = "{end.fingerprint}"')
    known = far.cosmos("hosts", "trust", "gpu", "--yes")
    assert (known.returncode, "trusted by host_key" in known.stderr) == (0, True)
    before = end.fingerprint
    new_key(end)
    refused = far.cosmos("hosts", "check")
    assert refused.returncode == 6
    assert "edit host_key in cosmos.toml" in refused.stdout
    assert "hosts trust" not in refused.stdout
    refused = far.cosmos("hosts", "trust", "gpu", "--yes")
    assert refused.returncode == 1
    assert "edit host_key in cosmos.toml" in refused.stderr
    assert before in refused.stderr
    assert not (far.root / ".cosmos" / "known_hosts").exists()


def test_a_host_that_says_no_has_a_problem_and_the_others_are_checked(far: Console, end: Sshd, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("bash", "cat", "dd", "head", "sh"):
        (programs / name).symlink_to(f"/bin/{name}")
    with sshd(environment={"PATH": str(programs)}) as bare:
        configure(far, bare, f'host_key = "{bare.fingerprint}"', name="bare")
        configure(far, end, f'host_key = "{end.fingerprint}"', name="well")
        done = far.cosmos("hosts", "check")
    assert done.returncode == 1, done.stderr
    assert re.search(r"FAIL +check +bare: cannot run `timeout`", done.stdout)
    assert "bare: 1 problem" in done.stdout
    assert done.stdout.splitlines()[-1].strip() == "well: ready"


def test_hosts_are_checked_beside_each_other(far: Console) -> None:
    with contextlib.ExitStack() as resources:
        for number in range(5):
            mute = resources.enter_context(socket.create_server(("127.0.0.1", 0)))
            port = mute.getsockname()[1]
            add(far, f'[hosts.mute{number}]\naddress = "127.0.0.1"\nport = {port}\n')
        start = time.monotonic()
        done = far.cosmos("hosts", "check")
        assert time.monotonic() - start < 30, "10 s each"
    assert done.returncode == 6
    assert re.findall(r"^mute\d", done.stdout, re.MULTILINE) == [f"mute{number}" for number in range(5)]


@pytest.mark.parametrize(
    "words",
    [("pull", "gpu*"), ("trust", "gpu*"), ("check", "gqu"), ("pull", "nobody"), ("list", "nobody"), ("list", "gpu-x")],
)
def test_a_name_that_means_no_host_or_several_is_explained_with_the_hosts(far: Console, words: tuple[str, str]) -> None:
    add(far, "[hosts.gpu-a]\n[hosts.gpu-b]\n")
    done = far.cosmos("hosts", *words)
    assert done.returncode == 1
    assert f'"{words[1]}"' in done.stderr
    assert "the hosts of cosmos.toml are: gpu-a, gpu-b; name one of these, or add yours there" in done.stderr
    assert "runs" not in done.stderr


@pytest.mark.parametrize("kind", ["prompts", "models"])
def test_a_name_that_means_nothing_is_looked_for_where_it_would_be(far: Console, kind: str) -> None:
    done = far.cosmos("list", kind, "nobody")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"cosmos list {kind} shows the names" in done.stderr


def test_what_docker_says_reaches_a_terminal_without_what_it_would_obey(
    far: Console, end: Sshd, tmp_path: Path
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    docker = programs / "docker"
    docker.write_text("#!/bin/sh\nprintf 'one\\n\\033]0;title\\007two\\nthree'\n")
    docker.chmod(0o755)
    with sshd(environment={"PATH": f"{programs}:/usr/bin:/bin"}) as odd:
        configure(far, odd, f'host_key = "{odd.fingerprint}"', 'runtime = "docker"')
        with far.terminal("hosts", "pull", "gpu", "image", columns=120) as terminal:
            shown, code = terminal.read_to_end()
    assert code == 0, shown
    assert shown.splitlines()[-3:] == ["one", "\\x1b]0;title\\x07two", "three"]
