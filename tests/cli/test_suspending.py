"""Suspend, resume and give up, as people type them: who, why, since when, and what ends it."""

import json

import pytest

from tests.cli.console import Console
from tests.engine.workshop import runs

SWEEP = """---
kind: Run
name: rain
prompt: rain
model: echo
labels: {scene: city}
matrix: {params.word: [a, b]}
"""


def test_a_sweep_is_suspended_with_its_reason_and_resumed_by_label(console: Console) -> None:
    console.specs(runs("one") + SWEEP)
    done = console.cosmos("suspend", "rain", "--why", "wrong camera")
    assert (done.returncode, done.stdout) == (0, "rain/word-a\nrain/word-b\n")
    assert console.cosmos("apply", "--yes").returncode == 0
    assert console.launches == ["one"]
    status = console.cosmos("status").stdout
    assert "(wrong camera); cosmos resume rain/word-a ends it" in status
    assert "suspended by " in status
    shown = console.cosmos("show", "rain/word-a").stdout
    assert "Suspended" in shown
    assert ": wrong camera" in shown
    done = console.cosmos("resume", "-l", "scene=city")
    assert (done.stdout, done.stderr) == ("rain/word-a\nrain/word-b\n", "cosmos apply goes on.\n")
    assert console.cosmos("apply", "--yes").returncode == 0
    assert sorted(console.launches) == ["a", "b", "one"]


def test_status_tells_of_a_suspend_at_once(console: Console) -> None:
    console.specs(runs("one"))
    console.cosmos("status")
    console.cosmos("suspend", "--project", "--why", "lunch")
    assert "(lunch); cosmos resume --project ends it" in console.cosmos("status").stdout
    console.cosmos("resume", "--project")
    assert "lunch" not in console.cosmos("status").stdout


def test_a_suspended_host_is_named_where_hosts_are_listed_and_where_runs_wait(console: Console) -> None:
    console.specs(runs("one"))
    assert console.cosmos("suspend", "--host", "lo*", "--why", "new driver").stdout == "host local\n"
    listed = console.cosmos("hosts", "list")
    assert "Suspended" in listed.stdout
    assert "(new driver); cosmos resume --host local ends it" in listed.stdout
    (host,) = json.loads(console.cosmos("hosts", "list", "-o", "json").stdout)["hosts"]
    assert host["closed"].startswith("suspended by ")
    done = console.cosmos("apply", "--yes")
    assert (done.returncode, console.launches) == (3, [])
    assert "one: local suspended by " in done.stdout
    assert "host local suspended by " in console.cosmos("explain", "one").stdout
    assert console.cosmos("resume", "--host", "local").returncode == 0
    assert console.cosmos("apply", "--yes").returncode == 0


def test_a_host_that_is_emptied_says_when_it_is(console: Console) -> None:
    console.specs(runs("one", "two"), program=console.slow())
    console.apply("one", wait=False)
    before = console.cosmos("suspend", "--host", "lo*")
    console.go.touch()
    with console.api() as api:
        api.wait()
    after = console.cosmos("suspend", "--host", "local")

    assert "local is not empty yet: 1 run goes on there." in before.stderr
    assert after.stderr == "local is empty: nothing that cosmos began is there.\n"
    assert console.launches == ["one"]


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (("suspend",), "nothing is named", "name runs, labels, --host NAME or --project"),
        (("resume",), "nothing is named", "name runs, labels, --host NAME or --project"),
        (("suspend", "--host", "lokal"), 'nothing is called "lokal"', "the hosts of cosmos.toml are: local"),
        (("suspend", "on"), 'nothing is called "on"', 'did you mean "one"?'),
        (("resume", "one"), "none of these is suspended", "cosmos status shows how runs stand"),
        (("retry", "one", "--assume-lost"), "none of these runs has work on a host that", "cosmos status --look"),
    ],
)
def test_what_makes_no_sense_is_declined_with_the_next_step(
    console: Console, words: tuple[str, ...], error: str, hint: str
) -> None:
    console.specs(runs("one"))
    done = console.cosmos(*words)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"error: {error}" in done.stderr
    assert hint in done.stderr


def test_who_cancelled_and_why_is_shown_and_kept(console: Console) -> None:
    console.specs(runs("one"))
    console.cosmos("cancel", "one", "--why", "wrong scene")
    assert "(wrong scene); cosmos retry one starts it again" in console.cosmos("status").stdout
    console.cosmos("retry", "one", "--why", "right after all")
    shown = console.cosmos("show", "one").stdout
    assert "CancelRequested" in shown
    assert ": wrong scene" in shown
    assert "RetryRequested" in shown
    assert ": right after all" in shown


def test_the_end_of_the_log_of_a_failed_run_is_shown(console: Console) -> None:
    console.specs(runs("one"), program="seq 30; echo no such camera >&2; exit 3")
    console.apply()
    for command in ("show", "explain"):
        text = console.cosmos(command, "one").stdout
        assert "End of its log" in text
        assert "  22\n" in text
        assert "  no such camera\n" in text
        assert "  12\n" not in text
        assert json.loads(console.cosmos(command, "one", "-o", "json").stdout)["log_end"][-1] == "no such camera"
