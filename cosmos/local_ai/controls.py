"""Edge and vis controls of a frame, computed as Cosmos-Transfer2.5 computes them at inference.

Pure functions of one RGB image. Inside the model the thresholds of Transfer1 are random and depend on the
position in a batch; made here, a control is the same for everybody and can be given as a file.
vis is cut down twice: area and bilateral filter take away texture, then a bicubic round trip takes away detail.
"""

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

EDGE_THRESHOLDS = {
    "very_low": (20, 50),
    "low": (50, 100),
    "medium": (100, 200),
    "high": (200, 300),
    "very_high": (300, 400),
}
"""Lower and upper threshold of the Canny detector, by preset."""

VIS_FACTORS = {
    "very_low": (1, 4),
    "low": (4, 4),
    "medium": (2, 10),
    "high": (1, 16),
    "very_high": (4, 16),
}
"""By preset: the factor of the area downscale before the blur, and of the bicubic one after it."""

_DIAMETER, _SIGMA_COLOR, _SIGMA_SPACE = 30, 150, 100


def edge(image: Image, preset: str) -> Image:
    """White lines on black, three equal channels."""
    lower, upper = EDGE_THRESHOLDS[preset]
    lines = np.asarray(cv2.Canny(np.ascontiguousarray(image), lower, upper), dtype=np.uint8)
    return np.repeat(lines[:, :, None], 3, axis=2)


def vis(image: Image, preset: str) -> Image:
    """The image without texture and detail."""
    before, after = VIS_FACTORS[preset]
    height, width = image.shape[:2]
    small = cv2.resize(image, (max(1, width // before), max(1, height // before)), interpolation=cv2.INTER_AREA)
    blurred = cv2.bilateralFilter(small, _DIAMETER, _SIGMA_COLOR, _SIGMA_SPACE)
    full = np.asarray(cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    return bicubic(bicubic(full, max(1, width // after), max(1, height // after)), width, height)


def bicubic(image: Image, width: int, height: int) -> Image:
    """Resize with the antialiased bicubic filter of torchvision (a = -0.5); OpenCV has no such filter."""
    rows, columns = _weights(image.shape[0], height), _weights(image.shape[1], width)
    planes = np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float64)
    resized = np.matmul(rows, np.matmul(planes, columns.T)).transpose(1, 2, 0)
    return np.ascontiguousarray(np.clip(np.rint(resized), 0, 255).astype(np.uint8))


@lru_cache(maxsize=16)
def _weights(size: int, target: int) -> npt.NDArray[np.float64]:
    """Matrix from `size` samples to `target`: each row the filter around one target sample, summing to 1."""
    scale = size / target
    stretch = max(1.0, scale)
    centers = (np.arange(target) + 0.5) * scale
    first = np.maximum((centers - 2 * stretch + 0.5).astype(np.int64), 0)
    last = np.minimum((centers + 2 * stretch + 0.5).astype(np.int64), size)
    samples = np.arange(size)
    inside = (samples >= first[:, None]) & (samples < last[:, None])
    weights = np.where(inside, _cubic((samples + 0.5 - centers[:, None]) / stretch), 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _cubic(distance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    x = np.abs(distance)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))
