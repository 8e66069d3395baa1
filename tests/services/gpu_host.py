"""A GPU host as a project meets it: an SSH server, Docker behind it, and GPUs that nvidia-smi shows."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.dockerd import Dockerd
from tests.services.gpus import FakeGpus, Gpu
from tests.services.images import BASE, Images
from tests.services.sshd import Sshd


class GpuHost:
    """One machine. Its files are this machine's: `workdir` is where it keeps what is sent to it."""

    def __init__(self, folder: Path, docker: Dockerd, *more: str) -> None:
        self.docker = docker
        self.workdir = folder / "workdir"
        self.gpus = FakeGpus(folder / "gpus")
        self.gpus.set(Gpu(0), Gpu(1))
        variables = {**docker.client_environment, "PATH": f"{self.gpus.path}:{os.environ['PATH']}"}
        (folder / "sshd").mkdir()
        self.sshd = Sshd(folder / "sshd", more, "ed25519", variables)
        self.sshd.start()

    def toml(self, name: str = "gpu", **more: str) -> str:
        """Its table of cosmos.toml; more keys as TOML text."""
        keys = {
            "address": '"127.0.0.1"',
            "port": str(self.sshd.port),
            "user": '"root"',
            "key": f'"{self.sshd.key}"',
            "host_key": f'"{self.sshd.fingerprint}"',
            "runtime": '"docker"',
            "workdir": f'"{self.workdir}"',
            **more,
        }
        return f"[hosts.{name}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())

    def batches(self, project: str) -> list[Path]:
        folder = self.workdir / project / "batches"
        return sorted(path for path in folder.iterdir() if not path.name.startswith(".")) if folder.is_dir() else []


@contextlib.contextmanager
def gpu_host_in(folder: Path, *more: str) -> Iterator[GpuHost]:
    """One outside of the tests, in an empty folder, with a Docker daemon of its own that has the base image."""
    docker = Dockerd()
    try:
        docker.start()
        Images(folder).load(docker, BASE)
        host = GpuHost(folder, docker, *more)
        try:
            yield host
        finally:
            host.sshd.stop()
    finally:
        docker.close()


@pytest.fixture
def gpu_host(tmp_path: Path, docker: Dockerd, images: Images) -> Iterator[GpuHost]:
    """With two GPUs and the base image."""
    images.load(docker, BASE)
    folder = tmp_path / "gpu-host"
    folder.mkdir()
    host = GpuHost(folder, docker)
    yield host
    host.sshd.stop()
