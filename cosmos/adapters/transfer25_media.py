"""Frames and sizes of Cosmos-Transfer2.5: what its inputs must have in common, what comes out, what it costs.

The video is worked on in passes of 93 frames, at the size of the nearest of five aspect ratios.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from cosmos.adapters.base import chunks_of
from cosmos.adapters.common25 import chunk_advice
from cosmos.adapters.evidence import FPS_SLACK
from cosmos.core.draft import Refusal
from cosmos.core.estimate import Work
from cosmos.core.run import MediaFacts, OutputFile, Run

CHUNK = 93
MOST_FRAMES = 5000
"""More are not read."""

_LANDSCAPE = {
    "256": ((320, 192), (320, 256), (256, 256)),
    "480": ((768, 432), (640, 480), (480, 480)),
    "480p": ((832, 480), (640, 480), (640, 640)),
    "512": ((640, 384), (640, 512), (512, 512)),
    "720": ((1280, 704), (960, 704), (960, 960)),
    "720p": ((1280, 720), (960, 720), (960, 960)),
    "720robocasa": ((1280, 720), (960, 720), (720, 720)),
    "1024": ((1280, 768), (1280, 1024), (1024, 1024)),
    "1080": ((1920, 1056), (1440, 1056), (1024, 1024)),
}
"""Sizes by resolution for 16:9, 4:3 and 1:1; upright ones are these turned."""
RESOLUTIONS = tuple(_LANDSCAPE)
_RATIOS = {"16:9": 16 / 9, "4:3": 4 / 3, "1:1": 1.0, "3:4": 3 / 4, "9:16": 9 / 16}

_SECONDS = {
    ("edge", False, 1): 502.6,
    ("edge", False, 4): 154.5,
    ("edge", False, 8): 92.5,
    ("edge", True, 1): 64.5,
    ("edge", True, 4): 27.4,
    ("edge", True, 8): 20.4,
    ("seg", False, 1): 445.5,
}
"""Published for one pass at 720 on H100 NVL, by control, distilled or not, and number of GPUs."""
STEPS, STEPS_DISTILLED = 35, 4

_RENDER_AGAIN = "render them from the same frames, or trim the longer one"


def aspect(facts: MediaFacts) -> str:
    ratio = facts.width / facts.height
    return min(_RATIOS, key=lambda name: (_RATIOS[name] - ratio) ** 2)


def working_size(run: Run, color: MediaFacts) -> tuple[int, int]:
    """Width and height that the network works at."""
    wide, narrow, square = _LANDSCAPE[str(run.params["resolution"])]
    turned = {"3:4": narrow[::-1], "9:16": wide[::-1]}
    return {"16:9": wide, "4:3": narrow, "1:1": square, **turned}[aspect(color)]


def length(run: Run, color: MediaFacts) -> int:
    """Frames that are made."""
    most = run.params["max_frames"]
    return min(color.frames, most) if isinstance(most, int) else color.frames


def mismatches(run: Run, media: Mapping[str, MediaFacts]) -> Iterator[Refusal]:
    color = media.get("color")
    if color is None:
        return
    yield from _color_problems(run, color)
    for role, facts in media.items():
        if role != "color":
            for words in _differences(run, (color, facts), role):
                yield Refusal(path=place(role), message=words, hint=_RENDER_AGAIN)


def place(role: str) -> tuple[str, ...]:
    """The field of a run that a role's file is about."""
    if role.endswith("_mask"):
        return ("controls", role.removesuffix("_mask"), "mask")
    return ("controls", {"segmentation": "seg"}.get(role, role)) if role != "guided" else ("inputs", role)


