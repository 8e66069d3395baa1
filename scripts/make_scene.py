"""Make the sample scene `inputs/city`: color.mp4, depth.mp4 and segmentation.mp4 of one short drive.

A street is built from boxes and spheres, and every pixel's ray is followed to the first of them, so that
depth and segmentation are those of the very geometry that is seen. Nothing is random: hashes of positions
vary the facades. Run it from the project's folder: `python -m scripts.make_scene [FOLDER]`; it takes about
five minutes. Depth is relative inverse depth, near is bright; segmentation has the colours of SEGMENTS.
"""

import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from cosmos.local_ai.video import Image, VideoWriter
from scripts.looks import LOOKS, ROAD, chance
from scripts.raytrace import (
    HEIGHT,
    OVERSAMPLE,
    SUN,
    WIDTH,
    Ball,
    Box,
    Floats,
    Hits,
    Shape,
    axes,
    camera,
    in_shadow,
    trace,
)

FRAMES, FPS = 48, Fraction(24)
NEAR = 5.0  # metres at which depth is white
HAZE = np.array([0.80, 0.84, 0.88])
CURB, WALL = 0.15, 7.6  # height of the curb, half width between the walls

SEGMENTS = {
    "sky": (70, 130, 180),
    "road": (128, 64, 128),
    "sidewalk": (244, 35, 232),
    "building": (90, 90, 90),
    "vegetation": (107, 142, 35),
    "car": (0, 0, 200),
    "pole": (220, 220, 0),
}
NAMES = list(SEGMENTS)


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "inputs/city")
    folder.mkdir(parents=True, exist_ok=True)
    street = build_street()
    writers = {
        name: VideoWriter(folder / f"{name}.mp4", width=WIDTH, height=HEIGHT, fps=FPS, crf=crf)
        for name, crf in (("color", 22), ("depth", 18), ("segmentation", 10))
    }
    with writers["color"] as color, writers["depth"] as depth, writers["segmentation"] as segmentation:
        for index in range(FRAMES):
            images = render(street + traffic(index / FPS), index / (FRAMES - 1))
            for writer, image in zip((color, depth, segmentation), images, strict=True):
                writer.write(image)
            print(f"frame {index + 1}/{FRAMES}", flush=True)
    for path in sorted(folder.glob("*.mp4")):
        print(f"{path} {path.stat().st_size / 1000:.0f} kB")


def build_street() -> list[Shape]:
    shapes: list[Shape] = [
        Box((-400, -1, -50), (-ROAD, CURB, 400), (0.62, 0.61, 0.59), "sidewalk", "paving"),
        Box((ROAD, -1, -50), (400, CURB, 400), (0.62, 0.61, 0.59), "sidewalk", "paving"),
        Box((-400, -1, -50), (400, 0, 400), (0.30, 0.31, 0.33), "road", "asphalt"),
    ]
    for side in (-1, 1):
        z = -6.0 if side < 0 else -11.0
        number = 0
        while z < 125:
            depth = 9.0 + 7.0 * chance(number, side, 1)
            shapes += building(side, z, z + depth - 0.25, number)
            z, number = z + depth, number + 1
        for index, z in enumerate(np.arange(3.0, 95.0, 11.0)):
            shapes += tree(side * 5.6, z + 3.0 * side, index)
        for z in np.arange(-2.0, 95.0, 22.0):
            shapes += lamp(side, float(z) + 4.5 - 2.5 * side)
        for index, z in enumerate((7.5, 14.5, 27.0, 41.0, 47.5, 66.0)):
            if chance(index, side, 5) < 0.8:
                shapes += car(side * 3.25, z + 3.2 * side, index + 3 * side, heading=1)
    shapes.append(Box((-16, 0, 128), (-1.5, 34, 140), (0.62, 0.66, 0.72), "building", "glass"))
    shapes.append(Box((-1.0, 0, 132), (14, 24, 146), (0.70, 0.55, 0.45), "building", "windows"))
    return shapes


