"""Plan, apply, wait, cancel and retry, as scripts use them: streams and exit codes."""

import json
import re

import pytest

from cosmos.cli.main import main
from tests.cli.console import Console, wait_until
from tests.engine.workshop import WRITE, runs

FAIL_TWO = f'[ "$2" != two ] || exit 3; {WRITE}'


def test_apply_shows_the_plan_makes_it_and_names_what_it_made(console: Console) -> None:
    console.specs(runs("one", "two"))
    done = console.cosmos("apply", "--yes")

    assert done.returncode == 0
    assert "+ run one" in done.stdout
    assert "Plan: 2 to run; 0 unchanged." in done.stdout
    assert done.stdout.endswith("2 in sync.\n")
    made = re.findall(r"^  (outputs/\S+/out.txt)$", done.stdout, re.MULTILINE)
    assert [(console.root / path).read_text() for path in made] == ["Heavy rain one", "Heavy rain two"]


def test_off_a_terminal_each_change_of_phase_is_a_line_of_talk(console: Console) -> None:
    console.specs(runs("one"))
    done = console.cosmos("apply", "--yes")

    lines = done.stderr.splitlines()
    changes = [re.fullmatch(r"\d\d:\d\d:\d\d one (\w+) -> (\w+).*", line) for line in lines]
    assert all(change and change[1] != change[2] for change in changes), done.stderr
    assert re.search(r"-> Succeeded   one/\w{8}$", lines[-1])


def test_apply_does_nothing_twice_and_says_so(console: Console) -> None:
    console.specs(runs("one"))
    console.apply()
    done = console.cosmos("apply", "--yes")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "No changes. What exists matches the specs.\n"
    assert console.launches == ["one"]


def test_apply_restores_what_was_deleted_and_names_it(console: Console) -> None:
    console.specs(runs("one", "two"))
    console.apply()
    (console.root / "outputs" / "one" / "latest" / "out.txt").unlink()
    done = console.cosmos("apply", "--yes")

    assert done.returncode == 0
    assert "r restore one   outputs_missing" in done.stdout
    assert re.findall(r"^  outputs/(\w+)/\w+/out.txt$", done.stdout, re.MULTILINE) == ["one"]
    assert sorted(console.launches) == ["one", "two"]


def test_apply_asks_nothing_when_there_is_nothing_to_do(console: Console) -> None:
    console.specs(runs("one"))
    console.apply()
    assert console.cosmos("apply").returncode == 0


def test_apply_off_a_terminal_starts_nothing_without_yes(console: Console) -> None:
    console.specs(runs("one"))
    done = console.cosmos("apply")

    assert done.returncode == 1
    assert "Plan: 1 to run" in done.stdout
    assert "error: nothing was started: there is no terminal to ask on" in done.stderr
    assert "--yes" in done.stderr
    assert console.launches == []


def test_a_run_that_fails_ends_with_its_reason_and_the_next_step(console: Console) -> None:
    console.specs(runs("one", "two"), program=FAIL_TWO)
    done = console.cosmos("apply", "--yes")

    assert done.returncode == 3
    assert "! two: ProgramFailed: " in done.stdout
    assert "cosmos logs two" in done.stdout
    assert done.stdout.endswith("1 in sync, 1 failed.\n")
    again = console.cosmos("apply", "--yes")
    assert again.returncode == 3
    assert "! two: ProgramFailed: " in again.stdout


def test_a_failed_run_is_tried_again_after_retry(console: Console) -> None:
    console.specs(runs("one", "two"), program=f'[ "$2" != two ] || [ -e {console.go} ] || exit 3; {WRITE}')
    console.apply()
    console.go.touch()
    assert console.cosmos("retry", "two").stdout == "two\n"
    done = console.cosmos("apply", "--yes")

    assert done.returncode == 0
    assert sorted(console.launches) == ["one", "two", "two"]


def test_retry_of_a_run_that_is_well_is_declined(console: Console) -> None:
    console.specs(runs("one"))
    console.apply()
    done = console.cosmos("retry", "one")

    assert (done.returncode, done.stdout) == (1, "")
    assert "error: none of these runs has failed or was cancelled" in done.stderr


