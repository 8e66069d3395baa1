"""ProcessHost: `core.ports.Host` by plain processes, over any transport.

The engine calls it; `cosmos.hosts.memory` and later runtimes keep the same contract (tests/contracts).
All state is in files on the host: two controllers, or none, see the same thing.
"""

import logging
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from cosmos.core.observed import Reachable
from cosmos.core.ports import BatchPlan, Progress
from cosmos.core.recorded import FileEntry, Manifest
from cosmos.errors import HostRefused, HostUnreachable
from cosmos.hosts.layout import Layout
from cosmos.hosts.local import LocalTransport
from cosmos.hosts.parse import read_manifest, read_observation
from cosmos.hosts.remote import RemoteCommandExecutor
from cosmos.hosts.scripts import BashScriptBuilder
from cosmos.hosts.transfer import FileTransferService
from cosmos.hosts.transport import Transport

logger = logging.getLogger(__name__)


def local_process_host(*, name: str, workdir: str, project: str, python: str = "") -> "ProcessHost":
    """This machine as a host.

    Args:
        name: As in cosmos.toml.
        workdir: A folder; `~` is the user's home.
        project: Name of the project.
        python: Default: the one running this.
    """
    folder = Path(workdir).expanduser().absolute()
    return ProcessHost(name, LocalTransport(), Layout(str(folder), project), python or sys.executable)


class ProcessHost:
    """A machine that runs batches as processes of its user.

    Args:
        name: As in cosmos.toml.
        transport: The way to it; closed by `close`.
        layout: Where things are on it.
        python: Its Python, for models that ask for one.
    """

    def __init__(self, name: str, transport: Transport, layout: Layout, python: str = "python3") -> None:
        self.name = name
        self._transport = transport
        self._builder = BashScriptBuilder(layout, python)
        self._executor = RemoteCommandExecutor(name, transport)
        self._files = FileTransferService(transport, self._executor, layout, self._builder)

    def observe(self, wanted_blobs: Iterable[str]) -> Reachable:
        try:
            return read_observation(self._executor.run(self._builder.observe(wanted_blobs)))
        except HostRefused as error:  # nothing was seen, so nothing may be concluded
            raise HostUnreachable(f"could not look: {error.message}", error.hint) from error

    def put_blobs(self, blobs: Sequence[tuple[str, int, Path]], progress: Progress) -> None:
        self._files.upload(blobs, progress)

    def prepare(self, batch: BatchPlan) -> None:
        self._executor.run(self._builder.prepare(batch))

    def start(self, batch_id: str) -> None:
        self._executor.run(self._builder.start(batch_id))

    def stop(self, batch_id: str, grace_s: float) -> None:
        self._executor.run(self._builder.stop(batch_id, grace_s))

    def manifest(self, batch_id: str, folder: str) -> Manifest:
        manifest, skipped = read_manifest(self._executor.run(self._builder.manifest(batch_id, folder)))
        if skipped:
            logger.warning("%s: outputs of %s that are not collected: %s", self.name, batch_id, ", ".join(skipped))
        return manifest

    def fetch(self, batch_id: str, folder: str, entry: FileEntry, target: Path, progress: Progress) -> None:
        self._files.download(batch_id, folder, entry, target, progress)

    def read_log(self, batch_id: str, offset: int, limit: int) -> bytes:
        return self._executor.run(self._builder.log(batch_id, offset, limit))

    def read_log_times(self, batch_id: str) -> bytes:
        return self._executor.run(self._builder.log_times(batch_id))

    def release(self, batch_id: str) -> None:
        self._executor.run(self._builder.release(batch_id))

    def wait_for_exit(self, batch_ids: Sequence[str], timeout_s: float) -> None:
        self._executor.run(self._builder.wait(batch_ids, timeout_s))

    def close(self) -> None:
        self._transport.close()
