"""Who may nudge a daemon through its webhook, and how often."""

import hashlib
import hmac
import json
import threading
import time
from email.message import Message
from pathlib import Path

import pytest

from cosmos.daemon.hook import Nudges, is_genuine, read_secret
from cosmos.errors import ConfigError
from cosmos.settings import DaemonSettings

SECRET = "0123456789abcdef-and-more"
PUSH = json.dumps(
    {
        "ref": "refs/heads/main",
        "before": "6113728f27ae82c7b1a177c8d03f9e96e0adf246",
        "after": "59b20b8d5c6ff8d09518216e87bc6b3c5b14ad6b",
        "repository": {"full_name": "studio/city", "clone_url": "https://git.example/studio/city.git"},
        "commits": [{"id": "59b20b8d", "message": "Mehr Regen \u2013 nasser", "modified": ["specs/city.yaml"]}],
    },
    ensure_ascii=False,
).encode()


def headers(**given: str) -> Message:
    made = Message()
    for name, value in given.items():
        made[name.replace("_", "-")] = value
    return made


def signed(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def test_the_example_that_github_publishes_is_genuine() -> None:
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    secret, body = b"It's a Secret to Everybody", b"Hello, World!"
    assert is_genuine(secret, headers(X_Hub_Signature_256=signature), body)
    assert not is_genuine(secret, headers(X_Hub_Signature_256=signature), body + b"!")
    assert not is_genuine(secret + b"!", headers(X_Hub_Signature_256=signature), body)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"X_Hub_Signature_256": ""},
        {"X_Hub_Signature_256": signed(PUSH)[7:]},
        {"X_Hub_Signature_256": signed(PUSH).replace("sha256", "sha1")},
        {"X_Hub_Signature_256": signed(PUSH)[:-1]},
        {"X_Hub_Signature_256": signed(b"")},
        {"X_Hub_Signature_256": "sha256=\u00e9\u0080"},
        {"X_Hub_Signature": signed(PUSH)},
        {"X_Hub_Signature_256": "sha256=00", "X_Gitlab_Token": SECRET},
        {"X_Gitlab_Token": ""},
        {"X_Gitlab_Token": SECRET + "x"},
        {"X_Gitlab_Token": SECRET[:-1]},
        {"X_Gitlab_Token": "\u00e9"},
        {"Authorization": SECRET},
    ],
)
def test_what_is_not_signed_with_the_secret_is_not_genuine(given: dict[str, str]) -> None:
    assert not is_genuine(SECRET.encode(), headers(**given), PUSH)


def test_a_signed_body_and_a_token_are_genuine() -> None:
    assert is_genuine(SECRET.encode(), headers(X_Hub_Signature_256=signed(PUSH)), PUSH)
    assert is_genuine(SECRET.encode(), headers(X_Gitlab_Token=SECRET), PUSH)
    words = "Geheimnisse f\u00fcr alle"
    as_http_reads_it = words.encode().decode("latin-1")
    assert is_genuine(words.encode(), headers(X_Gitlab_Token=as_http_reads_it), PUSH)


def test_the_secret_is_taken_from_the_environment_or_else_from_the_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    both = DaemonSettings(listen="127.0.0.1:1", hook_secret_file="secret")
    variables = {"COSMOS_HOOK_SECRET": "another secret, from outside", "PATH": "/bin"}
    assert read_secret(both, tmp_path, variables) == b"another secret, from outside"
    assert variables == {"PATH": "/bin"}
    assert read_secret(both, tmp_path, variables) == SECRET.encode()
    absolute = DaemonSettings(listen="127.0.0.1:1", hook_secret_file=str(tmp_path / "secret"))
    assert read_secret(absolute, Path("/nowhere"), {}) == SECRET.encode()
    assert read_secret(DaemonSettings(listen="127.0.0.1:1"), tmp_path, {}) is None
    assert read_secret(DaemonSettings(), tmp_path, {"COSMOS_HOOK_SECRET": ""}) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "secret: No such file or directory"),
        (b"", "in secret has less than 16 letters"),
        (b"  short \n\n         ", "in secret has less than 16 letters"),
        (b"\xff" * 32, "it is not text"),
    ],
)
def test_a_secret_that_is_none_is_refused(tmp_path: Path, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    with pytest.raises(ConfigError, match=words) as caught:
        read_secret(DaemonSettings(listen="127.0.0.1:1", hook_secret_file="secret"), tmp_path, {})
    assert caught.value.hint


def test_a_secret_that_nobody_asks_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no server") as caught:
        read_secret(DaemonSettings(), tmp_path, {"COSMOS_HOOK_SECRET": SECRET})
    with pytest.raises(ConfigError, match="less than 16") as short:
        read_secret(DaemonSettings(listen="a:1"), tmp_path, {"COSMOS_HOOK_SECRET": "hunter2"})
    assert SECRET not in str(caught.value)
    assert "hunter2" not in str(short.value)


class Bell:
    """Remembers when it was rung, and may be heard by those who wait."""

    def __init__(self) -> None:
        self.rung: list[float] = []
        self._changed = threading.Condition()

    def __call__(self) -> None:
        with self._changed:
            self.rung.append(time.monotonic())
            self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.rung) >= count, timeout=60), self.rung


def test_a_hundred_calls_at_once_are_two_nudges_and_the_last_one_is_not_lost() -> None:
    bell = Bell()
    with Nudges(bell, every_s=0.4) as nudges:
        nudges.ask()
        bell.wait_for(1)
        for _ in range(100):
            nudges.ask()
        bell.wait_for(2)
        time.sleep(0.5)  # in which a third would come
        assert len(bell.rung) == 2
        assert bell.rung[1] - bell.rung[0] >= 0.4
        nudges.ask()
        bell.wait_for(3)


def test_the_first_nudge_waits_for_nothing_and_the_end_waits_for_no_nudge() -> None:
    bell = Bell()
    began = time.monotonic()
    with Nudges(bell, every_s=600) as nudges:
        nudges.ask()
        bell.wait_for(1)
        nudges.ask()
    assert time.monotonic() - began < 60
    assert len(bell.rung) == 1
