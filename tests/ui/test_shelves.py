"""Prompts and scenes as pages list them, and as one is seen from close by."""

import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cosmos.api import CosmosAPI
from cosmos.core.run import MediaFacts
from cosmos.errors import NotFoundError
from cosmos.scenes import SceneRow
from cosmos.ui import shelves
from cosmos.ui.desk import Desk
from cosmos.ui.pages import inputs, prompts
from tests.media import write_scene, write_video
from tests.projects import Project, make_project

SPECS = """\
kind: Prompt
name: rain
labels: {weather: wet}
text: Heavy rain
inputs: inputs/city
---
kind: Prompt
name: rain-enhanced
labels: {weather: wet, enhanced-from: rain}
text: Sheets of rain
inputs: {color: inputs/city/color.mp4}
---
kind: Prompt
name: dry
text: Dust   # and 'quotes'
---
kind: Run
name: city
prompt: rain
model: preview
matrix:
  params.seed: [1, 2]
"""

FACTS = MediaFacts(frames=120, width=1280, height=704, fps=24.0, codec="h264", pixel_format="yuv420p")


@pytest.fixture
def film(tmp_path: Path, scene: Path) -> Project:
    return make_project(tmp_path / "film", scene, SPECS)


def test_prompts_are_found_by_what_is_asked(film: Project) -> None:
    with CosmosAPI(film.root) as cosmos:
        found = cosmos.library.prompts()
    cases = [
        ({}, ["dry", "rain", "rain-enhanced"]),
        ({"q": "RAIN wet"}, ["rain", "rain-enhanced"]),
        ({"q": "city"}, ["rain", "rain-enhanced"]),
        ({"q": "nothing"}, []),
        ({"label": "weather"}, ["rain", "rain-enhanced"]),
        ({"label": "weather=wet", "kind": "original"}, ["rain"]),
        ({"label": "weather=dry"}, []),
        ({"kind": "enhanced"}, ["rain-enhanced"]),
        ({"use": "unused"}, ["dry", "rain-enhanced"]),
        ({"use": "used"}, ["rain"]),
        ({"use": "what is that"}, ["dry", "rain", "rain-enhanced"]),
        ({"input": "city"}, ["rain", "rain-enhanced"]),
        ({"sort": "-runs"}, ["rain", "rain-enhanced", "dry"]),
        ({"sort": "place", "page": "99"}, ["rain", "rain-enhanced", "dry"]),
        ({"page": "-1"}, ["dry", "rain", "rain-enhanced"]),
    ]
    for asked, names in cases:
        shown = shelves.prompts_page(found, asked)
        assert ([row["name"] for row in shown["rows"]], asked) == (names, asked)
        assert (shown["total"], shown["all"]) == (len(names), 3)
    rain, enhanced = (shelves.prompts_page(found, {"q": "rain"})["rows"])[:2]
    assert (rain["runs"], rain["phases"], rain["scenes"], rain["labels"]) == (
        2, {"Pending": 2}, ["city"], ["weather=wet"],
    )  # fmt: skip
    assert (enhanced["parent"], enhanced["scenes"]) == ("rain", ["city"])


def scene_row(name: str, **fields: Any) -> SceneRow:
    files = {"color": f"inputs/{name}/color.mp4", "depth": f"inputs/{name}/depth.mov"}
    facts = {"color": FACTS, "depth": FACTS}
    row = SceneRow(name=name, folder=f"inputs/{name}", files=files, color=FACTS, facts=facts)
    return replace(row, **fields)


def test_scenes_are_found_by_what_is_asked() -> None:
    only_color = {"color": "inputs/b/color.mp4"}
    rows = [
        scene_row("a", prompts=("rain",), runs=("city/seed-1",), changed_at=2.0),
        scene_row("b", files=only_color, warnings=("12 frames",), color=None, facts={}, changed_at=3.0),
        scene_row("c", runs=("other",), changed_at=1.0),
    ]
    cases = [
        ({}, "abc"),
        ({"q": "rain"}, "a"),
        ({"has": "depth"}, "ac"),
        ({"has": "segmentation"}, ""),
        ({"use": "unused"}, "b"),
        ({"use": "used"}, "ac"),
        ({"state": "warned"}, "b"),
        ({"state": "fine"}, "ac"),
        ({"sort": "-date"}, "bac"),
        ({"sort": "frames"}, "bac"),
    ]
    for asked, names in cases:
        assert ("".join(card["name"] for card in shelves.scenes_page(rows, asked)["cards"]), asked) == (names, asked)
    card, undecoded = (shelves.scene_card(row) for row in rows[:2])
    assert (card["video"], card["media"]["size"]) == ("/media/input/inputs/a/color.mp4", "1280x704")
    assert (undecoded["video"], undecoded["media"]) == ("", None)
    prores = MediaFacts(frames=1, width=8, height=8, fps=24.0, codec="prores")
    files = shelves.scene_details(scene_row("d", facts={"color": FACTS, "depth": prores}, sizes={"color": 5}))["files"]
    assert [(file["role"], file["played"], file["size"]) for file in files] == [
        ("color", True, 5),
        ("depth", False, None),
    ]


