"""Changes of spec files by the API: shown with what follows, refused where they would do harm, saved or committed."""

from collections.abc import Callable

import pytest

from cosmos.api import CosmosAPI
from cosmos.edits import Edit
from cosmos.errors import NotFoundError, RefusedError, SpecError
from cosmos.project.editing import REMOVE
from tests.engine.workshop import Workshop, runs
from tests.repositories import git, make_repository

OWN = """\
# my runs
kind: Run
name: own   # keep this
prompt: rain
model: echo
params: {word: own}
matrix:
  params.word: [a, b]
"""


@pytest.fixture
def shop(workshop: Workshop) -> Workshop:
    workshop.specs(runs("one"))
    (workshop.root / "specs" / "own.yaml").write_text(OWN)
    return workshop


def own(shop: Workshop) -> str:
    return (shop.root / "specs" / "own.yaml").read_text()


def test_an_edit_is_shown_with_its_plan_before_it_is_saved(shop: Workshop) -> None:
    shop.apply()
    with shop.api() as api:
        seen = api.specs.find("own").seen
        edit = api.specs.propose("own", {"matrix.params.word": ["a", "b", "c"], "labels.x": "wet"}, seen=seen)
        view = api.specs.plan(edit)
        assert own(shop) == OWN
        assert api.status(look=False).counts().keys() == {"Succeeded"}  # nobody was told of what is not so yet
        assert [(op.key, op.cause.value) for op in view.plan.operations if op.act.value == "launch"] == [
            ("own/word-c", "never_ran")
        ]
        api.specs.save(edit)
        assert own(shop) == OWN.replace("[a, b]", "[a, b, c]") + "labels: {x: wet}\n"
        assert [line for line in edit.diff[2:] if line.startswith("-")] == ["-  params.word: [a, b]"]
        assert edit.text == own(shop)


def test_a_field_is_taken_away_and_what_is_no_mapping_has_none(shop: Workshop) -> None:
    with shop.api() as api:
        api.specs.save(api.specs.propose("run/own", {"params": REMOVE}))
        assert own(shop) == OWN.replace("params: {word: own}\n", "")
        for changes in (
            {"prompt.text": "x"},
            {"labels.a": REMOVE},
            {("needs", 0): "x"},
            {"priority": object()},
            {"labels.a": float("nan")},
            {},
        ):
            with pytest.raises(RefusedError):
                api.specs.propose("own", changes)  # type: ignore[arg-type]


Proposal = Callable[[CosmosAPI], Edit]

HARMFUL: list[tuple[Proposal, str]] = [
    (lambda api: api.specs.propose("own", {"priority": 500}), "priority must be at most 100"),
    (lambda api: api.specs.propose("own", {"prompt": "snow"}), 'no prompt "snow"'),
    (lambda api: api.specs.remove("prompt/rain"), 'no prompt "rain"'),
    (lambda api: api.specs.create({"kind": "Run", "name": "new", "model": "none"}), 'no model "none"'),
    (lambda api: api.specs.create({"kind": "Run", "name": "one", "model": "echo"}), "defines another run"),
    (lambda api: api.specs.write("specs/new.yaml", "kind: [\n"), "not YAML"),
]


@pytest.mark.parametrize("case", range(len(HARMFUL)))
def test_what_would_make_a_problem_is_shown_and_not_saved(shop: Workshop, case: int) -> None:
    make, words = HARMFUL[case]
    before = {path: path.read_bytes() for path in (shop.root / "specs").rglob("*") if path.is_file()}
    with shop.api() as api:
        edit = make(api)
        assert words in str(edit.problems[0])
        with pytest.raises(SpecError):
            api.specs.save(edit)
    assert {path: path.read_bytes() for path in (shop.root / "specs").rglob("*") if path.is_file()} == before


def test_a_problem_that_was_there_before_stops_no_edit(shop: Workshop) -> None:
    (shop.root / "specs" / "bad.yaml").write_text("kind: Run\nname: bad\nmodel: none\n")
    with shop.api() as api:
        api.specs.save(api.specs.propose("own", {"priority": 60}))
    assert "priority: 60" in own(shop)


def test_a_file_that_changed_meanwhile_is_left_alone(shop: Workshop) -> None:
    file = shop.root / "specs" / "own.yaml"
    with shop.api() as api:
        found = api.specs.find("own")
        edit = api.specs.propose("own", {"priority": 60}, seen=found.seen)
        whole = api.specs.write("specs/own.yaml", "kind: Prompt\nname: x\ntext: y\n", seen=found.seen)
        file.write_text(OWN + "priority: 7\n")
        for change in (edit, whole):
            with pytest.raises(RefusedError, match="has changed since it was read"):
                api.specs.save(change)
        late: list[Proposal] = [
            lambda api: api.specs.propose("own", {"priority": 60}, seen=found.seen),
            lambda api: api.specs.remove("own", seen=found.seen),
            lambda api: api.specs.write("specs/own.yaml", "x", seen=found.seen),
            lambda api: api.specs.write("specs/own.yaml", "x"),
        ]
        for again in late:
            with pytest.raises(RefusedError, match="has changed since it was read"):
                again(api)
    assert own(shop) == OWN + "priority: 7\n"


