"""How alike two videos are, held against what numpy says of their frames."""

from math import log10
from pathlib import Path

import av
import numpy as np
import pytest

from cosmos.local_ai.similarity import similarity
from tests.media import write_video


def planes(path: Path) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    with av.open(str(path)) as file:
        return np.stack([frame.to_ndarray(format="yuv420p").astype(float) for frame in file.decode(video=0)])


def test_numbers_are_those_of_the_frames(tmp_path: Path) -> None:
    one, other = write_video(tmp_path / "a.mp4"), write_video(tmp_path / "b.mp4", hue=40)
    found = similarity(one, other)
    error = ((planes(one) - planes(other)) ** 2).mean()

    assert found.frames == 12
    assert found.psnr == pytest.approx(10 * log10(255**2 / error), abs=0.002)
    assert 0 < found.ssim_least <= found.ssim < 1
    assert 0 <= found.least_at < 12
    assert found.notes == ()


def test_a_video_is_like_itself(tmp_path: Path) -> None:
    one = write_video(tmp_path / "a.mp4")
    found = similarity(one, one)
    assert (found.frames, found.ssim, found.psnr) == (12, 1.0, None)


def test_what_differs_more_is_less_alike(tmp_path: Path) -> None:
    one = write_video(tmp_path / "a.mp4")
    near = similarity(one, write_video(tmp_path / "near.mp4", hue=20))
    far = similarity(one, write_video(tmp_path / "far.mp4", hue=220))
    assert far.ssim < near.ssim
    assert (far.psnr or 0) < (near.psnr or 0)


def test_other_lengths_and_sizes_are_compared_as_far_as_they_go_and_said(tmp_path: Path) -> None:
    one = write_video(tmp_path / "a.mp4")
    other = write_video(tmp_path / "b.mp4", frames=7, width=128, height=96)
    found = similarity(one, other)
    assert found.frames == 7
    assert [note.partition(":")[0] for note in found.notes] == [
        "they differ in size, 64x48 and 128x96",
        "they differ in length, 12 and 7 frames",
    ]


def test_what_is_no_video_is_named(tmp_path: Path) -> None:
    one, text = write_video(tmp_path / "a.mp4"), tmp_path / "b.mp4"
    text.write_text("no video")
    with pytest.raises(ValueError, match=r"b\.mp4 does not decode"):
        similarity(one, text)
