"""Videos as streams of RGB images: read frame by frame, written frame by frame, memory stays flat.

Written files are H.264 in MP4, playable in a browser from the first byte, and the same images give the
same bytes: one encoder thread, no dates, no version strings of the container. A file appears under its
name only when it is complete.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation
from av.video.stream import VideoStream

from cosmos.core.files import LFS_POINTER

Image = npt.NDArray[np.uint8]
"""Rows, columns, and red, green, blue."""

_CONVERT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT | Interpolation.FULL_CHR_H_INT


@dataclass(frozen=True, slots=True)
class VideoReader:
    """An open video; `open_video` makes it. It can be read once."""

    container: InputContainer
    stream: VideoStream

    @property
    def fps(self) -> Fraction:
        return self.stream.average_rate or self.stream.guessed_rate or Fraction(0)

    def frames(self) -> Iterator[VideoFrame]:
        """Every frame, decoded.

        Raises:
            ValueError: Bytes are missing or damaged; the frames before them were delivered.
        """
        with _as_value_error():
            for packet in self.container.demux(self.stream):
                if packet.is_corrupt:
                    raise ValueError("is damaged or cut short")
                for frame in packet.decode():
                    if frame.is_corrupt:
                        raise ValueError("has damaged frames")
                    yield frame

    def images(self) -> Iterator[Image]:
        """Every frame as RGB.

        Raises:
            ValueError: As for `frames`.
        """
        for frame in self.frames():
            yield to_image(frame)

    def count(self) -> int:
        """Number of frames by the container's packets, without decoding. Uses up the reader."""
        with _as_value_error():
            return sum(1 for packet in self.container.demux(self.stream) if packet.size and not packet.is_discard)


@contextmanager
def open_video(path: Path) -> Iterator[VideoReader]:
    """Open a local file.

    Raises:
        ValueError: It is not a video, or is cut short; the message is for a person and leaves the path out.
        OSError: It is missing or may not be read.
    """
    with path.open("rb") as file:
        if file.read(len(LFS_POINTER)) == LFS_POINTER:
            raise ValueError("is a Git LFS pointer, not the file itself: run `git lfs pull`")
    with _as_value_error():
        container = av.open(str(path.absolute()))
    with container:
        pictures = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if not pictures:
            raise ValueError("has no video in it, only sound or data")
        stream = pictures[0]
        stream.thread_type = "AUTO"
        end = max((entry.pos + entry.size for entry in stream.index_entries), default=0)
        if end > path.stat().st_size:
            raise ValueError("is cut short: its end is missing")
        yield VideoReader(container, stream)


def to_image(frame: VideoFrame) -> Image:
    rgb = frame.reformat(format="rgb24", interpolation=int(_CONVERT), dst_color_range=ColorRange.JPEG, threads=1)
    return np.asarray(rgb.to_ndarray(), dtype=np.uint8)


class VideoWriter:
    """Writes images of one size to an MP4. Use as a context manager; an exception leaves no file behind.

    Args:
        path: Where the file appears in the end. Its folder exists.
        width: In pixels; even, as for the height, because colour is stored for pairs of pixels.
        height: In pixels.
        fps: Frames a second.
        crf: Quality of x264, 0 (best) to 51.
        exact: Keep every pixel as it is, red, green and blue, in place of a quality: H.264 in the profile
            High 4:4:4 Predictive. FFmpeg decodes it, many browsers do not.
    """

    def __init__(
        self, path: Path, *, width: int, height: int, fps: Fraction, crf: int = 20, exact: bool = False
    ) -> None:
        if width % 2 or height % 2:
            raise ValueError(f"{path.name}: {width}x{height} pixels; H.264 needs even numbers")
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        self._size = (height, width)
        self._count = 0
        muxing = {"movflags": "+faststart", "fflags": "+bitexact"}
        self._container = av.open(str(self._part.absolute()), "w", format="mp4", options=muxing)
        self._exact = exact
        options = {
            **({"qp": "0"} if exact else {"crf": str(crf)}),
            "preset": "veryfast",
            "threads": "1",
            "mbtree": "0",  # with it, x264 165 gives small pictures other bytes now and then
            "g": str(max(1, round(fps))),
            "flags": "+bitexact",
        }
        stream = self._container.add_stream("libx264rgb" if exact else "libx264", rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "rgb24" if exact else "yuv420p"
        stream.codec_context.time_base = 1 / fps
        if not exact:
            stream.colorspace = Colorspace.ITU709
        stream.color_range = ColorRange.JPEG if exact else ColorRange.MPEG
        stream.color_primaries, stream.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._container.mux(self._stream.encode())
                self._container.close()
                self._part.replace(self._path)
            else:
                with suppress(av.FFmpegError):
                    self._container.close()
        finally:
            self._part.unlink(missing_ok=True)

    def write(self, image: Image) -> None:
        if image.shape != (*self._size, 3):
            raise ValueError(f"{self._path.name}: an image of shape {image.shape}, not {(*self._size, 3)}")
        frame = VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        if not self._exact:
            frame = frame.reformat(
                format="yuv420p",
                interpolation=int(_CONVERT),
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
                threads=1,  # several give other bytes now and then
            )
        frame.pts = self._count
        frame.time_base = self._stream.codec_context.time_base
        self._container.mux(self._stream.encode(frame))
        self._count += 1


@contextmanager
def _as_value_error() -> Iterator[None]:
    try:
        yield
    except av.FFmpegError as error:
        words = error.strerror or type(error).__name__
        raise ValueError(f"does not decode as a video ({words})") from None
