"""A daemon that follows commits: what is committed is made, what is not is not, and history can be gone back in."""

import json
from pathlib import Path

import pytest

from tests.cli.console import Console, wait_until
from tests.daemon.daemons import deaf_follower, end, follower
from tests.engine.workshop import runs
from tests.repositories import Repo, new_repo

pytestmark = pytest.mark.needs("git")


@pytest.fixture
def repo(console: Console) -> Repo:
    """The project is a repository; nothing is committed yet."""
    made = new_repo(console.root)
    (console.root / ".gitignore").write_text(".cosmos/\noutputs/\nlaunches\ngo\n")
    return made


def revision(console: Console) -> str:
    note = console.daemon()
    return note.revision if note is not None else ""


def held_back(console: Console) -> str:
    note = console.daemon()
    return note.held_back if note is not None else ""


def test_what_is_committed_is_made_and_what_is_not_waits(console: Console, repo: Repo) -> None:
    console.specs(runs("one"))
    first = repo.commit()
    process = follower(console)
    wait_until(lambda: console.is_made("one"))
    console.specs(runs("one", "two"))
    console.cosmos("reconcile")
    refused = console.cosmos("apply", "--yes")
    shown = console.cosmos("status").stdout
    assert console.launches == ["one"]
    second = repo.commit("Two")
    wait_until(lambda: console.is_made("two"))
    applied = console.cosmos("apply", "--yes")
    log, code = end(process)

    assert code == 0
    assert (refused.returncode, f"applies commit {first[:10]}, where two is not as here" in refused.stderr) == (4, True)
    assert "a commit makes the daemon apply them" in shown
    assert applied.returncode == 0
    assert f"commit {second[:10]} by Ann <ann@example.org>: Two" in log
    made = json.loads((console.root / "outputs" / "two" / "latest" / "provenance.json").read_text())
    when = float(repo.git("log", "-1", "--format=%ct"))
    assert (made["commit"], made["author"], made["committed_at"]) == (second, "Ann <ann@example.org>", when)
    assert (made["run"]["at"]["file"], made["run"]["at"]["line"] > 1) == ("specs/all.yaml", True)


@pytest.mark.needs("mount")
@pytest.mark.parametrize("toml", ['[hosts.local]\nslots = 2\n[daemon]\nresync = "10m"\n'])
def test_a_commit_is_seen_where_the_system_watches_no_more_files(console: Console, repo: Repo) -> None:
    console.specs(runs("one"))
    repo.commit()
    process = deaf_follower(console)
    wait_until(lambda: console.is_made("one"))
    console.specs(runs("one", "two"))
    repo.commit("Two")
    wait_until(lambda: console.is_made("two"))
    note = console.daemon()
    log, code = end(process)

    assert code == 0
    assert note is not None
    assert "it looks at them every 2 s (raise fs.inotify.max_user_instances with sysctl" in note.unwatched
    assert note.unwatched in log


def test_going_back_in_history_brings_the_old_outputs_back_without_a_launch(console: Console, repo: Repo) -> None:
    console.specs(runs("one"))
    repo.commit()
    process = follower(console)
    wait_until(lambda: console.is_made("one"))
    console.specs(runs("one").replace("word: one", "word: other"))
    repo.commit()
    wait_until(lambda: console.is_made("one") and console.output("one") == "Heavy rain other")
    repo.git("revert", "--no-edit", "HEAD")
    wait_until(lambda: console.output("one") == "Heavy rain one")
    end(process)

    assert console.launches == ["one", "other"]


def test_a_commit_without_specs_is_held_back_and_a_later_one_taken(console: Console, repo: Repo) -> None:
    console.specs(runs("one"))
    good = repo.commit()
    process = follower(console)
    wait_until(lambda: console.is_made("one"))
    repo.git("mv", "specs", "renamed")
    repo.commit()
    wait_until(lambda: "has no folder specs" in held_back(console))
    shown = console.cosmos("status").stdout
    assert revision(console) == good
    repo.git("mv", "renamed", "specs")
    console.specs(runs("one", "two"))
    repo.commit()
    wait_until(lambda: console.is_made("two") and held_back(console) == "")
    end(process)

    assert "! the newest commit cannot be applied: commit " in shown


