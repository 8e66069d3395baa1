"""All that surrounds a daemon, together: files, systemd and HTTP tell the same, and the webhook wakes it."""

import hashlib
import hmac
import http.client
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cosmos.config import ConfigManager
from cosmos.core.plan import Phase
from cosmos.daemon.audience import Audience
from cosmos.daemon.healthcheck import check
from cosmos.daemon.server import BODY
from cosmos.daemon.vitals import DEAD_S
from cosmos.errors import ConfigError
from cosmos.settings import Settings
from tests.daemon.test_hook import PUSH, SECRET, signed
from tests.daemon.told import a_host, a_pass, a_status
from tests.makers import NOW

PATIENCE_S = 60.0


class Bell:
    def __init__(self) -> None:
        self.count = 0
        self._changed = threading.Condition()

    def __call__(self) -> None:
        with self._changed:
            self.count += 1
            self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.count >= count, PATIENCE_S)


def settings_in(folder: Path, toml: str) -> Settings:
    folder.mkdir(exist_ok=True)
    (folder / "cosmos.toml").write_text(toml)
    return ConfigManager(folder, environment={}).settings()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path / "city", '[daemon]\nlisten = "127.0.0.1:0"\n')


@pytest.fixture
def bell() -> Bell:
    return Bell()


@contextmanager
def audience_of(settings: Settings, bell: Bell, **variables: str) -> Iterator[Audience]:
    with Audience(settings, bell, dict(variables)) as audience:
        yield audience


def ask(audience: Audience, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    host, _, port = audience.health.record["address"].rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE_S)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def statuses(audience: Audience) -> tuple[int, int]:
    """Of /healthz and /readyz, which say the same as the health."""
    alive, ready = ask(audience, "GET", "/healthz"), ask(audience, "GET", "/readyz")
    assert json.loads(alive[1]) == json.loads(ready[1]) == audience.health.record
    return alive[0], ready[0]


def value(audience: Audience, name: str) -> float:
    status, text = ask(audience, "GET", "/metrics")
    assert status == 200
    families = text_string_to_metric_families(text.decode())
    return next(sample.value for family in families for sample in family.samples if sample.name == name)


def test_everybody_is_told_of_a_pass_and_of_one_that_failed(settings: Settings, bell: Bell) -> None:
    path = settings.state / "daemon.json"
    with audience_of(settings, bell) as audience:
        assert statuses(audience) == (200, 503)
        assert json.loads(path.read_text()) == audience.health.record
        audience.passed(a_pass(a_status("one", Phase.RUNNING), hosts=(a_host("near"),)))
        assert statuses(audience) == (200, 200)
        assert json.loads(path.read_text())["counts"] == {"Running": 1}
        assert value(audience, "cosmos_host_up") == 1
        audience.failed("no database", NOW, NOW + 5)
        assert statuses(audience) == (200, 503)
        assert json.loads(path.read_text())["error"]["message"] == "no database"
        assert value(audience, "cosmos_reconcile_failures_total") == 1
        audience.stands_by("another cosmos works on this", NOW, NOW + 5)
        assert statuses(audience) == (200, 503)
        assert check(path, NOW) == "standing by: another cosmos works on this"
        audience.passed(a_pass())
        audience.ends()
        assert statuses(audience) == (200, 503)
        assert check(path, NOW + 10 * DEAD_S).startswith("ending")
    assert list(settings.state.iterdir()) == []


def test_the_health_file_of_another_daemon_stays(settings: Settings, bell: Bell) -> None:
    path = settings.state / "daemon.json"
    with audience_of(settings, bell):
        path.write_text(json.dumps({"pid": os.getpid() + 1}))
    assert path.exists()


def test_systemd_hears_the_same(settings: Settings, bell: Bell, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(PATIENCE_S)
        with audience_of(settings, bell, NOTIFY_SOCKET=str(tmp_path / "notify")) as audience:
            assert manager.recv(4096) == b"READY=1\nSTATUS=starting: the first pass is not over"
            audience.passed(a_pass(a_status("one", Phase.RUNNING)))
            assert manager.recv(4096) == b"STATUS=working: 1 Running"
            audience.ends()
            assert manager.recv(4096) == b"STOPPING=1"
            assert manager.recv(4096) == b"STATUS=ending: it was told to end"


def test_a_push_wakes_the_daemon(settings: Settings, bell: Bell) -> None:
    with audience_of(settings, bell, COSMOS_HOOK_SECRET=SECRET) as audience:
        github = {"X_GitHub_Event": "push", "X_Hub_Signature_256": signed(PUSH), "Content_Type": "application/json"}
        assert ask(audience, "POST", "/hook", PUSH, **github) == (202, b'{\n "accepted": true\n}\n')
        bell.wait_for(1)
        assert ask(audience, "POST", "/hook", PUSH, X_Gitlab_Token=SECRET)[0] == 202
        bell.wait_for(2)


def test_whoever_does_not_know_the_secret_wakes_nobody(
    settings: Settings, bell: Bell, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with audience_of(settings, bell, COSMOS_HOOK_SECRET=SECRET) as audience:
        assert ask(audience, "POST", "/hook", PUSH)[0] == 403
        assert ask(audience, "POST", "/hook", PUSH + b" ", X_Hub_Signature_256=signed(PUSH))[0] == 403
        assert ask(audience, "POST", "/hook", PUSH, X_Hub_Signature_256=signed(PUSH, "guessed"))[0] == 403
        large = b" " * (BODY + 1)
        assert ask(audience, "POST", "/hook", large, X_Hub_Signature_256=signed(large))[0] == 413
        assert ask(audience, "GET", "/hook")[0] == 405
        assert value(audience, "cosmos_hook_requests_total") == 0
    assert bell.count == 0
    assert SECRET not in caplog.text
    assert hmac.new(SECRET.encode(), PUSH, hashlib.sha256).hexdigest() not in caplog.text


def test_without_a_secret_there_is_no_webhook(settings: Settings, bell: Bell) -> None:
    with audience_of(settings, bell) as audience:
        assert ask(audience, "POST", "/hook", PUSH, X_Hub_Signature_256=signed(PUSH, ""))[0] == 404
        assert ask(audience, "POST", "/hook", PUSH, X_Gitlab_Token="")[0] == 404
    assert bell.count == 0


def test_without_a_place_to_listen_there_is_no_server(tmp_path: Path, bell: Bell) -> None:
    settings = settings_in(tmp_path / "quiet", "")
    before = threading.active_count()
    with audience_of(settings, bell) as audience:
        audience.passed(a_pass())
        assert threading.active_count() == before
        assert check(settings.state / "daemon.json", NOW) == "working"
        assert audience.health.record["address"] == ""


def test_a_place_that_is_taken_leaves_nothing_behind(tmp_path: Path, settings: Settings, bell: Bell) -> None:
    with audience_of(settings, bell) as audience:
        other = settings_in(tmp_path / "other", f'[daemon]\nlisten = "{audience.health.record["address"]}"\n')
        before = threading.active_count()
        with pytest.raises(ConfigError, match=r"daemon\.listen"), audience_of(other, bell):
            pytest.fail("two servers listen on one port")
        assert threading.active_count() == before
    assert not other.state.exists()
