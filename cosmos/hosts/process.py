"""ProcessHost: a machine that runs batches as processes of its user."""

from collections.abc import Callable, Mapping

from cosmos.hosts.layout import Layout
from cosmos.hosts.ownership import Owner
from cosmos.hosts.run_directory import RunDirectoryHost
from cosmos.hosts.scripts import BashScriptBuilder
from cosmos.hosts.transport import Transport


class ProcessHost(RunDirectoryHost):
    """Processes over any transport.

    Args:
        name: As in cosmos.toml.
        transport: The way to it; closed by `close`.
        workdir: A folder on it, absolute or below `~`.
        project: Name of the project.
        python: Its Python, for models that ask for one.
        secrets: Files of the host with the values of secrets, by variable.
        owner: Who acts on it.
        has_left: Whether the owner's database was in a place and is there no more.
    """

    def __init__(
        self,
        name: str,
        transport: Transport,
        workdir: str,
        project: str,
        python: str = "python3",
        *,
        secrets: Mapping[str, str] | None = None,
        owner: Owner = Owner(),
        has_left: Callable[[str], bool] = lambda place: False,
    ) -> None:
        def builder(layout: Layout) -> BashScriptBuilder:
            return BashScriptBuilder(layout, python, secrets)

        super().__init__(name, transport, workdir, project, builder, owner, has_left)
