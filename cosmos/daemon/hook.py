"""The webhook: a forge tells of a push, so that the daemon looks at once. A call is a hint and carries no order.

Whoever knows the secret can make the daemon look, once a second at most; what it finds is for git to say.
"""

import hashlib
import hmac
import logging
import threading
from collections.abc import Callable, MutableMapping
from email.message import Message
from pathlib import Path
from types import TracebackType
from typing import Self

from cosmos.errors import ConfigError
from cosmos.settings import DaemonSettings

logger = logging.getLogger(__name__)

VARIABLE = "COSMOS_HOOK_SECRET"
SHORTEST = 16
"""Letters of a secret; fewer can be guessed."""
EVERY_S = 1.0


def read_secret(settings: DaemonSettings, root: Path, environment: MutableMapping[str, str]) -> bytes | None:
    """From the environment, where it is taken out so that no program inherits it, or from the file; None without.

    Raises:
        ConfigError: It cannot be read, is too short to be one, or nobody listens for a webhook.
    """
    text, place = environment.pop(VARIABLE, ""), VARIABLE
    if text and not settings.listen:
        raise ConfigError(f"{VARIABLE} is set, and there is no server", "set `listen` in [daemon], or unset it")
    if not text and settings.hook_secret_file:
        text, place = _read(root, settings.hook_secret_file), settings.hook_secret_file
    elif not text:
        return None
    secret = text.strip().encode()
    if len(secret) < SHORTEST:
        remedy = "make one with `openssl rand -hex 32`, and tell it to the forge"
        raise ConfigError(f"the secret of the webhook in {place} has less than {SHORTEST} letters", remedy)
    return secret


def _read(root: Path, name: str) -> str:
    try:
        return (root / Path(name).expanduser()).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        what = "it is not text"
    except (OSError, RuntimeError) as error:
        what = (isinstance(error, OSError) and error.strerror) or str(error)
    remedy = "write the secret into it, or correct `hook_secret_file` of [daemon]"
    raise ConfigError(f"cosmos.toml: daemon.hook_secret_file: {name}: {what}", remedy)


def is_genuine(secret: bytes, headers: Message, body: bytes) -> bool:
    """A body that is signed with the secret (GitHub, Gitea, Forgejo), or sent along with it (GitLab)."""
    signature, token = headers.get("X-Hub-Signature-256"), headers.get("X-Gitlab-Token")
    if signature is not None:
        made = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(made.encode(), _bytes(signature))
    return token is not None and hmac.compare_digest(secret, _bytes(token))


def _bytes(header: str) -> bytes:
    """As they came: HTTP reads bytes as Latin-1."""
    return header.encode("latin-1", "replace")


class Nudges:
    """Passes nudges on, one in a while; those that come sooner become one, at the end of it. None is lost.

    Args:
        nudge: Called for each that is passed on, from any thread.
        every_s: Shortest time between two.
    """

    def __init__(self, nudge: Callable[[], None], every_s: float = EVERY_S) -> None:
        self._nudge = nudge
        self._every_s = every_s
        self._asked = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._pass_on, name="cosmos-nudges", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._asked.set()
        self._thread.join()

    def ask(self) -> None:
        """Something may have happened. Returns at once."""
        self._asked.set()

    def _pass_on(self) -> None:
        while self._asked.wait() and not self._closed.is_set():
            self._asked.clear()
            self._nudge()
            self._closed.wait(self._every_s)
