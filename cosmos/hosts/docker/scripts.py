"""DockerScriptBuilder: the scripts of a host where batches are containers. Pure.

The run directory and most scripts are those of `hosts.scripts`; what starts, stops, removes and awaits a batch is
docker's, and docker's list of containers says what lives.
"""

from collections.abc import Iterable, Mapping, Sequence

from cosmos.core.ports import BatchPlan
from cosmos.core.reasons import Reason
from cosmos.errors import HostRefused
from cosmos.hosts.docker.command import IMAGE_NAME, INSIDE, LOCKS, SECRETS, WORDS, DockerCommandBuilder, Grants
from cosmos.hosts.layout import Layout, checked_id, plain
from cosmos.hosts.quoting import hundredths
from cosmos.hosts.remote import Script
from cosmos.hosts.scripts import BashScriptBuilder, script
from cosmos.hosts.transport import APART

DOCKER = ("docker",)
SUDO_DOCKER = ("sudo", "-n", "docker")

_WITH_DOCKER = ("common", "docker")


class DockerScriptBuilder(BashScriptBuilder):
    """Builds the scripts of one project on one host with docker.

    Args:
        layout: Where things are there.
        grants: Folders and files of the host that containers see.
        docker: How docker is called there.
    """

    def __init__(self, layout: Layout, grants: Grants = Grants(), docker: Sequence[str] = DOCKER) -> None:
        super().__init__(layout, "python3", {name: f"{SECRETS}/{name}" for name in grants.secrets})
        self._command = DockerCommandBuilder(layout, grants)
        self._docker = tuple(docker)

    def inside(self, batch_id: str) -> str:
        return INSIDE

    def lock(self, gpu: str) -> str:
        return f"{LOCKS}/{plain(gpu)}"

    def more_files(self, batch: BatchPlan) -> Mapping[str, bytes]:
        """What docker_start.sh starts from, so that any controller can start what another one has prepared."""
        if batch.image is None:
            message = f"batch {batch.meta.batch_id} has no image, and this host starts containers only"
            raise HostRefused(message, "give the model an `image`", Reason.BAD_SPEC.value)
        words = self._command.create(batch, batch.image)
        return {WORDS: "".join(f"{word}\0" for word in words).encode(), IMAGE_NAME: f"{batch.image}\n".encode()}

    def observe(self, wanted: Iterable[str]) -> Script:
        return self.look(wanted, self._docker, _WITH_DOCKER)

    def check(self, images: Sequence[str]) -> Script:
        return self.ask(images, self._docker)

    def pull(self, image: str) -> Script:
        """Bring an image to the host; prints what docker says as it goes."""
        # It moves few bytes, but for hours: it would take a place from short commands. Without a terminal docker says
        # nothing while it brings a layer, so silence is no sign of a failure.
        return script("docker_pull", image, *self._docker, deadline_s=6 * 3600, moving=APART)

    def start(self, batch_id: str) -> Script:
        args = (self.layout.batch(batch_id), batch_id, *self._docker)
        return script("docker_start", *args, deadline_s=240, after=_WITH_DOCKER)

    def stop(self, batch_id: str, grace_s: float) -> Script:
        args = (self.layout.batch(batch_id), batch_id, str(hundredths(grace_s)), *self._docker)
        return script("docker_stop", *args, deadline_s=grace_s + 120, after=_WITH_DOCKER)

    def release(self, batch_id: str) -> Script:
        args = (self.layout.root, checked_id(batch_id), *self._docker)
        return script("docker_release", *args, deadline_s=600, after=_WITH_DOCKER)

    def wait(self, batch_ids: Sequence[str], timeout_s: float) -> Script:
        seconds = str(max(1, round(timeout_s)))
        ids = [checked_id(batch_id) for batch_id in batch_ids]
        args = (self.layout.root, seconds, str(len(ids)), *ids, *self._docker)
        return script("docker_wait", *args, deadline_s=timeout_s * 1.5 + 10, after=_WITH_DOCKER)
