"""RunDirectoryHost: `core.ports.Host` by the run-directory protocol, over any transport, with any runtime.

All state is in files on the host: two controllers, or none, see the same thing. What starts, stops and awaits a
batch is in the builder; `hosts.process` and `hosts.docker` give it theirs.
"""

import copy
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from cosmos.core.finding import Finding
from cosmos.core.observed import Reachable
from cosmos.core.ports import BatchPlan, Progress, Result
from cosmos.core.recorded import FileEntry, Manifest
from cosmos.core.stock import Stock
from cosmos.errors import HostRefused, HostUnreachable
from cosmos.hosts.check import judge, read_facts
from cosmos.hosts.layout import Layout, is_output_name
from cosmos.hosts.ownership import Owner, belongs, read_owner
from cosmos.hosts.parse import read_logs, read_manifest, read_observation, read_owner_line
from cosmos.hosts.remote import RemoteCommandExecutor, Script
from cosmos.hosts.scripts import BashScriptBuilder, guarded
from cosmos.hosts.stock import read_stock
from cosmos.hosts.transfer import FileTransferService
from cosmos.hosts.transport import Transport

logger = logging.getLogger(__name__)

_HOME = Script(name="home", text='cd && printf %s "$PWD"')


class RunDirectoryHost:
    """A machine that runs batches. `runs_containers` tells whether these are containers.

    Args:
        name: As in cosmos.toml.
        transport: The way to it; closed by `close`.
        workdir: A folder on it, absolute or below `~`.
        project: Name of the project.
        builder: Makes the builder of its scripts, once it is known where things are.
        owner: Who acts; whatever changes something on the host is done only while nobody else does.
        has_left: Whether the owner's database was in a place (`Owner.place`) and is there no more.
    """

    runs_containers = False

    def __init__(
        self,
        name: str,
        transport: Transport,
        workdir: str,
        project: str,
        builder: Callable[[Layout], BashScriptBuilder],
        owner: Owner = Owner(),
        has_left: Callable[[str], bool] = lambda place: False,
    ) -> None:
        self.name = name
        self._transport = transport
        self._workdir = workdir
        self._project = project
        self._make = builder
        self._making = threading.Lock()
        self._builder: BashScriptBuilder | None = None
        self._owner = owner
        self._has_left = has_left
        self._former = ""
        """The place in controller.json that the owner's database has left."""
        self.executor = RemoteCommandExecutor(name, transport)

    def under(self, epoch: int, since: float) -> Self:
        """The same host for a controller that holds the lease; it shares the way there."""
        acting = copy.copy(self)
        acting._owner = replace(self._owner, epoch=epoch, since=since)
        return acting

    @property
    def builder(self) -> BashScriptBuilder:
        """Asks the host for its home folder where the work directory lies below it.

        Not a cached_property: in Python 3.11 all hosts would share its lock, and a silent one would hold up the others.
        """
        with self._making:
            if self._builder is None:
                workdir = self._workdir
                if workdir == "~" or workdir.startswith("~/"):
                    workdir = self.executor.run(_HOME).decode("utf-8", "replace") + workdir[1:]
                self._builder = self._make(Layout(workdir, self._project))
            return self._builder

    @property
    def files(self) -> FileTransferService:
        return FileTransferService(self.executor, self.builder)

    def check(self, images: Sequence[str]) -> list[Finding]:
        """What this host lacks, and what to do about it. `images` are those that its runs need."""
        before = time.time()
        facts = read_facts(self.executor.run(self.builder.check(images)))
        between = (before + time.time()) / 2
        clock = facts.get("clock", ["0"])[0]
        off = float(clock) - between if clock.replace(".", "", 1).isdigit() else 0.0
        slack = (time.time() - before) / 2  # the clock was read at some moment of the call
        off = 0.0 if abs(off) <= slack else off
        return judge(facts, clock_off_s=off, containers=self.runs_containers, host=self.name)

    def approach(self) -> None:
        """Begin to reach it, beside what comes before the first look."""
        self._transport.approach()

    def observe(self, wanted_blobs: Iterable[str]) -> Reachable:
        try:
            answer = self.executor.run(self.builder.observe(wanted_blobs))
        except HostRefused as error:  # nothing was seen, so nothing may be concluded
            raise HostUnreachable(f"could not look: {error.message}", error.hint) from error
        self._admit(read_owner_line(answer))
        return read_observation(answer)

    def _admit(self, line: str) -> None:
        """What is seen in another one's folder is none of our business: not even that something is absent.

        Raises:
            HostUnreachable: It belongs to another controller.
        """
        found = read_owner(line) if line else self._owner
        if found is None or not found.is_followed_by(self._owner, self._has_left):
            raise belongs(self.name, line)
        self._former = found.escaped_place if found.place != self._owner.place else ""

    def owner_line(self) -> str:
        """The line of controller.json; empty where there is none."""
        return self.executor.run(self.builder.owner()).decode("utf-8", "replace").strip()

    def is_ours(self, line: str) -> bool:
        """Whether who wrote that line is this controller, or one that this one follows."""
        found = read_owner(line)
        return found is not None and found.is_followed_by(self._owner, self._has_left)

    def claim(self, seen: str) -> None:
        """Take the folder over from the controller that wrote this line.

        Raises:
            HostUnreachable: It belongs to a third one by now.
        """
        nothing = Script(name="claim", text=":")
        self.executor.run(guarded(nothing, self.builder.layout.root, self._owner, self._former, seen))

    def _change(self, script: Script) -> bytes:
        """Run a script that changes something, if this controller may."""
        return self.executor.run(guarded(script, self.builder.layout.root, self._owner, self._former))

    def put_blobs(self, blobs: Sequence[tuple[str, int, Path]], progress: Progress) -> None:
        self.files.upload(blobs, progress)

    def prepare(self, batch: BatchPlan) -> None:
        self._change(self.builder.prepare(batch))

    def start(self, batch_id: str) -> None:
        self._change(self.builder.start(batch_id))

    def stop(self, batch_id: str, grace_s: float) -> None:
        self._change(self.builder.stop(batch_id, grace_s))

    def manifest(self, batch_id: str, folder: str) -> Manifest:
        return self._manifest(batch_id, self.executor.run(self.builder.manifest(batch_id, folder)))

    def result(self, batch_id: str, folder: str, names: Iterable[str], log_limit: int) -> Result:
        names = tuple(filter(is_output_name, names))
        log, times, rest = read_logs(self.executor.run(self.builder.result(batch_id, folder, names, log_limit)))
        return Result(manifest=self._manifest(batch_id, rest, names), log=log, log_times=times)

    def _manifest(self, batch_id: str, answer: bytes, wanted: Sequence[str] | None = None) -> Manifest:
        manifest, skipped = read_manifest(answer, wanted)
        if skipped:
            logger.warning("%s: outputs of %s that are not collected: %s", self.name, batch_id, ", ".join(skipped))
        return manifest

    def fetch(self, batch_id: str, folder: str, files: Sequence[tuple[FileEntry, Path]], progress: Progress) -> None:
        self.files.download(batch_id, folder, files, progress)

    def read_log(self, batch_id: str, offset: int, limit: int) -> bytes:
        return self.executor.run(self.builder.log(batch_id, offset, limit))

    def read_log_times(self, batch_id: str) -> bytes:
        return self.executor.run(self.builder.log_times(batch_id))

    def release(self, batch_id: str) -> None:
        said = self._change(self.builder.release(batch_id))
        if said:
            logger.warning("%s: %s", self.name, said.decode("utf-8", "replace"))

    def stored(self) -> Stock:
        return read_stock(self.executor.run(self.builder.stored()))

    def damaged(self, blobs: Mapping[str, int]) -> frozenset[str]:
        script = self.builder.damaged(blobs, sum(blobs.values()))
        return frozenset(self.executor.run(script).decode("ascii", "replace").split()) & blobs.keys()

    def discard(
        self,
        *,
        unused: Iterable[str] = (),
        damaged: Mapping[str, int] | None = None,
        leftovers: Iterable[str] = (),
        idle_s: float,
    ) -> frozenset[str]:
        script = self.builder.discard(unused, damaged or {}, leftovers, math.ceil(idle_s))
        return frozenset(self._change(script).decode("utf-8", "replace").split("\n")) - {""}

    def wait_for_exit(self, batch_ids: Sequence[str], timeout_s: float) -> None:
        self.executor.run(self.builder.wait(batch_ids, timeout_s))

    def close(self) -> None:
        self._transport.close()