def test_plan_tells_changes_by_its_exit_code_only_when_asked(console: Console) -> None:
    console.specs(runs("one"))
    assert console.cosmos("plan").returncode == 0
    assert console.cosmos("plan", "--detailed-exitcode").returncode == 2
    console.apply()
    assert console.cosmos("plan", "--detailed-exitcode").returncode == 0


def test_a_plan_as_json_says_what_and_why(console: Console) -> None:
    console.specs(runs("one", "two"))
    done = console.cosmos("plan", "one", "-o", "json", "--detailed-exitcode")
    document = json.loads(done.stdout)

    assert (done.returncode, done.stderr) == (2, "")
    (operation,) = document["operations"]
    assert (operation["act"], operation["cause"], operation["key"]) == ("launch", "never_ran", "one")
    assert (operation["file"], operation["host"]) == ("specs/all.yaml", "local")
    assert [run["phase"] for run in document["runs"]] == ["Pending", "Pending"]
    assert document["summary"]["launch"] == 1
    assert document["problems"] == []


def test_targets_are_names_globs_and_labels(console: Console, capsys: pytest.CaptureFixture[str]) -> None:
    console.specs(runs("one", "two", more="labels: {scene: city}") + runs("three"))
    for words, wanted in (
        (["one"], ["one"]),
        (["t*"], ["three", "two"]),
        (["-l", "scene=city"], ["one", "two"]),
        (["-l", "scene", "t*"], ["two"]),
        (["-l", "!scene"], ["three"]),
        (["-l", "scene=city,!draft"], ["one", "two"]),
    ):
        assert main(["-C", str(console.root), "plan", *words]) == 0
        assert re.findall(r"^\+ run (\w+)", capsys.readouterr().out, re.MULTILINE) == wanted, words


def test_a_run_that_no_host_can_take_says_why(console: Console) -> None:
    console.specs(runs("one") + runs("two", more="placement: {labels: {room: cellar}}"))
    done = console.cosmos("apply", "--yes")

    assert done.returncode == 3
    assert re.search(r"^! two: .*room=cellar", done.stdout, re.MULTILINE)
    assert "cosmos explain two" in done.stdout
    assert done.stdout.endswith("1 in sync, 1 queued.\n")


def test_a_targeted_apply_starts_no_other_run(console: Console) -> None:
    console.specs(runs("one", "two"))
    done = console.cosmos("apply", "--yes", "two")

    assert done.returncode == 0
    assert console.launches == ["two"]
    assert done.stdout.endswith("1 in sync.\n")


def test_rerun_makes_finished_runs_again_and_needs_names(console: Console) -> None:
    console.specs(runs("one", "two"))
    console.apply()
    refused = console.cosmos("apply", "--yes", "--rerun")
    done = console.cosmos("apply", "--yes", "--rerun", "one")

    assert refused.returncode == 1
    assert "--rerun without names would run everything again" in refused.stderr
    assert done.returncode == 0
    assert "-/+ run one   forced" in done.stdout
    assert "out.txt" in done.stdout
    assert sorted(console.launches) == ["one", "one", "two"]


def test_no_wait_starts_and_wait_collects(console: Console) -> None:
    console.specs(runs("one"), program=console.slow())
    started = console.cosmos("apply", "--yes", "--no-wait")
    assert started.returncode == 0
    assert "cosmos wait" in started.stderr
    late = console.cosmos("wait", "--timeout", "1s")
    assert late.returncode == 5
    assert "Time is up; what runs goes on." in late.stderr
    console.go.touch()
    waited = console.cosmos("wait")

    assert waited.returncode == 0
    assert waited.stdout.endswith("1 in sync.\n")
    assert console.output("one") == "Heavy rain one"
    assert console.launches == ["one"]


def test_a_timeout_that_is_none_is_a_mistake_in_the_command(console: Console) -> None:
    console.specs(runs("one"))
    done = console.cosmos("apply", "--yes", "--timeout", "soon")

    assert done.returncode == 64
    assert '"soon" is not a duration such as 30d, 1h30m or 45s' in done.stderr
    assert console.launches == []


