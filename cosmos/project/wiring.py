"""The only place where real things are built: Settings -> Project.

Opening a project opens the database and nothing else; hosts are reached when they are looked at.
Heavy libraries are imported here, not by `cosmos.api`, so that what needs none of them starts fast.
"""

import getpass
import os
import platform
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path

from cosmos.adapters import ADAPTERS
from cosmos.core.desired import Desired
from cosmos.core.load import SourceFile
from cosmos.core.observed import Origin
from cosmos.core.placement import HostConfig
from cosmos.engine.cycle import Engine
from cosmos.engine.desire import Surroundings, desire
from cosmos.engine.provenance import PROVENANCE
from cosmos.engine.workers import ThreadWorkers
from cosmos.engine.world import SystemClock, World
from cosmos.errors import Fenced
from cosmos.hosts.docker.command import Grants
from cosmos.hosts.docker.executor import DockerExecutor
from cosmos.hosts.local import LocalTransport
from cosmos.hosts.ownership import Owner
from cosmos.hosts.process import ProcessHost
from cosmos.hosts.run_directory import RunDirectoryHost
from cosmos.hosts.ssh.target import SshTarget
from cosmos.hosts.transport import Transport
from cosmos.local_ai.probe import MediaProbe
from cosmos.project import belonging
from cosmos.project.models import built_in_models
from cosmos.settings import Settings
from cosmos.settings_host import HostSettings
from cosmos.source.commits import origin_at
from cosmos.source.tree import WorkingTree
from cosmos.state.database import Database, open_database
from cosmos.state.facts import SqlFactCache
from cosmos.state.lease import Hold, Lease
from cosmos.state.process import place_of, this_process
from cosmos.state.quick import may_be, sqlite_path
from cosmos.state.records import SqlRecords
from cosmos.store.blobs import LocalStore
from cosmos.store.inputs import ProjectInputs
from cosmos.store.stock import LocalStock

USUAL_SLOTS = 8
"""Acts at a time for a host that decides itself how many runs it takes."""
MEDIA_WORKERS = 2
"""Acts beside those that occupy a slot: staging of the next runs, collecting of the last."""


@dataclass
class Project:
    """An open project: settings, state and the world that its engine acts on."""

    settings: Settings
    database: Database
    records: SqlRecords
    machines: Mapping[str, RunDirectoryHost]
    """The hosts of `world`, as more than the engine needs to know."""
    facts: SqlFactCache
    inputs: ProjectInputs
    world: World
    stock: LocalStock
    surroundings: Surroundings
    tree: WorkingTree
    origin: Origin | None = None
    """Where the specs are from, as last asked."""

    def read(self) -> tuple[SourceFile, ...]:
        return self.tree.read()

    def approach(self) -> None:
        """Begin to connect to the hosts, beside what comes before they are looked at."""
        for host in self.world.hosts.values():
            if isinstance(host, RunDirectoryHost):
                host.approach()

    def desire(self) -> Desired:
        """What the specs of the working tree ask for."""
        before = self.tree.fingerprint()  # a file that changes while it is read makes what was read stale
        return replace(self.judge(self.read()), fingerprint=before)

    def judge(self, files: Iterable[SourceFile]) -> Desired:
        """What spec files ask for, wherever they are from."""
        desired = desire(files, self.surroundings)
        self.facts.flush()
        return desired

    def now_at(self) -> Origin:
        """Where the specs of the working tree are from; asks git, which may take long in a large repository."""
        self.origin = origin_at(self.settings.root, self.tree.revision())
        return self.origin

    def under(self, hold: Hold) -> "Project":
        """The same for one who acts: once another controller has the lease, nothing can be changed by it."""
        hosts = {name: host.under(hold.epoch, hold.since) for name, host in self.machines.items()}
        records = self.records.under(hold)
        world = replace(self.world, records=records, hosts=hosts, origin=self.origin or self.now_at())
        return replace(self, records=records, world=world)

    @contextmanager
    def engine(self, hold: Hold) -> Iterator[Engine]:
        """An engine whose acts run in threads; waits for those under way on leaving.

        Args:
            hold: The lease: once another controller has it, the engine can change nothing and raises Fenced.
        """
        slots = sum(host.slots or USUAL_SLOTS for host in self.world.host_configs)
        workers = ThreadWorkers(slots + MEDIA_WORKERS)
        engine = Engine(world=self.under(hold).world, workers=workers)
        try:
            yield engine
        except Fenced:  # what is under way may change nothing any more: it is not waited for
            self._disconnect()
            raise
        finally:
            workers.close()
            engine.close()
            self.facts.flush()

    @cached_property
    def lease(self) -> Lease:
        """Held by the one controller that acts."""
        return Lease(self.database, this_process(self.world.owner), self.world.clock)

    def close(self) -> None:
        self._disconnect()
        self.facts.flush()
        self.database.close()

    def _disconnect(self) -> None:
        for host in self.world.hosts.values():
            host.close()


