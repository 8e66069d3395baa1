"""Going back to an earlier version of a run: a commit of spec files, and nothing else."""

import stat
from pathlib import Path

import pytest

from cosmos.edits import GoBack
from cosmos.errors import NotFoundError, RefusedError, SourceError
from tests.engine.workshop import MODEL, Workshop, runs
from tests.repositories import commit, git, make_repository

pytestmark = pytest.mark.needs("git")


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    """`a` was made with the word `one`, then with `two`; both from commits, with `b` beside it."""
    workshop = Workshop(tmp_path / "workshop")
    workshop.specs(words("one"))
    make_repository(workshop.root)
    workshop.apply()
    change(workshop, "word: one", "word: two", "Say two")
    workshop.apply()
    return workshop


def words(word: str) -> str:
    return f"""---
# The first run.
kind: Run  # has a word
name: a
prompt: rain
model: echo
params: {{word: {word}}}
# Between.

{runs("b")}"""


def specs(workshop: Workshop) -> Path:
    return workshop.root / "specs" / "all.yaml"


def change(workshop: Workshop, old: str, new: str, subject: str = "") -> None:
    text = specs(workshop).read_text()
    assert old in text
    specs(workshop).write_text(text.replace(old, new))
    if subject:
        commit(workshop.root, subject)


def prepare(workshop: Workshop, name: str = "a", version: str = "") -> GoBack:
    with workshop.api() as api:
        return api.review.go_back(name, version)


def go_back(workshop: Workshop, name: str = "a", version: str = "", *, keep: bool = True) -> str:
    with workshop.api() as api:
        return api.review.carry_out(api.review.go_back(name, version), commit=keep)


def refusal(workshop: Workshop, name: str = "a", version: str = "") -> str:
    before, head = specs(workshop).read_bytes(), git(workshop.root, "rev-parse", "HEAD")
    with pytest.raises(RefusedError) as refused:
        go_back(workshop, name, version)
    assert (specs(workshop).read_bytes(), git(workshop.root, "rev-parse", "HEAD")) == (before, head)
    assert refused.value.hint
    return f"{refused.value.message} {refused.value.hint}"


def test_old_outputs_are_there_again_without_a_launch(workshop: Workshop) -> None:
    assert workshop.output("a") == "Heavy rain two"
    done = workshop.launches
    made = go_back(workshop)

    assert made == git(workshop.root, "rev-parse", "HEAD")
    assert git(workshop.root, "status", "--porcelain") == ""
    assert workshop.output("a") == "Heavy rain two"  # nothing but the specs has changed
    assert workshop.apply().exit_code == 0
    assert workshop.output("a") == "Heavy rain one"
    assert workshop.launches == done
    assert go_back(workshop, version="2")
    workshop.apply()
    assert (workshop.output("a"), workshop.launches) == ("Heavy rain two", done)


def test_one_document_changes_and_the_commit_says_so(workshop: Workshop) -> None:
    text = specs(workshop).read_text()
    plan = prepare(workshop)
    go_back(workshop)

    assert specs(workshop).read_text() == text.replace("word: two", "word: one")
    assert (plan.documents, plan.others, plan.is_made) == (("run a",), (), True)
    assert [line for line in plan.edits[0].diff if line[0] in "+-"][2:] == [
        "-params: {word: two}",
        "+params: {word: one}",
    ]
    assert git(workshop.root, "log", "-1", "--format=%an <%ae>%n%s") == (
        f"Ann Author <ann@example.org>\nRoll back a to {plan.digest[:8]}"
    )
    assert git(workshop.root, "log", "-1", "--format=%(trailers)") == "Cosmos-Run: a"


def test_what_is_staged_stays_staged_and_out_of_the_commit(workshop: Workshop) -> None:
    (workshop.root / "notes").write_text("mine")
    git(workshop.root, "add", "notes")
    go_back(workshop)

    assert git(workshop.root, "show", "--name-only", "--format=") == "specs/all.yaml"
    assert git(workshop.root, "status", "--porcelain") == "A  notes"


