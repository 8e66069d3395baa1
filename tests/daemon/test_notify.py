"""Notifications as services get them: over real sockets, by good and by bad services, and with no secret in any log."""

import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from cosmos.config import ConfigManager
from cosmos.daemon.lanes import MOST_LINES, Pace, message
from cosmos.daemon.notify import FILE, Notifier, send_test
from cosmos.daemon.services import MOST_LEFT, open_services
from cosmos.daemon.wording import Notice, Tone
from cosmos.errors import ConfigError, RefusedError
from cosmos.settings import NoticeKind, Settings
from tests.cli.console import wait_until
from tests.daemon.passes import a_pass, away, problem
from tests.daemon.receiver import Receiver, receiver
from tests.projects import Project

OOM = "GpuOutOfMemory"
SECRET = "Sekret-T0ken-42"
QUICK = Pace(pauses_s=(0.01, 0.01, 0.01))


@pytest.fixture
def service() -> Iterator[Receiver]:
    with receiver(SECRET) as found:
        yield found


def settings(folder: Path, *urls: str, keys: str = "") -> Settings:
    (folder / "specs").mkdir(exist_ok=True)
    (folder / "cosmos.toml").write_text(
        f'[project]\nname = "city"\n[notify]\nurls = {json.dumps(list(urls))}\n{keys}\n', encoding="utf-8"
    )
    return ConfigManager(folder, environment={}).settings()


def notice(number: int = 1) -> Notice:
    return Notice(kind=NoticeKind.RUN_FAILED, about=f"r{number}", tone=Tone.BAD, title=f"run r{number}", text="why")


def fail(notifier: Notifier, *names: str, at: float = 1.0) -> None:
    """A pass in which these runs have failed, each in a notice of its own."""
    for number, name in enumerate(names):
        notifier(a_pass(at + number, {name: "run"}))
        notifier(a_pass(at + number + 0.5, {name: OOM}))


# What arrives -------------------------------------------------------------------------------


def test_a_failure_arrives_with_title_text_and_type(tmp_path: Path, service: Receiver) -> None:
    with Notifier(settings(tmp_path, service.url)) as notifier:
        notifier(a_pass(0, {"a": "run"}))
        notifier(a_pass(1, {"a": OOM}))
        service.wait_for(1)
    (post,) = service.posts
    assert post["title"] == f"city: run a failed: {OOM}"
    assert post["type"] == "failure"
    assert post["message"].splitlines() == [
        "what the log says of GpuOutOfMemory",
        "To do: use a larger GPU, or fewer frames",
        "On lambda, attempt 1.",
    ]


def test_a_restart_tells_nothing_again(tmp_path: Path, service: Receiver) -> None:
    configured = settings(tmp_path, service.url)
    with Notifier(configured) as notifier:
        notifier(a_pass(0, {"a": "run", "b": "run"}))
        notifier(a_pass(1, {"a": OOM, "b": "run"}))
    assert (configured.state / FILE).exists()
    with Notifier(configured) as notifier:
        notifier(a_pass(2, {"a": OOM, "b": OOM}))
    assert service.titles == [f"city: run a failed: {OOM}", f"city: run b failed: {OOM}"]


def test_only_kinds_that_are_asked_for_are_sent(tmp_path: Path, service: Receiver) -> None:
    with Notifier(settings(tmp_path, service.url, keys='on = ["specs_broken", "recovered"]')) as notifier:
        notifier(a_pass(0, {"a": "run"}))
        notifier(a_pass(1, {"a": OOM}, hosts=(away("lambda", since=0.0),), problems=(problem("specs/a.yaml", 1),)))
        notifier(a_pass(2, {"a": OOM}))
        service.wait_for(2)
    titles = ["city: 1 problem in the specs", "city: the specs have no problems any more"]
    assert service.titles == titles  # and not that the host is back, of which nobody was told that it was away


def test_what_is_due_comes_without_another_pass(tmp_path: Path, service: Receiver) -> None:
    now = time.time()
    with Notifier(settings(tmp_path, service.url, keys='unreachable_after = "1s"')) as notifier:
        notifier(a_pass(0))
        notifier(replace(a_pass(hosts=(away("lambda", since=now),)), at=now))
        assert service.posts == []
        service.wait_for(1)
    assert service.titles == ["city: host lambda cannot be reached"]


