"""Edge and vis as the model computes them: the numbers are those of its source and of torch."""

import numpy as np
import pytest

from cosmos.adapters.preview import PRESETS
from cosmos.local_ai.controls import EDGE_THRESHOLDS, VIS_FACTORS, Image, bicubic, edge, vis

TORCH_SMALL = [
    [[66, 115, 160], [103, 89, 109], [85, 130, 91]],
    [[103, 95, 149], [69, 111, 152], [107, 86, 109]],
]
"""`pattern()` at 3x2 pixels by torch 2.13: interpolate(mode="bicubic", antialias=True), clamped and rounded."""

TORCH_RED_LARGE = [
    [58, 67, 89, 106, 99, 85, 81],
    [65, 72, 87, 101, 97, 88, 85],
    [84, 85, 85, 86, 91, 95, 97],
    [103, 98, 82, 71, 84, 102, 109],
    [111, 102, 81, 66, 82, 105, 113],
]
"""Red of that at 7x5 pixels, again by torch."""


def pattern(height: int = 8, width: int = 12) -> Image:
    rows, columns = np.arange(height)[:, None, None] * 37, np.arange(width)[None, :, None] * 91
    return ((rows + columns + np.arange(3) * 53) ** 2 % 256).astype(np.uint8)


def step(low: int, high: int) -> Image:
    """Two flat halves."""
    image = np.full((48, 64, 3), low, dtype=np.uint8)
    image[:, 32:] = high
    return image


def detail(image: Image) -> float:
    """How much neighbours differ."""
    return float(np.abs(np.diff(image.astype(float), axis=1)).mean())


def test_the_presets_are_those_that_a_spec_may_name() -> None:
    assert tuple(EDGE_THRESHOLDS) == tuple(VIS_FACTORS) == PRESETS


def test_bicubic_is_that_of_torch() -> None:
    small = bicubic(pattern(), 3, 2)
    assert small.tolist() == TORCH_SMALL
    assert bicubic(small, 7, 5)[..., 0].tolist() == TORCH_RED_LARGE


def test_bicubic_to_the_same_size_changes_nothing() -> None:
    assert np.array_equal(bicubic(pattern(), 12, 8), pattern())


def test_edges_are_white_lines_in_three_equal_channels() -> None:
    lines = edge(step(0, 255), "medium")
    assert lines.shape == (48, 64, 3)
    assert set(np.unique(lines)) == {0, 255}
    assert np.array_equal(lines[..., 0], lines[..., 2])
    assert lines[:, 30:34].any()
    assert not lines[:, :24].any()
    assert not lines[:, 40:].any()


@pytest.mark.parametrize(
    ("height", "seen_by"),
    [
        (10, set()),
        (20, {"very_low"}),
        (40, {"very_low", "low"}),
        (60, {"very_low", "low", "medium"}),
        (90, {"very_low", "low", "medium", "high"}),
        (110, set(PRESETS)),
    ],
)
def test_a_preset_decides_how_high_a_step_is_an_edge(height: int, seen_by: set[str]) -> None:
    """A step of n levels has a gradient of 4n in OpenCV's Sobel filter; it must pass the upper threshold."""
    image = step(60, 60 + height)
    assert {preset for preset in PRESETS if edge(image, preset).any()} == seen_by


def test_vis_keeps_large_areas_and_takes_detail_away() -> None:
    image = pattern(96, 128)
    image[:, 64:] //= 4
    blurred = vis(image, "medium")
    assert blurred.shape == image.shape
    assert detail(blurred) < detail(image) / 20
    assert blurred[:, :50].mean() > blurred[:, 78:].mean() + 50


def test_stronger_presets_soften_a_step_more() -> None:
    image = step(60, 200)
    steepest = {preset: int(np.abs(np.diff(vis(image, preset).astype(int), axis=1)).max()) for preset in PRESETS}
    assert steepest["very_low"] > steepest["medium"] > steepest["high"]
    assert steepest["low"] > steepest["medium"] > steepest["very_high"]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_flat_image_stays_as_it_is(preset: str) -> None:
    flat = np.full((50, 70, 3), 77, dtype=np.uint8)
    assert np.array_equal(vis(flat, preset), flat)
    assert not edge(flat, preset).any()


@pytest.mark.parametrize("preset", PRESETS)
def test_the_smallest_image_has_controls(preset: str) -> None:
    tiny = np.full((2, 2, 3), 9, dtype=np.uint8)
    assert vis(tiny, preset).shape == edge(tiny, preset).shape == tiny.shape