def test_cancel_stops_a_run_until_retry(console: Console) -> None:
    console.specs(runs("one"), program=console.slow())
    console.apply(wait=False)
    cancelled = console.cosmos("cancel", "one", "--why", "wrong scene")
    assert (cancelled.returncode, cancelled.stdout) == (0, "one Cancelled\n")
    console.go.touch()
    console.cosmos("apply", "--yes")
    assert console.launches == ["one"]
    console.cosmos("retry", "one")
    done = console.cosmos("apply", "--yes")

    assert done.returncode == 0
    assert console.launches == ["one", "one"]


def test_cancel_and_retry_want_names(console: Console) -> None:
    console.specs(runs("one"))
    for command in ("cancel", "retry"):
        done = console.cosmos(command)
        assert done.returncode == 1, command
        assert "error: no run is named" in done.stderr, command


def test_a_second_apply_is_told_who_works(console: Console) -> None:
    console.specs(runs("one"), program=console.slow())
    first = console.start("apply", "--yes")
    wait_until(lambda: bool(console.launches))
    second = console.cosmos("apply", "--yes")
    console.go.touch()
    first.communicate(timeout=60)

    assert second.returncode == 4
    assert f"another cosmos works on this project: process {first.pid}" in second.stderr
    assert first.returncode == 0


def test_wait_follows_another_controller(console: Console) -> None:
    console.specs(runs("one"), program=console.slow())
    first = console.start("apply", "--yes")
    wait_until(lambda: bool(console.launches))
    second = console.start("wait")
    console.go.touch()
    text, talk = second.communicate(timeout=60)
    first.communicate(timeout=60)

    assert (second.returncode, first.returncode) == (0, 0), talk
    assert text.endswith("1 in sync.\n")


def test_a_cancel_is_handed_to_the_controller_that_works(console: Console) -> None:
    console.specs(runs("one"), program=console.slow())
    first = console.start("apply", "--yes")
    wait_until(lambda: bool(console.launches))
    done = console.cosmos("cancel", "one")
    text, _ = first.communicate(timeout=60)

    assert done.returncode == 0
    assert "carried out by the other one" in done.stderr
    assert "1 cancelled" in text


def test_what_runs_for_a_spec_that_is_gone_is_stopped_by_prune_alone(console: Console) -> None:
    console.specs(runs("one", "two"), program=console.slow())
    console.cosmos("apply", "--yes", "--no-wait")
    wait_until(lambda: len(console.launches) == 2)
    console.specs(runs("one"), program=console.slow())
    usual = console.cosmos("plan")
    planned = console.cosmos("plan", "--prune")
    applied = console.start("apply", "--prune", "--yes")
    wait_until(lambda: "removed_from_specs" in console.cosmos("events", "--for", "two").stdout)
    console.go.touch()
    applied.communicate(timeout=60)

    assert "stop two" not in usual.stdout
    assert "x stop two   removed_from_specs   local" in planned.stdout
    assert applied.returncode == 0
    assert (console.root / "outputs" / "two").exists() is False
    assert sorted(console.launches) == ["one", "two"]


def test_prune_stops_no_more_than_was_said(console: Console) -> None:
    (console.root / "cosmos.toml").write_text('[project]\nname = "workshop"\n[hosts.local]\nslots = 2\n')
    console.specs(runs("one", "two"), program=console.slow())
    console.cosmos("apply", "--yes", "--no-wait")
    wait_until(lambda: len(console.launches) == 2)
    console.specs(runs("three"), program=console.slow())
    refused = console.cosmos("apply", "--prune", "--yes")
    console.specs("")
    all_gone = console.cosmos("apply", "--prune", "--yes")
    alone = console.cosmos("plan", "--accept-removals")
    meant = console.cosmos("apply", "--prune", "--accept-removals", "--yes", "--no-wait")
    wait_until(lambda: "removed_from_specs" in console.cosmos("events", "--for", "two").stdout)
    console.go.touch()

    assert (refused.returncode, all_gone.returncode, alone.returncode, meant.returncode) == (1, 1, 64, 0)
    assert "2 of 3 runs that are not done are gone from the specs, more than 20 %" in refused.stderr
    assert "--prune stops nothing: all 2 runs are gone from the specs" in all_gone.stderr
    assert "add --accept-removals" in all_gone.stderr
    assert sorted(console.launches) == ["one", "two"]
