"""Renders as artists have them: PNG sequences of a few small frames, made without the code under test."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

WIDTH, HEIGHT, FRAMES = 64, 48, 8
FIRST = 1001
NEAREST, FARTHEST = 60000, 4000
"""Values of the depth planes on their right and left."""


def colors(index: int) -> Array:
    """A square that moves over a gradient; red, green and blue."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[..., 0] = np.linspace(20, 220, WIDTH)
    image[..., 2] = np.linspace(20, 220, HEIGHT)[:, None]
    image[16:28, 3 * index : 3 * index + 12] = (240, 230, 20)
    return image


def ids(index: int) -> Array:
    """Colours that are names, one pixel beside the other, which lossy videos mix."""
    names = np.random.default_rng(7).integers(0, 256, (9, 3), dtype=np.uint8)
    found: Array = names[np.add.outer(np.arange(HEIGHT), np.arange(WIDTH) + index) % 9]
    return found


def depths(index: int) -> Array:
    """16 bits, from far on the left to near on the right."""
    del index
    return np.tile(np.linspace(FARTHEST, NEAREST, WIDTH).astype(np.uint16), (HEIGHT, 1))


def write_png(path: Path, image: Array) -> Path:
    """Red, green and blue, perhaps alpha; or grey."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = image if image.ndim == 2 else image[..., [2, 1, 0, 3][: image.shape[2]]]
    path.write_bytes(bytes(cv2.imencode(".png", stored)[1]))
    return path


def write_render(folder: Path, frames: int = FRAMES) -> Path:
    """As Houdini leaves it: the beauty and its planes, from frame 1001 on."""
    for index in range(frames):
        number = FIRST + index
        write_png(folder / f"city_beauty.{number:04d}.png", colors(index))
        write_png(folder / "aov" / f"depth.{number:04d}.png", depths(index))
        write_png(folder / "aov" / f"objectID.{number:04d}.png", ids(index))
    return folder
