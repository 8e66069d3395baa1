"""What keeps a project from working: this machine, the project, and its hosts; each finding with what mends it."""

import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from cosmos.config import FILE
from cosmos.core.finding import Finding, Level
from cosmos.core.plan_text import size
from cosmos.errors import CosmosError
from cosmos.local_ai import libraries
from cosmos.project import verify
from cosmos.project.machines import Machines
from cosmos.project.wiring import Project, versions
from cosmos.settings import Settings
from cosmos.source.git import Git
from cosmos.source.tree import WorkingTree

LITTLE_DISK = 20 << 30
"""Bytes; an evening of 4K results takes them."""
NO_DISK = 1 << 30
"""Bytes without which databases and downloads break."""
SHOWN = 5

MACHINE, PROJECT = "this machine", "project"


class Doctor:
    """Of one project, or of a folder that should be one.

    Args:
        settings: Reads the configuration; called when it is first needed.
        project: Opens the project; called when it is first needed.
    """

    def __init__(self, settings: Callable[[], Settings], project: Callable[[], Project]) -> None:
        self._settings = settings
        self._open = project

    def examine(self, *, hosts: bool = True) -> dict[str, list[Finding]]:
        """Look at everything, and change nothing. A fault keeps none of the rest from being looked at.

        Args:
            hosts: Look at the hosts of the configuration, too.

        Returns:
            Findings by what they are about: `this machine`, `project`, and `host NAME`.
        """
        try:
            settings = self._settings()
        except CosmosError as error:
            return {MACHINE: list(_machine(None)), PROJECT: [_fault("configuration", error)]}
        found = {MACHINE: list(_machine(settings)), PROJECT: [_configuration(settings)]}
        try:
            project = self._open()
        except CosmosError as error:
            found[PROJECT].append(_fault("state", error))
            return found
        found[PROJECT] += _project(project)
        if hosts:
            found |= self._hosts()
        return found

    def _hosts(self) -> dict[str, list[Finding]]:
        try:
            checked = Machines(self._open).check()
        except CosmosError as error:
            return {"hosts": [_fault("check", error)]}
        return {f"host {name}": findings for name, findings in checked.items()}


def _ok(about: str, words: str) -> Finding:
    return Finding(level=Level.OK, about=about, words=words)


def _warning(about: str, words: str, remedy: str) -> Finding:
    return Finding(level=Level.WARNING, about=about, words=words, remedy=remedy)


def _problem(about: str, words: str, remedy: str) -> Finding:
    return Finding(level=Level.PROBLEM, about=about, words=words, remedy=remedy)


def _fault(about: str, error: CosmosError) -> Finding:
    return _problem(about, error.message, error.hint or "see the message")


# This machine ------------------------------------------------------------------------------------


def _machine(settings: Settings | None) -> Iterator[Finding]:
    yield _ok("cosmos", f"{versions().get('cosmos-gitops', 'from a checkout')}, in {sys.prefix}")
    yield _ok("python", f"{platform.python_version()}, {sys.executable}")
    yield _git()
    yield from libraries.findings()
    for name, path in _disks(settings).items():
        yield _disk(name, path)
    over_ssh, in_docker = _needs(settings)
    yield _program("ssh", needed_by=over_ssh, remedy="sudo apt-get install openssh-client")
    yield _program("docker", needed_by=in_docker, remedy="install docker: https://docs.docker.com/engine/install")
    if find_spec("gradio") is None:
        yield _ok("page", "not installed; `pip install 'cosmos-gitops[ui]'` adds cosmos ui")
    else:
        yield _ok("page", "installed: cosmos ui")


def _git() -> Finding:
    if shutil.which("git") is None:
        words = "not installed: results are not tied to commits, and rollback, undo and the daemon need it"
        return _warning("git", words, "sudo apt-get install git")
    try:
        said = Git(Path("/")).run("version").decode("utf-8", "replace").strip()
    except CosmosError as error:
        return _fault("git", error)
    return _ok("git", said.removeprefix("git version "))


