"""Specs that are gone: what runs for them, and removals that look like a mistake."""

import pytest

from tests.cli.console import Console, wait_until
from tests.daemon.daemons import daemon, end
from tests.engine.workshop import runs


def held_back(console: Console) -> str:
    note = console.daemon()
    return note.held_back if note is not None else ""


def test_what_runs_for_a_spec_that_is_gone_runs_on_and_is_collected(console: Console) -> None:
    console.specs(runs("one", "two"), program=console.slow())
    process = daemon(console)
    wait_until(lambda: len(console.launches) == 2)
    console.specs(runs("one"), program=console.slow())
    wait_until(lambda: console.phase("two") == "")
    console.go.touch()
    wait_until(lambda: console.is_made("one"))
    console.specs(runs("one", "two"), program=console.slow())
    wait_until(lambda: console.is_made("two"))
    end(process)

    assert sorted(console.launches) == ["one", "two"]


@pytest.mark.parametrize("toml", ['[hosts.local]\nslots = 2\n[daemon]\nprune = true\nprune_after = "1s"\n'])
def test_with_prune_it_is_stopped_after_a_while_and_begins_anew_when_the_spec_is_back(console: Console) -> None:
    console.specs(runs("one", "two"), program=console.slow())
    process = daemon(console)
    wait_until(lambda: len(console.launches) == 2)
    console.specs(runs("one"), program=console.slow())
    wait_until(lambda: "removed_from_specs" in console.cosmos("events", "--for", "two").stdout)
    wait_until(lambda: "Stopped" in console.cosmos("history", "two").stdout)
    console.specs(runs("one", "two"), program=console.slow())
    wait_until(lambda: len(console.launches) == 3)
    console.go.touch()
    wait_until(lambda: console.is_made("two") and console.is_made("one"))
    end(process)

    assert sorted(console.launches) == ["one", "two", "two"]


def test_specs_that_are_all_gone_go_on_until_somebody_says_that_it_is_meant(console: Console) -> None:
    console.specs(runs("one", "two", "three"), program=console.slow())
    process = daemon(console)
    wait_until(lambda: len(console.launches) == 2)
    console.specs("")
    wait_until(lambda: held_back(console) != "")
    shown = console.cosmos("status").stdout
    console.go.touch()
    wait_until(lambda: console.is_made("three"))
    accepted = console.cosmos("reconcile", "--accept-removals")
    wait_until(lambda: held_back(console) == "")
    again = console.cosmos("reconcile", "--accept-removals")
    end(process)

    assert "! all 3 runs are gone from the specs: they are kept as they were until" in shown
    assert accepted.returncode == 0
    assert (again.returncode, "holds no removals back" in again.stderr) == (1, True)
    assert console.phase("one") == ""
    assert console.output("one") == "Heavy rain one"


def test_a_spec_with_a_mistake_goes_on_as_it_was(console: Console) -> None:
    console.specs(runs("one", "two", "three"), program=console.slow())
    process = daemon(console)
    wait_until(lambda: len(console.launches) == 2)
    console.specs(runs("one", "two") + runs("three").replace("prompt: rain", "promt: rain"), program=console.slow())
    wait_until(lambda: "1 problem in the specs" in console.cosmos("status").stdout)
    console.go.touch()
    wait_until(lambda: console.is_made("three"))
    log, _ = end(process)

    assert 'unknown field "promt"' in log
    assert sorted(console.launches) == ["one", "three", "two"]
