"""A scene made of a render: color.mp4, depth.mp4, segmentation.mp4, edge.mp4, vis.mp4, poster.jpg, metadata.json.

Equal sources and settings give equal bytes. edge and vis are computed from color.mp4 as it decodes, which is what
a model would compute them from; segmentation keeps every pixel as it is, since its colours are names of things.
"""

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from cosmos.errors import RefusedError
from cosmos.local_ai import controls
from cosmos.local_ai.probe import MediaProbe
from cosmos.local_ai.sequences import Found, Source, refuse
from cosmos.local_ai.sources import Look, Picture, look, pictures, to_eight_bits, transparent
from cosmos.local_ai.video import Image, VideoWriter, open_video

FORMAT_VERSION = 1
"""Of metadata.json, and of how files are encoded: another number makes every scene anew."""

METADATA, POSTER = "metadata.json", "poster.jpg"
PRESET = "medium"
"""Of edge and vis where they are computed, as models have it by default."""

CRF: Mapping[str, int] = {"color": 14, "depth": 8, "edge": 16, "vis": 16}
USUAL_FPS = Fraction(24)

Listener = Callable[[str, int, int], None]
"""Told the file, how many of its frames are done, and how many there are. Called from several threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a person asks for. `near` and `far` are values of the depth's files: the nearest becomes white."""

    fps: Fraction | None = None
    near: float | None = None
    far: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Render:
    """Sources that fit together, and what they were found to be."""

    sources: Mapping[str, Source]
    looks: Mapping[str, Look]
    fps: Fraction
    settings: Settings
    notes: tuple[str, ...] = ()

    @property
    def color(self) -> Look:
        return self.looks["color"]

    def described(self) -> dict[str, object]:
        """All that determines the files of the scene, as metadata.json has it. No folder: a render may be moved."""
        return {
            "format_version": FORMAT_VERSION,
            "frames": self.color.frames,
            "fps": str(self.fps),
            "width": self.color.width,
            "height": self.color.height,
            "settings": {"near": self.settings.near, "far": self.settings.far, "preset": PRESET},
            "sources": {
                role: {"name": source.name, "first": source.first, "sha256": self.looks[role].sha256}
                for role, source in self.sources.items()
            },
        }


def examine(found: Found, settings: Settings) -> Render:
    """Read every file once, and see that all fit together.

    Raises:
        RefusedError: They do not; names each that does not.
        OSError: A file cannot be read.
    """
    looks = {role: look(role, source) for role, source in found.sources.items()}
    problems = [*_size_problems(looks), *_length_problems(looks), *_depth_problems(looks, settings)]
    rates = {role: each.fps for role, each in looks.items() if each.fps is not None}
    fps = settings.fps or next(iter(rates.values()), USUAL_FPS)
    said = "--fps says" if settings.fps else f"{next(iter(rates), 'color')} has"
    problems += [
        f"{role}: has {float(rate):g} frames a second, {said} {float(fps):g}"
        for role, rate in rates.items()
        if rate != fps
    ]
    segmentation = looks.get("segmentation")
    if segmentation is not None and segmentation.bits > 8:
        problems.append("segmentation: has 16 bits; ids are 8-bit colours in a video: write 8-bit PNG files")
    refuse(problems, "all files of a scene have the same frames, size and rate: render what differs again")
    notes = [f"{name} is left out: no word in its name says what it is" for name in found.left_out]
    if found.is_color_guessed:
        notes.append(f"{found.sources['color'].name} is taken as color: it is all that no word in its name explains")
    if not rates and settings.fps is None:
        notes.append(f"pictures say no rate: {float(fps):g} frames a second are taken; --fps says another")
    notes += [
        f"{role}: is transparent in places; alpha is left out and colours are taken as they are"
        for role, source in found.sources.items()
        if transparent(source)
    ]
    if segmentation is not None and segmentation.fps is not None and segmentation.pixel_format != "gbrp":
        notes.append("segmentation: this video has mixed its colours at edges already; PNG files keep ids")
    return Render(sources=found.sources, looks=looks, fps=fps, settings=settings, notes=tuple(notes))


def _size_problems(looks: Mapping[str, Look]) -> Iterator[str]:
    color = looks["color"]
    if color.width % 2 or color.height % 2:
        yield f"color: is {color.width}x{color.height}; videos need even numbers of pixels"
    for role, each in looks.items():
        if (each.width, each.height) != (color.width, color.height):
            yield f"{role}: is {each.width}x{each.height}, color {color.width}x{color.height}"


def _length_problems(looks: Mapping[str, Look]) -> Iterator[str]:
    frames = looks["color"].frames
    if frames < 2:
        yield f"color: has {frames} frame; a video needs more"
    for role, each in looks.items():
        if each.frames < frames:
            missing = f"{each.frames + 1}-{frames}" if each.frames + 1 < frames else str(frames)
            yield f"{role}: has {each.frames} frames, color {frames}: it has nothing for frame {missing}"
        elif each.frames > frames:
            yield f"{role}: has {each.frames} frames, color only {frames}"


