"""Tiny real videos for tests, made by PyAV alone so that they do not depend on the code under test."""

from pathlib import Path

import av
import numpy as np

FRAMES = 12
WIDTH = 64
HEIGHT = 48
FPS = 24


def write_video(path: Path, *, frames: int = FRAMES, width: int = WIDTH, height: int = HEIGHT, hue: int = 0) -> Path:
    """An H.264 video of a bright square that moves over a gradient; `hue` 0..255 makes it another one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(frames):
            picture = av.VideoFrame.from_ndarray(_picture(index, width, height, hue), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


def write_scene(folder: Path, *, frames: int = FRAMES) -> Path:
    """A scene as a renderer leaves it: color.mp4, depth.mp4 and segmentation.mp4."""
    for number, role in enumerate(("color", "depth", "segmentation")):
        write_video(folder / f"{role}.mp4", frames=frames, hue=80 * number)
    return folder


def _picture(index: int, width: int, height: int, hue: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    picture = np.empty((height, width, 3), dtype=np.uint8)
    picture[..., 0] = np.linspace(20, 200, width, dtype=np.uint8)
    picture[..., 1] = np.linspace(20, 200, height, dtype=np.uint8)[:, None]
    picture[..., 2] = hue
    side = height // 4
    left = (4 * index) % max(1, width - side)
    picture[side : 2 * side, left : left + side] = 255
    return picture