def test_a_blocked_prune_is_told(tmp_path: Path, service: Receiver) -> None:
    with Notifier(settings(tmp_path, service.url)) as notifier:
        notifier(replace(a_pass(), removals_blocked="30 of 40 runs are gone"))
        notifier(replace(a_pass(1), removals_blocked="30 of 40 runs are gone"))
        service.wait_for(1)
    assert len(service.posts) == 1
    assert service.posts[0]["message"] == "30 of 40 runs are gone"
    assert service.posts[0]["type"] == "warning"


def test_the_end_sends_what_waits_as_one_message(tmp_path: Path, service: Receiver) -> None:
    service.hold.set()
    notifier = Notifier(settings(tmp_path, service.url))
    fail(notifier, "a", "b", "c")
    wait_until(lambda: service.asked == 1)
    closing = threading.Thread(target=notifier.close, args=(60.0,))
    closing.start()
    service.hold.clear()
    service.let_go.set()
    closing.join(60)
    assert not closing.is_alive()
    assert service.titles == [f"city: run a failed: {OOM}", "city: 2 notifications"]
    assert service.posts[1]["message"].splitlines() == [f"- run {name} failed: {OOM}" for name in "bc"]


def test_the_end_tells_what_was_gathered(tmp_path: Path, service: Receiver) -> None:
    with Notifier(settings(tmp_path, service.url)) as notifier:
        notifier(a_pass(0, {"a": "run"}))
        notifier(replace(a_pass(0, {"a": "ok"}), at=time.time()))
    assert service.titles == ["city: run a succeeded"]


