"""What can be configured: the tables of cosmos.toml, and what comes of them.

Read by `cosmos.config`; the tables in docs/configuration.md and a new cosmos.toml are made from here.
"""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, SecretStr, StringConstraints, WithJsonSchema, model_validator

from cosmos.duration import Seconds
from cosmos.settings_host import HostSettings, Section, WrongKeysError

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]

_LISTEN = re.compile(r"(?:\[(?P<bracketed>[0-9A-Fa-f:.]+(?:%[^]\s]+)?)\]|(?P<plain>[^:\[\]\s]+)):(?P<port>[0-9]{1,5})")
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


def read_listen(text: str) -> tuple[str, int] | None:
    """Address and port of `address:port`; None when the text is not of that form."""
    match = _LISTEN.fullmatch(text)
    port = int(match["port"]) if match else 65536
    return (match["bracketed"] or match["plain"], port) if match and port < 65536 else None


class ProjectSettings(Section):
    """Where things are, relative to the project."""

    name: Name | None = Field(default=None, examples=["my-project"], description="default: the folder's name")
    specs: str = Field(default="specs", description="folder of spec files")
    outputs: str = Field(default="outputs", description="folder where results appear")
    state: str = Field(default=".cosmos", description="folder of the database and the store; not for git")
    max_runs: int = Field(
        default=1000, ge=1, le=10_000, description="runs that one spec may make; more is taken for a slip"
    )
    max_gpu_hours: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        examples=[8.0],
        description="GPU hours that a plan may take; more is refused by apply, and held back by a daemon; default: any",
    )


class DatabaseSettings(Section):
    """Where the state is kept."""

    url: str = Field(
        default="",
        description="postgresql://user@host/name, or sqlite:////absolute/path.db; default: SQLite in the state folder",
    )


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


class BatchSettings(Section):
    """How many runs share one load of their model."""

    runs: int = Field(default=8, ge=1, le=100, description="runs in one batch at most; 1: each alone")
    time: Seconds = Field(
        default="30m", validate_default=True, description="time that a batch of several is expected to take at most"
    )


class UiSettings(Section):
    """The page of `cosmos ui`."""

    password_file: str = Field(default="", description="file with the password; default: COSMOS_UI_PASSWORD")
    names: list[str] = Field(default=[], description="host names that the page is reached by, besides addresses")


class File(Section):
    """cosmos.toml as a whole."""

    project: ProjectSettings = ProjectSettings()
    database: DatabaseSettings = DatabaseSettings()
    hosts: dict[Name, HostSettings] = Field(default={"local": HostSettings()})
    models: dict[Name, dict[str, Any]] = Field(default={})
    """Fields of built-in models that are other here. What they may be is known to `core.spec_model`."""
    git: GitSettings = GitSettings()
    batches: BatchSettings = Field(default=BatchSettings())
    daemon: DaemonSettings = Field(default=DaemonSettings())
    notify: NotifySettings = NotifySettings()
    ui: UiSettings = UiSettings()


class Settings(Section):
    """The configuration in force. Paths are absolute."""

    root: Path
    name: str
    specs: Path
    outputs: Path
    state: Path
    max_runs: int = 1000
    max_gpu_hours: float | None = None
    database_url: str
    hosts: dict[str, HostSettings]
    models: dict[str, dict[str, Any]] = Field(default={})
    git: GitSettings = GitSettings()
    batches: BatchSettings = Field(default=BatchSettings())
    daemon: DaemonSettings = Field(default=DaemonSettings())
    notify: NotifySettings = NotifySettings()
    ui: UiSettings = UiSettings()
