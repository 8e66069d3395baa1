"""cosmos daemon on real processes: changes are applied, others are served, and nothing ends it but a signal."""

import fcntl
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.console import Console, wait_until
from tests.daemon.daemons import daemon, end
from tests.engine.workshop import MODEL, WRITE, runs


def test_what_is_written_while_it_stays_is_made_and_a_change_made_again(console: Console) -> None:
    console.specs(runs("one"))
    process = daemon(console)
    wait_until(lambda: console.is_made("one"))
    console.specs(runs("one", "two").replace("word: one", "word: other"))
    wait_until(lambda: console.is_made("two") and console.output("one") == "Heavy rain other")
    log, code = end(process)

    assert code == 0
    assert sorted(console.launches) == ["one", "other", "two"]
    assert "two new -> " in log
    assert "Traceback" not in log
    assert console.cosmos("plan", "--detailed-exitcode").returncode == 0


READING = MODEL.replace("outputs:", "inputs: {{file: {{required: true}}}}\noutputs:").replace(
    '"{{outputs.text}}"', '"{{outputs.text}}", "{{inputs.file}}"'
)


def reads(process: subprocess.Popen[str], file: Path) -> bool:
    return any(Path(link).resolve() == file for link in Path(f"/proc/{process.pid}/fd").iterdir())


def failure(console: Console) -> str:
    note = console.daemon()
    return note.failed if note is not None else ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_and_what_runs_goes_on_and_is_found_again(console: Console, number: signal.Signals) -> None:
    console.specs(runs("one"), program=console.slow())
    process = daemon(console)
    wait_until(lambda: bool(console.launches))
    _, code = end(process, number)
    console.go.touch()
    again = daemon(console)
    wait_until(lambda: console.is_made("one"))
    end(again)

    assert code == 0
    assert console.launches == ["one"]


def test_a_saved_plan_is_not_handed_to_a_daemon(console: Console) -> None:
    console.specs(runs("one"))
    process = daemon(console)
    wait_until(lambda: console.is_made("one"))
    console.cosmos("plan", "one", "--rerun", "--out", "a.plan")
    done = console.cosmos("apply", "--plan", "a.plan")
    end(process)

    assert (done.returncode, console.launches) == (4, ["one"])


def test_apply_lets_the_daemon_do_it_and_follows_it(console: Console) -> None:
    console.specs(runs("one"), program=console.slow())
    process = daemon(console)
    wait_until(lambda: bool(console.launches))
    applying = console.start("apply", "--yes", stdout=subprocess.PIPE)
    assert applying.stderr is not None
    assert f"the daemon (process {process.pid}) does it" in applying.stderr.readline()
    console.go.touch()
    text, _ = applying.communicate(timeout=60)
    end(process)

    assert applying.returncode == 0
    assert text.endswith("1 in sync.\n")
    assert console.launches == ["one"]


def test_a_failed_run_is_tried_again_on_a_word_alone(console: Console) -> None:
    console.specs(runs("one"), program=f"[ -e {console.go} ] || exit 3; {WRITE}")
    process = daemon(console)
    wait_until(lambda: console.phase("one") == "Failed")
    console.go.touch()
    assert console.cosmos("retry", "one").returncode == 0
    wait_until(lambda: console.is_made("one"))
    end(process)

    assert console.launches == ["one", "one"]


def test_cancel_is_carried_out_by_the_daemon_and_stays(console: Console) -> None:
    console.specs(runs("one"), program=console.slow())
    process = daemon(console)
    wait_until(lambda: bool(console.launches))
    done = console.cosmos("cancel", "one")
    phase = console.phase("one")
    console.cosmos("reconcile")
    end(process)

    assert (done.returncode, done.stdout) == (0, "one Cancelled\n")
    assert phase == "Cancelled"
    assert console.launches == ["one"]


def test_of_two_daemons_one_acts_and_the_other_goes_on_when_it_is_killed(console: Console) -> None:
    console.specs(runs("one"), program=console.slow())
    first = daemon(console)
    wait_until(lambda: bool(console.launches))
    second = console.start("daemon", "--working-tree")
    assert second.stderr is not None
    assert f"standing by: another cosmos works on this project: process {first.pid}" in second.stderr.readline()
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate(timeout=60)
    console.go.touch()
    wait_until(lambda: console.is_made("one"))
    log, code = end(second)

    assert code == 0
    assert "looked in" in log
    assert console.launches == ["one"]


def test_upkeep_gets_a_turn_and_the_daemon_goes_on(console: Console) -> None:
    console.specs(runs("one"))
    process = daemon(console)
    wait_until(lambda: console.is_made("one"))
    cleared = console.cosmos("gc", "--hosts", "--store", "--yes")
    console.specs(runs("one", "two"))
    wait_until(lambda: console.is_made("two"))

    assert cleared.returncode == 0, cleared.stderr
    assert end(process)[1] == 0


def test_reconcile_answers_once_a_pass_that_began_afterwards_has_ended(console: Console) -> None:
    console.specs(runs("one"))
    process = daemon(console)
    done = console.cosmos("reconcile")
    end(process)
    without = console.cosmos("reconcile")

    assert (done.returncode, done.stderr) == (0, "The daemon has looked: cosmos status shows what it found.\n")
    assert without.returncode == 1
    assert "no daemon acts on this project" in without.stderr


