"""What the materials of the sample scene look like, by point and normal. Used by make_scene.py.

A look takes the shape's colour and gives one for each point, before light falls on it.
"""

import numpy as np

from scripts.raytrace import Floats

ROAD = 4.2  # half width of the road, in metres


def plain(color: Floats, points: Floats, normals: Floats) -> Floats:
    del normals
    return np.broadcast_to(color, points.shape)


def windows(color: Floats, points: Floats, normals: Floats) -> Floats:
    """Rows of windows, a shop front below, a band between floors."""
    sideways = np.abs(normals[:, 0]) > 0.5
    u = np.where(sideways, points[:, 2], points[:, 0]) / 1.75
    v = (points[:, 1] - 0.2) / 3.2
    du, dv = u - np.floor(u), v - np.floor(v)
    shop = v < 1
    pane = np.where(shop, (du > 0.06) & (du < 0.94) & (dv > 0.12) & (dv < 0.80), (du > 0.22) & (du < 0.78))
    pane &= shop | ((dv > 0.26) & (dv < 0.78))
    sash = ~shop & ((np.abs(du - 0.5) < 0.025) | (np.abs(dv - 0.56) < 0.012))
    kind = hashed(np.floor(u), np.floor(v), np.round(color[0] * 100))
    glass = np.array([0.20, 0.27, 0.34]) * (0.75 + 0.5 * kind[:, None])
    warm = np.array([1.05, 0.88, 0.58])
    glass = np.where((kind > 0.80)[:, None] & ~shop[:, None], warm * 0.9, glass)
    wall = color * (0.93 + 0.10 * hashed(np.floor(u * 3), np.floor(v * 12), 3.0)[:, None])
    wall = np.where((dv < 0.05)[:, None], color * 0.78, wall)
    vertical = np.abs(normals[:, 1]) < 0.5
    return np.where((pane & ~sash & vertical)[:, None], glass, wall)


def glass(color: Floats, points: Floats, normals: Floats) -> Floats:
    """A curtain wall that mirrors more sky the higher it is."""
    sideways = np.abs(normals[:, 0]) > 0.5
    u, v = np.where(sideways, points[:, 2], points[:, 0]) / 1.4, points[:, 1] / 1.6
    frame = (u - np.floor(u) < 0.07) | (v - np.floor(v) < 0.07)
    mirror = (
        np.array([0.36, 0.50, 0.62]) * (0.8 + 0.03 * points[:, 1:2])
        + 0.08 * hashed(np.floor(u), np.floor(v), 7.0)[:, None]
    )
    return np.where(frame[:, None], color * 0.55, mirror)


def asphalt(color: Floats, points: Floats, normals: Floats) -> Floats:
    del normals
    x, z = points[:, 0], points[:, 2]
    rough = color * (0.94 + 0.10 * hashed(np.floor(x * 2.5), np.floor(z * 2.5), 1.0)[:, None])
    dashes = (np.abs(x) < 0.08) & (np.mod(z, 6.0) < 3.0)
    edges = np.abs(np.abs(x) - 2.35) < 0.05
    crossing = (z > 20) & (z < 23.2) & (np.mod(x + 0.3, 1.1) < 0.6) & (np.abs(x) < ROAD - 0.3)
    stop = (np.abs(z - 18.6) < 0.18) & (x > 0.1) & (x < ROAD - 0.3)
    near_crossing = (z > 18) & (z < 24)
    painted = crossing | stop | ((dashes | edges) & ~near_crossing)
    return np.where(painted[:, None], np.array([0.86, 0.86, 0.82]), rough)


def paving(color: Floats, points: Floats, normals: Floats) -> Floats:
    del normals
    x, z = points[:, 0], points[:, 2]
    joint = (np.mod(x, 0.9) < 0.04) | (np.mod(z, 0.9) < 0.04)
    stone = color * (0.94 + 0.09 * hashed(np.floor(x / 0.9), np.floor(z / 0.9), 2.0)[:, None])
    curb = np.abs(np.abs(x) - ROAD) < 0.22
    return np.where(curb[:, None], color * 1.16, np.where(joint[:, None], color * 0.84, stone))


def leaves(color: Floats, points: Floats, normals: Floats) -> Floats:
    spots = hashed(np.floor(points[:, 0] * 4), np.floor(points[:, 1] * 4), np.floor(points[:, 2] * 4))
    return np.asarray(color * (0.78 + 0.45 * spots[:, None]) * (0.85 + 0.2 * normals[:, 1:2]))


def paint(color: Floats, points: Floats, normals: Floats) -> Floats:
    """Bodywork: the upper edge shines, a dark line runs along the side."""
    line = (np.abs(points[:, 1] - 0.60) < 0.02) & (np.abs(normals[:, 1]) < 0.5)
    shine = 1 + 0.25 * (normals[:, 1:2] > 0.5)
    return np.where(line[:, None], color * 0.6, color * shine)


def cabin(color: Floats, points: Floats, normals: Floats) -> Floats:
    pane = (points[:, 1] > 0.96) & (points[:, 1] < 1.33) & (np.abs(normals[:, 1]) < 0.5)
    return np.where(pane[:, None], np.array([0.16, 0.21, 0.26]), color * 1.08)


LOOKS = {
    "plain": plain,
    "light": plain,
    "windows": windows,
    "glass": glass,
    "asphalt": asphalt,
    "paving": paving,
    "leaves": leaves,
    "paint": paint,
    "cabin": cabin,
}


def chance(*place: float) -> float:
    """A number 0..1 that depends on nothing but the place."""
    return float(hashed(*(np.array([float(part)]) for part in (*place, 0.0)[:3]))[0])


def hashed(x: Floats, y: Floats, z: Floats | float) -> Floats:
    seed = np.sin(x * 127.1 + y * 311.7 + np.asarray(z) * 74.7) * 43758.5453
    return np.asarray(seed - np.floor(seed))