def _disks(settings: Settings | None) -> dict[str, Path]:
    """Each file system once, under what it is for."""
    if settings is None:
        return {"disk": Path.cwd()}
    wanted = {"disk": settings.root, "disk of the state": settings.state, "disk of outputs": settings.outputs}
    found: dict[int, tuple[str, Path]] = {}
    for name, path in wanted.items():
        there = next(folder for folder in (path, *path.parents) if folder.exists())
        found.setdefault(there.stat().st_dev, (name, there))
    return dict(found.values())


def _disk(name: str, path: Path) -> Finding:
    usage = shutil.disk_usage(path)
    words = f"{size(usage.free)} free of {size(usage.total)} at {path}"
    remedy = "free space; `cosmos gc --store` says what may go"
    if usage.free < NO_DISK:
        return _problem(name, words, remedy)
    return _warning(name, words, remedy) if usage.free < LITTLE_DISK else _ok(name, words)


def _needs(settings: Settings | None) -> tuple[list[str], list[str]]:
    """Hosts that are reached by ssh, and those that run containers on this machine."""
    hosts = settings.hosts if settings is not None else {}
    over_ssh = [name for name, host in hosts.items() if host.address != "local"]
    return over_ssh, [name for name, host in hosts.items() if host.address == "local" and host.runtime == "docker"]


def _program(name: str, *, needed_by: list[str], remedy: str) -> Finding:
    path = shutil.which(name)
    if path is not None:
        return _ok(name, path)
    if not needed_by:
        return _ok(name, "not installed, and no host needs it here")
    if name == "ssh":
        words = f"not installed: large files of {', '.join(needed_by)} go a slower way"
        return _warning(name, words, remedy)
    return _problem(name, f"not installed, and {', '.join(needed_by)} runs containers here", remedy)


# The project -------------------------------------------------------------------------------------


def _configuration(settings: Settings) -> Finding:
    file = settings.root / FILE
    words = str(file) if file.is_file() else f"the defaults, for there is no {FILE} in {settings.root}"
    return _ok("configuration", f"{words}; hosts: {', '.join(sorted(settings.hosts))}")


def _project(project: Project) -> Iterator[Finding]:
    for about, look in (("specs", _specs), ("repository", _repository), ("results", _results)):
        try:
            yield from look(project)
        except CosmosError as error:
            yield _fault(about, error)


def _specs(project: Project) -> Iterator[Finding]:
    desired = project.desire()
    words = f"{desired.specs} specs in {desired.files} files make {len(desired.runs)} runs"
    if desired.problems:
        more = f" (and {len(desired.problems) - 1} more)" if len(desired.problems) > 1 else ""
        yield _problem("specs", f"{desired.problems[0]}{more}", "cosmos validate names every problem")
    else:
        yield _ok("specs", words)
    for warning in desired.warnings[:SHOWN]:
        yield _warning("specs", str(warning), "cosmos validate")


def _repository(project: Project) -> Iterator[Finding]:
    settings = project.settings
    revision = WorkingTree(settings.root, settings.specs).revision()
    if not revision.commit:
        words = f"the specs are at no commit: {revision.why or 'nothing is committed'}"
        yield _warning("repository", words, "git init && git add -A && git commit -m 'Begin'")
    elif revision.dirty:
        words = f"at {revision.commit[:8]}, with specs that are not committed"
        yield _ok("repository", words)
    else:
        yield _ok("repository", f"at {revision.commit[:8]}, all specs committed")


def _results(project: Project) -> Iterator[Finding]:
    """Ledger, store and outputs, without reading what was not touched, and without the hosts."""
    found = verify.verify(project, [], read=False, fix=False, say=lambda words: None)
    for flaw in found.problems[:SHOWN]:
        remedy = f"cosmos verify --fix: {flaw.remedy}" if flaw.fixable else flaw.remedy
        yield _problem("results", f"{flaw.subject}: {flaw.words}", remedy)
    if len(found.problems) > SHOWN:
        yield _problem("results", f"{len(found.problems) - SHOWN} more like these", "cosmos verify names them all")
    if not found.problems:
        yield _ok("results", f"{found.results} results and {found.blobs} files are as they were recorded")
