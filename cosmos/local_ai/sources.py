"""The pictures of a source, one at a time, and what is known of them without decoding.

A file is read whole, and what is decoded is what was hashed: one that changes meanwhile is noticed.
"""

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from cosmos.errors import RefusedError
from cosmos.local_ai.sequences import Source
from cosmos.local_ai.video import open_video, to_image

Picture = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
"""Rows, columns, and red, green, blue; or rows and columns, where it is grey."""

_PNG, _END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
_GREY = frozenset({0, 4})
"""Colour types of PNG without colour."""

_CHANGED = "wait until the program that writes it is done, then run the same command again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a source is. `hashes` has the sha256 of each file, `fps` is None where pictures do not say.

    `fits` says that a video can be taken as it is: H.264 in mp4, as browsers and models like it.
    """

    width: int
    height: int
    frames: int
    bits: int
    is_grey: bool
    hashes: tuple[str, ...]
    fps: Fraction | None = None
    pixel_format: str = ""
    fits: bool = False

    @property
    def sha256(self) -> str:
        """Of one file its own; of several that of their hashes, in order."""
        if len(self.hashes) == 1:
            return self.hashes[0]
        return hashlib.sha256("".join(self.hashes).encode()).hexdigest()


def look(role: str, source: Source) -> Look:
    """Read all of it.

    Raises:
        RefusedError: A file is damaged, or of another size than the first.
        OSError: One cannot be read.
    """
    return _look_video(role, source) if source.is_video else _look_pictures(role, source)


def _look_pictures(role: str, source: Source) -> Look:
    hashes: list[str] = []
    kinds: list[tuple[int, int, int, bool]] = []
    for path in source.files:
        data = path.read_bytes()
        hashes.append(hashlib.sha256(data).hexdigest())
        kinds.append(_header(role, path, data))
        if kinds[-1] != kinds[0]:
            first, other = _kind_words(kinds[0]), _kind_words(kinds[-1])
            raise RefusedError(
                f"{role}: {path.name} is {other}, {source.files[0].name} is {first}", "render all frames alike"
            )
    width, height, bits, is_grey = kinds[0]
    return Look(width=width, height=height, frames=len(hashes), bits=bits, is_grey=is_grey, hashes=tuple(hashes))


def _header(role: str, path: Path, data: bytes) -> tuple[int, int, int, bool]:
    if not data.startswith(_PNG) or len(data) < 33:
        words = "is empty" if not data else "is not a PNG file, whatever its name says"
        raise RefusedError(f"{role}: {path.name} {words}", "render this frame again")
    if _END not in data[-64:]:
        raise RefusedError(f"{role}: {path.name} is cut short: its end is missing", "render this frame again")
    width, height, bits, kind = struct.unpack(">IIBB", data[16:26])
    return width, height, max(8, bits), kind in _GREY


def _kind_words(kind: tuple[int, int, int, bool]) -> str:
    width, height, bits, is_grey = kind
    return f"{width}x{height} with {bits} bits, {'grey' if is_grey else 'in colour'}"


def _look_video(role: str, source: Source) -> Look:
    path = source.files[0]
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        with open_video(path) as video:
            sizes, times = set(), []
            for frame in video.frames():
                sizes.add((frame.width, frame.height))
                times.append(frame.time)
            fps, stream, container = video.fps, video.stream, video.container
            is_only, codec, form = len(container.streams) == 1, stream.codec_context.name, stream.pix_fmt or ""
    except ValueError as error:
        raise RefusedError(f"{role}: {path.name} {error}", "write the video again") from None
    if len(sizes) != 1 or not fps:
        words = "changes its size" if sizes else "has no frames"
        raise RefusedError(f"{role}: {path.name} {words if len(sizes) != 1 else 'has no rate'}", "write it again")
    _require_even_pace(role, path, times, fps)
    (width, height) = sizes.pop()
    return Look(
        width=width,
        height=height,
        frames=len(times),
        bits=8,
        is_grey=False,
        hashes=(sha256,),
        fps=fps,
        pixel_format=form,
        fits=path.suffix.lower() == ".mp4" and is_only and codec == "h264" and form in _forms(role),
    )


def _forms(role: str) -> tuple[str, ...]:
    """Forms of pixels that a role may have: what models and browsers read, and for ids the exact one, too."""
    return ("yuv420p", "gbrp") if role == "segmentation" else ("yuv420p",)


def _require_even_pace(role: str, path: Path, times: Sequence[float | None], fps: Fraction) -> None:
    """A model counts frames and knows no times: a video with a changing rate would play at another speed."""
    first = times[0] or 0.0
    for index, time in enumerate(times):
        if time is None or abs(time - first - index / fps) > 0.5 / fps:
            raise RefusedError(
                f"{role}: {path.name} has a changing frame rate: frame {index} is not where {float(fps):g} frames a "
                "second have it",
                "write it with a constant rate, or bring its frames as PNG files",
            )


def pictures(role: str, source: Source, known: Look) -> Iterator[Picture]:
    """Each picture of a source, with the bits that it has, and without its alpha.

    Raises:
        RefusedError: A file does not decode, or is not the one that was looked at.
        OSError: One cannot be read.
    """
    if source.is_video:
        try:
            with open_video(source.files[0]) as video:
                yield from map(to_image, video.frames())
        except ValueError as error:
            raise RefusedError(f"{role}: {source.name} {error}", _CHANGED) from None
        return
    for path, sha256 in zip(source.files, known.hashes, strict=True):
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise RefusedError(f"{role}: {path.name} changed while it was read", _CHANGED)
        yield _decoded(role, path, data)


def _decoded(role: str, path: Path, data: bytes) -> Picture:
    found = _unchanged(data)
    if found is None:
        raise RefusedError(f"{role}: {path.name} is damaged", "render this frame again")
    if found.ndim == 2:
        return found
    rgb = np.ascontiguousarray(found[:, :, 2::-1])
    return rgb.view(found.dtype)  # of the same bits


def _unchanged(data: bytes) -> Picture | None:
    """Rows, columns, and blue, green, red, alpha, as far as there are any."""
    found: Picture | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)  # type: ignore[assignment]
    return found


def transparent(source: Source) -> bool:
    """Whether the first picture has a pixel that is not opaque."""
    if source.is_video:
        return False
    found = _unchanged(source.files[0].read_bytes())
    return found is not None and found.ndim == 3 and found.shape[2] == 4 and int(found[..., 3].min()) < _top(found)


def _top(picture: Picture) -> int:
    return 65535 if picture.dtype == np.uint16 else 255


def to_eight_bits(picture: Picture) -> npt.NDArray[np.uint8]:
    """Red, green and blue of 8 bits each."""
    eight = np.asarray((picture.astype(np.uint32) + 128) // 257 if picture.dtype == np.uint16 else picture)
    rgb = np.repeat(eight[:, :, None], 3, axis=2) if eight.ndim == 2 else eight
    return np.ascontiguousarray(rgb, dtype=np.uint8)