def _depth_problems(looks: Mapping[str, Look], settings: Settings) -> Iterator[str]:
    depth, has_range = looks.get("depth"), settings.near is not None or settings.far is not None
    if has_range and depth is None:
        yield "depth: there is none, and --near and --far are for it"
    elif has_range and (settings.near is None or settings.far is None or settings.near == settings.far):
        yield "depth: --near and --far go together, and are two values"
    elif has_range and depth is not None and depth.fps is not None:
        yield "depth: is a video, which is taken as it is; --near and --far are for PNG files"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Making:
    """One scene that is being written to `folder`."""

    render: Render
    folder: Path
    listener: Listener
    stop: threading.Event = field(default_factory=threading.Event)

    def counted(self, role: str, images: Iterator[Image]) -> Iterator[Image]:
        total = self.render.color.frames
        for number, image in enumerate(images, 1):
            if self.stop.is_set():
                raise RefusedError("it was interrupted")
            yield image
            self.listener(f"{role}.mp4", number, total)

    def write(self, role: str, images: Iterator[Image]) -> None:
        color, path = self.render.color, self.folder / f"{role}.mp4"
        size = {"width": color.width, "height": color.height}
        is_exact = role == "segmentation"
        with VideoWriter(path, **size, fps=self.render.fps, crf=CRF.get(role, 0), exact=is_exact) as writer:
            for image in self.counted(role, images):
                writer.write(image)

    def given(self, role: str) -> dict[str, object]:
        """From a source of its own. Says more about it, for the metadata."""
        source, known = self.render.sources[role], self.render.looks[role]
        self.listener(f"{role}.mp4", 0, known.frames)
        if known.fits:
            self._copy(role, source.files[0], known)
            return {"made": "copied"}
        images: Iterator[Image] = map(to_eight_bits, pictures(role, source, known))
        more: dict[str, object] = {}
        if role == "depth" and known.fps is None:
            black, white, how = self._range(source, known)
            images = (_scaled(grey, black, white) for grey in _greys(source, known))
            more = {"black": black, "white": white, "range": how}
        self.write(role, images)
        return {"made": "encoded", **more}

    def computed(self, role: str) -> dict[str, object]:
        """From the colours, as they are in the video."""
        compute = {"edge": controls.edge, "vis": controls.vis}[role]
        with open_video(self.folder / "color.mp4") as video:
            self.write(role, (compute(image, PRESET) for image in video.images()))
        return {"made": f"computed ({PRESET})"}

    def _copy(self, role: str, path: Path, known: Look) -> None:
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != known.sha256:
            raise RefusedError(f"{role}: {path.name} changed while it was read", "run the same command again")
        (self.folder / f"{role}.mp4").write_bytes(data)
        self.listener(f"{role}.mp4", known.frames, known.frames)

    def _range(self, source: Source, known: Look) -> tuple[float, float, str]:
        """Values that become black and white. Those of 8 bits are videos' own, and stay."""
        near, far = self.render.settings.near, self.render.settings.far
        if near is not None and far is not None:
            return far, near, "given"
        if known.bits == 8:
            return 0.0, 255.0, "as it is"
        low, high = 65535, 0
        for grey in _greys(source, known):
            if self.stop.is_set():
                raise RefusedError("it was interrupted")
            low, high = min(low, int(grey.min())), max(high, int(grey.max()))
        if low == high:
            raise RefusedError(f"depth: every pixel is {low}", "look whether the right plane was rendered")
        return float(low), float(high), "measured"


def _greys(source: Source, known: Look) -> Iterator[Picture]:
    for path, picture in zip(source.files, pictures("depth", source, known), strict=True):
        if picture.ndim == 3 and not (picture[..., :1] == picture).all():
            raise RefusedError(f"depth: {path.name} has colours; a depth is grey", "render depth as grey values")
        yield picture if picture.ndim == 2 else picture[..., 0]


def _scaled(grey: Picture, black: float, white: float) -> Image:
    levels = np.clip((grey.astype(np.float64) - black) * (255.0 / (white - black)), 0, 255)
    return to_eight_bits(np.rint(levels).astype(np.uint8))


def make(render: Render, folder: Path, listener: Listener) -> None:
    """Write all files of a scene into an empty folder.

    Raises:
        RefusedError: A source changed, or does not decode.
        OSError: A file cannot be written.
    """
    making = _Making(render=render, folder=folder, listener=listener)
    own = [role for role in render.sources if role != "color"]
    computed = [role for role in ("edge", "vis") if role not in render.sources]
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        try:
            begun = {role: pool.submit(making.given, role) for role in ("color", *own)}
            wait_for([begun["color"]])
            begun |= {role: pool.submit(making.computed, role) for role in computed}
            wait_for(list(begun.values()))
        finally:  # also at Ctrl-C: the others end with the frame that they are at
            making.stop.set()
    (folder / POSTER).write_bytes(MediaProbe().thumbnail(folder / "color.mp4"))
    files = {f"{role}.mp4": each.result() for role, each in sorted(begun.items())} | {POSTER: {"made": "encoded"}}
    said = {name: {"sha256": _sha256(folder / name), **more} for name, more in files.items()}
    text = json.dumps({**render.described(), "files": said, "notes": list(render.notes)}, indent=2)
    (folder / METADATA).write_text(f"{text}\n", encoding="utf-8")


def wait_for(futures: Sequence[Future[dict[str, object]]]) -> None:
    """Until all are done, or one failed, which is raised."""
    done, _ = wait(futures, return_when=FIRST_EXCEPTION)
    for each in done:
        each.result()


def is_made(render: Render, folder: Path) -> bool:
    """Whether a folder has exactly what would be made of a render."""
    try:
        said = json.loads((folder / METADATA).read_text(encoding="utf-8"))
        files = said["files"]
        same = all(said.get(name) == value for name, value in render.described().items())
        return same and all(_sha256(folder / name) == more["sha256"] for name, more in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False  # no scene of ours, or not whole


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
