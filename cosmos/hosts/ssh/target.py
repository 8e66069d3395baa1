"""SshTarget: which machine, as whom, with which key, and where the keys of servers are pinned."""

import getpass
from dataclasses import dataclass
from pathlib import Path

from cosmos.errors import ConfigError
from cosmos.settings_host import read_jump


@dataclass(frozen=True, slots=True, kw_only=True)
class SshTarget:
    """One machine as cosmos.toml describes it.

    Attributes:
        name: As in cosmos.toml, for messages.
        address: Name or IP.
        user: Empty: the one running cosmos.
        key: Private key file; empty: the agent and ~/.ssh/id_*.
        host_key: Fingerprint of the server, "SHA256:..."; empty: as in `pins`, else in ~/.ssh/known_hosts.
        jump: `user@address:port` of a machine to go through; empty: directly.
        pins: The project's known_hosts file; need not exist.
    """

    name: str
    address: str
    pins: Path
    port: int = 22
    user: str = ""
    key: str = ""
    host_key: str = ""
    jump: str = ""

    @property
    def login(self) -> str:
        return self.user or getpass.getuser()

    @property
    def known_as(self) -> str:
        """How known_hosts files name it."""
        address = self.address.lower()
        return address if self.port == 22 else f"[{address}]:{self.port}"

    @property
    def key_file(self) -> Path | None:
        return Path(self.key).expanduser().absolute() if self.key else None

    def through(self) -> "SshTarget | None":
        """The machine to go through, reached with the same private key.

        Raises:
            ConfigError: `jump` is not of the form user@address:port.
        """
        if not self.jump:
            return None
        parts = read_jump(self.jump)
        if parts is None:
            raise ConfigError(f"hosts.{self.name}.jump: `{self.jump}` is no user@address:port", "correct cosmos.toml")
        user, address, port = parts
        return SshTarget(
            name=self.name, address=address, port=port, user=user or self.user, key=self.key, pins=self.pins
        )

    def __str__(self) -> str:
        return f"{self.login}@{self.known_as}"
