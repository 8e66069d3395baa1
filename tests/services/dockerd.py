"""A Docker daemon of the tests' own: its containers, images and socket are in one folder and end with it.

`docker create --gpus` works without a GPU: the daemon finds a program called nvidia-container-runtime-hook on its
PATH, which is how it decides that this machine has NVIDIA's runtime. Containers have no network but `--network none`.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

START_S, STOP_S, COMMAND_S = 60.0, 40.0, 120.0
"""How long a daemon may take to answer and to end, and one command."""

LOG_LINES = 15

HOOK = "#!/bin/sh\ncat >/dev/null\n"
"""Asked before a container with GPUs starts, with the container's state on stdin."""

SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where a shell of a person may not look, and dockerd and runc are."""


class Dockerd:
    """Not yet started; `close` ends every process and mount and removes the folder.

    Args:
        group: Members of this group may use the socket. Without one only the superuser may.
        options: More arguments of dockerd, such as `--live-restore`.
    """

    def __init__(self, *, group: str | None = None, options: Sequence[str] = ()) -> None:
        # Not below pytest's own folder: the path of a socket has at most 107 bytes.
        self.root = Path(tempfile.mkdtemp(prefix="cosmos-dockerd-"))
        # Random names have underscores, of which containerd allows neither two in a row nor one at an end.
        self._namespace = self.root.name.replace("_", "x")
        self.root.chmod(0o711)
        self.socket = self.root / "docker.sock"
        self.log = self.root / "dockerd.log"
        self.client_environment = {"DOCKER_HOST": f"unix://{self.socket}", "DOCKER_CONFIG": str(self.root / "config")}
        self._words = ["--group", group or "root", *options]
        self._process: subprocess.Popen[bytes] | None = None
        (self.root / "config").mkdir()
        hook = self.root / "bin" / "nvidia-container-runtime-hook"
        hook.parent.mkdir()
        hook.write_text(HOOK)
        hook.chmod(0o755)

    @property
    def pid(self) -> int:
        assert self._process, "dockerd was not started"
        return self._process.pid

    def start(self) -> None:
        """Start it, on the same folder each time, and wait until it answers."""
        assert not self._process, "dockerd runs already"
        self._forget_containerd()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                # Should the tests be killed, the daemon gets TERM and takes its containers with it.
                ["setpriv", "--pdeathsig", "TERM", "dockerd", *self._arguments(), *self._words],
                env={**os.environ, "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}:{SYSTEM_PATH}"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        _wait_until(lambda: self._answers() or self._has_ended(), START_S)
        if not self._answers():
            self.kill()
            raise RuntimeError(f"dockerd does not start; its log ends:\n{self.log_tail()}")

    def stop(self) -> None:
        """TERM, as a service manager does: it stops its containers, unless it has `--live-restore`."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """KILL: its containers go on."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def freeze(self) -> None:
        """STOP: who connects gets no answer."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def docker(self, *words: str, check: bool = True, timeout: float = COMMAND_S) -> "subprocess.CompletedProcess[str]":
        """Run the client. With `check`, words that fail are an AssertionError with what it said."""
        done = subprocess.run(
            ["docker", *words],
            env={**os.environ, **self.client_environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert not check or done.returncode == 0, f"docker {' '.join(words)}: rc {done.returncode}\n{done.stderr}"
        return done

    def remove_containers(self) -> None:
        """Whatever state they and the daemon are in."""
        self._revive()
        if found := self.docker("ps", "--all", "--quiet", "--no-trunc").stdout.split():
            self.docker("rm", "--force", "--volumes", *found)

    def log_tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_LINES:])

    def close(self) -> None:
        """End it. A daemon that does not come up again to end its containers has them ended for it."""
        try:
            if self._container_folders():
                self.remove_containers()
            if self._process:
                self.thaw()
                self.stop()
        finally:
            self._kill_left_over()
            _unmount_below(self.root)
            shutil.rmtree(self.root)

    def _arguments(self) -> list[str]:
        return [
            *("--host", f"unix://{self.socket}"),
            *("--data-root", str(self.root / "data")),
            *("--exec-root", str(self.root / "exec")),
            *("--pidfile", str(self.root / "dockerd.pid")),
            *("--bridge", "none", "--iptables=false", "--ip-forward=false", "--userland-proxy=false"),
            # Where the machine's own containerd runs, dockerd takes that one: keep out of its containers.
            *("--containerd-namespace", self._namespace),
            *("--containerd-plugins-namespace", f"{self._namespace}-plugins"),
        ]

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(START_S)
            try:
                client.connect(str(self.socket))
                client.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
                return b" 200 " in client.recv(4096)
            except OSError:
                return False

    def _has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _end(self, how: signal.Signals) -> None:
        process = self._process
        assert process, "dockerd was not started"
        process.send_signal(how)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise RuntimeError(f"dockerd does not end; its log ends:\n{self.log_tail()}") from None
        finally:
            self._process = None

    def _revive(self) -> None:
        if self._has_ended():
            self._process = None
            self._kill_left_over()  # else the start waits until each container has ended in peace
            self.start()
        self.thaw()

    def _kill_left_over(self) -> None:
        """Kill what a killed daemon left, and remove the sockets that its shims have outside our folder."""
        for pid in self._left_over():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _wait_until(lambda: not self._left_over(), STOP_S)
        for file in (self.root / "exec").rglob("io.containerd.runtime.v2.task/*/*/address"):
            Path(file.read_text().removeprefix("unix://")).unlink(missing_ok=True)

    def _forget_containerd(self) -> None:
        """A killed daemon's containerd dies with it, but counts as alive until its new parent has asked for its end."""
        file = self.root / "exec" / "containerd" / "containerd.pid"
        if file.exists():
            pid = int(file.read_text())
            _wait_until(lambda: pid not in self._left_over(), STOP_S)
            file.unlink()

    def _left_over(self) -> list[int]:
        """Processes of containerd and its shims, which have our folder among their words, and of our containers."""
        ours = [str(self.root).encode() + b"/", *(folder.name.encode() for folder in self._container_folders())]
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words, groups = (entry / "cmdline").read_bytes(), (entry / "cgroup").read_bytes()
            except OSError:
                continue  # ended meanwhile
            if words and (ours[0] in words or any(name in groups for name in ours[1:])):
                found.append(int(entry.name))
        return [pid for pid in found if pid != os.getpid()]

    def _container_folders(self) -> list[Path]:
        folder = self.root / "data" / "containers"
        return list(folder.iterdir()) if folder.is_dir() else []


def _unmount_below(folder: Path) -> None:
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for point in sorted((_unescape(point) for point in points), reverse=True):
        if Path(point).is_relative_to(folder):
            subprocess.run(["umount", point], check=True)


def _unescape(point: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), point)


def _wait_until(what: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not what() and time.monotonic() < end:
        time.sleep(0.02)


@pytest.fixture(scope="session")
def dockerd() -> Iterator[Dockerd]:
    """One daemon for all tests of this process. Whoever stops it starts it again; `docker` does so too."""
    daemon = Dockerd()
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.close()


@pytest.fixture
def docker(dockerd: Dockerd) -> Iterator[Dockerd]:
    """The daemon without containers, before the test and after it. Images stay."""
    yield dockerd
    dockerd.remove_containers()