def test_new_specs_are_found_where_they_are_put(shop: Workshop) -> None:
    snow = {"kind": "Prompt", "name": "snow", "text": "Snow, quiet"}
    with shop.api() as api:
        api.specs.save(api.specs.create(snow))
        api.specs.save(api.specs.create({**snow, "name": "fog"}, path="specs/own.yaml"))
        assert (shop.root / "specs" / "prompts" / "snow.yaml").read_text() == (
            "kind: Prompt\nname: snow\ntext: Snow, quiet\n"
        )
        assert own(shop) == OWN + "---\nkind: Prompt\nname: fog\ntext: Snow, quiet\n"
        assert [row.name for row in api.prompts()] == ["fog", "rain", "snow"]
        assert api.specs.find("fog").line == 10
        api.specs.save(api.specs.remove("fog"))
        api.specs.save(api.specs.remove("snow"))
        assert own(shop) == OWN
        assert not (shop.root / "specs" / "prompts" / "snow.yaml").exists()
        for path in ("../x.yaml", "specs/../x.yaml", "specs/.x.yaml", "elsewhere/x.yaml", "specs/x.txt", "/tmp/x.yaml"):
            with pytest.raises(RefusedError):
                api.specs.create(snow, path=path)


def test_names_that_mean_nothing_or_too_much_are_said_so(shop: Workshop) -> None:
    (shop.root / "specs" / "two.yaml").write_text("kind: Prompt\nname: own\ntext: x\n")
    with shop.api() as api:
        with pytest.raises(NotFoundError, match=r"means 2 specs: run/own \(specs/own.yaml\), prompt/own"):
            api.specs.find("own")
        with pytest.raises(NotFoundError, match=r'no spec is called "onw"') as found:
            api.specs.find("onw")
        assert found.value.hint == 'did you mean "own"?'
        with pytest.raises(NotFoundError, match="one of the runs that own makes"):
            api.specs.find("own/word-a")
        with pytest.raises(NotFoundError, match="no spec file"):
            api.specs.read("specs/none.yaml")


def test_a_broken_file_is_mended_as_a_whole(shop: Workshop) -> None:
    (shop.root / "specs" / "bad.yaml").write_bytes(b"kind: Run\nname: bad\nmodel: [\xff\n")
    with shop.api() as api:
        with pytest.raises(RefusedError, match="cannot be read as it is"):
            api.specs.find("bad")
        seen = api.specs.read("specs/bad.yaml").seen
        edit = api.specs.write("specs/bad.yaml", "kind: Run\nname: bad\nprompt: rain\nmodel: echo\n", seen=seen)
        assert "+model: echo" in edit.diff
        api.specs.save(edit)
        assert not api.validate().problems
        assert api.specs.find("bad").data["model"] == "echo"


def test_a_spec_that_makes_too_many_runs_is_taken_for_a_slip(shop: Workshop) -> None:
    """Its runs are held; others are not. More are allowed by the configuration, or for once."""
    (shop.root / "specs" / "own.yaml").write_text(OWN.replace("[a, b]", "[a, b, c]"))
    (shop.root / "specs" / "follows.yaml").write_text(
        "kind: Run\nname: follows\nmodel: echo\nsource: {runs: '*', where: rating > 3}\n"
    )
    settings = shop.api().settings
    for most, words in (
        (2, ["matrix: makes 3 runs, more than 2"]),
        (3, ["source: 4 runs are meant, more than 3"]),
        (4, []),
    ):
        with CosmosAPI(settings=settings.model_copy(update={"max_runs": most})) as api:
            desired = api.validate()
        assert [problem.message for problem in desired.problems] == words
        assert [problem.hint for problem in desired.problems] == [
            "if it is meant: `cosmos --max-runs N` for once, project.max_runs in cosmos.toml for good" for _ in words
        ]
        assert "one" in desired.by_key()
        assert ("own/word-a" in desired.by_key()) is (most > 2)
        assert desired.holds("own/word-a") is (most == 2)
    assert settings.max_runs == 1000


@pytest.mark.needs("git")
def test_a_commit_has_the_edited_file_and_nothing_else(shop: Workshop) -> None:
    make_repository(shop.root)
    (shop.root / "other").write_text("x")
    git(shop.root, "add", "other")
    with shop.api() as api:
        made = api.specs.save(api.specs.propose("own", {"priority": 60}), commit=True)
        assert git(shop.root, "log", "-1", "--format=%H %s") == f"{made} Set priority of run own"
        assert git(shop.root, "show", "--name-only", "--format=") == "specs/own.yaml"
        assert git(shop.root, "status", "--porcelain") == "A  other"
        api.specs.save(api.specs.propose("own", {"priority": 61}))
        with pytest.raises(RefusedError, match="has changes that are not committed"):
            api.specs.save(api.specs.propose("own", {"priority": 62}), commit=True)
        git(shop.root, "checkout", "-q", "specs/own.yaml")
        api.specs.save(api.specs.remove("own"), commit=True, message="Away")
        assert git(shop.root, "show", "--name-status", "--format=%s") == "Away\n\nD\tspecs/own.yaml"
        assert git(shop.root, "status", "--porcelain") == "A  other"


@pytest.mark.needs("git")
def test_where_git_refuses_nothing_stays_changed(shop: Workshop) -> None:
    make_repository(shop.root)
    hook = shop.root / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not today >&2; exit 1\n")
    hook.chmod(0o755)
    with shop.api() as api:
        for edit in (
            api.specs.propose("own", {"priority": 60}),
            api.specs.remove("own"),
            api.specs.create({"kind": "Prompt", "name": "snow", "text": "x"}),
        ):
            with pytest.raises(Exception, match="not today"):
                api.specs.save(edit, commit=True)
    assert git(shop.root, "status", "--porcelain") == ""
