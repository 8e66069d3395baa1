"""Logging in: with keys only, from one file, or else from the agent and ~/.ssh/id_*. Never a password."""

import contextlib
import logging
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from paramiko.pkey import UnknownKeyType

from cosmos.errors import HostUnreachable
from cosmos.hosts.ssh.target import SshTarget

logger = logging.getLogger(__name__)

_DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
_HAS_PASSPHRASE = (TypeError, paramiko.PasswordRequiredException)
_NOT_A_KEY = (ValueError, paramiko.SSHException, UnknownKeyType, UnsupportedAlgorithm)


class LoginRefused(HostUnreachable):
    """There is no key to log in with, or the server wants none of those we have."""


def log_in(transport: paramiko.Transport, target: SshTarget) -> None:
    """Offer our keys, one after another.

    Raises:
        LoginRefused: None was accepted, or there is none.
        SSHException, OSError, EOFError: The connection broke.
    """
    offered = []
    with contextlib.ExitStack() as resources:
        for label, key in _keys(target, resources):
            offered.append(label)
            if _accepts(transport, target, key):
                logger.debug("%s: logged in as %s with %s", target.name, target.login, label)
                return
            if not transport.is_active():
                if len(offered) > 1:  # as sshd does at MaxAuthTries, whatever key would have come next
                    raise LoginRefused(
                        f"{target.name}: the server ended the connection after {len(offered)} keys",
                        f"set hosts.{target.name}.key in cosmos.toml to the one that it accepts",
                    )
                raise EOFError("the server ended the connection after refusing a key")
    if not offered:
        raise LoginRefused(
            f"{target.name}: no key to log in to {target} with: no agent, and no ~/.ssh/id_* without a passphrase",
            f"set hosts.{target.name}.key in cosmos.toml, or start an agent and `ssh-add` a key",
        )
    raise LoginRefused(
        f"{target.name}: {target} refused {', '.join(offered)}",
        f"add the public key to ~/.ssh/authorized_keys of {target.login} there, or set hosts.{target.name}.key",
    )


def _accepts(transport: paramiko.Transport, target: SshTarget, key: paramiko.PKey) -> bool:
    try:
        more = transport.auth_publickey(target.login, key)
    except paramiko.BadAuthenticationType as error:
        raise LoginRefused(
            f"{target.name}: {target} accepts no keys, only {', '.join(error.allowed_types)}",
            "let its sshd accept public keys",
        ) from error
    except paramiko.AuthenticationException as error:
        if "timeout" in str(error):
            raise TimeoutError from error
        logger.debug("%s: refused: %s", target.name, error)
        return False
    if more:
        raise LoginRefused(
            f"{target.name}: {target} wants more than a key: {', '.join(more)}", "name a user that needs only a key"
        )
    return True


def _keys(target: SshTarget, resources: contextlib.ExitStack) -> Iterator[tuple[str, paramiko.PKey]]:
    if target.key_file:
        yield f"the key {target.key_file}", _read(target, target.key_file)
        return
    agent = _agent()
    if agent:
        resources.callback(agent.close)
        for key in agent.get_keys():
            yield f"the agent's {key.get_name()}", key
    for name in _DEFAULT_KEYS:
        path = Path("~/.ssh").expanduser() / name
        if path.is_file():
            with contextlib.suppress(LoginRefused):
                yield f"the key {path}", _read(target, path)


def _agent() -> paramiko.Agent | None:
    address = os.environ.get("SSH_AUTH_SOCK")
    if not address:
        return None
    try:
        with socket.socket(socket.AF_UNIX) as probe:  # paramiko says nothing when nobody answers there
            probe.connect(address)
        return paramiko.Agent()
    except (paramiko.SSHException, OSError) as error:
        logger.warning("the SSH agent cannot be used: %s", error)
        return None


def _read(target: SshTarget, path: Path) -> paramiko.PKey:
    hint = f"set hosts.{target.name}.key in cosmos.toml to a private key file"
    try:
        mode = path.stat()
        if mode.st_uid == os.getuid() and stat.S_IMODE(mode.st_mode) & 0o077:
            raise LoginRefused(f"{target.name}: others may read the key {path}", f"chmod 600 {path}")
        return paramiko.PKey.from_path(path)
    except OSError as error:
        raise LoginRefused(f"{target.name}: the key {path}: {error.strerror}", hint) from error
    except _HAS_PASSPHRASE as error:
        raise LoginRefused(
            f"{target.name}: the key {path} has a passphrase",
            f"`ssh-add {path}`, and leave hosts.{target.name}.key out so that the agent is asked",
        ) from error
    except _NOT_A_KEY as error:
        raise LoginRefused(f"{target.name}: {path} is no private key that can be read: {error}", hint) from error
