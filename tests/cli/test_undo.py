"""undo: the specs that were removed last come back, and with them what was made or still runs for them."""

from pathlib import Path

import pytest

from cosmos.errors import RefusedError, SpecError
from tests.cli.console import Console, wait_until
from tests.engine.workshop import runs
from tests.repositories import commit, git, make_repository

pytestmark = pytest.mark.needs("git")

MORE = "# for the evening\n" + runs("b", "c").removeprefix("---\n")
SEEDS = "matrix: {params.word: [x, y, z]}"


@pytest.fixture
def console(console: Console) -> Console:
    console.specs(runs("a"))
    (console.root / "specs" / "more.yaml").write_text(MORE)
    make_repository(console.root)
    return console


def more(console: Console) -> Path:
    return console.root / "specs" / "more.yaml"


def undo(console: Console, within_s: float = 3600) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Documents and runs that came back."""
    with console.api() as api:
        found = api.review.removed(within_s)
        api.review.take_back(found)
    return found.documents, found.keys


def test_what_was_done_and_what_runs_is_not_done_again(console: Console) -> None:
    console.specs(runs("a"), program=console.slow())
    commit(console.root, "Slow")
    console.apply("a", wait=False)
    wait_until(lambda: console.launches == ["a"])
    git(console.root, "rm", "-q", "-r", "specs")
    commit(console.root, "Clean up")
    with console.terminal("undo") as terminal:
        terminal.read_until("Commit this? [y/N] ")
        terminal.type("yes\n")
        text, code = terminal.read_to_end()
    console.go.touch()
    console.apply("a")

    assert code == 0, text
    assert "It removed run a, run b, run c, prompt rain, model echo.\r\n3 runs come back.\r\n" in text
    assert [run for run in "abc" if f"\r\n\x1b[32m+\x1b[0m run {run} " in text] == ["b", "c"]
    assert git(console.root, "log", "-1", "--format=%s") == "Take back the removal of run a and 4 more"
    assert git(console.root, "diff", "HEAD~2") == ""
    assert (console.launches, console.output("a")) == (["a"], "Heavy rain a")


def test_what_is_gone_from_the_files_comes_back_before_what_a_commit_removed(console: Console) -> None:
    more(console).write_text(MORE[: MORE.rindex("---")])
    removal = commit(console.root, "Without c")
    git(console.root, "rm", "-q", "specs/more.yaml")
    done = console.cosmos("undo", "--yes")

    assert done.returncode == 0, done.stderr
    assert "Removed from the files, in no commit yet: run b.\n1 run comes back.\n" in done.stderr
    assert (git(console.root, "status", "--porcelain"), git(console.root, "rev-parse", "HEAD")) == ("", removal)
    assert undo(console) == (("run c",), ("c",))
    assert more(console).read_text() == MORE
    with pytest.raises(RefusedError, match="nothing was removed"):
        undo(console)


def test_what_was_changed_beside_it_stays(console: Console) -> None:
    more(console).write_text(MORE.replace("name: b", "name: other").replace(": b}", ": d}").replace("even", "morn"))
    commit(console.root, "Without b, and another one")
    more(console).write_text(more(console).read_text() + runs("later"))
    commit(console.root, "Later")

    assert undo(console) == (("run b",), ("b",))
    text = more(console).read_text()
    assert text.startswith("# for the morning")
    assert [line[6:] for line in text.splitlines() if line.startswith("name: ")] == ["other", "c", "later", "b"]


def test_members_that_are_gone_come_back(console: Console) -> None:
    console.specs(runs("a", more=SEEDS))
    commit(console.root, "Three")
    console.specs(runs("a", more=SEEDS.replace(", y, z", ", z")))
    commit(console.root, "Two")

    assert undo(console) == (("run a",), ("a/word-y",))
    assert git(console.root, "diff", "HEAD~2") == ""


def test_members_of_a_run_that_was_changed_since_are_left_to_a_person(console: Console) -> None:
    console.specs(runs("a", more=SEEDS))
    commit(console.root, "Three")
    console.specs(runs("a", more=SEEDS.replace(", y", "")))
    commit(console.root, "Two")
    console.specs(runs("a", more=f"{SEEDS.replace(', y', '')}\npriority: 7"))
    commit(console.root, "Sooner")

    with pytest.raises(RefusedError, match="run a lost some of its members, and was changed again since"):
        undo(console)


def test_a_merge_is_one_removal(console: Console) -> None:
    git(console.root, "switch", "-qc", "side")
    more(console).unlink()
    commit(console.root, "Without b and c")
    git(console.root, "switch", "-q", "main")
    (console.root / "read.me").touch()
    commit(console.root, "Meanwhile")
    git(console.root, "merge", "-q", "--no-edit", "side")

    assert undo(console) == (("run b", "run c"), ("b", "c"))


@pytest.mark.parametrize("what", ["moved", "renamed", "unreadable", "long ago", "only changed"])
def test_what_is_no_removal_or_too_old_is_left_alone(console: Console, what: str) -> None:
    if what == "moved":
        more(console).rename(console.root / "specs" / "elsewhere.yaml")
    elif what == "renamed":
        more(console).write_text(MORE.replace("name: b", "name: d"))
    elif what == "unreadable":
        more(console).write_text("kind: [")
    elif what == "only changed":
        more(console).write_text(MORE.replace("params: {word: b}", "params: {word: d}"))
    else:
        more(console).unlink()
    git(console.root, "add", "-A")
    late = {"GIT_COMMITTER_DATE": "2020-01-01T00:00:00Z"} if what == "long ago" else {}
    git(console.root, "commit", "-qm", what, **late)

    with pytest.raises(RefusedError, match="nothing was removed"):
        undo(console)
    assert git(console.root, "status", "--porcelain") == ""


def test_what_would_make_a_problem_or_would_overwrite_something_is_refused(console: Console) -> None:
    specs = console.root / "specs" / "all.yaml"
    specs.write_text(specs.read_text().replace(": rain", ": mist"))
    commit(console.root, "Rename the prompt, but not for b and c")
    more(console).unlink()
    before = commit(console.root, "Without b and c")

    with pytest.raises(SpecError, match="2 problems"):
        undo(console)
    specs.write_text(specs.read_text().replace(": mist", ": rain"))
    commit(console.root, "Back")
    more(console).write_text("# a note\n")
    with pytest.raises(RefusedError, match=r"specs/more\.yaml is in no commit"):
        undo(console)
    assert git(console.root, "rev-parse", "HEAD~1") == before
    assert more(console).read_text() == "# a note\n"
