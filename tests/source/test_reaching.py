"""Repositories elsewhere, over ssh and https, as the person who runs cosmos has set these up."""

import functools
import http.server
import os
import shutil
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cosmos.errors import SourceError
from cosmos.source.mirror import Mirror
from tests.cli.console import wait_until
from tests.processes import words
from tests.repositories import Repo
from tests.services.sshd import Sshd, make_key, sshd

pytestmark = pytest.mark.needs("git")


@pytest.fixture(scope="module")
def server() -> Iterator[Sshd]:
    with sshd() as running:
        yield running


class Person:
    """Whose `~/.ssh/config` this is: ssh finds that by the user's number, so the program is told where it is."""

    def __init__(self, home: Path, server: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = home
        self._server = server
        home.mkdir()
        (home / "ssh").write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {home}/config "$@"\n')
        (home / "ssh").chmod(0o755)
        monkeypatch.setenv("PATH", f"{home}:{os.environ['PATH']}")
        shutil.copy(server.folder / "known_hosts", home / "known_hosts")
        self.configure()

    def configure(self, *more: str, key: Path | None = None) -> None:
        lines = (f"IdentityFile {key or self._server.key}", f"UserKnownHostsFile {self.home}/known_hosts", *more)
        (self.home / "config").write_text("\n".join(("IdentitiesOnly yes", "GlobalKnownHostsFile none", *lines, "")))

    def mirror(self, repo: Repo, **given: object) -> Mirror:
        url = f"ssh://root@127.0.0.1:{self._server.port}{repo.root}"
        return Mirror(self.home / "mirror", url, **given)  # type: ignore[arg-type]


@pytest.fixture
def person(tmp_path: Path, server: Sshd, monkeypatch: pytest.MonkeyPatch) -> Person:
    return Person(tmp_path / "home", server, monkeypatch)


def speaking_of(repo: Repo) -> list[str]:
    """Programs of this machine that were given the repository's name."""
    lines = (" ".join(words(int(folder.name))) for folder in Path("/proc").glob("[0-9]*"))
    return [line for line in lines if str(repo.root) in line]


@pytest.mark.needs("ssh")
def test_keys_and_names_are_those_of_the_persons_ssh(repo: Repo, person: Person, tmp_path: Path) -> None:
    mirror = person.mirror(repo)
    assert mirror.fetch() == repo.git("rev-parse", "HEAD")
    person.configure(key=make_key(tmp_path / "other"))
    with pytest.raises(SourceError, match="Permission denied") as caught:
        mirror.fetch()
    assert "SSH key" in caught.value.hint
    assert f"{repo.root}: " in caught.value.message


@pytest.mark.needs("ssh")
def test_a_server_of_an_unknown_key_is_not_trusted_whatever_the_person_does(repo: Repo, person: Person) -> None:
    (person.home / "known_hosts").write_text("")
    person.configure("StrictHostKeyChecking no")
    with pytest.raises(SourceError, match="host key is known for") as caught:
        person.mirror(repo).fetch()
    assert "its key is known" in caught.value.hint
    assert (person.home / "known_hosts").read_text() == ""


@pytest.mark.needs("ssh")
def test_no_shared_connection_is_left_behind(repo: Repo, person: Person) -> None:
    person.configure("ControlMaster auto", f"ControlPath {person.home}/s", "ControlPersist 50")
    begin = time.monotonic()
    person.mirror(repo).fetch()
    assert time.monotonic() - begin < 40
    assert not (person.home / "s").exists()


@pytest.mark.needs("ssh")
def test_a_server_that_is_stopped_is_given_up_with_all_that_was_started(
    repo: Repo, person: Person, server: Sshd
) -> None:
    mirror = person.mirror(repo, silent_s=1.0)
    server.freeze()
    try:
        with pytest.raises(SourceError, match="did not answer within 1 s"):
            mirror.fetch()
        wait_until(lambda: speaking_of(repo) == [])
    finally:
        server.thaw()
    patient = person.mirror(repo)
    assert patient.fetch() == repo.git("rev-parse", "HEAD")


@pytest.mark.needs("ssh")
def test_a_folder_there_that_is_no_repository_is_named(repo: Repo, person: Person) -> None:
    repo.root.rename(repo.root.with_name("gone"))
    with pytest.raises(SourceError, match="does not appear to be a git repository") as caught:
        person.mirror(repo).fetch()
    assert "git.url" in caught.value.hint


# https


@pytest.fixture
def web(tmp_path: Path) -> Iterator[http.server.ThreadingHTTPServer]:
    """Serves a folder over TLS, with a certificate in `ca.pem`. What is below `closed/` wants a login."""
    key, certificate = make_certificate()
    (tmp_path / "ca.pem").write_bytes(certificate)
    (tmp_path / "key.pem").write_bytes(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "ca.pem", tmp_path / "key.pem")
    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Pages, directory=str(tmp_path)))
    served.socket = context.wrap_socket(served.socket, server_side=True)
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    yield served
    served.shutdown()
    thread.join()
    served.server_close()


class Pages(http.server.SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/closed/"):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def make_certificate() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return text, made.public_bytes(serialization.Encoding.PEM)


def test_certificates_and_logins_are_those_of_the_persons_git(
    repo: Repo, web: http.server.ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.git("clone", "--quiet", "--bare", str(repo.root), str(tmp_path / "bare.git"))
    Repo(tmp_path / "bare.git").git("update-server-info")
    monkeypatch.setenv("HOME", str(tmp_path))
    at = f"https://127.0.0.1:{web.server_address[1]}"
    with pytest.raises(SourceError, match="certificate"):
        Mirror(tmp_path / "mirror", f"{at}/bare.git").fetch()
    (tmp_path / ".gitconfig").write_text(f"[http]\n\tsslCAInfo = {tmp_path}/ca.pem\n")
    assert Mirror(tmp_path / "mirror", f"{at}/bare.git").fetch() == repo.git("rev-parse", "HEAD")
    with pytest.raises(SourceError, match="could not read Username") as caught:
        Mirror(tmp_path / "closed", f"{at}/closed/x.git").fetch()
    assert "credential helper" in caught.value.hint
    with pytest.raises(SourceError) as caught:
        Mirror(tmp_path / "other", f"{at}/nothing.git").fetch()
    assert "git.url" in caught.value.hint
