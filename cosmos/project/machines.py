"""Hosts as machines: are they fit, ours, who they say, have they the images. Independent of any run's state."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from cosmos.core.desired import Desired
from cosmos.core.finding import Finding, Level
from cosmos.core.fitting import may_take
from cosmos.core.select import Named, among_hosts, one, select
from cosmos.errors import HostRefused, HostUnreachable, RefusedError
from cosmos.hosts.docker.executor import DockerExecutor
from cosmos.hosts.ownership import whose
from cosmos.hosts.run_directory import RunDirectoryHost
from cosmos.hosts.ssh.connection import presented_key
from cosmos.hosts.ssh.keys import EDIT_HOST_KEY, HostKey, find_pin, trust
from cosmos.hosts.ssh.target import SshTarget
from cosmos.project import handover
from cosmos.project.wiring import Project, ssh_target
from cosmos.views import ShownKey, ShownOwner

_BESIDE = 8
"""Hosts that are checked at a time."""


class Machines:
    """The hosts of one project.

    Args:
        project: Opens the project; called when it is first needed.
    """

    def __init__(self, project: Callable[[], Project]) -> None:
        self._open = project

    def check(self, names: Sequence[str] = ()) -> dict[str, list[Finding]]:
        """What each host lacks for the runs of the specs, and what to do about it.

        One that cannot be reached, or says no, keeps none of the others from being checked.

        Args:
            names: Hosts, or globs over their names; none for all.
        """
        chosen = self.named(names)
        desired = self._open().desire()
        images = [self._images(name, desired) for name in chosen]
        with ThreadPoolExecutor(_BESIDE, "checking") as pool:
            return dict(zip(chosen, pool.map(self._checked, chosen, images), strict=True))

    def _checked(self, name: str, images: Sequence[str]) -> list[Finding]:
        reached = _reached(name, self._open())
        try:
            host = self._host(name)
            return [reached, *_whose(name, host), *host.check(images)]
        except HostUnreachable as error:
            return [Finding(level=Level.UNREACHABLE, about="connection", words=error.message, remedy=error.hint)]
        except HostRefused as error:
            return [reached, Finding(level=Level.PROBLEM, about="check", words=error.message, remedy=error.hint)]

    def images(self, name: str) -> list[str]:
        """Images of the runs that may be placed on a host."""
        return self._images(self._one(name), self._open().desire())

    def _images(self, name: str, desired: Desired) -> list[str]:
        config = next(config for config in self._open().world.host_configs if config.name == name)
        runs = (want.run for want in desired.runs)
        return sorted({run.model.image for run in runs if run.model.image and may_take(config, run.placement)})

    def pull(self, name: str, images: Sequence[str] = ()) -> Iterator[tuple[str, bytes]]:
        """Bring images to a host, by default those that `images` names; pieces of what docker says, with the image.

        Raises:
            RefusedError: Nothing to bring, or the host has no docker.
            HostRefused: An image cannot be pulled.
        """
        chosen = self._one(name)
        host = self._host(chosen)
        if not isinstance(host, DockerExecutor):
            raise RefusedError(f"{chosen} runs no containers", f'set `runtime = "docker"` for hosts.{chosen}')
        wanted = list(images) or self.images(chosen)
        if not wanted:
            raise RefusedError(f"no run of the specs needs an image on {chosen}", "name the image to pull")
        for image in wanted:
            for piece in host.pull(image):
                yield image, piece

    def owner(self, name: str) -> ShownOwner:
        """Whose the project's folder on a host is. Changes nothing there."""
        chosen = self._one(name)
        host = self._host(chosen)
        line = host.owner_line()
        return ShownOwner(name=chosen, line=line, who=whose(line), is_ours=host.is_ours(line))

    def claim(self, shown: ShownOwner) -> None:
        """Take a folder over from the controller that `owner` has shown. It can change nothing there any more.

        Raises:
            BusyError: Another controller of this project acts.
            HostUnreachable: The folder belongs to a third one by now.
        """
        project = self._open()
        with handover.turn(project) as hold:
            self._host(shown.name).under(hold.epoch, hold.since).claim(shown.line)

    def key(self, name: str) -> ShownKey:
        """The key that a host shows now, and what is known about it. Nothing is sent to it.

        Where a machine on the way shows one that would be refused, it is that one.

        Raises:
            RefusedError: The host is this machine.
            HostUnreachable: It does not answer, or a machine on the way to it does not let us through.
        """
        target = self._target(name)
        through = target.through()
        if through is not None:
            shown = _shown(target.name, through, presented_key(through), is_way=True)
            if not shown.is_known:
                return shown
        return _shown(target.name, target, presented_key(target))

    def trust(self, shown: ShownKey) -> None:
        """Believe in a key from now on: write it to the project's known_hosts.

        Raises:
            RefusedError: `host_key` says which key it must be: what is written there would never be read.
        """
        target = self._target(shown.name)
        through = target.through()
        if shown.is_way and through is not None:
            target = through
        if target.host_key:
            raise RefusedError(f"hosts.{shown.name}.host_key says which key is trusted", EDIT_HOST_KEY)
        trust(target, HostKey(shown.type, shown.blob))

    def _target(self, name: str) -> SshTarget:
        chosen = self._one(name)
        settings = self._open().settings
        if settings.hosts[chosen].address == "local":
            raise RefusedError(f"{chosen} is this machine: it has no key to trust", "name a host with an address")
        return ssh_target(chosen, settings.hosts[chosen], settings)

    def _one(self, name: str) -> str:
        hosts = self._all()
        with among_hosts(hosts):
            return one(hosts, name)

    def named(self, names: Sequence[str] = ()) -> list[str]:
        """Hosts by names or globs; without any, all."""
        hosts = self._all()
        with among_hosts(hosts):
            return sorted(select(hosts, names))

    def _all(self) -> list[Named]:
        return [Named(key=name) for name in sorted(self._open().settings.hosts)]

    def _host(self, name: str) -> RunDirectoryHost:
        return self._open().machines[name]


def _whose(name: str, host: RunDirectoryHost) -> list[Finding]:
    """Said only where it is not ours."""
    line = host.owner_line()
    if not line or host.is_ours(line):
        return []
    return [
        Finding(
            level=Level.PROBLEM,
            about="owner",
            words=f"the project's folder there belongs to {whose(line)}",
            remedy=f"if that controller is gone for good: cosmos hosts claim {name}",
        )
    ]


def _reached(name: str, project: Project) -> Finding:
    host = project.settings.hosts[name]
    words = "this machine" if host.address == "local" else f"over SSH, as {ssh_target(name, host, project.settings)}"
    return Finding(level=Level.OK, about="connection", words=words)


def _shown(name: str, target: SshTarget, key: HostKey, *, is_way: bool = False) -> ShownKey:
    pin = find_pin(target)
    return ShownKey(
        name=name,
        server=target.known_as,
        type=key.type,
        blob=key.blob,
        fingerprint=key.fingerprint,
        is_known=key.fingerprint in pin.expected and key.fingerprint not in pin.revoked,
        is_revoked=key.fingerprint in pin.revoked,
        is_way=is_way,
        is_fixed=bool(target.host_key),
        expected=tuple(f"{fingerprint} ({where})" for fingerprint, where in pin.expected.items()),
    )
