"""MemoryHost: `core.ports.Host` on a machine in memory, with the refusals of the scripts in hosts/bash."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from cosmos.core.observed import ExitRecord, Reachable
from cosmos.core.ports import BatchPlan, Progress, Result
from cosmos.core.reasons import Reason
from cosmos.core.recorded import FileEntry, Manifest
from cosmos.core.stock import Stock
from cosmos.errors import HostRefused, HostUnreachable, TransferError
from cosmos.hosts.layout import Layout, checked_id, checked_sha256, is_output_name, output_name, plain
from cosmos.hosts.memory import keeping
from cosmos.hosts.memory.claiming import follow
from cosmos.hosts.memory.contents import below, bring, entry_of, whole
from cosmos.hosts.memory.machine import ENDED, Machine, nobodys
from cosmos.hosts.memory.parts import File, RunDirectory, Tree, Work, discard_damaged
from cosmos.hosts.memory.refusing import image_missing, no_space, refused
from cosmos.hosts.memory.sight import has_ended, seen
from cosmos.hosts.ownership import Owner, belongs
from cosmos.hosts.scripts import BashScriptBuilder


class MemoryHost:
    """One project on a machine.

    Args:
        name: As in cosmos.toml.
        machine: Shared by all who reach it.
        project: Name of the project.
        pause: How `wait_for_exit` waits; seconds.
        owner: The controller that acts.
    """

    def __init__(
        self,
        name: str,
        machine: Machine,
        project: str,
        pause: Callable[[float], None] = time.sleep,
        owner: Owner = Owner(),
    ) -> None:
        self.name = name
        self._owner = owner
        self.machine = machine
        self._pause = pause
        self._project = project
        self._builder = BashScriptBuilder(Layout("/memory", project))

    @property
    def tree(self) -> Tree:
        return self.machine.tree(self._project)

    @contextmanager
    def _there(self) -> Iterator[Tree]:
        """One script at a time; nothing happens on the machine meanwhile."""
        with self.machine.lock:
            if not self.machine.is_up:
                raise HostUnreachable(f"{self.name}: the connection timed out", "look again")
            self.machine.settle()
            yield self.tree

    @contextmanager
    def _acting(self) -> Iterator[Tree]:
        """A script that changes something."""
        with self._there() as tree:
            follow(self.name, tree, self._owner)
            yield tree

    # Looking

    def observe(self, wanted_blobs: Iterable[str]) -> Reachable:
        with self._there() as tree:
            machine = self.machine
            if not machine.is_readable:
                raise HostUnreachable(f"could not look: {self.name}: batches is no folder but a regular file")
            if tree.owner is not None and not tree.owner.is_followed_by(self._owner, lambda place: False):
                raise belongs(self.name, tree.owner.line)
            return Reachable(
                boot_id=machine.boot_id,
                clock=machine.wall,
                disk_free=0 if machine.is_full else machine.disk_total // 2,
                disk_total=machine.disk_total,
                batches={name: seen(tree, directory) for name, directory in tree.directories.items()},
                blobs=frozenset(sha256 for sha256 in wanted_blobs if checked_sha256(sha256) in tree.blobs),
                gpus=machine.gpus,
            )

    # Blobs

    def put_blobs(self, blobs: Sequence[tuple[str, int, Path]], progress: Progress) -> None:
        with self._there() as tree:
            there = {sha256: len(file.data) for sha256, file in tree.blobs.items()}
            unique = {checked_sha256(blob[0]): blob for blob in blobs}
            missing = [blob for blob in unique.values() if there.get(blob[0]) != blob[1]]
            if missing and self.machine.is_full:
                needed = sum(size for _, size, _ in missing)
                raise HostRefused(
                    f"the host's disk is full: {needed} bytes to upload, 0 free",
                    "free space on the host",
                    Reason.DISK_FULL.value,
                )
            failed: list[TransferError] = []
            for sha256, _, path in missing:
                self.machine.on_step("blob")
                try:
                    tree.blobs[sha256] = File(whole(sha256, path), self.machine.wall)
                except TransferError as error:
                    failed.append(error)
                else:
                    progress(len(tree.blobs[sha256].data))
            if failed:
                raise failed[0]

    # What is kept

    def stored(self) -> Stock:
        with self._there() as tree:
            return keeping.stock(tree, self.machine.wall)

    def damaged(self, blobs: Mapping[str, int]) -> frozenset[str]:
        self._builder.damaged(blobs, sum(blobs.values()))  # refuses what is no blob
        with self._there() as tree:
            return keeping.damaged(tree, blobs)

    def discard(
        self,
        *,
        unused: Iterable[str] = (),
        damaged: Mapping[str, int] | None = None,
        leftovers: Iterable[str] = (),
        idle_s: float,
    ) -> frozenset[str]:
        unused, damaged = frozenset(unused), damaged or {}
        self._builder.discard(unused, damaged, leftovers, math.ceil(idle_s))  # refuses what no host can be told
        with self._acting() as tree:
            gone = keeping.unused(tree, unused, idle_s, self.machine.wall) | keeping.damaged(tree, damaged)
            for sha256 in sorted(gone):
                self.machine.on_step("discarded")
                del tree.blobs[sha256]
            return gone

    # Life of a batch

    def prepare(self, batch: BatchPlan) -> None:
        self._builder.prepare(batch)  # refuses what no host can be told
        with self._acting() as tree:
            directory = tree.directories.setdefault(
                batch.meta.batch_id, RunDirectory(batch.meta.batch_id, made=self.machine.wall)
            )
            if directory.is_whole or directory.claim is not None:
                return
            if self.machine.is_full:
                raise no_space(self.name)
            directory.plan = batch
            directory.inputs = {}
            self.machine.on_step("folder")
            for name, sha256 in batch.inputs.items():
                if sha256 not in tree.blobs:
                    raise refused(self.name, f"blob {sha256} is not on this host: stage it again")
                directory.inputs[name] = tree.blobs[sha256]
                tree.blobs[sha256].changed = self.machine.wall
            self.machine.on_step("links")
            directory.is_whole = True

    def start(self, batch_id: str) -> None:
        with self._acting() as tree:
            directory = tree.directories.get(checked_id(batch_id))
            if directory is None:
                raise refused(self.name, f"there is no run directory {batch_id}: it was released, or never prepared")
            if directory.claim is not None or directory.record is not None:
                return
            plan = directory.plan
            if plan is None or not directory.is_whole:
                raise refused(self.name, f"{batch_id} is not complete: prepare it again")
            work = tree.works.get(batch_id) if self.machine.containers else None
            if work is None:
                work = self._created(tree, directory, plan)
            elif work.lives:
                return
            elif work.was_started:
                raise refused(
                    self.name, f"the container of {batch_id} has ended without a record: exited with {work.code}"
                )
            self.machine.start(tree, directory, work)

    def _created(self, tree: Tree, directory: RunDirectory, plan: BatchPlan) -> Work:
        images = self.machine.images
        if self.machine.containers and images is not None and plan.image not in images:
            raise image_missing(self.name, plan.image)
        work = self.machine.new_work(tree, directory, plan)
        if self.machine.containers:
            self.machine.on_step("created")
        return work

    def stop(self, batch_id: str, grace_s: float) -> None:
        del grace_s
        with self._acting() as tree:
            machine = self.machine
            directory = tree.directories.get(checked_id(batch_id))
            if directory is not None:
                if directory.claim is None and directory.record is None:
                    directory.claim = nobodys(machine)
                    machine.on_step("forbidden")
                if directory.claim and directory.claim.is_nobodys and directory.record is None and not machine.is_full:
                    at, boot = machine.wall, machine.boot_id
                    directory.record = ExitRecord(code=ENDED, started_at=at, ended_at=at, boot_id=boot, stopped=True)
            for work in tree.called(batch_id):
                machine.stop(work, with_record=directory is None or work.directory is directory)

    def release(self, batch_id: str) -> None:
        with self._acting() as tree:
            directory = tree.directories.get(checked_id(batch_id))
            work = tree.works.get(batch_id)
            if work is not None and work.lives and (directory is not None or work.is_container):
                raise refused(self.name, f"batch {batch_id} runs: stop it before it is released")
            if directory is not None and directory.claim is None:
                directory.claim = nobodys(self.machine)
            if work is not None and work.is_container:
                del tree.works[batch_id]
                self.machine.on_step("removed")
            if directory is not None:
                if directory.record is not None and directory.record.stage == "verify":
                    discard_damaged(tree, directory)
                for file in directory.inputs.values():
                    file.changed = self.machine.wall
                del tree.directories[batch_id]

    def wait_for_exit(self, batch_ids: Sequence[str], timeout_s: float) -> None:
        clock = self.machine.clock
        deadline = clock.monotonic() + timeout_s
        with self._there():
            before = self.machine.ends
        while True:
            with self._there() as tree:
                if self.machine.ends != before or any(has_ended(tree, checked_id(name)) for name in batch_ids):
                    return
            left = deadline - clock.monotonic()
            if left <= 0:
                return
            self._pause(min(0.02, left))

    # Results

    def manifest(self, batch_id: str, folder: str) -> Manifest:
        with self._there() as tree:
            outputs = below(self._directory(tree, batch_id).outputs, plain(folder))
            return tuple(entry_of(name, data) for name, data in sorted(outputs.items()))

    def result(self, batch_id: str, folder: str, names: Iterable[str], log_limit: int) -> Result:
        wanted = set(filter(is_output_name, names))
        with self._there() as tree:
            directory = self._directory(tree, batch_id)
            outputs = below(directory.outputs, plain(folder))
            manifest = tuple(entry_of(name, data) for name, data in sorted(outputs.items()) if name in wanted)
            return Result(manifest=manifest, log=directory.log[:log_limit], log_times=directory.times)

    def fetch(self, batch_id: str, folder: str, files: Sequence[tuple[FileEntry, Path]], progress: Progress) -> None:
        for entry, _ in files:
            output_name(entry.name)
        with self._there() as tree:
            outputs = below(self._directory(tree, batch_id).outputs, plain(folder))
            wrong = []
            for entry, target in files:
                data = outputs.get(entry.name)
                if data is None:
                    raise refused(self.name, f"outputs/{folder}/{entry.name} is no regular file")
                self.machine.on_step("file")
                if not bring(data, entry, target, progress):
                    target.unlink()
                    wrong.append(entry)
        if wrong:
            message = f"{batch_id}: {wrong[0].name} did not arrive with the sha256 that the host listed"
            raise TransferError(message, "it is fetched again from its start")

    def read_log(self, batch_id: str, offset: int, limit: int) -> bytes:
        with self._there() as tree:
            directory = tree.directories.get(checked_id(batch_id))
            return b"" if directory is None else directory.log[max(0, offset) :][: max(0, limit)]

    def read_log_times(self, batch_id: str) -> bytes:
        with self._there() as tree:
            directory = tree.directories.get(checked_id(batch_id))
            return b"" if directory is None else directory.times

    def close(self) -> None:
        pass

    def _directory(self, tree: Tree, batch_id: str) -> RunDirectory:
        directory = tree.directories.get(checked_id(batch_id))
        if directory is None:
            raise refused(self.name, f"there is no run directory {batch_id}")
        return directory