def _color_problems(run: Run, color: MediaFacts) -> Iterator[Refusal]:
    frames, path = length(run, color), run.inputs["color"]
    most, context = run.params["max_frames"], run.params["context_frame"]
    if isinstance(most, int) and most > color.frames:
        message = f"max_frames is {most}, and {path} has {color.frames} frames"
        yield Refusal(path=("params", "max_frames"), message=message, hint="lower it, or take the line away")
    if frames > MOST_FRAMES:
        message = f"{path} has {color.frames} frames, and the model reads {MOST_FRAMES}"
        yield Refusal(path=("inputs", "color"), message=message, hint="split the scene, or set `max_frames`")
    if frames < 2:
        message = f"{path} has one frame, of which the model makes a picture and no video"
        yield Refusal(path=("inputs", "color"), message=message, hint="render more frames")
    if isinstance(context, int) and context >= color.frames:
        message = f"context_frame is {context}, and {path} ends with frame {color.frames - 1}"
        yield Refusal(path=("params", "context_frame"), message=message, hint="the first frame is 0")
    if run.params["distilled"] and frames != CHUNK:
        message = f"the distilled model makes exactly {CHUNK} frames, and this would be {frames}"
        hint = f"set `max_frames: {CHUNK}`" if color.frames > CHUNK else f"render {CHUNK} frames"
        yield Refusal(path=("params", "distilled"), message=message, hint=hint)


def _differences(run: Run, facts: tuple[MediaFacts, MediaFacts], role: str) -> Iterable[str]:
    """A file that is as long as what is made of the video will do, too."""
    color, other = facts
    theirs, ours = run.inputs[role], run.inputs["color"]
    if other.frames not in (color.frames, length(run, color)):
        yield f"{theirs} has {other.frames} frames, {ours} has {color.frames}"
    if aspect(other) != aspect(color):
        yield (
            f"{theirs} is {other.width}x{other.height} ({aspect(other)}), "
            f"{ours} is {color.width}x{color.height} ({aspect(color)})"
        )
    if abs(other.fps - color.fps) > FPS_SLACK:
        yield f"{theirs} has {other.fps:g} frames a second, {ours} has {color.fps:g}"


def expected(run: Run, media: Mapping[str, MediaFacts]) -> Mapping[str, OutputFile]:
    """The video, and each control as it was used, have the frames of the input, at its whole frame rate."""
    color = media.get("color")
    if color is None:
        return run.outputs
    width, height = working_size(run, color)
    if run.params["keep_input_resolution"]:
        width, height = color.width - color.width % 2, color.height - color.height % 2
    frames, fps = length(run, color), float(int(color.fps))
    measured = {
        name: replace(run.outputs[name], frames=frames, width=width, height=height, fps=fps)
        for name in ("video", *(f"control_{name}" for name in run.controls))
    }
    return {**run.outputs, **measured}


def advice(run: Run, media: Mapping[str, MediaFacts]) -> Iterator[Refusal]:
    color = media.get("color")
    if color is None:
        return
    frames, path = length(run, color), ("inputs", "color")
    if frames < CHUNK:
        message = f"{frames} frames are mirrored to {CHUNK}, which take as long as {CHUNK} would"
        yield Refusal(path=path, message=message, hint=f"{CHUNK} frames cost the same")
    yield from chunk_advice(frames, CHUNK, _overlap(run), "max_frames")
    if color.fps - int(color.fps) > FPS_SLACK:
        message = f"{color.fps:g} frames a second become {int(color.fps)}: the result plays slower"
        yield Refusal(path=path, message=message, hint="render at a whole number of frames a second")


def work(run: Run, media: Mapping[str, MediaFacts]) -> Work | None:
    color = media.get("color")
    if color is None:
        return None
    width, height = working_size(run, color)
    params, gpus, names = run.params, run.placement.gpus, "+".join(sorted(run.controls))
    is_distilled = bool(params["distilled"])
    words = f"{'distilled ' if is_distilled else ''}{names}, {width}x{height}, {params['steps']} steps, {gpus} GPU"
    is_usual = params["resolution"] == "720" and params["steps"] == (STEPS_DISTILLED if is_distilled else STEPS)
    return Work(
        chunks=chunks_of(length(run, color), CHUNK, _overlap(run)),
        shape=words,
        seconds=_SECONDS.get((names, is_distilled, gpus)) if is_usual else None,
    )


def _overlap(run: Run) -> int:
    overlap = run.params["overlap"]
    assert isinstance(overlap, int)  # noqa: S101 - `problems_of` has seen to its type
    return overlap