def test_the_prompt_goes_back_where_it_was_the_prompt(workshop: Workshop) -> None:
    change(workshop, "text: Heavy rain", "text: Light rain", "Rain less")
    change(workshop, "kind: Run  # has a word", "kind: Run\npriority: 60", "Do it sooner")
    workshop.apply()
    plan = prepare(workshop)

    assert plan.documents == ("prompt rain",)
    assert [(each.key, each.is_made) for each in plan.others] == [("b", True)]
    go_back(workshop)
    assert "text: Heavy rain\n" in specs(workshop).read_text()
    assert "priority: 60\n" in specs(workshop).read_text()


def test_run_prompt_and_model_go_back_together_where_all_have_changed(workshop: Workshop) -> None:
    text = specs(workshop).read_text()
    change(workshop, "text: Heavy rain", "text: Light rain")
    change(workshop, "default: once", "default: twice")  # of no consequence: every run has a word
    change(workshop, "printf", ": ; printf")
    change(workshop, "word: two", "word: three", "Change everything")
    workshop.apply()

    assert prepare(workshop).documents == ("run a", "prompt rain", "model echo")
    go_back(workshop)
    assert specs(workshop).read_text() == text


def test_a_version_is_named_by_number_or_digest(workshop: Workshop) -> None:
    change(workshop, "word: two", "word: three", "Say three")
    workshop.apply()
    first = prepare(workshop, version="1")

    assert (prepare(workshop).number, first.number) == (2, 1)
    assert prepare(workshop, version=first.digest[:8]) == first
    for absent in ("4", "0", "abcd", "x"):
        with pytest.raises(NotFoundError, match="has no version"):
            prepare(workshop, version=absent)
    assert "is at" in refusal(workshop, version="3")


def test_a_run_that_is_gone_comes_back_where_it_was(workshop: Workshop) -> None:
    text = specs(workshop).read_text()
    specs(workshop).write_text(text[: text.index("---\n# The first")])
    commit(workshop.root, "Ask for nothing")
    go_back(workshop)
    assert (
        specs(workshop)
        .read_text()
        .endswith("---\nkind: Run  # has a word\nname: a\nprompt: rain\nmodel: echo\nparams: {word: two}\n")
    )
    specs(workshop).unlink()
    commit(workshop.root, "Remove all")
    plan = prepare(workshop)
    assert plan.documents == ("run a", "prompt rain", "model echo")
    assert plan.edits[0].before is None
    go_back(workshop)
    assert workshop.apply().exit_code == 0


def test_with_no_commit_the_file_is_only_edited(workshop: Workshop) -> None:
    head = git(workshop.root, "rev-parse", "HEAD")
    specs(workshop).chmod(0o640)
    assert go_back(workshop, keep=False) == ""
    assert git(workshop.root, "rev-parse", "HEAD") == head
    assert "word: one" in specs(workshop).read_text()
    assert stat.S_IMODE(specs(workshop).stat().st_mode) == 0o640


def test_changes_that_are_not_committed_are_never_touched(workshop: Workshop) -> None:
    change(workshop, "text: Heavy rain", "text: Heavy rain  # mine")
    with pytest.raises(RefusedError, match="not committed"):
        prepare(workshop)
    assert "specs/all.yaml has changes that are not committed" in refusal(workshop)
    git(workshop.root, "add", "-A")
    assert "specs/all.yaml has changes that are not committed" in refusal(workshop)
    git(workshop.root, "rm", "-q", "--cached", "specs/all.yaml")
    git(workshop.root, "commit", "-qm", "Keep the specs out")
    assert "specs/all.yaml is in no commit" in refusal(workshop)


def test_a_file_that_changes_after_the_look_is_left_alone(workshop: Workshop) -> None:
    with workshop.api() as api:
        plan = api.review.go_back("a")
        change(workshop, "text: Heavy rain", "text: Hail", "Hail")
        with pytest.raises(RefusedError, match="has changed since"):
            api.review.carry_out(plan)
    assert git(workshop.root, "log", "-1", "--format=%s") == "Hail"
    assert git(workshop.root, "status", "--porcelain") == ""


