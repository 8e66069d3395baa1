"""Search: what is found by which words, in which order, and where it says that it stands."""

import json

import pytest

from cosmos.errors import RefusedError
from tests.results.shop import SPECS, Clips

pytestmark = pytest.mark.needs("git")


def line_of(text: str) -> int:
    return next(number for number, line in enumerate(SPECS.splitlines(), 1) if text in line)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("rain", ["prompt rain", "run again", "run city"]),  # a name that is the word; then the runs of this prompt
        ("avenue", ["prompt rain"]),
        ("RAIN collapsed", ["prompt rain"]),
        ('"avenue collapsed"', []),
        ('"collapsed avenue"', ["prompt rain"]),
        ("word=low", ["run city/word-low"]),
        ("kind:run model:copy", ["run again", "run city", "run hill"]),
        ("hero", ["review city/word-low"]),
        ("rating:2", ["review hill"]),
        ("note:puddles", ["review city/word-low"]),
        ("negative:cartoon", ["prompt rain", "prompt snow"]),
        ("text:cartoon", []),
        ("hill kind:inputs", ["input hill"]),
        ("dawn kind:run", []),
        ("16:9", []),
    ],
)
def test_what_is_found_and_in_which_order(clips: Clips, text: str, found: list[str]) -> None:
    with clips.api() as api:
        assert [f"{hit.kind} {hit.name}" for hit in api.results.search(text).hits] == found


def test_a_hit_says_where_its_words_stand(clips: Clips, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = clips.type(capsys, "search", "heavy", "rain", "-o", "json")
    (hit,) = json.loads(out)["hits"]
    assert (code, err) == (0, "")
    assert (hit["file"], hit["line"]) == ("specs/all.yaml", line_of("text: Heavy rain"))
    assert (hit["field"], hit["text"], hit["runs"]) == ("text", "Heavy rain over a collapsed avenue", 3)

    (row,) = clips.type(capsys, "search", "word=high")[1].splitlines()[1:]
    assert f"specs/all.yaml:{line_of('params.word: [')}" in row
    (sweep,) = clips.type(capsys, "search", "kind:run scene=city")[1].splitlines()[1:]
    assert sweep.split()[:3] == ["run", "city", "2"]


def test_few_are_shown_and_none_is_no_error(clips: Clips, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = clips.type(capsys, "search", "o", "--limit", "2")
    assert (code, len(out.splitlines())) == (0, 3)
    assert "more hits: --limit shows more" in err
    assert clips.type(capsys, "search", "zeppelin") == (0, "", "Nothing has all of these words.\n")
    with clips.api() as api, pytest.raises(RefusedError, match="no word to look for"):
        api.results.search('""')


def test_at_a_terminal_the_words_are_marked_and_long_texts_begin_near_them(clips: Clips) -> None:
    with clips.terminal("search", "avenue", columns=70) as terminal:
        text, code = terminal.read_to_end()
    assert code == 0
    assert "...collapsed \x1b[33mavenue\x1b[0m" in text
    assert max(len(line) for line in text.replace("\x1b[33m", "").replace("\x1b[0m", "").split("\r\n")) <= 70
