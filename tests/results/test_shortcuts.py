"""Shortcuts: what they write, that nothing is written unasked, and that only the new runs are made."""

from pathlib import Path

import pytest

from cosmos.errors import CosmosError, NotFoundError, RefusedError, SpecError
from cosmos.project.naming import name_of
from tests.results.shop import Clips


@pytest.fixture
def fresh(tmp_path: Path) -> Clips:
    return Clips(tmp_path / "fresh")


def specs(clips: Clips) -> dict[str, str]:
    folder = clips.root / "specs"
    return {path.relative_to(folder).as_posix(): path.read_text() for path in sorted(folder.rglob("*.yaml"))}


@pytest.mark.parametrize(
    ("text", "others", "taken", "name"),
    [
        ("Heavy rain over a collapsed avenue", [], [], "heavy-rain-collapsed"),
        ("A cinematic photorealistic shot of the avenue", [], [], "avenue"),
        ("An avenue with parked cars in snow", ["An avenue with parked cars in rain"], [], "avenue-parked-snow"),
        ("Rain", ["Rain"], ["rain", "rain-2"], "rain-3"),
        ("Br\u00fccke bei Nacht, 24 fps", [], [], "brucke-bei-nacht"),
        ("\u96e8", [], [], "prompt"),
        ("\u96e8", [], ["prompt"], "prompt-2"),
        ("extraordinarily-incomprehensible counterrevolutionaries", [], [], "extraordinarily-incomprehensible"),
        ("x" * 90, [], [], "x" * 40),
    ],
)
def test_a_name_is_made_of_the_words_that_tell_it_apart(
    text: str, others: list[str], taken: list[str], name: str
) -> None:
    assert name_of(text, others, taken) == name


def test_a_prompt_is_written_with_a_name_of_its_own(fresh: Clips, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = fresh.type(
        capsys, "create", "prompt", "Thick fog over a collapsed avenue", "city", "--negative", "x"
    )
    assert code == 0, err
    written = specs(fresh)["prompts/thick-fog-collapsed.yaml"]
    text = "kind: Prompt\nname: thick-fog-collapsed\ntext: Thick fog over a collapsed avenue\nnegative: x\n"
    assert written == f"{text}inputs: inputs/city\n"
    assert "+name: thick-fog-collapsed\n" in out
    assert "Next: cosmos inference thick-fog-collapsed" in err


def test_runs_are_written_shown_asked_about_and_made_alone(fresh: Clips, capsys: pytest.CaptureFixture[str]) -> None:
    before = specs(fresh)
    words = ["inference", "rain", "snow", "--model", "copy", "--set", "params.word=one"]
    code, out, err = fresh.type(capsys, *words)
    assert code == 1
    assert "nothing was written or started" in err
    assert "+matrix: {prompt: [rain, snow]}\n" in out
    assert "Plan: 2 to run" in out
    assert specs(fresh) == before

    assert fresh.type(capsys, *words, "--yes")[0] == 0
    assert "runs/rain-and-more.yaml" in specs(fresh)
    made = sorted(path.parent.name for path in (fresh.root / "outputs").glob("*/*/latest"))
    assert made == ["prompt-rain", "prompt-snow"]

    assert fresh.type(capsys, "create", "run", "rain", "--model", "copy", "--set", "params.word=two")[0] == 0
    assert specs(fresh)["runs/rain.yaml"] == "kind: Run\nname: rain\nprompt: rain\nmodel: copy\nparams: {word: two}\n"


def test_a_spec_that_a_model_refuses_is_not_written(fresh: Clips, capsys: pytest.CaptureFixture[str]) -> None:
    before = specs(fresh)
    code, _, err = fresh.type(capsys, "inference", "rain", "--model", "copy", "--set", "params.speed=3", "--yes")
    assert code == 1
    assert "specs/runs/rain.yaml:" in err
    assert "speed" in err
    assert specs(fresh) == before


def test_a_name_that_is_taken_is_a_problem_before_anything_is_written(fresh: Clips) -> None:
    with fresh.api() as api:
        edit = api.shortcuts.prompt("Fog", "city", name="rain")
        assert edit.problems
        with pytest.raises(SpecError):
            api.specs.save(edit)
    assert list(specs(fresh)) == ["all.yaml"]


def test_weights_seeds_and_upscaling_are_written_as_they_are_meant(fresh: Clips) -> None:
    with fresh.api() as api:
        make = api.shortcuts
        assert "controls: {vis: 0.25, edge: 0.25, depth: 0.25, seg: 0.25}\n" in make.runs(["rain"]).text
        assert "controls: {edge: 0.5}\n" in make.runs(["rain"], weights={"edge": 0.5, "depth": 0}).text
        values = make.values(["params.seed=7", "matrix.params.steps=[10, 20]", "labels.scene=city"])
        assert values == {"params.seed": 7, "matrix.params.steps": [10, 20], "labels.scene": "city"}
        assert "matrix: {params.steps: [10, 20]}\n" in make.runs(["rain"], values=values).text
        assert make.upscale("city/word-low").text == (
            "kind: Run\nname: city-word-low-4k\nmodel: cosmos-transfer1-upscale\nsource: {run: city/word-low}\n"
        )
        file = make.upscale(str(fresh.root / "inputs" / "hill" / "color.mp4"))
        assert "name: color-4k\n" in file.text
        assert "inputs: {video: inputs/hill/color.mp4}\n" in file.text


@pytest.mark.parametrize(
    ("words", "kind", "says"),
    [
        (("prompt", "Fog", "nowhere"), NotFoundError, "there is no folder nowhere"),
        (("prompt", "Fog", "/"), RefusedError, "is not in the project"),
        (("prompt", "  ", "city"), RefusedError, "needs a text"),
        (("runs", ["fog"]), NotFoundError, 'no prompt is called "fog"'),
        (("upscale", "nothing"), NotFoundError, 'nothing is called "nothing"'),
        (("values", ["seed"]), RefusedError, "sets nothing"),
        (("values", ["seed=: ["]), RefusedError, "is no value"),
    ],
)
def test_mistakes_are_named(fresh: Clips, words: tuple[object, ...], kind: type[CosmosError], says: str) -> None:
    with fresh.api() as api, pytest.raises(kind, match=says):
        getattr(api.shortcuts, str(words[0]))(*words[1:])
