"""rollback, as it is typed: it shows, asks, and commits."""

import pytest

from tests.cli.console import Console
from tests.engine.workshop import runs
from tests.repositories import commit, git, make_repository

pytestmark = pytest.mark.needs("git")


@pytest.fixture
def console(console: Console) -> Console:
    console.specs(runs("a"))
    make_repository(console.root)
    console.apply()
    console.specs(runs("a").replace("word: a", "word: b"))
    commit(console.root, "Say b")
    console.apply()
    return console


def head(console: Console) -> str:
    return git(console.root, "log", "-1", "--format=%s")


def test_who_wrote_what_a_result_was_made_from_is_known_also_with_a_new_database(console: Console) -> None:
    git(console.root, "-c", "user.name=Bob", "commit", "-q", "--allow-empty", "-m", "Somebody else, later")
    for path in (console.root / ".cosmos").glob("state.db*"):
        path.unlink()
    assert console.cosmos("apply", "--yes").returncode == 0

    made = git(console.root, "rev-parse", "--short=8", "HEAD~1")
    shown = console.cosmos("show", "a").stdout
    assert f"{made} by Ann Author <ann@example.org>, 20" in shown
    assert f"{made}  Ann Author <ann@example.org>  " in console.cosmos("history", "a").stdout
    assert console.launches == ["a", "b"]


def test_without_a_terminal_it_shows_and_changes_nothing(console: Console) -> None:
    done = console.cosmos("rollback", "a")

    assert (done.returncode, head(console)) == (1, "Say b")
    assert "\n-params: {word: b}\n+params: {word: a}\n" in done.stdout
    assert "nothing was changed: there is no terminal to ask on" in done.stderr
    assert "cosmos rollback --yes" in done.stderr


def test_on_a_terminal_it_asks(console: Console) -> None:
    for answer, subject in (("no", "Say b"), ("yes", "Roll back a to ")):
        with console.terminal("rollback", "a") as terminal:
            terminal.read_until("Commit this? [y/N] ")
            terminal.type(f"{answer}\n")
            text, code = terminal.read_to_end()
        assert (code, head(console).startswith(subject)) == (int(answer == "no"), True), text
    assert "Committed as" in text
    assert "cosmos apply restores the outputs." in text
    assert console.cosmos("apply", "--yes").returncode == 0
    assert (console.output("a"), console.launches) == ("Heavy rain a", ["a", "b"])


def test_other_runs_that_change_with_it_are_shown(console: Console) -> None:
    console.specs(runs("a", "other").replace("word: a", "word: b"))
    text = (console.root / "specs" / "all.yaml").read_text()
    commit(console.root, "Ask for another")
    console.apply()
    (console.root / "specs" / "all.yaml").write_text(text.replace("Heavy rain", "Fog"))
    commit(console.root, "Say fog")
    console.apply()
    done = console.cosmos("rollback", "a", "--yes", "--no-commit")

    assert (done.returncode, head(console)) == (0, "Say fog")
    assert "What differs is prompt rain.\nWith it change:\n  -/+ run other " in done.stderr
    assert "Edited: specs/all.yaml.\n" in done.stderr
    assert git(console.root, "status", "--porcelain") == "M specs/all.yaml"


def test_one_run_has_to_be_meant(console: Console) -> None:
    console.specs(runs("a", more="matrix: {params.word: [x, y]}"))
    console.plan_text()
    done = console.cosmos("rollback", "a/*")
    assert (done.returncode, "means 2 things" in done.stderr) == (1, True)
    done = console.cosmos("rollback", "absent")
    assert (done.returncode, 'nothing is called "absent"' in done.stderr) == (1, True)
