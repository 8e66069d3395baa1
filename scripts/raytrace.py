"""Rays from a camera to boxes and balls, and from there to the sun. Used by make_scene.py."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT = 640, 352
OVERSAMPLE = 2
BLOCK = 64  # pixels, of a square whose shadows are found together
FOCAL = 0.92  # of the picture's width
SUN = np.array([-0.26, 0.60, -0.62]) / np.linalg.norm([-0.26, 0.60, -0.62])

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Box:
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    color: tuple[float, float, float]
    segment: str
    look: str = "plain"


@dataclass(frozen=True)
class Ball:
    center: tuple[float, float, float]
    radius: float
    color: tuple[float, float, float]
    segment: str = "vegetation"
    look: str = "leaves"


Shape = Box | Ball


@dataclass
class Hits:
    """What each ray meets first."""

    distance: Floats
    normal: Floats
    shape: npt.NDArray[np.int32]


def camera(moment: float) -> tuple[Floats, Floats]:
    """Position, and a unit ray for each pixel of the oversampled picture."""
    right, up, forward = axes(moment).T
    width, height = WIDTH * OVERSAMPLE, HEIGHT * OVERSAMPLE
    across = ((np.arange(width) + 0.5) / width - 0.5) / FOCAL
    down = ((np.arange(height) + 0.5) - height / 2) / width / FOCAL
    rays = forward + right * across[None, :, None] - up * down[:, None, None]
    rays /= np.linalg.norm(rays, axis=2, keepdims=True)
    eye = np.array([0.55 - 0.5 * moment, 2.05, -3.0 + 9.5 * moment])
    return eye.astype(np.float32), rays.astype(np.float32)


def axes(moment: float) -> npt.NDArray[np.float64]:
    """Columns right, up and forward of the camera: a slow turn from the left to the right side of the street."""
    yaw, pitch = 0.09 * np.sin(2.6 * moment - 1.1), 0.045
    forward = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    right = np.array([np.cos(yaw), 0.0, -np.sin(yaw)])
    return np.stack([right, np.cross(forward, right), forward], axis=1)


def trace(shapes: list[Shape], eye: Floats, rays: Floats, view: npt.NDArray[np.float64]) -> Hits:
    distance = np.full(rays.shape[:2], np.inf, dtype=np.float32)
    hits = Hits(distance, np.zeros_like(rays), np.full(rays.shape[:2], len(shapes), dtype=np.int32))
    with np.errstate(divide="ignore", invalid="ignore"):
        for index, shape in enumerate(shapes):
            part = window(shape, eye, view)
            if rays[part].size:
                near, normal = meet(shape, eye, rays[part])
                closer = near < hits.distance[part]
                hits.distance[part][closer] = near[closer]
                hits.normal[part][closer] = normal[closer]
                hits.shape[part][closer] = index
    return hits


def window(shape: Shape, eye: Floats, view: npt.NDArray[np.float64]) -> tuple[slice, slice]:
    """The part of the picture that the shape can be seen in; all of it for a shape around the camera."""
    right, up, forward = ((corners(shape) - eye) @ view).T
    if forward.max() < 0.1:
        return slice(0, 0), slice(0, 0)
    if forward.min() < 0.1:
        return slice(None), slice(None)
    width, height = WIDTH * OVERSAMPLE, HEIGHT * OVERSAMPLE
    x, y = right / forward * FOCAL * width + width / 2, height / 2 - up / forward * FOCAL * width
    return (
        slice(max(0, int(y.min()) - 1), max(0, int(y.max()) + 2)),
        slice(max(0, int(x.min()) - 1), max(0, int(x.max()) + 2)),
    )


def corners(shape: Shape) -> npt.NDArray[np.float64]:
    """The eight corners of what the shape fills."""
    if isinstance(shape, Box):
        low, high = np.array(shape.low), np.array(shape.high)
    else:
        low, high = np.array(shape.center) - shape.radius, np.array(shape.center) + shape.radius
    picks = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, 8).T
    return np.asarray(np.where(picks == 1, high, low))


def meet(shape: Shape, eye: Floats, rays: Floats) -> tuple[Floats, Floats]:
    """Distance to the shape along each ray, infinite where it is missed, and the normal there."""
    return meet_box(shape, eye, rays) if isinstance(shape, Box) else meet_ball(shape, eye, rays)


def meet_box(box: Box, eye: Floats, rays: Floats) -> tuple[Floats, Floats]:
    one = (np.array(box.low, dtype=np.float32) - eye) / rays
    two = (np.array(box.high, dtype=np.float32) - eye) / rays
    entry = np.minimum(one, two)
    near = entry.max(axis=-1)
    hit = (near <= np.maximum(one, two).min(axis=-1)) & (near > 1e-3)
    face = entry.argmax(axis=-1)
    normal = -np.sign(np.take_along_axis(rays, face[..., None], axis=-1)) * np.eye(3, dtype=np.float32)[face]
    return np.where(hit, near, np.inf).astype(np.float32), normal.astype(np.float32)


def meet_ball(ball: Ball, eye: Floats, rays: Floats) -> tuple[Floats, Floats]:
    offset = eye - np.array(ball.center, dtype=np.float32)
    along = (rays * offset).sum(axis=-1)
    inside = along**2 - ((offset**2).sum(axis=-1) - ball.radius**2)
    near = -along - np.sqrt(inside)
    hit = (inside > 0) & (near > 1e-3)
    normal = (offset + rays * np.where(hit, near, 0)[..., None]) / ball.radius
    return np.where(hit, near, np.inf).astype(np.float32), normal.astype(np.float32)


def in_shadow(shapes: list[Shape], points: Floats, facing: Floats) -> npt.NDArray[np.bool_]:
    """Is something between the point and the sun? Asked in blocks, of the shapes that a block can see sunwards."""
    across = np.cross(SUN, [0.0, 1.0, 0.0])
    basis = np.stack([across / np.linalg.norm(across), np.cross(SUN, across) / np.linalg.norm(across), SUN], axis=1)
    spans = [(corners(shape) @ basis) for shape in shapes]
    low, high = np.array([span.min(axis=0) for span in spans]), np.array([span.max(axis=0) for span in spans])
    low[:3], high[:3] = np.inf, -np.inf  # the ground shades nothing
    dark = np.zeros(points.shape[:2], dtype=bool)
    for top in range(0, points.shape[0], BLOCK):
        for left in range(0, points.shape[1], BLOCK):
            part = (slice(top, top + BLOCK), slice(left, left + BLOCK))
            sunny = facing[part] > 0
            if sunny.any():
                asked = points[part][sunny]
                place = asked @ basis
                first, last = place.min(axis=0), place.max(axis=0)
                near = (low[:, :2] <= last[:2]).all(axis=1) & (high[:, :2] >= first[:2]).all(axis=1)
                near &= high[:, 2] >= first[2]
                dark[part][sunny] = shaded(asked, [shapes[index] for index in np.flatnonzero(near)])
    return dark


def shaded(points: Floats, shapes: list[Shape]) -> npt.NDArray[np.bool_]:
    toward = np.broadcast_to(SUN.astype(np.float32), points.shape)
    dark = np.zeros(points.shape[0], dtype=bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        for shape in shapes:
            if isinstance(shape, Box):
                one = (np.array(shape.low, dtype=np.float32) - points) / toward
                two = (np.array(shape.high, dtype=np.float32) - points) / toward
                near, last = np.minimum(one, two).max(axis=-1), np.maximum(one, two).min(axis=-1)
                dark |= (last > 1e-3) & (near <= last)
            else:
                dark |= np.isfinite(meet_ball(shape, points, toward)[0])
    return dark
