"""Which host keys are known: files as OpenSSH writes them, and as they are after an accident."""

import base64
import os
import subprocess
from pathlib import Path

import pytest

from cosmos.errors import ConfigError, StorageError
from cosmos.hosts.ssh.keys import HostKey, HostKeyRefused, Pin, check, find_pin, trust
from cosmos.hosts.ssh.manager import SSHManager
from cosmos.hosts.ssh.target import SshTarget
from tests.services.sshd import make_key

pytestmark = pytest.mark.needs("ssh")


class Files:
    """The two files of known hosts, and keys to put there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pins = folder / "pins"
        self.users = folder / "users"
        self.one, self.other = (self.key(name) for name in ("one", "other"))

    def key(self, name: str, key_type: str = "ed25519") -> HostKey:
        make_key(self.folder / name, key_type)
        type_, text, _ = (self.folder / f"{name}.pub").read_text().split()
        return HostKey(type_, base64.b64decode(text))

    def target(self, **fields: object) -> SshTarget:
        return SshTarget(**{"name": "gpu", "address": "Box.example", "pins": self.pins, **fields})  # type: ignore[arg-type]

    def find(self, **fields: object) -> Pin:
        return find_pin(self.target(**fields), self.users)

    def known(self, **fields: object) -> set[str]:
        return set(self.find(**fields).expected)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_a_fingerprint_is_as_openssh_prints_it(files: Files) -> None:
    for key_type in ("ed25519", "rsa", "ecdsa"):
        key = files.key(key_type, key_type)
        words = ["ssh-keygen", "-l", "-f", str(files.folder / f"{key_type}.pub")]
        printed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        assert printed.split()[1] == key.fingerprint


def test_nothing_is_known_by_itself(files: Files) -> None:
    assert files.known() == set()
    with pytest.raises(HostKeyRefused) as caught:
        check(files.target(), files.find(), files.one)
    assert files.one.fingerprint in caught.value.message
    assert "nothing was sent" in caught.value.message
    assert "cosmos hosts trust gpu" in caught.value.hint


def test_the_configuration_comes_first_then_the_project_then_the_user(files: Files) -> None:
    files.users.write_text(f"box.example {files.one.line}\n")
    assert files.known() == {files.one.fingerprint}
    trust(files.target(), files.other)
    assert files.known() == {files.other.fingerprint}
    assert files.known(host_key="SHA256:abc=") == {"SHA256:abc"}


def test_another_key_is_refused_with_both_fingerprints_and_the_place(files: Files) -> None:
    files.users.write_text(f"# comment\n\nbox.example {files.one.line}\n")
    check(files.target(), files.find(), files.one)
    with pytest.raises(HostKeyRefused) as caught:
        check(files.target(), files.find(), files.other)
    for words in (files.one.fingerprint, files.other.fingerprint, f"{files.users}:3", "nothing was sent"):
        assert words in caught.value.message


@pytest.mark.parametrize("marked", [False, True])
def test_a_revoked_key_is_refused_wherever_else_it_is_known(files: Files, marked: bool) -> None:
    files.users.write_text(f"@revoked * {files.one.line}\n" if marked else "")
    fields = {"host_key": files.one.fingerprint}
    if not marked:
        check(files.target(), files.find(**fields), files.one)
        return
    with pytest.raises(HostKeyRefused, match=f"revoked in {files.users}:1"):
        check(files.target(), files.find(**fields), files.one)


def test_names_are_matched_as_openssh_does(files: Files) -> None:
    lines = (
        f"[box.example]:2222,other {files.one.line}",
        f"*.example,!box.example {files.one.line}",
        f"b?x.example\t{files.other.line} a comment",
    )
    files.users.write_text("\n".join(lines))
    assert files.known(port=2222) == {files.one.fingerprint}
    assert files.known() == {files.other.fingerprint}
    assert files.known(address="c.example") == {files.one.fingerprint}
    assert files.known(address="BOX.example") == {files.other.fingerprint}


@pytest.mark.parametrize("port", [22, 2222])
def test_hashed_names_are_found(files: Files, port: int) -> None:
    name = files.target(port=port).known_as
    files.users.write_text(f"{name} {files.one.line}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(files.users)], check=True, capture_output=True)
    assert name not in files.users.read_text()
    assert files.known(port=port) == {files.one.fingerprint}
    assert files.known(port=port + 1) == set()


def test_lines_that_cannot_be_read_are_passed_over_one_by_one(files: Files) -> None:
    good = f"box.example {files.one.line}"
    bad = (
        "box.example ssh-ed25519 AAAA",
        "box.example ssh-ed25519 !!!!",
        f"box.example ssh-rsa {files.other.line.split()[1]}",
        f"box.example {files.other.line[:-20]}="[:-1] + "*",
        "box.example",
        "@revoked",
        f"@cert-authority box.example {files.other.line}",
        f"@unheard-of box.example {files.other.line}",
        "|1|x|y ssh-ed25519 AAAA",
        "|1|only-one ssh-ed25519 AAAA",
        "\u00e9 \u00e9 \u00e9",
    )
    files.users.write_bytes("\n".join((*bad, good)).encode() + b"\nbox.example \xff\xfe \x00\n")
    assert files.find().expected == {files.one.fingerprint: f"{files.users}:{len(bad) + 1}"}


def test_trust_takes_the_place_of_what_was_pinned_and_of_nothing_else(files: Files) -> None:
    trust(files.target(), files.one)
    trust(files.target(port=2222), files.one)
    trust(files.target(), files.other)
    assert files.known() == {files.other.fingerprint}
    assert files.known(port=2222) == {files.one.fingerprint}
    assert files.pins.stat().st_mode & 0o777 == 0o600
    found = ["ssh-keygen", "-F", "box.example", "-f", str(files.pins)]  # OpenSSH reads it, too
    assert files.other.line in subprocess.run(found, capture_output=True, text=True, check=True).stdout
    assert sorted(path.name for path in files.folder.iterdir() if path.name.startswith(".")) == []


def test_a_file_that_cannot_be_read_is_no_empty_file(files: Files) -> None:
    files.users.mkdir()
    with pytest.raises(HostKeyRefused, match=str(files.users)):
        files.find()


def test_a_pin_that_cannot_be_written_is_an_error(files: Files) -> None:
    (files.folder / "file").touch()
    with pytest.raises(StorageError, match="file/pins"):
        trust(files.target(pins=files.folder / "file" / "pins"), files.one)


def test_the_types_that_are_known_are_asked_for(files: Files) -> None:
    rsa = files.key("rsa", "rsa")
    files.users.write_text(f"box.example {rsa.line}\nbox.example {files.one.line}\n")
    assert files.find().types == ("ssh-rsa", "ssh-ed25519")


@pytest.mark.parametrize("jump", ["a@b@c", "box:0", "box:70000", "box:x", "a b", "::1"])
def test_a_jump_that_says_nothing_is_refused_at_once(files: Files, jump: str) -> None:
    with pytest.raises(ConfigError, match=r"hosts\.gpu\.jump"):
        SSHManager(files.target(jump=jump))


@pytest.mark.parametrize(
    ("jump", "expected"),
    [
        ("me@box:2200", ("me", "box", 2200)),
        ("box", (os.environ.get("USER") or "root", "box", 22)),
        ("a@[fe80::1]:5", ("a", "fe80::1", 5)),
    ],
)
def test_a_jump_is_read(files: Files, jump: str, expected: tuple[str, str, int]) -> None:
    through = files.target(jump=jump, user=expected[0]).through()
    assert through is not None
    assert (through.login, through.address, through.port) == expected
