"""ProcessHost: a machine that runs batches as processes of its user."""

from cosmos.hosts.layout import Layout
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
    """

    def __init__(self, name: str, transport: Transport, workdir: str, project: str, python: str = "python3") -> None:
        def builder(layout: Layout) -> BashScriptBuilder:
            return BashScriptBuilder(layout, python)

        super().__init__(name, transport, workdir, project, builder)
