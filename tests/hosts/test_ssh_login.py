"""Whom we talk to and who we are, against a real sshd: host keys first, then our keys; never anything by itself."""

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cosmos.errors import HostUnreachable
from cosmos.hosts.ssh.connection import presented_key
from cosmos.hosts.ssh.keys import HostKeyRefused, trust
from cosmos.hosts.ssh.login import LoginRefused
from cosmos.hosts.ssh.manager import SSHManager
from cosmos.hosts.ssh.target import SshTarget
from cosmos.hosts.ssh.transport import BY_PROGRAM, SshTransport
from cosmos.hosts.transport import APART
from tests.contracts.host_contract import until
from tests.services.sshd import Sshd, agent, make_key, sshd
from tests.services.streams import drained

pytestmark = pytest.mark.needs("ssh")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Without keys, known hosts or an agent."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    (tmp_path / ".ssh").mkdir()
    return tmp_path


@pytest.fixture
def server() -> Iterator[Sshd]:
    with sshd() as server:
        yield server


def refusal(target: SshTarget, kind: type[HostUnreachable]) -> HostUnreachable:
    with SSHManager(target) as ssh, pytest.raises(kind) as caught:
        drained(ssh.stream(("true",), patience_s=10))
    return caught.value


def works(target: SshTarget) -> bool:
    with SSHManager(target) as ssh:
        return drained(ssh.stream(("echo", "ok"), patience_s=10))[0] == b"ok\n"


def test_an_unknown_server_is_refused_until_it_is_trusted(server: Sshd, tmp_path: Path) -> None:
    target = server.target(pins=tmp_path / "state" / "known_hosts")
    error = refusal(target, HostKeyRefused)
    assert server.fingerprint in error.message
    assert "cosmos hosts trust gpu" in error.hint
    assert "userauth" not in server.log
    trust(target, presented_key(target))
    assert "userauth" not in server.log
    assert works(target)


def test_a_changed_key_is_refused_before_anything_is_sent(server: Sshd) -> None:
    old = server.fingerprint
    server.stop()
    server.new_host_key()
    server.start()
    error = refusal(server.target(), HostKeyRefused)
    for words in (old, server.fingerprint, f"{server.folder}/known_hosts:1", "nothing was sent"):
        assert words in error.message
    assert "userauth" not in server.log


def test_a_fingerprint_in_the_configuration_is_what_counts(server: Sshd, tmp_path: Path) -> None:
    none = tmp_path / "none"
    assert works(server.target(pins=none, host_key=server.fingerprint))
    error = refusal(server.target(host_key="SHA256:" + "A" * 43), HostKeyRefused)
    assert "host_key in cosmos.toml" in error.message
    assert not none.exists()


def test_a_key_in_the_users_file_is_enough_and_a_revoked_one_is_not(server: Sshd, home: Path) -> None:
    users, none = home / ".ssh" / "known_hosts", home / "none"
    users.write_text(f"broken line\n{server.known_as} {server.host_key_line}\n")
    assert works(server.target(pins=none))
    users.write_text(f"@revoked {server.known_as} {server.host_key_line}\n")
    assert "revoked" in refusal(server.target(), HostKeyRefused).message


def test_a_server_with_several_keys_shows_the_one_that_is_pinned(server: Sshd) -> None:
    server.stop()
    make_key(server.folder / "second", "ecdsa")
    line = " ".join((server.folder / "second.pub").read_text().split()[:2])
    config = f"HostKey {server.folder}/second"
    (server.folder / "known_hosts").write_text(f"{server.known_as} {line}\n")
    server.more = (config,)
    server.start()
    assert works(server.target())
    for program in (True, False):
        transport = SshTransport(server.target(), program=program)
        assert drained(transport.stream(("echo", "ok"), patience_s=10, moving=BY_PROGRAM))[0] == b"ok\n"
        transport.close()


@pytest.mark.parametrize("program", [True, False])
def test_many_bytes_go_only_to_the_server_that_was_verified(server: Sshd, program: bool) -> None:
    transport = SshTransport(server.target(), program=program)
    assert drained(transport.stream(("echo", "ok"), patience_s=10))[0] == b"ok\n"
    server.stop_listening()
    server.new_host_key()
    (server.folder / "log").unlink()
    server.start()
    with pytest.raises(HostUnreachable, match=r"Host key verification failed|has changed"):
        drained(transport.stream(("cat",), [b"secret"], patience_s=10, moving=BY_PROGRAM))
    assert "userauth" not in server.log
    assert drained(transport.stream(("echo", "ok"), patience_s=10))[0] == b"ok\n"
    transport.close()


def test_a_key_that_the_server_does_not_want_is_named(server: Sshd, tmp_path: Path) -> None:
    key = make_key(tmp_path / "mine")
    error = refusal(server.target(key=str(key)), LoginRefused)
    assert f"refused the key {key}" in error.message
    assert "authorized_keys of root" in error.hint


def missing(path: Path) -> None:
    pass


def with_passphrase(path: Path) -> None:
    make_key(path, passphrase="secret")


def for_all_to_read(path: Path) -> None:
    make_key(path).chmod(0o644)


def no_key(path: Path) -> None:
    path.write_text("nothing of the kind\n")
    path.chmod(0o600)


