"""What can be configured: the tables of cosmos.toml, and what comes of them.

Read by `cosmos.config`; the tables in docs/configuration.md and a new cosmos.toml are made from here.
"""

import posixpath
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, WithJsonSchema, model_validator

from cosmos.duration import Seconds

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]

_JUMP = re.compile(
    r"(?:(?P<user>[^@\s]+)@)?(?:\[(?P<bracketed>[^]\s]+)\]|(?P<plain>[^:@\s]+))(?::(?P<port>[0-9]{1,5}))?"
)
_LISTEN = re.compile(r"(?:\[(?P<bracketed>[0-9A-Fa-f:.]+(?:%[^]\s]+)?)\]|(?P<plain>[^:\[\]\s]+)):(?P<port>[0-9]{1,5})")
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}=?")
_OURS = ("/cosmos", "/cosmos.gpus", "/proc", "/sys", "/dev")
"""What a container has by itself: a mount there would hide it."""
_MACHINE = r"(?:\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\]|[A-Za-z0-9_][A-Za-z0-9._-]*)"
_LOGIN = r"(?:[A-Za-z0-9._][A-Za-z0-9._+-]*@)?"
_URL = re.compile(
    rf"(?:ssh|https)://{_LOGIN}{_MACHINE}(?::[0-9]{{1,5}})?/[!-~]+|file:///[!-~]+"  # an address,
    rf"|{_LOGIN}{_MACHINE}:(?!//|[:-])[!-~]+"  # machine:path,
    r"|[/~.].*|(?!-)[^:]+"  # or a path
)
_PASSWORD = re.compile(r"[a-z]+://[^/@]*:[^/@]*@")
_REF = re.compile(r"(?![-+./])(?!.*(?:\.\.|@\{|//|/\.))[^\s~^:?*\\[\x00-\x20\x7f]+(?<![./])(?<!\.lock)")
_SCHEMA = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,31})://")
_PLACE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:(?:/|~/).+")
_NO_URL = "neither an URL as slack://... nor env:VARIABLE nor file:/PATH nor file:~/PATH"
_ONLY_SSH = "an address is needed for it: set `address`, or leave this out"
_ONLY_DOCKER = 'only containers use it: set `runtime = "docker"`, or leave this out'


