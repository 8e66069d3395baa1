"""ConfigManager: cosmos.toml and COSMOS_ variables -> one frozen Settings.

A project is a folder with a `cosmos.toml`, or with a `specs/` folder and the defaults below. Every key
has an environment override: COSMOS_ and the key's path in upper case, parts joined by two underscores
(`hosts.gpu.slots` is COSMOS_HOSTS__GPU__SLOTS). Lists are written as JSON there.
"""

import json
import os
import posixpath
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from cosmos.errors import ConfigError

FILE = "cosmos.toml"
PREFIX = "COSMOS_"
NOT_SETTINGS = frozenset({"COSMOS_PROJECT_DIR", "COSMOS_MUST_RUN", "COSMOS_HOOK_SECRET"})
"""Variables with our prefix that are read elsewhere."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]

_JUMP = re.compile(
    r"(?:(?P<user>[^@\s]+)@)?(?:\[(?P<bracketed>[^]\s]+)\]|(?P<plain>[^:@\s]+))(?::(?P<port>[0-9]{1,5}))?"
)
_LISTEN = re.compile(r"(?:\[(?P<bracketed>[0-9A-Fa-f:.]+(?:%[^]\s]+)?)\]|(?P<plain>[^:\[\]\s]+)):(?P<port>[0-9]{1,5})")
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}=?")
_OURS = ("/cosmos", "/cosmos.gpus", "/proc", "/sys", "/dev")
"""What a container has by itself: a mount there would hide it."""
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


class DaemonSettings(Section):
    """What surrounds `cosmos daemon`."""

    listen: str = Field(
        default="",
        description="`address:port` for health, metrics and the webhook; port 0: a free one; default: no server",
    )
    hook_secret_file: str = Field(
        default="", description="file with the secret of the webhook; default: COSMOS_HOOK_SECRET, else no webhook"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.listen and read_listen(self.listen) is None:
            raise WrongKeysError([("listen", f"`{self.listen}` is no place: write 127.0.0.1:9464, IPv6 as [::1]:9464")])
        if self.hook_secret_file and not self.listen:
            raise WrongKeysError([("hook_secret_file", "only the server uses it: set `listen`, or leave this out")])
        return self


class File(Section):
    """cosmos.toml as a whole."""

    project: ProjectSettings = ProjectSettings()
    database: DatabaseSettings = DatabaseSettings()
    hosts: dict[Name, HostSettings] = {"local": HostSettings()}
    daemon: DaemonSettings = DaemonSettings()


class Settings(Section):
    """The configuration in force. Paths are absolute."""

    root: Path
    name: str
    specs: Path
    outputs: Path
    state: Path
    database_url: str
    hosts: dict[str, HostSettings]
    daemon: DaemonSettings = DaemonSettings()


class ConfigManager:
    """Finds a project and reads its configuration.

    Args:
        start: Where to look; parents are tried too. Default: COSMOS_PROJECT_DIR, else the current folder.
        environment: Variables; default: the process's own.
    """

    def __init__(self, start: Path | None = None, environment: Mapping[str, str] | None = None) -> None:
        self._environment = dict(os.environ if environment is None else environment)
        named = start or Path(self._environment.get("COSMOS_PROJECT_DIR") or Path.cwd())
        self._start = named.expanduser().resolve()

    def settings(self) -> Settings:
        """Read and check everything.

        Raises:
            ConfigError: No project here, a file that is not TOML, or a key that is unknown or wrong.
        """
        root = self.find()
        data = self._read(root / FILE)
        for path, value in self._overrides():
            _put(data, path, value)
        try:
            file = File.model_validate(data)
        except ValidationError as error:
            raise ConfigError(_explain(error), f"see docs/configuration.md, then correct {root / FILE}") from None
        return _settings(root, file)

    def find(self) -> Path:
        """The project's folder: the nearest with a cosmos.toml, else the nearest with a specs folder."""
        around = (self._start, *self._start.parents)
        for marker in (FILE, "specs"):
            for folder in around:
                found = folder / marker
                if found.is_file() if marker == FILE else found.is_dir():
                    return folder
        raise ConfigError(
            f"{self._start} is not a cosmos project: no {FILE} and no specs/ here or above",
            "make one with `cosmos init`, or name one with -C DIR",
        )

    def _read(self, path: Path) -> dict[str, Any]:
        if not path.is_file():
            return {}
        try:
            return tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise ConfigError(f"{path}: {error}", "correct the file; docs/configuration.md has a sample") from None

    def _overrides(self) -> list[tuple[list[str], Any]]:
        found = []
        for name, text in sorted(self._environment.items()):
            if name.startswith(PREFIX) and name not in NOT_SETTINGS:
                path = name.removeprefix(PREFIX).lower().split("__")
                found.append((path, _value(text)))
        return found


def _value(text: str) -> Any:
    if text[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return {"true": True, "false": False}.get(text.lower(), text)


def _put(data: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        data = data.setdefault(part, {})
        if not isinstance(data, dict):
            raise ConfigError(f"COSMOS_{'__'.join(path).upper()}: `{part}` is not a table", "see docs/configuration.md")
    data[path[-1]] = value


def _explain(error: ValidationError) -> str:
    lines = []
    for item in error.errors():
        where = ".".join(str(part) for part in item["loc"])
        if isinstance(wrong := item.get("ctx", {}).get("error"), WrongKeysError):
            lines += [f"{FILE}: {where}.{key}: {words}" for key, words in wrong.found]
            continue
        what = "unknown key" if item["type"] == "extra_forbidden" else item["msg"]
        lines.append(f"{FILE}: {where}: {what}")
    return "\n".join(lines)


def _settings(root: Path, file: File) -> Settings:
    state = root / file.project.state
    return Settings(
        root=root,
        name=file.project.name or _name_of(root),
        specs=root / file.project.specs,
        outputs=root / file.project.outputs,
        state=state,
        database_url=file.database.url or f"sqlite:///{state / 'state.db'}",
        hosts=file.hosts,
        daemon=file.daemon,
    )


def _name_of(root: Path) -> str:
    letters = (letter if letter.isascii() and letter.isalnum() else "-" for letter in root.name.lower())
    return "".join(letters).strip("-")[:63].strip("-") or "project"
