"""Changes of spec files by the page: what is saved is what was shown, or nothing."""

from pathlib import Path

import pytest

from cosmos.api import CosmosAPI
from cosmos.errors import CosmosError, RefusedError, SpecError, StaleError
from cosmos.ui.editing import Drafts
from tests.projects import Project, make_project
from tests.repositories import git, make_repository

pytestmark = [pytest.mark.needs("git")]

SPECS = """\
# of the film
kind: Prompt
name: rain   # keep me
text: 'Heavy rain'
inputs: inputs/city
---
kind: Run
name: city
prompt: rain
model: preview
controls: {edge: 0.4}
"""
RAIN = "kind: Prompt\nname: rain   # keep me\ntext: 'Heavy rain'\ninputs: inputs/city\n"


@pytest.fixture
def film(tmp_path: Path, scene: Path) -> Project:
    project = make_project(tmp_path / "film", scene, SPECS)
    make_repository(project.root)
    return project


def specs(film: Project) -> str:
    return (film.root / "specs" / "city.yaml").read_text()


def test_a_typed_text_is_checked_shown_with_what_follows_and_committed(film: Project) -> None:
    with CosmosAPI(film.root) as cosmos:
        drafts, seen = Drafts(cosmos), cosmos.specs.find("rain").seen
        assert cosmos.specs.find("rain").text == RAIN
        worded = drafts.reword({"text": RAIN, "changes": {"text": "Snow", "negative": "people", "labels": {}}})
        text = "kind: Prompt\nname: rain   # keep me\ntext: 'Snow'\ninputs: inputs/city\nnegative: people\n"
        assert (worded["text"], worded["data"]["text"]) == (text, "Snow")
        change = {"make": "replace", "name": "prompt/rain", "text": text, "seen": seen}
        assert drafts.check(change)["problems"] == []
        found = drafts.draft(change)
        assert [line for line in found["diff"][2:] if line[0] in "+-"] == [
            "-text: 'Heavy rain'", "+text: 'Snow'", "+negative: people",
        ]  # fmt: skip
        assert [(row["key"], row["how"]) for row in found["runs"]] == [("city", "changed")]
        assert "prompt" in " ".join(found["runs"][0]["fields"])
        assert found["obstacle"] == ""
        plan = drafts.plan(found)
        assert plan["summary"].startswith("Plan: 1 to run")
        assert [row["key"] for row in plan["operations"] if row["act"] == "run"] == ["city"]
        assert specs(film) == SPECS
        done = drafts.save({**found, "commit": True, "message": "Let it snow"})
        assert specs(film) == SPECS.replace(RAIN, text)
        assert git(film.root, "log", "-1", "--format=%H %s") == f"{done['commit']} Let it snow"
        assert git(film.root, "status", "--porcelain", "--", "specs") == ""


def test_mistakes_are_named_by_the_line_that_was_typed(film: Project) -> None:
    with CosmosAPI(film.root) as cosmos:
        drafts = Drafts(cosmos)
        cases = [
            (RAIN.replace("text:", "txet:"), 3, "txet"),
            (RAIN + "labels: [\n", 5, ""),
            (RAIN + "negative: 3\n", 5, "negative"),
        ]
        for text, line, word in cases:
            given = {"make": "replace", "name": "prompt/rain", "text": text}
            rows = drafts.check(given)["problems"]
            assert any(row["line"] == line and word in row["words"] for row in rows), rows
            found = drafts.draft(given)
            with pytest.raises(SpecError):
                drafts.save(found)
        with pytest.raises(SpecError) as caught:
            drafts.check({"make": "add", "text": "kind: Prompt\nname: [\n"})
        assert caught.value.problems[0].at.line >= 2
        away = drafts.check({"make": "remove", "name": "prompt/rain"})["problems"]
        assert [row["line"] for row in away] == [0]
        assert specs(film) == SPECS


def test_what_is_beside_a_text_cannot_be_swallowed(film: Project) -> None:
    with CosmosAPI(film.root) as cosmos:
        drafts = Drafts(cosmos)
        for text in ("", " \n", "# gone\n"):
            with pytest.raises(RefusedError):
                drafts.draft({"make": "replace", "name": "prompt/rain", "text": text})
        both = RAIN + "---\n" + RAIN.replace("rain ", "snow ")
        assert drafts.check({"make": "replace", "name": "prompt/rain", "text": both})["problems"] == []


def test_a_new_spec_goes_where_it_belongs(film: Project) -> None:
    with CosmosAPI(film.root) as cosmos:
        drafts = Drafts(cosmos)
        text = RAIN.replace("rain ", "snow ")
        found = drafts.draft({"make": "add", "text": text})
        assert (found["path"], found["subject"], found["runs"]) == ("specs/prompts/snow.yaml", "Add prompt snow", [])
        assert found["obstacle"] == ""
        assert drafts.save({**found, "commit": True})["commit"]
        assert (film.root / "specs" / "prompts" / "snow.yaml").read_text() == text
        drafts.save(drafts.draft({"make": "add", "text": RAIN.replace("rain ", "fog "), "path": "specs/city.yaml"}))
        assert specs(film) == f"{SPECS}---\n{RAIN.replace('rain ', 'fog ')}"
        taken = drafts.check({"make": "add", "text": RAIN})["problems"]
        assert "rain" in taken[0]["words"]


def refused(drafts: Drafts, given: dict[str, object]) -> str:
    with pytest.raises(CosmosError) as caught:
        drafts.save(given)
    return caught.value.message


def test_a_change_is_refused_when_the_file_is_another_one(film: Project) -> None:
    with CosmosAPI(film.root) as cosmos:
        drafts, seen = Drafts(cosmos), cosmos.specs.find("rain").seen
        change = {"make": "replace", "name": "prompt/rain", "text": RAIN.replace("Heavy", "Light"), "seen": seen}
        found = drafts.draft(change)
        film.write("specs/city.yaml", SPECS + "priority: 7\n")
        assert refused(drafts, found) == "specs/city.yaml has changed since it was read; nothing was done"
        with pytest.raises(RefusedError, match="has changed since"):
            drafts.plan(found)
        with pytest.raises(RefusedError, match="has changed since"):
            drafts.check(change)
        again = drafts.draft({**change, "seen": cosmos.specs.find("rain").seen})
        assert again["obstacle"] == "specs/city.yaml has changes that are not committed"
        assert refused(drafts, {**again, "commit": True}) == again["obstacle"]
        drafts.save(again)
        assert specs(film) == SPECS.replace("Heavy", "Light") + "priority: 7\n"
        with pytest.raises(StaleError):
            drafts.save({"draft": "0123456789abcdef"})