def test_a_history_that_is_rewritten_takes_away_nothing_that_is_not_done(console: Console, repo: Repo) -> None:
    console.specs(runs("one"), program=console.slow())
    repo.commit()
    console.specs(runs("one", "two"), program=console.slow())
    repo.commit()
    process = follower(console)
    wait_until(lambda: len(console.launches) == 2)
    repo.git("reset", "--quiet", "--hard", "HEAD~1")
    repo.commit("another history")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "--quiet", "--prune=now")
    wait_until(lambda: "the history was rewritten" in held_back(console))
    end(process)
    again = follower(console)  # what was applied before is known to the next one, too
    wait_until(lambda: "the history was rewritten" in held_back(console))
    console.go.touch()
    wait_until(lambda: console.is_made("two"))
    console.cosmos("reconcile", "--accept-removals")
    wait_until(lambda: held_back(console) == "")
    end(again)

    assert sorted(console.launches) == ["one", "two"]
    assert console.phase("two") == ""


def test_a_repository_elsewhere_is_followed(console: Console, tmp_path: Path) -> None:
    there = new_repo(tmp_path / "there")
    here = Console(there.root / "films")
    here.specs(runs("one"))
    there.commit()
    (console.root / "cosmos.toml").write_text(
        f'[project]\nname = "workshop"\n[hosts.local]\nslots = 2\n[git]\nurl = "file://{there.root}"\npath = "films"\n'
    )
    process = follower(console)
    wait_until(lambda: console.is_made("one"))
    here.specs(runs("one", "two"))
    there.commit()
    console.cosmos("reconcile")
    wait_until(lambda: console.is_made("two"))
    end(process)


def test_of_200_commits_in_a_burst_the_last_one_is_applied(console: Console, repo: Repo) -> None:
    console.specs(runs("one"))
    repo.commit()
    process = follower(console)
    wait_until(lambda: console.is_made("one"))
    for number in range(200):
        repo.write("notes.txt", f"{number}")
        repo.commit()
    console.specs(runs("one", "last"))
    newest = repo.commit()
    wait_until(lambda: console.is_made("last") and revision(console) == newest)
    log, _ = end(process)

    assert console.launches == ["one", "last"]
    assert log.count("cosmos.project.following: commit") < 100


def test_a_broken_repository_ends_nothing(console: Console, repo: Repo) -> None:
    console.specs(runs("one"), program=console.slow())
    newest = repo.commit()
    process = follower(console)
    wait_until(lambda: bool(console.launches))
    (console.root / ".git").rename(console.root / "away")
    wait_until(lambda: "cannot be applied" in held_back(console))
    console.go.touch()
    wait_until(lambda: console.is_made("one"))
    (console.root / "away").rename(console.root / ".git")
    wait_until(lambda: held_back(console) == "")
    assert revision(console) == newest
    assert end(process)[1] == 0


def test_words_beside_it_are_about_what_it_follows(console: Console, repo: Repo) -> None:
    """Not about files that are edited and not committed."""
    console.specs(runs("one", "two"), program=console.slow())
    repo.commit()
    process = follower(console)
    wait_until(lambda: len(console.launches) == 2)
    console.specs(runs("one", "new").replace("word: one", "word: other"), program=console.slow())
    planned = console.cosmos("plan").stdout
    assert (console.phase("one"), console.phase("two"), console.phase("new")) == ("Running", "Running", "")
    cancelled = console.cosmos("cancel", "one")
    console.go.touch()
    waited = console.cosmos("wait", "--timeout", "60s")
    is_made = console.is_made("two")  # which the files here do not ask for
    console.specs(runs("one", "two"), program=console.slow())
    retried = console.cosmos("retry", "one")
    wait_until(lambda: console.is_made("one"))
    end(process)

    assert "run new" in planned
    assert (cancelled.returncode, cancelled.stdout) == (0, "one Cancelled\n")
    assert (waited.returncode, is_made) == (0, True)
    assert retried.returncode == 0
    assert sorted(console.launches) == ["one", "one", "two"]
