"""A private sshd on loopback: its own host keys, its own port, its own list of who may log in."""

import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from cosmos.hosts.ssh.target import SshTarget
from tests.processes import command, descendants, named

CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
PidFile {folder}/pid
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
LogLevel DEBUG1
{more}
Match User root
    SetEnv {root}
Match User *,!root
    SetEnv {others}
"""


@contextlib.contextmanager
def sshd(*more: str, key_type: str = "ed25519", environment: Mapping[str, str] | None = None) -> "Iterator[Sshd]":
    """A running one.

    Args:
        more: Lines of sshd_config.
        key_type: Of the host key, as ssh-keygen names it.
        environment: What commands get. Root's HOME is an empty folder if it is not among these: bash reads
            ~/.bashrc for a command, too, and on a developer's machine that may take longer than the test.
    """
    with tempfile.TemporaryDirectory(prefix="cosmos-sshd-") as folder:
        Path(folder).chmod(0o755)  # it reads authorized_keys as the user who logs in
        server = Sshd(Path(folder), more, key_type, environment or {})
        try:
            server.start()
            yield server
        finally:
            server.stop()


class Sshd:
    """Made by `sshd`. Who has the private key in `key` may log in, as root or as any user without a lock."""

    def __init__(self, folder: Path, more: tuple[str, ...], key_type: str, environment: Mapping[str, str] = {}) -> None:
        self.folder = folder
        self.environment = dict(environment)
        self.port = free_port()
        self.key = make_key(folder / "key")
        self.more = more
        self._process: subprocess.Popen[bytes] | None = None
        self._orphans: list[int] = []
        self.new_host_key(key_type)
        (folder / "authorized_keys").write_text(self.key.with_suffix(".pub").read_text())
        (folder / "known_hosts").write_text(f"{self.known_as} {self.host_key_line}\n")

    @property
    def known_as(self) -> str:
        return f"[127.0.0.1]:{self.port}"

    @property
    def host_key_line(self) -> str:
        return " ".join((self.folder / "host_key.pub").read_text().split()[:2])

    @property
    def fingerprint(self) -> str:
        words = ["ssh-keygen", "-l", "-E", "sha256", "-f", str(self.folder / "host_key.pub")]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()[1]

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace")

    def target(self, **fields: object) -> SshTarget:
        """How cosmos.toml would describe it; its key is in the file of pins."""
        usual = {"name": "gpu", "address": "127.0.0.1", "port": self.port, "user": "root", "key": str(self.key)}
        return SshTarget(**{**usual, "pins": self.folder / "known_hosts", **fields})  # type: ignore[arg-type]

    def new_host_key(self, key_type: str = "ed25519") -> None:
        (self.folder / "host_key").unlink(missing_ok=True)
        make_key(self.folder / "host_key", key_type)

    def start(self) -> None:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd insists on it, whatever the configuration says
        config = self.folder / "sshd_config"
        config.write_text(self._config())
        program = shutil.which("sshd") or "/usr/sbin/sshd"  # it wants an absolute path, to start itself anew
        self._process = subprocess.Popen([program, "-D", "-f", str(config), "-E", str(self.folder / "log")])
        self._wait_until_it_listens()

    def _config(self) -> str:
        (self.folder / "home").mkdir(exist_ok=True)
        others, root = self.environment, {"HOME": f"{self.folder}/home", **self.environment}
        return CONFIG.format(
            folder=self.folder,
            port=self.port,
            more="\n".join(self.more),
            root=" ".join(f'{name}="{value}"' for name, value in root.items()),
            others=" ".join(f'{name}="{value}"' for name, value in others.items()) or "COSMOS_TEST=yes",
        )

    def stop(self) -> None:
        """End it and all its sessions, also those that are stopped."""
        for pid in (*self.sessions(), *self._orphans):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._orphans = []
        self.stop_listening()

    def stop_listening(self) -> None:
        """End it, and leave its sessions alone."""
        self._orphans += self.sessions()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def sessions(self) -> list[int]:
        """Its processes that serve a connection."""
        if self._process is None:
            return []
        return [pid for pid in descendants(self._process.pid) if command(pid).startswith("sshd")]

    def processes(self, name: str) -> list[int]:
        """What its connections run that is called so."""
        return named(name, self._process.pid) if self._process is not None else []

    def signal_sessions(self, number: signal.Signals) -> None:
        pids = self.sessions()
        assert pids
        for pid in pids:
            os.kill(pid, number)

    def freeze(self) -> None:
        """STOP it and its sessions: the kernel takes what comes, and nobody answers."""
        assert self._process is not None
        for pid in (self._process.pid, *self.sessions()):
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        for pid in (self._process.pid, *self.sessions()):
            os.kill(pid, signal.SIGCONT)

    def _wait_until_it_listens(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + 10
        while True:
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", self.port)) as it:
                assert it.recv(4) == b"SSH-"
                return
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, "sshd does not listen"
            time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_key(path: Path, key_type: str = "ed25519", passphrase: str = "") -> Path:
    bits = ["-b", "2048"] if key_type == "rsa" else []  # more take seconds
    words = ["ssh-keygen", "-q", "-t", key_type, *bits, "-N", passphrase, "-C", "test", "-f", str(path)]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
    return path


@contextlib.contextmanager
def agent(folder: Path, *keys: Path) -> Iterator[str]:
    """An ssh-agent that holds keys; gives its socket."""
    address = str(folder / "agent")
    process = subprocess.Popen(["ssh-agent", "-D", "-a", address], stdout=subprocess.DEVNULL)
    try:
        while not Path(address).exists():
            time.sleep(0.01)
        for key in keys:
            environment = {**os.environ, "SSH_AUTH_SOCK": address}
            subprocess.run(["ssh-add", "-q", str(key)], check=True, env=environment, stdin=subprocess.DEVNULL)
        yield address
    finally:
        process.terminate()
        process.wait()


class User(NamedTuple):
    name: str
    home: Path


@contextlib.contextmanager
def user(shell: str = "/bin/bash") -> Iterator[User]:
    """A new user of this machine who can log in with a key. Named after us: others may run these tests, too."""
    name = f"cosmos-{os.getpid()}-{time.monotonic_ns() % 10**9}"
    # Without PAM, a locked account cannot log in; with the password "*" it is not locked.
    _change_users("useradd", "--create-home", "--shell", shell, "--password", "*", name)
    try:
        yield User(name, Path(pwd.getpwnam(name).pw_dir))
    finally:
        while left := processes_of(pwd.getpwnam(name).pw_uid):
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
        _change_users("userdel", "--remove", name)


def _change_users(*words: str) -> None:
    """One at a time: these programs give up when another one holds their lock."""
    with (Path(tempfile.gettempdir()) / "cosmos-test-users.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(words, check=True, capture_output=True)


def processes_of(uid: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if folder.stat().st_uid == uid and "State:\tZ" not in (folder / "status").read_text():
                found.append(int(folder.name))
    return found
