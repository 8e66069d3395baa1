"""What can be configured about a host: `[hosts.NAME]`. A key that would be read by nobody is refused."""

import posixpath
import re
from collections.abc import Iterator
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_JUMP = re.compile(
    r"(?:(?P<user>[^@\s]+)@)?(?:\[(?P<bracketed>[^]\s]+)\]|(?P<plain>[^:@\s]+))(?::(?P<port>[0-9]{1,5}))?"
)
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}=?")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_OURS = ("/cosmos", "/cosmos.gpus", "/cosmos.secrets", "/proc", "/sys", "/dev")
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


class Section(BaseModel):
    """A table of cosmos.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
    caches: dict[str, str] = Field(
        default={}, description="folders of the host that containers may read and write, by their path in the container"
    )
    secrets: dict[str, str] = Field(
        default={}, description="files of the host with the values of secrets, by variable, as HF_TOKEN"
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
        for name, path in self.secrets.items():
            if not _VARIABLE.fullmatch(name):
                yield "secrets", f"`{name}` is no variable: upper-case letters, digits and underscores"
            if not path.startswith("/"):
                yield "secrets", f"`{path}` is not absolute: begin it with /"
        if self.gpus == []:
            yield "gpus", "an empty list uses none: name some, or leave this out, or ask for none in the models"
        if self.runtime == "process":
            yield from ((key, _ONLY_DOCKER) for key in ("mounts", "caches", "sudo") if getattr(self, key))
            return
        if self.python:
            yield "python", "containers have their own: leave this out, or put it into the image"
        for key in ("mounts", "caches"):
            yield from (
                (key, wrong) for target, source in getattr(self, key).items() for wrong in _mount(target, source)
            )
        for target in self.mounts.keys() & self.caches.keys():
            yield "caches", f"`{target}` is among the mounts, too: keep one of them"


def _mount(target: str, source: str) -> Iterator[str]:
    """What is wrong with a folder of the host that a container is to see."""
    for path in (target, source):
        if not path.startswith("/"):
            yield f"`{path}` is not absolute: begin it with /"
    inside = "/" + posixpath.normpath(target).lstrip("/")
    if target.startswith("/") and (inside == "/" or f"{inside}/".startswith(tuple(f"{one}/" for one in _OURS))):
        yield f"`{target}` belongs to the container itself: mount elsewhere, as /data"