def test_the_end_waits_no_longer_than_it_may(
    tmp_path: Path, service: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    service.hold.set()
    notifier = Notifier(settings(tmp_path, service.url))
    fail(notifier, "a")
    wait_until(lambda: service.asked == 1)
    begun = time.monotonic()
    notifier.close(0.2)
    assert time.monotonic() - begun < 3.5  # apprise itself would wait 4 s for the answer
    assert "messages to 1 of 1 services of [notify] were still on their way" in caplog.text


def test_without_urls_nothing_is_kept_and_apprise_is_not_loaded(tmp_path: Path) -> None:
    configured = settings(tmp_path)
    with Notifier(configured) as notifier:
        fail(notifier, "a")
    assert not (configured.state / FILE).exists()
    code = "import sys, cosmos.daemon.notify, cosmos.cli.notify_commands; print('apprise' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"


def test_a_memory_that_cannot_be_written_ends_nothing(
    tmp_path: Path, service: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    configured = settings(tmp_path, service.url)
    (configured.state / FILE).mkdir(parents=True)
    with Notifier(configured) as notifier:
        fail(notifier, "a")
        service.wait_for(1)
    assert "what was told cannot be kept in" in caplog.text


# Bad services -------------------------------------------------------------------------------


def test_a_slow_service_delays_neither_a_pass_nor_another_service(tmp_path: Path, service: Receiver) -> None:
    service.hold.set()
    with receiver() as other:
        notifier = Notifier(settings(tmp_path, service.url, other.url))
        begun = time.monotonic()
        fail(notifier, "a", "b")
        assert time.monotonic() - begun < 3.5  # apprise itself would wait 4 s for the answer
        other.wait_for(2)
        assert service.posts == []
        service.let_go.set()
        notifier.close()
    assert len(other.posts) == 2


@pytest.mark.parametrize("answers", [[500], [429, 503], [500, 500, 500]])
def test_a_service_that_fails_for_a_while_is_tried_again(tmp_path: Path, service: Receiver, answers: list[int]) -> None:
    service.answers = list(answers)
    notifier = Notifier(settings(tmp_path, service.url), pace=QUICK)
    fail(notifier, "a")
    service.wait_for(1)
    notifier.close()
    assert service.asked == len(answers) + 1
    assert service.titles == [f"city: run a failed: {OOM}"]


@pytest.mark.parametrize(("answers", "asked"), [([500] * 9, 4), ([404] * 9, 1)])
def test_a_service_that_fails_is_given_up(
    tmp_path: Path, service: Receiver, answers: list[int], asked: int, caplog: pytest.LogCaptureFixture
) -> None:
    service.answers = answers
    notifier = Notifier(settings(tmp_path, service.url), pace=QUICK)
    fail(notifier, "a")
    wait_until(lambda: "not sent" in caplog.text)
    assert f"1 notifications not sent to json at 127.0.0.1: it answered {answers[0]}" in caplog.text
    assert service.asked == asked
    service.answers = []
    fail(notifier, "b", at=10)
    service.wait_for(1)
    notifier.close()
    assert service.titles == [f"city: run b failed: {OOM}"]


def test_a_service_that_nobody_runs_is_named_without_its_secrets(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    notifier = Notifier(settings(tmp_path, f"json://user:{SECRET}@127.0.0.1:{port}/{SECRET}?+X={SECRET}"), pace=QUICK)
    fail(notifier, "a")
    wait_until(lambda: "not sent" in caplog.text)
    notifier.close()
    assert "1 notifications not sent to json at 127.0.0.1: it cannot be reached" in caplog.text
    assert SECRET not in caplog.text


def test_a_time_limit_holds_for_a_service_that_never_ends(tmp_path: Path) -> None:
    with dripping() as (url, taken):
        (found,) = open_services(settings(tmp_path, url).notify.urls, limit_s=0.3)
        begun = time.monotonic()
        answers = [found.send("title", "text", Tone.BAD) for _ in range(MOST_LEFT + 1)]
        assert time.monotonic() - begun < 10.0
        assert [answer.why for answer in answers] == [
            *["no answer within 0.3 s"] * MOST_LEFT,
            "earlier messages are still on their way",
        ]
        assert len(taken) == MOST_LEFT


def test_a_process_ends_though_a_service_never_does(tmp_path: Path) -> None:
    code = """
from dataclasses import replace
from pathlib import Path
from cosmos.config import ConfigManager
from cosmos.daemon.notify import Notifier
from tests.daemon.passes import a_pass

with Notifier(ConfigManager(Path(), environment={}).settings()) as notifier:
    notifier(replace(a_pass(), removals_blocked="why"))
    input()
    notifier.close(0.1)
"""
    with dripping() as (url, taken):
        settings(tmp_path, url)
        words = [sys.executable, "-c", code]
        root = Path(__file__).parents[2]
        environment = {**os.environ, "PYTHONPATH": str(root)}
        with subprocess.Popen(words, cwd=tmp_path, env=environment, stdin=subprocess.PIPE) as process:
            try:
                wait_until(lambda: len(taken) == 1)
                process.communicate(b"\n", timeout=60)
            finally:
                process.kill()
        assert process.returncode == 0


@contextmanager
def dripping() -> Iterator[tuple[str, list[socket.socket]]]:
    """An URL of a service that sends a little all the time, so no time limit of a socket ends it; and who asked."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = threading.Thread(target=drip, args=(door, taken))
        thread.start()
        try:
            yield f"json://127.0.0.1:{door.getsockname()[1]}/{SECRET}", taken
        finally:
            door.shutdown(socket.SHUT_RDWR)
            thread.join(60)
            for end in taken:
                end.close()


def drip(door: socket.socket, taken: list[socket.socket]) -> None:
    """Begins an answer to everyone, and goes on with it for as long as the door is open."""
    door.settimeout(0.02)
    while True:
        try:
            taken.append(door.accept()[0])
            taken[-1].sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        except TimeoutError:
            for end in taken:
                with suppress(ConnectionError):  # who asked has gone
                    end.sendall(b".")
        except OSError:
            return


def test_no_more_than_some_messages_in_a_window(tmp_path: Path, service: Receiver) -> None:
    notifier = Notifier(settings(tmp_path, service.url), pace=Pace(most=3, window_s=600.0))
    names = [f"r{number}" for number in range(9)]
    service.hold.set()
    fail(notifier, *names)
    wait_until(lambda: service.asked == 1)
    service.let_go.set()
    service.wait_for(3)
    fail(notifier, *[f"late{number}" for number in range(5)], at=100)
    assert service.titles == [f"city: run {names[0]} failed: {OOM}", f"city: run {names[1]} failed: {OOM}",
                              "city: 7 notifications"]  # fmt: skip
    notifier.close()
    assert service.titles[3:] == ["city: 5 notifications"]


def test_a_window_that_has_passed_has_room_again(tmp_path: Path, service: Receiver) -> None:
    notifier = Notifier(settings(tmp_path, service.url), pace=Pace(most=1, window_s=0.3))
    for number in range(3):
        fail(notifier, f"r{number}", at=10.0 * number)
        service.wait_for(number + 1)
    notifier.close()


def test_where_too_many_wait_the_oldest_are_dropped_and_counted(
    tmp_path: Path, service: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    service.hold.set()
    notifier = Notifier(settings(tmp_path, service.url), pace=Pace(most_waiting=4))
    fail(notifier, "first")
    wait_until(lambda: service.asked == 1)
    fail(notifier, *[f"r{number}" for number in range(10)], at=10)
    service.let_go.set()
    service.wait_for(5)
    notifier.close()
    assert service.titles[1:] == [f"city: run r{number} failed: {OOM}" for number in range(6, 10)]
    assert "6 notifications to json at 127.0.0.1 dropped: too many wait" in caplog.text


def test_after_a_failure_all_that_waits_is_one_message(tmp_path: Path, service: Receiver) -> None:
    service.answers = [404]
    service.hold.set()
    notifier = Notifier(settings(tmp_path, service.url), pace=QUICK)
    fail(notifier, "a")
    wait_until(lambda: service.asked == 1)
    fail(notifier, "b", "c", at=10)
    service.let_go.set()
    service.wait_for(1)
    notifier.close()
    assert service.titles == ["city: 2 notifications"]


def test_a_message_of_many_is_short_and_as_bad_as_the_worst() -> None:
    good = Notice(kind=NoticeKind.RECOVERED, about="x", tone=Tone.GOOD, title="x answers again", text="After 5s.")
    title, text, tone = message("city", [good, *(notice(number) for number in range(MOST_LINES + 4))])
    assert title == f"city: {MOST_LINES + 5} notifications"
    assert text.splitlines()[0] == "- x answers again"
    assert text.splitlines()[-1] == "and 5 more"
    assert len(text.splitlines()) == MOST_LINES + 1
    assert tone is Tone.BAD


# URLs ---------------------------------------------------------------------------------------


def test_an_url_comes_from_a_variable_or_a_file(tmp_path: Path, service: Receiver) -> None:
    place = tmp_path / "url"
    place.write_text(f"{service.url}\n")
    found = send_test(settings(tmp_path, "env:CITY_URL", f"file:{place}"), {"CITY_URL": f" {service.url} "})
    assert [(one.position, one.to, one.taken, one.why) for one in found] == [
        (1, "json at 127.0.0.1", True, ""),
        (2, "json at 127.0.0.1", True, ""),
    ]
    assert service.titles == ["city: a test"] * 2


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (f"nosuch://{SECRET}", "apprise does not understand the nosuch:// URL"),
        (f"slack://{SECRET}", "apprise does not understand the slack:// URL"),
        (f"json://{SECRET}:{SECRET}@/", "apprise does not understand the json:// URL"),
        (f"windows://{SECRET}", "the windows:// URL needs something that is not installed on this machine"),
        (f"https://example.com/{SECRET}", "apprise does not understand the https:// URL"),
        ("env:ABSENT", "the variable ABSENT is not set"),
        ("env:EMPTY", "the variable EMPTY holds no URL"),
        ("env:BAD", "apprise does not understand the slack:// URL in the variable BAD"),
        ("file:/nonexistent/url", "the file /nonexistent/url cannot be read: No such file or directory"),
    ],
)
def test_an_url_that_cannot_be_used_is_refused_without_its_secrets(
    tmp_path: Path, entry: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    configured = settings(tmp_path, "json://127.0.0.1", entry)
    with pytest.raises(ConfigError) as caught:
        Notifier(configured, environment={"EMPTY": "", "BAD": f"slack://{SECRET}"})
    assert caught.value.message.startswith(f"cosmos.toml: notify.urls: entry 2: {words}")
    assert SECRET not in f"{caught.value} {caplog.text} {configured!r}"


def test_all_entries_that_cannot_be_used_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Notifier(settings(tmp_path, "nosuch://x", "json://localhost", "env:ABSENT"), environment={})
    assert [line.split(": ")[2] for line in caught.value.message.splitlines()] == ["entry 1", "entry 3"]


@pytest.mark.parametrize(
    ("url", "label"),
    [
        (f"json://me:{SECRET}@push.example.com:8443/{SECRET}", "json at push.example.com"),
        (f"mailtos://me:{SECRET}@example.com?smtp=mail.example.com", "mailtos at example.com"),
        (f"json://{SECRET}/{SECRET}", "json"),
        ("ntfys://sekret-t0pic", "ntfys"),
        ("ntfys://ntfy.example.com/sekret-t0pic", "ntfys at ntfy.example.com"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general", "slack"),
        ("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "https"),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "discord"),
        ("tgram://123456789:abcdefg_hijklmnop/12315544", "tgram"),
        (f"sendgrid://{SECRET}.a.b:from@example.com/to@example.com", "sendgrid"),
    ],
)
def test_of_an_url_only_schema_and_host_are_shown(tmp_path: Path, url: str, label: str) -> None:
    (found,) = open_services(settings(tmp_path, url).notify.urls)
    assert found.label == label


def test_nothing_of_an_url_is_in_any_log_when_it_works_or_fails(
    tmp_path: Path, service: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    for name in ("apprise", "urllib3", "urllib3.connectionpool", "cosmos"):
        caplog.set_level(1, logger=name)
    service.answers = [200, 500, 404]
    url = service.url.replace("json://", f"json://user:{SECRET}@") + f"?-key={SECRET}&+X-Key={SECRET}"
    notifier = Notifier(settings(tmp_path, url), pace=QUICK)
    fail(notifier, "a", "b")
    wait_until(lambda: "not sent" in caplog.text)
    notifier.close()
    assert service.asked == 3
    assert SECRET not in caplog.text
    assert {record.name.partition(".")[0] for record in caplog.records} == {"cosmos"}


def test_what_others_log_is_not_touched(tmp_path: Path, service: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    send_test(settings(tmp_path, service.url))
    for name in ("", "apprise", "urllib3.connectionpool"):
        logging.getLogger(name).warning("of %s itself", name or "root")
    assert [record.getMessage() for record in caplog.records] == [
        f"of {name} itself" for name in ("root", "apprise", "urllib3.connectionpool")
    ]


def test_the_examples_of_the_page_are_urls_that_apprise_understands(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text(encoding="utf-8")
    places, urls = (block.partition("```")[0] for block in page.split("```toml\n")[1:])
    for block in (places, urls):
        (tmp_path / "cosmos.toml").write_text(block)
        found = ConfigManager(tmp_path, environment={}).settings().notify
    assert len(open_services(found.urls)) == 8


# The configuration --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (SECRET, "neither an URL"),
        ("env:two words", "neither an URL"),
        ("env:https://x", "neither an URL"),
        ("file:relative", "neither an URL"),
        (f"slack://{SECRET}\n", "neither an URL"),
    ],
)
def test_an_entry_of_no_known_form_is_refused_by_position(tmp_path: Path, entry: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, "slack://a/b/c", entry)
    assert caught.value.message.startswith("cosmos.toml: notify.urls: entry 2 is ")
    assert words in caught.value.message
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("on = []", "notify.on: an empty list tells nothing"),
        ('on = ["run_failed", "run_won"]', "notify.on.1: Input should be 'run_failed', "),
        ('unreachable_after = "soon"', "notify.unreachable_after: "),
        ("unreachable_after = 0", "notify.unreachable_after: "),
        ("url = []", "notify.url: unknown key"),
    ],
)
def test_wrong_keys_are_refused(tmp_path: Path, keys: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, keys=keys)
    assert f"cosmos.toml: {words}" in caught.value.message


def test_the_defaults(tmp_path: Path) -> None:
    found = settings(tmp_path).notify
    assert found.unreachable_after == 300.0
    assert set(found.on) == set(NoticeKind)


def test_urls_may_come_from_the_environment(tmp_path: Path) -> None:
    settings(tmp_path)
    found = ConfigManager(tmp_path, environment={"COSMOS_NOTIFY__URLS": f'["slack://{SECRET}"]'}).settings()
    assert [url.get_secret_value() for url in found.notify.urls] == [f"slack://{SECRET}"]
    assert SECRET not in repr(found)


# The command --------------------------------------------------------------------------------


def test_the_command_says_for_each_url_whether_it_was_taken(tmp_path: Path, service: Receiver) -> None:
    with receiver() as bad:
        bad.answers = [403]
        settings(tmp_path, service.url, "env:CITY_URL")
        done = Project(tmp_path).cosmos("-vv", "notify", "test", CITY_URL=bad.url)
        assert done.returncode == 1, done.stderr
        assert done.stdout.splitlines() == [
            "ok    1  json at 127.0.0.1",
            "FAIL  2  json at 127.0.0.1: it answered 403",
        ]
        assert SECRET not in done.stderr + done.stdout
        done = Project(tmp_path).cosmos("notify", "test", "-o", "json", CITY_URL=bad.url)
    assert done.returncode == 0
    assert json.loads(done.stdout)["deliveries"][1] == {
        "position": 2, "to": "json at 127.0.0.1", "taken": True, "why": ""
    }  # fmt: skip
    assert service.titles == ["city: a test"] * 2


def test_the_command_refuses_when_there_is_nobody_to_tell(tmp_path: Path) -> None:
    with pytest.raises(RefusedError):
        send_test(settings(tmp_path))
    done = Project(tmp_path).cosmos("notify", "test")
    assert done.returncode == 1
    assert "nobody to tell" in done.stderr
