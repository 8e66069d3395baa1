"""Which files of a render are taken for what, and what is said where that is not clear."""

from pathlib import Path

import pytest

from cosmos.errors import RefusedError
from cosmos.local_ai.sequences import find

BEAUTY = ["beauty.0001.png", "beauty.0002.png"]


def render(folder: Path, names: list[str]) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["beauty.8.png", "beauty.9.png", "beauty.10.png"], {"color": "beauty.####.png"}),
        (["color/0001.png", "depth/0001.png"], {"color": "color/####.png", "depth": "depth/####.png"}),
        (["a/rgb/x_1.png", "a/Z/x_1.png"], {"color": "a/rgb/x_####.png", "depth": "a/Z/x_####.png"}),
        (["rgb1.png", "objectID1.png"], {"color": "rgb####.png", "segmentation": "objectID####.png"}),
        (["color.mp4", "seg.MOV"], {"color": "color.mp4", "segmentation": "seg.MOV"}),
        (
            ["city_v003.1.png", "city_v003_depth.1.png"],
            {"color": "city_v003.####.png", "depth": "city_v003_depth.####.png"},
        ),
        ([*BEAUTY, "._beauty.0001.png", ".cache/depth.1.png", "notes.txt"], {"color": "beauty.####.png"}),
        ([*BEAUTY, "beauty.0001.exr", "depth.png"], {"color": "beauty.####.png"}),
        ([*BEAUTY, "stra\u00dfe gr\u00fcn depth.1.png", "stra\u00dfe gr\u00fcn depth.2.png"], None),
    ],
)
def test_names_say_what_a_file_is(tmp_path: Path, names: list[str], found: dict[str, str] | None) -> None:
    if found is None:
        with pytest.raises(RefusedError, match="depth has frames 1-2"):
            find([render(tmp_path, [*names, "beauty.0003.png"])])
        return
    assert {role: source.name for role, source in find([render(tmp_path, names)]).sources.items()} == found


def test_what_has_no_role_is_named(tmp_path: Path) -> None:
    found = find([render(tmp_path, [*BEAUTY, "N.0001.png", "beauty.0001.exr", "thumb.png"])])
    assert found.left_out == ("N.####.png", "thumb.png", "beauty.####.exr")
    assert not found.is_color_guessed


def test_frames_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    names = [f"beauty.{number}.png" for number in range(8, 12)]
    source = find([render(tmp_path, names)]).sources["color"]
    assert ([path.name for path in source.files], source.first) == (names, 8)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            [*BEAUTY, "depth.0016.png", "depth.0020.png"],
            "depth: frames 17-19 are missing between depth.0016.png and depth.0020.png",
        ),
        (["beauty.1.png", "beauty.3.png"], "color: frame 2 is missing between beauty.1.png and beauty.3.png"),
        (["beauty.1.png", "beauty.01.png"], "color: frame 1 is there twice: beauty.01.png and beauty.1.png"),
        ([*BEAUTY, "depth.0001.png"], "depth has frames 1-1, color 1-2; frame 2 is missing"),
        ([*BEAUTY, "depth.0002.png", "depth.0003.png"], "depth has frames 2-3, color 1-2; frame 1 is missing"),
        ([*BEAUTY, "rgb.0001.png", "rgb.0002.png"], "color: there are 2: beauty.####.png and rgb.####.png"),
        ([*BEAUTY, "mask_depth.0001.png"], "mask_depth.####.png may be segmentation or depth"),
        (["beauty.0001.exr"], "color: beauty.####.exr: EXR files are not read"),
        (["depth.0001.png"], "there is no colour in"),
        (["a.1.png", "b.1.png"], "only a.####.png, b.####.png"),
        ([], "there is no picture and no video in"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, names: list[str], message: str) -> None:
    with pytest.raises(RefusedError) as refused:
        find([render(tmp_path, names)])
    assert message in refused.value.message


def test_all_gaps_are_told_at_once_but_not_hundreds(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as refused:
        find([render(tmp_path, [f"beauty.{number}.png" for number in range(0, 40, 2)])])
    assert refused.value.message.count("is missing") == 5
    assert "color: 14 more gaps" in refused.value.message