@pytest.mark.parametrize(
    ("make", "words", "hint"),
    [
        (missing, "No such file", "hosts.gpu.key"),
        (with_passphrase, "has a passphrase", "ssh-add"),
        (for_all_to_read, "others may read", "chmod 600"),
        (no_key, "is no private key", "hosts.gpu.key"),
    ],
)
def test_a_key_that_cannot_be_used_is_explained(
    server: Sshd, tmp_path: Path, make: Callable[[Path], None], words: str, hint: str
) -> None:
    make(tmp_path / "bad key")
    error = refusal(server.target(key="~/bad key"), LoginRefused)
    assert words in error.message
    assert str(tmp_path / "bad key") in error.message
    assert hint in error.hint


def test_keys_come_from_the_agent_and_from_the_usual_files(
    server: Sshd, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = server.target(key="")
    assert "no key to log in" in refusal(target, LoginRefused).message
    with agent(home, server.key) as address:
        monkeypatch.setenv("SSH_AUTH_SOCK", address)
        assert works(target)
        for program in (True, False):
            transport = SshTransport(target, program=program)
            assert drained(transport.stream(("echo", "ok"), patience_s=10, moving=BY_PROGRAM))[0] == b"ok\n"
            transport.close()
    assert "no key to log in" in refusal(target, LoginRefused).message  # the agent is gone, its variable is not
    make_key(home / ".ssh" / "id_ed25519", passphrase="secret")
    server.key.replace(home / ".ssh" / "id_ecdsa")
    assert works(target)


def test_more_keys_than_the_server_lets_us_try_are_too_many(
    server: Sshd, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [make_key(home / f"key{number}") for number in range(8)]
    with agent(home, *keys, server.key) as address:
        monkeypatch.setenv("SSH_AUTH_SOCK", address)
        error = refusal(server.target(key=""), LoginRefused)
        assert "ended the connection after 6 keys" in error.message
        assert "hosts.gpu.key" in error.hint
        assert works(server.target())


@pytest.mark.parametrize("key_type", ["rsa", "ecdsa"])
def test_other_types_of_keys_work(key_type: str, tmp_path: Path) -> None:
    with sshd(key_type=key_type) as server:
        key = make_key(tmp_path / "mine", key_type)
        (server.folder / "authorized_keys").write_text(key.with_suffix(".pub").read_text())
        assert works(server.target(key=str(key)))
        assert presented_key(server.target()).fingerprint == server.fingerprint


def test_what_only_a_person_can_change_is_not_tried_again_soon(server: Sshd, tmp_path: Path) -> None:
    target = server.target(key=str(make_key(tmp_path / "mine")))
    with SSHManager(target, pause=lambda failures: 0) as ssh:
        with pytest.raises(LoginRefused) as first:
            drained(ssh.stream(("true",), patience_s=10))
        server.stop()
        mute = socket.create_server(("127.0.0.1", server.port))  # would keep us waiting
        with mute, pytest.raises(LoginRefused) as second:
            drained(ssh.stream(("true",), patience_s=2))
        assert second.value.message == first.value.message


class Jump:
    """Two servers; the first is the way to the second."""

    def __init__(self, hop: Sshd, end: Sshd) -> None:
        self.hop, self.end = hop, end
        (hop.folder / "authorized_keys").write_text(end.key.with_suffix(".pub").read_text())
        self.pins = end.folder / "known_hosts"
        self.end_line = self.pins.read_text()
        self.hop_line = f"{hop.known_as} {hop.host_key_line}\n"
        self.pins.write_text(self.end_line + self.hop_line)
        self.target = end.target(jump=f"root@127.0.0.1:{hop.port}")


@pytest.fixture
def jump() -> Iterator[Jump]:
    with sshd() as hop, sshd() as end:
        yield Jump(hop, end)


@pytest.mark.parametrize("program", [True, False])
def test_a_machine_is_reached_through_another(jump: Jump, program: bool) -> None:
    threads = set(threading.enumerate())
    transport = SshTransport(jump.target, program=program)
    for moving in (0, APART, BY_PROGRAM):
        out, _ = drained(transport.stream(("sh", "-c", "echo $SSH_CONNECTION"), patience_s=20, moving=moving))
        assert int(out.split()[3]) == jump.end.port
    transport.close()
    until(lambda: set(threading.enumerate()) <= threads, "its threads end")
    assert jump.hop.log.count("Accepted publickey") == (3 if program else 2)
    assert presented_key(jump.target).fingerprint == jump.end.fingerprint


def test_both_keys_must_be_known(jump: Jump) -> None:
    jump.pins.write_text(jump.end_line)
    assert jump.hop.fingerprint in refusal(jump.target, HostKeyRefused).message
    assert "userauth" not in jump.hop.log
    jump.pins.write_text(jump.hop_line)
    assert jump.end.fingerprint in refusal(jump.target, HostKeyRefused).message
    assert "userauth" not in jump.end.log


def test_a_machine_behind_another_that_does_not_answer_is_named(jump: Jump) -> None:
    jump.end.stop()
    error = refusal(jump.target, HostUnreachable)
    assert f"cannot reach 127.0.0.1 port {jump.end.port}" in error.message
