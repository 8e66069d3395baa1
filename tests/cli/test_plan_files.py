"""plan --out and apply --plan, as they are typed."""

from tests.cli.console import Console
from tests.engine.workshop import runs


def test_a_plan_is_saved_and_applied_without_a_question(console: Console) -> None:
    console.specs(runs("a", "b"))
    saved = console.cosmos("plan", "a", "--out", "a.plan")
    assert saved.stderr == "Saved: cosmos apply --plan a.plan does exactly this, or nothing.\n"
    applied = console.cosmos("apply", "--plan", "a.plan")

    assert (applied.returncode, console.launches) == (0, ["a"])
    assert applied.stdout.startswith(saved.stdout)


def test_a_stale_plan_ends_with_4_and_says_why(console: Console) -> None:
    console.specs(runs("a"))
    console.cosmos("plan", "--out", "a.plan")
    console.specs(runs("a").replace("word: a", "word: other"))
    done = console.cosmos("apply", "--plan", "a.plan")

    assert (done.returncode, done.stdout, console.launches) == (4, "", [])
    assert "a.plan is stale" in done.stderr
    assert "a has changed: params" in done.stderr


def test_a_saved_plan_takes_no_names_of_its_own(console: Console) -> None:
    for words in (["a"], ["-l", "x"], ["--rerun"]):
        done = console.cosmos("apply", "--plan", "a.plan", *words)
        assert (done.returncode, "has its own names" in done.stderr) == (64, True)


def test_a_plan_for_a_pull_request(console: Console) -> None:
    console.specs(runs("a", "b", more="labels: {scene: '@me'}") + "---\nkind: Run\nname: '@me'\n")
    done = console.cosmos("plan", "-o", "markdown")

    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[:2] == ["<!-- cosmos plan -->", "### cosmos plan"]
    assert "`specs/all.yaml:" in done.stdout
