"""The preview program: `python -m cosmos.local_ai.preview --payload RUN/payload.json`.

Started on a host by the preview adapter, which writes the payload; paths in it are relative to its folder.
It reads one frame of each input at a time, so that memory does not grow with length, writes each control
and the contact sheet, and prints `progress 3/48`. The same payload and inputs give the same bytes.
Exit codes: 0 done, 1 the payload or an input cannot be used (the last line says why), 2 wrong arguments.
"""

import argparse
import itertools
import signal
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import FrameType
from typing import Annotated, ClassVar

import cv2
import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter

from cosmos.local_ai import controls
from cosmos.local_ai.sheet import Panel, Sheet, blend
from cosmos.local_ai.video import Image, VideoWriter, open_video

SHEET_CRF, CONTROL_CRF = 20, 16
"""Quality of x264. Controls may become inputs of a model, so they keep more."""

_STRICT = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One control; `input` is its file, or None where it is computed with `preset`."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    name: str
    weight: Annotated[float, Field(ge=0, le=1)]
    preset: str | None
    input: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """`frames` of 0 is all of them; `height` is that of one picture on the sheet, in pixels."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    seed: Annotated[int, Field(ge=0)]
    frames: Annotated[int, Field(ge=0)]
    height: Annotated[int, Field(ge=64, le=1080)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """payload.json. Each field changes what is made; one that is not known here is an error."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    text: str
    negative: str
    params: Params
    color: str
    controls: tuple[Signal, ...]
    outputs: dict[str, str]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m cosmos.local_ai.preview", description="Preview a run on the CPU.")
    parser.add_argument("--payload", type=Path, required=True, help="payload.json in the run directory")
    path: Path = parser.parse_args(argv).payload
    cv2.setNumThreads(1)  # the host decides how many previews run side by side
    try:
        make(TypeAdapter(Payload).validate_json(path.read_bytes()), path.absolute().parent)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def make(payload: Payload, root: Path) -> None:
    """Write every output of the payload.

    Raises:
        ValueError: An input does not decode, or does not fit the others.
        OSError: A file cannot be read or written.
    """
    scene = _look(root, payload.color, payload.params.frames)
    sheet = _sheet(payload, scene)
    drawn = {"video": (sheet.width, sheet.height, SHEET_CRF)}
    drawn |= {control.name: (scene.width, scene.height, CONTROL_CRF) for control in payload.controls}
    if drawn.keys() != payload.outputs.keys():
        raise ValueError(f"the payload has outputs {sorted(payload.outputs)}, and {sorted(drawn)} are made")
    weights = {control.name: control.weight for control in payload.controls}
    grain = np.random.default_rng(payload.params.seed).integers(0, 256, (*sheet.tile_shape, 1), dtype=np.uint8)
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(
                VideoWriter(root / payload.outputs[name], width=width, height=height, fps=scene.fps, crf=crf)
            )
            for name, (width, height, crf) in drawn.items()
        }
        for index, (color, signals) in enumerate(_frames(payload, root)):
            for name, image in signals.items():
                writers[name].write(image)
            tiles = {name: sheet.tile(image) for name, image in signals.items()}
            tile = sheet.tile(color)
            pictures = [tile, *tiles.values(), blend(tile, tiles, weights, grain)]
            writers["video"].write(sheet.frame(pictures, _counter(payload, scene, index + 1)))
            _say(f"progress {index + 1}/{scene.frames}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """Size, rate and number of frames to make, by the header of the color video."""

    width: int
    height: int
    fps: Fraction
    frames: int


def _look(root: Path, path: str, cap: int) -> _Scene:
    with _naming(path), open_video(root / path) as video:
        width, height, fps = video.stream.width, video.stream.height, video.fps
        if not fps:
            raise ValueError("does not say how many frames a second it has")
        count = video.count()
        if not count:
            raise ValueError("has no frames")
    return _Scene(width=width, height=height, fps=fps, frames=min(count, cap) if cap else count)


def _sheet(payload: Payload, scene: _Scene) -> Sheet:
    signals = [Panel(name=control.name, weight=control.weight) for control in payload.controls]
    without = [f"without: {payload.negative}"] if payload.negative else []
    return Sheet(
        [Panel(name="scene"), *signals, Panel(name="blend")],
        width=scene.width,
        height=scene.height,
        tile=payload.params.height,
        lines=[payload.text or "(no prompt)", *without],
        counter=_counter(payload, scene, scene.frames),
    )


def _counter(payload: Payload, scene: _Scene, frame: int) -> str:
    return f"seed {payload.params.seed}   {frame}/{scene.frames}"


def _frames(payload: Payload, root: Path) -> Iterator[tuple[Image, dict[str, Image]]]:
    """The color image and each control's, frame by frame."""
    files = {control.name: control.input for control in payload.controls if control.input is not None}
    for images in _together({"color": payload.color, **files}, root, payload.params.frames):
        color = images["color"]
        yield color, {control.name: _signal(control, color, images.get(control.name)) for control in payload.controls}


def _signal(control: Signal, color: Image, given: Image | None) -> Image:
    if given is not None:
        if given.shape != color.shape:
            sizes = f"{given.shape[1]}x{given.shape[0]}, the scene {color.shape[1]}x{color.shape[0]}"
            raise ValueError(f"{control.input}: is {sizes}")
        return given
    compute = {"edge": controls.edge, "vis": controls.vis}.get(control.name)
    if compute is None or control.preset not in controls.EDGE_THRESHOLDS:
        raise ValueError(f'control "{control.name}" has no file and cannot be computed as "{control.preset}"')
    return compute(color, control.preset)


def _together(files: Mapping[str, str], root: Path, cap: int) -> Iterator[dict[str, Image]]:
    """One image of each file at a time, up to `cap` of them (0: all); files must end together."""
    with ExitStack() as stack:
        open_files = {name: stack.enter_context(closing(_images(root, path))) for name, path in files.items()}
        for count in itertools.count():
            if cap and count == cap:
                return
            images = {name: next(stream, None) for name, stream in open_files.items()}
            there = {name: image for name, image in images.items() if image is not None}
            if not there:
                return
            if len(there) < len(files):
                short = next(files[name] for name in files if name not in there)
                raise ValueError(f"{short}: ends after {count} frames, {files[next(iter(there))]} goes on")
            yield there


def _images(root: Path, path: str) -> Generator[Image]:
    with _naming(path), open_video(root / path) as video:
        yield from video.images()


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Errors about a video do not know by what name it was asked for."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def _terminated(number: int, frame: FrameType | None) -> None:
    """Unwind, so that unfinished files are removed."""
    del frame
    raise SystemExit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(main())
