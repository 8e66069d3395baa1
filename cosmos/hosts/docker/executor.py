"""DockerExecutor: a machine that runs batches as containers.

Create and start, never `docker run`: the container's name is the claim, its end stays on record until the result is
safe, and it lives on when the connection or the controller does not.
"""

from collections.abc import Callable, Iterator

from cosmos.hosts.docker.command import Grants
from cosmos.hosts.docker.scripts import DOCKER, SUDO_DOCKER, DockerScriptBuilder
from cosmos.hosts.layout import Layout
from cosmos.hosts.ownership import Owner
from cosmos.hosts.run_directory import RunDirectoryHost
from cosmos.hosts.transport import Transport


class DockerExecutor(RunDirectoryHost):
    """Containers over any transport.

    Args:
        name: As in cosmos.toml.
        transport: The way to it; closed by `close`.
        workdir: A folder on it, absolute or below `~`.
        project: Name of the project.
        grants: Folders and files of the host that containers see.
        sudo: Call docker through `sudo -n`.
        owner: Who acts on it.
        has_left: Whether the owner's database was in a place and is there no more.
    """

    runs_containers = True

    def __init__(
        self,
        name: str,
        transport: Transport,
        workdir: str,
        project: str,
        *,
        grants: Grants = Grants(),
        sudo: bool = False,
        owner: Owner = Owner(),
        has_left: Callable[[str], bool] = lambda place: False,
    ) -> None:
        docker = SUDO_DOCKER if sudo else DOCKER

        def builder(layout: Layout) -> DockerScriptBuilder:
            return DockerScriptBuilder(layout, grants, docker)

        super().__init__(name, transport, workdir, project, builder, owner, has_left)

    def pull(self, image: str) -> Iterator[bytes]:
        """Bring an image to the host; pieces of what docker says.

        Raises:
            HostRefused: It cannot be pulled.
        """
        assert isinstance(self.builder, DockerScriptBuilder)  # noqa: S101 - made above
        return self.executor.stream(self.builder.pull(image))