class WrongKeysError(ValueError):
    """Keys of one table that are wrong each or together: the key, and what to do about it."""

    def __init__(self, found: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{key}: {words}" for key, words in found))
        self.found = found


def read_jump(text: str) -> tuple[str, str, int] | None:
    """User (may be empty), address and port of `user@address:port`; None when the text is not of that form."""
    match = _JUMP.fullmatch(text)
    port = int(match["port"] or 22) if match else 0
    return (match["user"] or "", match["bracketed"] or match["plain"], port) if match and 0 < port < 65536 else None


def read_listen(text: str) -> tuple[str, int] | None:
    """Address and port of `address:port`; None when the text is not of that form."""
    match = _LISTEN.fullmatch(text)
    port = int(match["port"]) if match else 65536
    return (match["bracketed"] or match["plain"], port) if match and port < 65536 else None


class Section(BaseModel):
    """A table of cosmos.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ProjectSettings(Section):
    """Where things are, relative to the project."""

    name: Name | None = Field(default=None, description="default: the folder's name")
    specs: str = Field(default="specs", description="folder of spec files")
    outputs: str = Field(default="outputs", description="folder where results appear")
    state: str = Field(default=".cosmos", description="folder of the database and the store; not for git")


class DatabaseSettings(Section):
    """Where the state is kept."""

    url: str = Field(default="", description="SQLAlchemy URL; default: SQLite in the state folder")


class HostSettings(Section):
    """A machine that runs work."""

    address: str = Field(default="local", min_length=1, description="`local`: this machine; else a name or IP for SSH")
    port: int = Field(default=22, ge=1, le=65535, description="of its SSH server")
    user: str = Field(default="", description="to log in as; default: the one running cosmos")
    key: str = Field(default="", description="private key file; default: the SSH agent and ~/.ssh/id_*")
    host_key: str = Field(
        default="", description='fingerprint of the server, "SHA256:..."; default: as trusted, or in known_hosts'
    )
    jump: str = Field(default="", description="`user@address:port` of a machine to go through")
    runtime: Literal["process", "docker"] = Field(default="process", description="how work is started there")
    sudo: bool = Field(default=False, description="call docker through `sudo -n`")
    workdir: str = Field(
        default="",
        description="everything written on the host lies below it; default: ~/cosmos, or the state folder when local",
    )
    gpus: Literal["auto"] | list[str] = Field(
        default="auto", description="GPUs to use, by index or UUID; auto: all that nvidia-smi shows"
    )
    share_gpus: bool = Field(default=False, description="use GPUs on which other programs compute, too")
    slots: int = Field(
        default=0, ge=0, le=256, description="runs at a time; 0: one a GPU, and at least one a core up to 4"
    )
    mounts: dict[str, str] = Field(
        default={}, description="folders of the host that containers may read, by their path in the container"
    )
    labels: dict[str, str] = Field(default={}, description="matched by placement.labels of runs")
    python: str = Field(
        default="", description="Python for models that need one; default: the one running cosmos, elsewhere python3"
    )
    keep_failed: bool = Field(default=False, description="leave run directories of failed attempts on the host")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        """A key that would be read by nobody is a mistake that shows only when a run does not do what was meant."""
        if found := [*self._of_the_way(), *self._of_the_runtime()]:
            raise WrongKeysError(found)
        return self

    def _of_the_way(self) -> Iterator[tuple[str, str]]:
        if self.address == "local":
            words = {"user": self.user, "key": self.key, "host_key": self.host_key, "jump": self.jump}
            yield from ((key, _ONLY_SSH) for key, value in words.items() if value)
            if self.port != 22:
                yield "port", _ONLY_SSH
            return
        if self.workdir not in ("", "~") and not self.workdir.startswith(("/", "~/")):
            yield "workdir", f"`{self.workdir}` is relative to nothing: begin it with / or ~/"
        if self.host_key and not _FINGERPRINT.fullmatch(self.host_key):
            yield "host_key", "no fingerprint: write it as `ssh-keygen -lf` prints it, SHA256: and 43 letters"
        if self.jump and read_jump(self.jump) is None:
            yield "jump", f"`{self.jump}` is no machine: write user@address:port, IPv6 as [address]"

    def _of_the_runtime(self) -> Iterator[tuple[str, str]]:
        if self.gpus == []:
            yield "gpus", "an empty list uses none: name some, or leave this out, or ask for none in the models"
        if self.runtime == "process":
            yield from ((key, _ONLY_DOCKER) for key in ("mounts", "sudo") if getattr(self, key))
            return
        if self.python:
            yield "python", "containers have their own: leave this out, or put it into the image"
        for target, source in self.mounts.items():
            for path in (target, source):
                if not path.startswith("/"):
                    yield "mounts", f"`{path}` is not absolute: begin it with /"
            inside = "/" + posixpath.normpath(target).lstrip("/")
            if target.startswith("/") and (inside == "/" or f"{inside}/".startswith(tuple(f"{one}/" for one in _OURS))):
                yield "mounts", f"`{target}` belongs to the container itself: mount elsewhere, as /data"


class GitSettings(Section):
    """The repository that a daemon follows."""

    url: str = Field(default="", description="a path or an address (ssh, https); default: the one the project lies in")
    ref: str = Field(default="HEAD", description="branch or tag; HEAD is what is checked out there")
    path: str = Field(default="", description="folder of the project in that repository; default: found, or the top")
    poll: Seconds = Field(default="1m", validate_default=True, description="how often one that is elsewhere is asked")
    allowed_signers: str = Field(
        default="", description="file, outside of the project, of those whose signed commits are taken; default: all"
    )

    @model_validator(mode="after")
    def _names_no_option(self) -> Self:
        """An address or a name that git would take for something else."""
        found = []
        if _PASSWORD.match(self.url):
            found.append(("url", "it has a password: take that out, and give it to git by a credential helper"))
        elif self.url and not (_URL.fullmatch(self.url) and self.url.isprintable()):
            found.append(("url", "no address that is followed: write ssh://, https://, user@host:path, or a path"))
        if not (_REF.fullmatch(self.ref) and self.ref.isprintable()):
            found.append(("ref", f"{self.ref!a} is no name of a branch or tag"))
        if self.path.startswith(("/", "-")) or ".." in self.path.split("/"):
            found.append(("path", f"`{self.path}` leads out of the repository: write it as seen from its top"))
        if found:
            raise WrongKeysError(found)
        return self


class NoticeKind(StrEnum):
    """What a notification may be about."""

    RUN_FAILED = "run_failed"
    RUN_SUCCEEDED = "run_succeeded"
    SWEEP_DONE = "sweep_done"
    HOST_UNREACHABLE = "host_unreachable"
    SOURCE_HELD = "source_held"
    SPECS_BROKEN = "specs_broken"
    PRUNE_BLOCKED = "prune_blocked"
    RECOVERED = "recovered"


class NotifySettings(Section):
    """Who is told, and of what. An URL holds tokens: it is never shown, only its schema and position are."""

    urls: list[SecretStr] = Field(
        default=[], description="where to send to, as apprise URLs; `env:VARIABLE` and `file:PATH` name a place of one"
    )
    on: list[Annotated[NoticeKind, WithJsonSchema({"type": "string"})]] = Field(
        default=list(NoticeKind), description="kinds of notifications to send"
    )
    unreachable_after: Seconds = Field(
        default="5m", validate_default=True, description="a host that is away for less is not told of"
    )

    @model_validator(mode="after")
    def _can_be_sent(self) -> Self:
        """Whether an URL is one of a known service is seen where they are opened: that takes a library to load."""
        found = [("urls", words) for words in map(_wrong, range(1, len(self.urls) + 1), self.urls) if words]
        if not self.on:
            found.append(("on", "an empty list tells nothing: name some kinds, or leave out `urls` to send nothing"))
        if found:
            raise WrongKeysError(found)
        return self


def schema_of(url: str) -> str:
    """`slack` of `slack://...`: what may be shown of an URL whatever it is. Empty when it has none."""
    match = _SCHEMA.match(url)
    return match[1].lower() if match else ""


def _wrong(position: int, entry: SecretStr) -> str:
    text = entry.get_secret_value()
    if _PLACE.fullmatch(text) or (schema_of(text) and text.isprintable()):
        return ""
    return f"entry {position} is {_NO_URL}"


class DaemonSettings(Section):
    """What `cosmos daemon` does, and what surrounds it."""

    listen: str = Field(
        default="",
        description="`address:port` for health, metrics and the webhook; port 0: a free one; default: no server",
    )
    hook_secret_file: str = Field(
        default="", description="file with the secret of the webhook; default: COSMOS_HOOK_SECRET, else no webhook"
    )
    resync: Seconds = Field(
        default="1m", validate_default=True, description="longest time between two looks while nothing is under way"
    )
    prune: bool = Field(default=False, description="stop what runs for a spec that is gone; its outputs stay")
    prune_after: Seconds = Field(
        default="10m", validate_default=True, description="how long a spec must be gone for that; it may come back"
    )
    removals: int = Field(
        default=10, ge=0, description="runs that are not done and may go at once; more wait for a person's word"
    )
    removals_percent: float = Field(
        default=20.0, ge=0, le=100, description="the same as a share of all that are not done"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.listen and read_listen(self.listen) is None:
            raise WrongKeysError([("listen", f"`{self.listen}` is no place: write 127.0.0.1:9464, IPv6 as [::1]:9464")])
        if self.hook_secret_file and not self.listen:
            raise WrongKeysError([("hook_secret_file", "only the server uses it: set `listen`, or leave this out")])
        return self


class UiSettings(Section):
    """The page of `cosmos ui`."""

    password_file: str = Field(default="", description="file with the password; default: COSMOS_UI_PASSWORD")
    names: list[str] = Field(default=[], description="host names that the page is reached by, besides addresses")


class File(Section):
    """cosmos.toml as a whole."""

    project: ProjectSettings = ProjectSettings()
    database: DatabaseSettings = DatabaseSettings()
    hosts: dict[Name, HostSettings] = {"local": HostSettings()}
    git: GitSettings = GitSettings()
    daemon: DaemonSettings = DaemonSettings()
    notify: NotifySettings = NotifySettings()
    ui: UiSettings = UiSettings()


class Settings(Section):
    """The configuration in force. Paths are absolute."""

    root: Path
    name: str
    specs: Path
    outputs: Path
    state: Path
    database_url: str
    hosts: dict[str, HostSettings]
    git: GitSettings = GitSettings()
    daemon: DaemonSettings = DaemonSettings()
    notify: NotifySettings = NotifySettings()
    ui: UiSettings = UiSettings()