def open_project(settings: Settings, tell: belonging.Tell) -> Project:
    """Open or create the project's state.

    Args:
        settings: The configuration.
        tell: Told what a person should know of it.

    Raises:
        StateError: The database cannot be used, or git tracks files of the state.
        StorageError: A folder of the project cannot be made.
    """
    tree = WorkingTree(settings.root, settings.specs)
    belonging.require_own(settings, tree, tell)
    database = open_database(settings.database_url)
    records = SqlRecords(database)
    belonging.require_project(settings, database, records)
    facts = SqlFactCache(database)
    probe = MediaProbe()
    configs = tuple(_config(name, host) for name, host in sorted(settings.hosts.items()))
    who = f"{user_name()}@{socket.gethostname()}"
    make = _Making(settings, owner_of(settings, records, who))
    machines = {name: make.host(name, host) for name, host in sorted(settings.hosts.items())}
    store = LocalStore(settings.state / "store", settings.outputs, facts)
    world = World(
        project=settings.name,
        root=settings.root,
        logs=settings.state / "logs",
        hosts=machines,
        host_configs=configs,
        keep_failed=frozenset(name for name, host in settings.hosts.items() if host.keep_failed),
        records=records,
        store=store,
        probe=probe,
        adapters=ADAPTERS,
        clock=SystemClock(),
        owner=who,
        versions=versions,
        provenance=lambda folder: store.read(folder, PROVENANCE),
    )
    inputs = ProjectInputs(settings.root, facts, probe)
    surroundings = Surroundings(
        project=settings.name,
        built_in=built_in_models(settings.models),
        adapters=ADAPTERS,
        inputs=inputs,
        hosts=configs,
        max_runs=settings.max_runs,
    )
    stock = LocalStock(settings.state / "store", settings.outputs, facts)
    return Project(settings, database, records, machines, facts, inputs, world, stock, surroundings, tree)


@cache
def versions() -> dict[str, str]:
    """Of the programs that make and judge results here."""
    names = ("cosmos-gitops", "av", "opencv-python-headless", "numpy")
    found = {name: metadata.version(name) for name in names if _is_installed(name)}
    return {**found, "python": platform.python_version(), "platform": platform.platform()}


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _config(name: str, host: HostSettings) -> HostConfig:
    return HostConfig(
        name=name,
        slots=host.slots,
        labels=host.labels,
        containers=host.runtime == "docker",
        gpus=None if host.gpus == "auto" else tuple(host.gpus),
        share_gpus=host.share_gpus,
        secrets=frozenset(host.secrets),
    )


def user_name() -> str:
    """Who runs this program; a number, where the machine has no name for it (in a container)."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def owner_of(settings: Settings, records: SqlRecords, who: str) -> Owner:
    """This project's controllers, as hosts know them."""
    path = sqlite_path(settings.database_url)
    return Owner(database=records.database_id, place="" if path is None else place_of(path), who=who)


@dataclass(frozen=True)
class _Making:
    """Makes hosts of one project."""

    settings: Settings
    owner: Owner

    def host(self, name: str, host: HostSettings) -> RunDirectoryHost:
        settings, is_local = self.settings, host.address == "local"
        transport = LocalTransport() if is_local else _over_ssh(ssh_target(name, host, settings))
        workdir = host.workdir or (str(settings.state / "work") if is_local else "~/cosmos")
        if is_local:
            workdir = str(Path(workdir).expanduser().absolute())
        owner, has_left = self.owner, self._has_left
        if host.runtime == "docker":
            return DockerExecutor(
                name,
                transport,
                workdir,
                settings.name,
                grants=Grants(mounts=host.mounts, caches=host.caches, secrets=host.secrets),
                sudo=host.sudo,
                owner=owner,
                has_left=has_left,
            )
        python = host.python or (sys.executable if is_local else "python3")
        return ProcessHost(
            name, transport, workdir, settings.name, python, secrets=host.secrets, owner=owner, has_left=has_left
        )

    def _has_left(self, place: str) -> bool:
        """The folder of the project was moved on this machine, or is reached by another path."""
        there, here = place.partition(":"), self.owner.place.partition(":")
        if not there[0] or there[0] != here[0]:
            return False
        path = Path(there[2])
        return not may_be(path, self.owner.database) or path.samefile(here[2])


def _over_ssh(target: SshTarget) -> Transport:
    from cosmos.hosts.ssh.transport import SshTransport  # paramiko takes a tenth of a second

    return SshTransport(target)


def ssh_target(name: str, host: HostSettings, settings: Settings) -> SshTarget:
    """Where a host is that is reached over SSH, and where its key is pinned."""
    return SshTarget(
        name=name,
        address=host.address,
        port=host.port,
        user=host.user,
        key=host.key,
        host_key=host.host_key,
        jump=host.jump,
        pins=settings.state / "known_hosts",
    )