def test_scenes_are_listed_at_once_and_read_beside_the_page(film: Project) -> None:
    write_scene(film.root / "inputs" / "night" / "market", frames=6)
    write_video(film.root / "inputs" / "private.mp4")
    with CosmosAPI(film.root) as cosmos:
        desk = Desk(cosmos)
        cosmos.validate()
        before = desk.version()
        shown = inputs.answer(desk, {"input": "night/market"})
        assert [(card["name"], card["unread"]) for card in shown["cards"]][1] == ("night/market", True)
        assert shown["close"]["files"][0]["media"] is None
        deadline = time.monotonic() + 60
        while (shown := inputs.answer(desk, {"input": "night/market"}))["reading"] and time.monotonic() < deadline:
            time.sleep(0.05)
        assert desk.version() != before
        assert [(file["role"], file["media"]["frames"]) for file in shown["close"]["files"]] == [
            ("color", 6), ("depth", 6), ("segmentation", 6),
        ]  # fmt: skip
        assert shown["close"]["notes"] == ["6 frames: under 24 models make noisy videos"]
        assert shown["close"]["users"] == {"prompts": [], "runs": []}
        assert inputs.answer(desk, {"input": "city"})["close"]["users"] == {
            "prompts": ["rain", "rain-enhanced"], "runs": ["city/seed-1", "city/seed-2"],
        }  # fmt: skip
        assert inputs.answer(desk, {"input": "gone"})["missing"]["error"] == "there is no scene inputs/gone"
        version = desk.version()
        (film.root / "inputs" / "city" / "depth.mp4").unlink()
        assert desk.version() != version


def test_files_of_scenes_are_given_out_and_no_others(film: Project) -> None:
    write_video(film.root / "inputs" / "night" / "vis.mp4", frames=1)
    (film.root / "inputs" / "night" / "poster.jpg").write_bytes(b"a picture")
    (film.root / "inputs" / "night" / ".hidden").mkdir()
    write_video(film.root / "inputs" / "night" / ".hidden" / "color.mp4", frames=1)
    write_video(film.root / "inputs" / "color.mp4", frames=1)
    write_video(film.root / "inputs" / "night" / "notes.mp4", frames=1)
    (film.root / "inputs" / "out").mkdir()
    write_video(film.root.parent / "elsewhere.mp4", frames=1)
    (film.root / "inputs" / "out" / "color.mp4").symlink_to(film.root.parent / "elsewhere.mp4")
    with CosmosAPI(film.root) as cosmos:
        cases = [
            ("inputs/night/vis.mp4", True),
            ("inputs/night/poster.jpg", True),
            ("inputs/city/color.mp4", True),
            ("inputs/night/notes.mp4", False),
            ("inputs/night/.hidden/color.mp4", False),
            ("inputs/color.mp4", False),
            ("inputs/out/color.mp4", False),
            ("inputs/night/../../specs/vis.mp4", False),
            ("specs/city.yaml", False),
        ]
        for path, is_given in cases:
            with nullcontext() if is_given else pytest.raises(NotFoundError):
                assert cosmos.gallery.input_file(path).is_file(), path
                assert is_given, path


def test_a_prompt_is_seen_from_close_by_and_begun_from_another(film: Project) -> None:
    with CosmosAPI(film.root) as cosmos:
        desk = Desk(cosmos)
        close = prompts.answer(desk, {"prompt": "rain"})["close"]
        assert (close["path"], close["line"], close["children"]) == ("specs/city.yaml", 1, ["rain-enhanced"])
        assert ([run["key"] for run in close["made"]], close["total"]) == (["city/seed-1", "city/seed-2"], 2)
        assert close["spec"]["text"] == "Heavy rain"
        assert "model: cosmos-transfer1-enhance" in close["enhance"]
        cases = [
            ({"new": "prompt"}, "kind: Prompt\nname: prompt\ntext:\n"),
            ({"new": "prompt", "scene": "night/dry"}, "kind: Prompt\nname: dry-2\ntext:\ninputs: inputs/night/dry\n"),
            ({"new": "prompt", "copy": "dry"}, "kind: Prompt\nname: dry-2\ntext: Dust   # and 'quotes'\n"),
            ({"new": "run", "of": "dry"}, "kind: Run\nname: dry\nprompt: dry\nmodel: preview\n"),
            ({"new": "run", "of": "city"}, "kind: Run\nname: city-2\nprompt: city\nmodel: preview\n"),
            ({}, ""),
        ]
        for asked, text in cases:
            assert (prompts.answer(desk, asked)["fresh"], asked) == (text, asked)
        for asked in ({"prompt": "gone"}, {"new": "prompt", "copy": "gone"}, {"file": "specs/gone.yaml"}):
            shown = prompts.answer(desk, asked)
            assert ("gone" in shown["missing"]["error"], shown["total"]) == (True, 3)


def test_a_file_with_a_mistake_can_be_opened(film: Project) -> None:
    film.write("specs/bad.yaml", "kind: Prompt\nname: bad\ntext: [\n")
    with CosmosAPI(film.root) as cosmos:
        desk = Desk(cosmos)
        shown = prompts.answer(desk, {"file": "specs/bad.yaml"})
        assert [problem["file"] for problem in shown["problems"]] == ["specs/bad.yaml"]
        close = shown["close"]
        given = {"make": "file", "path": close["file"], "seen": close["seen"], "text": close["yaml"]}
        assert [(row["line"], row["old"]) for row in desk.drafts.check(given)["problems"]] == [(3, True)]
        worse = desk.drafts.check({**given, "text": "kind: Prompt\nname: bad\ntext: x\nmore: y\n"})["problems"]
        assert [(row["line"], row["old"]) for row in worse] == [(4, False)]
        found = desk.drafts.draft({**given, "text": "kind: Prompt\nname: bad\ntext: x\n"})
        assert (found["problems"], bool(found["obstacle"])) == ([], True)
        desk.drafts.save(found)
        assert prompts.answer(desk, {})["problems"] == []
