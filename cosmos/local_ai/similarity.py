"""How alike two videos look: structural similarity (SSIM) and PSNR of each pair of frames, by FFmpeg's filters.

Frames are paired by number. Those of the larger video are scaled to the smaller one's size, which costs a little
likeness; what had to be done to make them comparable is said.
"""

from collections.abc import Callable, Iterator
from itertools import zip_longest
from math import log10
from pathlib import Path

import av
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation

from cosmos.core.run import Similarity
from cosmos.local_ai.video import open_video

PEAK = 255.0
FORMAT = "yuv420p"
_SCALING = Interpolation.AREA | Interpolation.ACCURATE_RND


def similarity(one: Path, other: Path, listener: Callable[[int], None] = lambda frames: None) -> Similarity:
    """Compare two videos frame by frame.

    Args:
        one: A file.
        other: A file.
        listener: Told how many frames are compared, after each.

    Raises:
        ValueError: One of them is not a video that decodes; the message is for a person and begins with its path.
        OSError: It is missing or may not be read.
    """
    ssim: list[float] = []
    errors: list[float] = []
    size = _common_size(one, other)
    structure, distance = _Filter("ssim", *size), _Filter("psnr", *size)
    counts = [0, 0]
    for left, right in zip_longest(_frames(one), _frames(other)):
        counts[0] += left is not None
        counts[1] += right is not None
        if left is None or right is None:
            continue
        pair = [_fitted(frame, size, counts[0]) for frame in (left, right)]
        ssim += structure.values(pair, "lavfi.ssim.All")
        errors += distance.values(pair, "lavfi.psnr.mse_avg")
        listener(counts[0])
    ssim += structure.rest("lavfi.ssim.All")
    errors += distance.rest("lavfi.psnr.mse_avg")
    mean = sum(errors) / len(errors)
    worst = min(range(len(ssim)), key=ssim.__getitem__)
    return Similarity(
        frames=len(ssim),
        ssim=sum(ssim) / len(ssim),
        ssim_least=ssim[worst],
        least_at=worst,
        psnr=None if mean == 0 else 10 * log10(PEAK * PEAK / mean),
        notes=tuple(_notes(one, other, counts)),
    )


def _frames(path: Path) -> Iterator[VideoFrame]:
    try:
        with open_video(path) as video:
            yield from video.frames()
    except ValueError as error:
        raise ValueError(f"{path} {error}") from None


def _first(path: Path) -> VideoFrame:
    frame = next(_frames(path), None)
    if frame is None:
        raise ValueError(f"{path} has no frames; its end may be missing")
    return frame


def _common_size(one: Path, other: Path) -> tuple[int, int]:
    first, second = _first(one), _first(other)
    width, height = min(first.width, second.width), min(first.height, second.height)
    return width - width % 2, height - height % 2


def _fitted(frame: VideoFrame, size: tuple[int, int], number: int) -> VideoFrame:
    fitted = frame.reformat(*size, format=FORMAT, interpolation=int(_SCALING))
    fitted.pts = number
    return fitted


def _notes(one: Path, other: Path, counts: list[int]) -> Iterator[str]:
    first, second = _first(one), _first(other)
    if (first.width, first.height) != (second.width, second.height):
        sizes = f"{first.width}x{first.height} and {second.width}x{second.height}"
        yield f"they differ in size, {sizes}: scaled to the smaller"
    if counts[0] != counts[1]:
        yield f"they differ in length, {counts[0]} and {counts[1]} frames: the first {min(counts)} were compared"


class _Filter:
    """A filter of FFmpeg that is given two frames and says a number about them."""

    def __init__(self, name: str, width: int, height: int) -> None:
        self._graph = Graph()
        self._sources = [self._graph.add("buffer", **_told(width, height)) for _ in range(2)]
        filtering, self._sink = self._graph.add(name), self._graph.add("buffersink")
        for place, source in enumerate(self._sources):
            source.link_to(filtering, 0, place)
        filtering.link_to(self._sink)
        self._graph.configure()

    def values(self, pair: list[VideoFrame], field: str) -> list[float]:
        """What it says by now; it may lag behind."""
        for source, frame in zip(self._sources, pair, strict=True):
            source.push(frame)
        return list(self._pulled(field))

    def rest(self, field: str) -> list[float]:
        """What it says about the frames that it still has."""
        for source in self._sources:
            source.push(None)
        return list(self._pulled(field))

    def _pulled(self, field: str) -> Iterator[float]:
        while True:
            try:
                frame = self._sink.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            yield float(frame.metadata[field])


def _told(width: int, height: int) -> dict[str, str]:
    return {"video_size": f"{width}x{height}", "pix_fmt": FORMAT, "time_base": "1/25"}
