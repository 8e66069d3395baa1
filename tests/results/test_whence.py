"""Files traced back by their bytes, whatever their names."""

import json
import shutil
from pathlib import Path

import pytest

from tests.media import write_video
from tests.results.shop import Clips

pytestmark = pytest.mark.needs("git")


def test_an_output_under_another_name_leads_to_its_run(
    clips: Clips, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "holiday.bin"
    shutil.copyfile(clips.published("city/word-low", "run.log"), copy)
    code, out, _ = clips.type(capsys, "whence", str(copy))

    assert code == 0
    assert "output run.log of city/word-low\n" in out
    assert "  prompt    Heavy rain over a collapsed avenue\n" in out
    assert " by Ann Author <ann@example.org>\n" in out
    assert "what the specs ask for now\n" in out
    assert "  rating    5\n" in out
    assert out.endswith("It is no input of a run.\n")


def test_an_input_names_its_readers_also_what_was_copied_from_it(clips: Clips) -> None:
    with clips.api() as api:
        found = api.results.whence(clips.root / "inputs" / "hill" / "color.mp4")
    made = {(made.key, made.role) for made in found.made_by}
    assert made == {(key, role) for key in ("hill", "again") for role in ("video", "edge")}
    digest = next(made.digest for made in found.made_by if made.key == "hill")
    assert {(read.key, read.role, read.path) for read in found.read_by} == {
        ("hill", "color", "inputs/hill/color.mp4"),
        ("again", "color", f"outputs/hill/{digest[:8]}/out.mp4"),
    }


def test_what_the_specs_ask_for_no_more_is_still_known(
    clips: Clips, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = shutil.copyfile(clips.published("hill", "run.log"), tmp_path / "log")
    specs = clips.root / "specs" / "all.yaml"
    text = specs.read_text()
    try:
        specs.write_text(text.replace("{word: far}", "{word: near}"))
        assert "the specs ask for " in clips.type(capsys, "whence", str(log))[1]
        specs.write_text(text.partition("---\nkind: Run\nname: hill")[0])
        assert "the specs have no such run now" in clips.type(capsys, "whence", str(log))[1]
        with clips.api() as api:
            read = api.results.whence(clips.root / "inputs" / "hill" / "color.mp4").read_by
        assert [(each.key, each.role, each.path) for each in read] == [("hill", "color", "")]
    finally:
        specs.write_text(text)


def test_what_is_nothing_to_the_project_is_said_to_be_nothing(
    clips: Clips, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_video(tmp_path / "other.mp4", hue=17)
    code, out, err = clips.type(capsys, "whence", str(other), "-o", "json")
    assert (code, out) == (1, "")
    error = json.loads(err)["error"]
    assert error["code"] == "NotFound"
    assert "is neither an output nor an input of this project" in error["message"]
    assert "encoded again" in error["hint"]
    assert "is not there" in clips.type(capsys, "whence", str(tmp_path / "missing"))[2]
    assert "is no file" in clips.type(capsys, "whence", str(tmp_path))[2]