def traffic(seconds: Fraction) -> list[Shape]:
    """The cars that move: one towards us, one ahead of us."""
    now = float(seconds)
    return [*car(-1.3, 36.0 - 9.0 * now, 1, heading=-1), *car(1.35, 13.0 + 5.2 * now, 4, heading=1)]


def building(side: int, start: float, end: float, number: int) -> list[Shape]:
    palette = [
        (0.74, 0.45, 0.35), (0.82, 0.76, 0.66), (0.56, 0.60, 0.66), (0.86, 0.70, 0.50),
        (0.66, 0.40, 0.33), (0.72, 0.74, 0.72), (0.60, 0.52, 0.47),
    ]  # fmt: skip
    color = palette[int(chance(number, side, 2) * len(palette))]
    height = 3.2 * round(3 + 5.5 * chance(number, side, 3)) + 1.2
    back = 0.8 * chance(number, side, 4)
    look = "glass" if chance(number, side, 6) > 0.82 else "windows"
    near, far = WALL + back, WALL + 14

    def across(a: float, b: float) -> tuple[float, float]:
        return (a, b) if side > 0 else (-b, -a)

    left, right = across(near, far)
    ledge = across(near - 0.25, far)
    awning = across(near - 1.1, near)
    trim = tuple(0.75 * part for part in color)
    cloth = [(0.62, 0.16, 0.15), (0.12, 0.38, 0.30), (0.16, 0.25, 0.48)][number % 3]
    return [
        Box((left, 0, start), (right, height, end), color, "building", look),
        Box((ledge[0], height, start), (ledge[1], height + 0.5, end), (trim[0], trim[1], trim[2]), "building"),
        Box((awning[0], 2.9, start + 1.2), (awning[1], 3.15, end - 1.2), cloth, "building"),
    ]


def tree(x: float, z: float, index: int) -> list[Shape]:
    grown = 0.85 + 0.4 * chance(index, x, 8)
    green = (0.30 + 0.10 * chance(index, x, 9), 0.46, 0.20)
    leaves = [(0.0, 3.5, 0.0, 1.35), (0.7, 3.0, 0.5, 1.0), (-0.7, 3.1, -0.4, 1.05), (0.1, 4.3, 0.2, 0.95)]
    crown: list[Shape] = [
        Ball((x + dx * grown, y * grown, z + dz * grown), r * grown, green) for dx, y, dz, r in leaves
    ]
    return [Box((x - 0.14, 0, z - 0.14), (x + 0.14, 2.6 * grown, z + 0.14), (0.33, 0.25, 0.19), "vegetation"), *crown]


def lamp(side: int, z: float) -> list[Shape]:
    x = side * 4.75
    arm = sorted((x, x - side * 1.5))
    head = sorted((x - side * 1.1, x - side * 1.8))
    grey = (0.25, 0.27, 0.29)
    return [
        Box((x - 0.07, 0, z - 0.07), (x + 0.07, 5.6, z + 0.07), grey, "pole"),
        Box((arm[0], 5.5, z - 0.05), (arm[1], 5.6, z + 0.05), grey, "pole"),
        Box((head[0], 5.38, z - 0.14), (head[1], 5.5, z + 0.14), (0.95, 0.93, 0.85), "pole"),
    ]