def test_what_was_made_from_no_commit_cannot_come_back(workshop: Workshop) -> None:
    change(workshop, "word: two", "word: three")
    workshop.apply()
    change(workshop, "word: three", "word: four", "Say four")
    workshop.apply()
    said = refusal(workshop)

    assert "version 3 of a was made from specs that were in no commit" in said
    assert prepare(workshop, version="2").number == 2


def test_without_git_there_is_nothing_to_go_back_to(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path / "workshop")
    for word in ("one", "two"):
        workshop.specs(words(word))
        workshop.apply()
    with pytest.raises(RefusedError, match="no commit is known of version 1"):
        prepare(workshop)


def test_there_may_be_no_earlier_result(workshop: Workshop) -> None:
    assert "b has no earlier version with a result" in refusal(workshop, "b")


def test_what_the_specs_alone_do_not_make_is_refused(workshop: Workshop) -> None:
    source = "source: {run: a, output: text, role: text}\n"
    reads = MODEL.replace("name: echo", "name: read").replace("outputs:", "inputs: {{text: {{}}}}\noutputs:")
    specs(workshop).write_text(
        specs(workshop).read_text()
        + "---\n"
        + reads.format(script='"cat $4 > $3"').replace('"{outputs.text}"', '"{outputs.text}", "{inputs.text}"')
        + f"---\nkind: Run\nname: c\nprompt: rain\nmodel: read\n{source}"
    )
    commit(workshop.root, "Read a")
    assert workshop.apply().exit_code == 0
    change(workshop, "word: two", "word: three", "Say three")
    assert workshop.apply().exit_code == 0

    assert "cosmos rollback a" in refusal(workshop, "c")
    go_back(workshop)
    assert "c is at" in refusal(workshop, "c", "1")  # with what it reads, it is back as well


def hook(workshop: Workshop, script: str) -> None:
    """What git runs before each commit from now on."""
    path = workshop.root / ".git" / "hooks" / "pre-commit"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_a_hook_that_says_no_leaves_everything_as_it_was(workshop: Workshop) -> None:
    hook(workshop, "echo not today >&2; exit 1")
    text = specs(workshop).read_text()
    with pytest.raises(SourceError, match="not today") as error:
        go_back(workshop)

    assert "--no-commit" in error.value.hint
    assert specs(workshop).read_text() == text
    assert git(workshop.root, "status", "--porcelain") == ""
    hook(workshop, "echo ran > hook-ran")
    go_back(workshop)
    assert (workshop.root / "hook-ran").exists()


def test_what_a_hook_wrote_into_the_file_stays(workshop: Workshop) -> None:
    hook(workshop, "echo '# formatted' >> specs/all.yaml; exit 1")
    with pytest.raises(SourceError):
        go_back(workshop)
    assert specs(workshop).read_text().endswith("# formatted\n")
    assert "word: one" in specs(workshop).read_text()


def test_a_new_file_that_git_refuses_is_gone_again(workshop: Workshop) -> None:
    specs(workshop).rename(workshop.root / "specs" / "other.yaml")
    (workshop.root / "specs" / "other.yaml").write_text("kind: Prompt\nname: fog\ntext: Fog\n")
    commit(workshop.root, "Ask for something else")
    hook(workshop, "exit 1")
    with pytest.raises(SourceError):
        go_back(workshop)
    assert not specs(workshop).exists()
    assert git(workshop.root, "status", "--porcelain") == ""


def test_a_project_below_the_top_of_its_repository(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path / "all" / "work [shop]")
    workshop.specs(words("one"))
    make_repository(tmp_path / "all")
    workshop.apply()
    change(workshop, "word: one", "word: two", "Say two")
    go_back(workshop)
    assert git(tmp_path / "all", "show", "--name-only", "--format=") == "work [shop]/specs/all.yaml"


def test_what_would_be_a_new_problem_is_refused_by_its_name(workshop: Workshop) -> None:
    change(workshop, "params: {word: two}", "matrix: {params.word: [two, three]}")
    change(workshop, "name: b\nprompt: rain", "name: b\nprompt: rain\nneeds: [a/word-three]", "Sweep a")
    assert workshop.apply().exit_code == 0

    assert 'run "b": no run "a/word-three"' in refusal(workshop)
