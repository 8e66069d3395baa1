"""DockerCommandBuilder: the words of `docker create` for one batch. Pure, and nothing in it is quoted for a shell.

The container sees its run directory as /cosmos and nothing else of the host but what the configuration mounts. It
has no capabilities, cannot gain privileges, is never removed by docker and never restarted by it: what it did is
read from its run directory, and how it ended from docker's own record.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cosmos.core.ports import BatchPlan
from cosmos.hosts.layout import INPUTS, META, RUN, SUMS, Layout, checked_id

INSIDE = "/cosmos"
"""The run directory as the container sees it."""
WORDS, IMAGE_NAME, IMAGE = "create", "image.name", "image"
"""Files that the container was made from, and would be made from again; bash/docker_start.sh writes the last."""
LOCKS = "/cosmos.gpus"
"""Folder of the GPUs' lock files as the container sees them."""
SECRETS = "/cosmos.secrets"
"""Folder of the files with secrets as the container sees them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """What containers see of their host besides their run directory.

    `mounts` (read only) and `caches` have folders of the host by their path in the container, `secrets` files of the
    host by the variable whose value they hold.
    """

    mounts: Mapping[str, str] = field(default_factory=dict)
    caches: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)


class DockerCommandBuilder:
    """Builds the command of one project on one host.

    Args:
        layout: Where things are there.
        grants: Folders and files of the host that containers see.
    """

    def __init__(self, layout: Layout, grants: Grants) -> None:
        self._layout = layout
        self._grants = grants

    def create(self, batch: BatchPlan, image: str) -> tuple[str, ...]:
        """What follows `docker create`. Only the host knows its user, and the id that replaces the image's name."""
        container = batch.container
        words = ["--name", f"cosmos-{checked_id(batch.meta.batch_id)}"]
        for name, value in _labels(batch).items():
            words += ["--label", f"cosmos.{name}={value}"]
        words += ["--init", "--restart", "no", "--pull", "never"]
        words += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--ulimit", "core=0"]
        words += ["--network", container.network, "--ipc", container.ipc]
        if container.ipc != "host":
            words += ["--shm-size", str(container.shm_bytes)]
        if container.memory_bytes:
            words += ["--memory", str(container.memory_bytes), "--memory-swap", str(container.memory_bytes)]
        words += [*_gpus(batch.meta.gpus), "--env", "HOME=/tmp", "--workdir", INSIDE]
        for mount in self._all_mounts(batch):
            words += ["--mount", mount]
        return (*words, "--entrypoint", "bash", image, f"{INSIDE}/{RUN}")

    def _all_mounts(self, batch: BatchPlan) -> Iterator[str]:
        """The run directory, of which the program may write all but what it was started from."""
        own = self._layout.batch(batch.meta.batch_id)
        yield _mount(own, INSIDE, read_only=False)
        for name in (INPUTS, META, RUN, SUMS, WORDS, IMAGE_NAME, IMAGE):
            yield _mount(f"{own}/{name}", f"{INSIDE}/{name}")
        for gpu in batch.meta.gpus:
            yield _mount(self._layout.gpu(gpu), f"{LOCKS}/{gpu}")
        for target, source in sorted(self._grants.mounts.items()):
            yield _mount(source, target)
        for target, source in sorted(self._grants.caches.items()):
            yield _mount(source, target, read_only=False)
        for name in batch.secrets:
            if name in self._grants.secrets:
                yield _mount(self._grants.secrets[name], f"{SECRETS}/{name}")


def _labels(batch: BatchPlan) -> Mapping[str, str]:
    meta = batch.meta
    return {
        "project": meta.project,
        "batch": meta.batch_id,
        "digests": ",".join(member.digest for member in meta.members),
        "attempt": str(meta.attempt),
        "commit": meta.origin.commit,
        "owner": meta.owner,
    }


def _gpus(ids: tuple[str, ...]) -> list[str]:
    """By id. A batch without GPUs sees none, be the image or docker's default runtime as they may."""
    return ["--gpus", f'"device={",".join(ids)}"'] if ids else ["--env", "NVIDIA_VISIBLE_DEVICES=void"]


def _mount(source: str, target: str, *, read_only: bool = True) -> str:
    """A line of CSV, since a path may hold a comma. Never `-v`, which makes a folder of what is absent."""
    line = io.StringIO()
    fields = ["type=bind", f"src={source}", f"dst={target}", *(["readonly"] if read_only else [])]
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()
