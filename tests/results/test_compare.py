"""Two runs held against each other, as a person reads it and as a program does."""

import json

import pytest

from cosmos.errors import NotFoundError, RefusedError
from tests.results.shop import Clips

pytestmark = pytest.mark.needs("git")


def test_settings_inputs_and_frames_that_differ_are_shown(clips: Clips, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = clips.type(capsys, "compare", "city/word-low", "hill", "-o", "json")
    found = json.loads(out)
    assert code == 0
    assert found["settings"]["params.word"] == ["low", "far"]
    assert found["settings"]["text"] == ["Heavy rain over a collapsed avenue", "First snow at dawn"]
    assert found["settings"]["inputs.color"][0].startswith("inputs/city/color.mp4 (")
    assert "negative" not in found["settings"]
    assert [run["rating"] for run in found["runs"]] == [5, 2]
    assert (found["videos"]["video"]["frames"], found["equal"]) == (12, [])
    assert 0 < found["videos"]["video"]["ssim"] < 1

    code, out, _ = clips.type(capsys, "compare", "city/word-low", "city/word-high")
    assert "params.word  low" in out
    assert "inputs" not in out
    assert "video: the same bytes\n" in out


def test_an_earlier_output_can_be_compared_with_the_one_of_now(clips: Clips) -> None:
    specs = clips.root / "specs" / "all.yaml"
    text = specs.read_text()
    with clips.api() as api:
        old = next(row.digest for row in api.runs(["hill"]))
        try:
            specs.write_text(text.replace("{word: far}", "{word: near}"))
            found = api.results.compare("hill", f"hill@{old[:8]}")
        finally:
            specs.write_text(text)
        assert found.settings == {"params.word": ("near", "far")}
        assert (found.one.is_made, found.other.is_made, dict(found.videos)) == (False, True, {})

        with pytest.raises(RefusedError, match="mean one output"):
            api.results.compare("hill", f"hill@{old[:10]}")
        with pytest.raises(NotFoundError, match="has no output"):
            api.results.compare("hill", "hill@00000000")
        with pytest.raises(NotFoundError, match="means 2 things"):
            api.results.compare("hill", "city")