def car(x: float, z: float, number: int, heading: int) -> list[Shape]:
    paints = [
        (0.72, 0.13, 0.11), (0.90, 0.90, 0.89), (0.13, 0.24, 0.46), (0.14, 0.15, 0.17),
        (0.85, 0.62, 0.14), (0.50, 0.54, 0.57), (0.15, 0.40, 0.36),
    ]  # fmt: skip
    paint = paints[number % len(paints)]
    front, rear = (0.98, 0.96, 0.86), (0.75, 0.06, 0.05)
    lights = (rear, front) if heading > 0 else (front, rear)
    wheels: list[Shape] = [
        Box((x + dx - 0.13, 0, z + dz - 0.33), (x + dx + 0.13, 0.64, z + dz + 0.33), (0.06, 0.06, 0.07), "car")
        for dx in (-0.80, 0.80)
        for dz in (-1.35, 1.35)
    ]
    lamps: list[Shape] = [
        Box((x + dx - 0.17, 0.66, z + dz - 0.03), (x + dx + 0.17, 0.82, z + dz + 0.03), color, "car", "light")
        for dx in (-0.65, 0.65)
        for dz, color in zip((-2.16, 2.16), lights, strict=True)
    ]
    return [
        Box((x - 0.92, 0.32, z - 2.15), (x + 0.92, 0.92, z + 2.15), paint, "car", "paint"),
        Box(
            (x - 0.78, 0.92, z - 1.25 - 0.2 * heading),
            (x + 0.78, 1.42, z + 1.05 - 0.2 * heading),
            paint,
            "car",
            "cabin",
        ),
        *wheels,
        *lamps,
    ]


def render(shapes: list[Shape], moment: float) -> tuple[Image, Image, Image]:
    """Color, depth and segmentation at a moment 0..1 of the drive."""
    eye, rays = camera(moment)
    view = axes(moment)
    hits = trace(shapes, eye, rays, view)
    seen = np.isfinite(hits.distance)
    points = eye + rays * np.where(seen, hits.distance, 0)[..., None]
    colors = np.where(seen[..., None], shade(shapes, hits, points), 0)
    far = np.where(seen, 1 - np.exp(-((np.where(seen, hits.distance, 0) / 150) ** 1.5)), 0)[..., None]
    colors = np.where(seen[..., None], colors * (1 - far) + HAZE * far, sky(rays))
    big = np.rint(np.clip(colors, 0, 1) ** (1 / 1.12) * 255).astype(np.uint8)
    color = np.asarray(cv2.resize(big, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    forward = (hits.distance * (rays @ view[:, 2]))[::OVERSAMPLE, ::OVERSAMPLE]
    grey = np.rint(255 * np.clip(NEAR / forward, 0, 1)).astype(np.uint8)
    codes = np.array([NAMES.index(shape.segment) for shape in shapes] + [NAMES.index("sky")])
    table = np.array(list(SEGMENTS.values()), dtype=np.uint8)
    segments = table[codes[hits.shape[::OVERSAMPLE, ::OVERSAMPLE]]]
    return color, np.repeat(grey[..., None], 3, axis=2), segments


def shade(shapes: list[Shape], hits: Hits, points: Floats) -> Floats:
    """Sunlight with shadows, light of the sky, and what the materials look like."""
    facing = np.clip(hits.normal @ SUN, 0, None)
    lit = facing * ~in_shadow(shapes, points + hits.normal * 2e-2, facing)
    light = 0.98 * lit[..., None] * np.array([1.0, 0.93, 0.80])
    above = 0.5 + 0.5 * hits.normal[..., 1]
    light = light + (0.40 + 0.18 * above[..., None]) * np.array([0.86, 0.95, 1.08])
    surface = np.zeros_like(points)
    for index, shape in enumerate(shapes):
        mine = hits.shape == index
        if mine.any():
            surface[mine] = LOOKS[shape.look](np.array(shape.color), points[mine], hits.normal[mine])
    glows = np.isin(hits.shape, [index for index, shape in enumerate(shapes) if shape.look == "light"])
    return np.where(glows[..., None], surface, surface * light).astype(np.float32)


def sky(rays: Floats) -> Floats:
    height = np.clip(rays[..., 1:2] * 2.2, 0, 1) ** 0.7
    glow = np.clip(rays @ SUN, 0, 1)[..., None] ** 12
    blue = np.array([0.38, 0.60, 0.86])
    return np.asarray(HAZE * (1 - height) + blue * height + glow * np.array([0.30, 0.22, 0.10]), dtype=np.float32)


if __name__ == "__main__":
    main()