def test_specs_that_are_away_for_a_while_end_nothing(console: Console) -> None:
    console.specs(runs("one"), program=console.slow())
    process = daemon(console)
    wait_until(lambda: bool(console.launches))
    shutil.move(console.root / "specs", console.root / "away")
    wait_until(lambda: "there is no folder specs" in failure(console))
    asked = console.cosmos("reconcile")
    console.go.touch()
    shutil.move(console.root / "away", console.root / "specs")
    wait_until(lambda: console.is_made("one"))
    log, code = end(process)

    assert code == 0
    assert "there is no folder specs" in log
    assert "it goes on: what failed before is over" in log
    assert asked.returncode == 1
    assert f"the daemon (process {process.pid}) could not look: there is no folder specs" in asked.stderr
    assert console.launches == ["one"]


def test_a_daemon_that_stopped_listening_finds_what_it_missed(console: Console) -> None:
    """20,000 changes while it is stopped overflow what the system remembers for it, and nobody is told of that."""
    console.specs("")
    process = daemon(console)
    process.send_signal(signal.SIGSTOP)
    try:
        folder = console.root / "specs" / "many"
        folder.mkdir()
        for number in range(20_000):
            (folder / f"{number}.txt").touch()
        console.specs(runs("one"))
    finally:
        process.send_signal(signal.SIGCONT)
    wait_until(lambda: console.is_made("one"))
    assert end(process)[1] == 0


def test_an_apply_that_followed_a_daemon_goes_on_by_itself_when_that_is_killed(console: Console) -> None:
    console.specs(runs("one", "two", "three"), program=console.slow())
    process = daemon(console)
    wait_until(lambda: len(console.launches) == 2)
    applying = console.start("apply", "--yes", stdout=subprocess.PIPE)
    assert applying.stderr is not None
    assert "does it" in applying.stderr.readline()
    os.killpg(process.pid, signal.SIGKILL)
    console.go.touch()
    text, _ = applying.communicate(timeout=60)

    assert applying.returncode == 0
    assert text.endswith("3 in sync.\n")
    assert sorted(console.launches) == ["one", "three", "two"]


def test_the_word_of_a_daemon_that_was_killed_is_not_taken_for_that_of_another(console: Console) -> None:
    console.specs(runs("one"), program=console.slow())
    process = daemon(console)
    wait_until(lambda: bool(console.launches))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    first = console.start("apply", "--yes")
    wait_until(lambda: "another cosmos" in console.cosmos("gc", "--store", "--yes").stderr)
    second = console.cosmos("apply", "--yes")
    shown = console.cosmos("status").stdout
    console.go.touch()
    first.communicate(timeout=60)

    assert second.returncode == 4
    assert "another cosmos works on this project" in second.stderr
    assert "The daemon" not in shown
    assert first.returncode == 0


def test_suspend_is_carried_out_by_the_daemon_and_does_not_wait_for_what_runs(console: Console) -> None:
    console.specs(runs("one", "two", "three"), program=console.slow())
    process = daemon(console)
    wait_until(lambda: len(console.launches) == 2)
    done = console.cosmos("suspend", "two")
    looked = console.cosmos("status", "--look")
    console.go.touch()
    wait_until(lambda: console.is_made("one") and console.is_made("three"))
    resumed = console.cosmos("resume", "two")
    wait_until(lambda: console.is_made("two"))
    end(process)

    assert (done.returncode, resumed.returncode) == (0, 0)
    assert "Suspended" in looked.stdout


def test_a_reader_of_the_log_that_stands_still_holds_nothing_up(console: Console) -> None:
    """As less does, and a terminal after Ctrl-S."""
    console.specs(runs("one"))
    process = console.start("-vv", "daemon", "--working-tree")
    assert process.stderr is not None
    fcntl.fcntl(process.stderr, fcntl.F_SETPIPE_SZ, 8192)
    for number in range(8):
        console.specs(runs("one").replace("word: one", f"word: w{number}"))
        wait_until(lambda: console.is_made("one") and console.output("one") == f"Heavy rain w{number}")  # noqa: B023
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert len(process.stderr.read()) >= 4096, "the log was as full as it gets"


def test_a_pass_that_outlasts_the_grace_is_left_and_nothing_is_lost(console: Console) -> None:
    """As with an input that takes minutes to read for the first time."""
    console.specs(runs("one", more="inputs: {file: inputs/huge}"), model=READING)
    huge = console.root / "inputs" / "huge"
    huge.parent.mkdir()
    with huge.open("wb") as file:
        file.truncate(1 << 40)
    process = console.start("daemon", "--working-tree", "--grace", "1s")
    wait_until(lambda: reads(process, huge))
    log, code = end(process)
    huge.unlink()
    huge.write_text("small")
    again = daemon(console)
    wait_until(lambda: console.is_made("one"))
    end(again)

    assert code == 0
    assert "the grace of 1 s is over: leaving acts under way" in log
    assert console.launches == ["one"]
