"""Lengths and sizes of Cosmos 3: what the signals of a transfer must have in common, and what comes out."""

from collections.abc import Iterator, Mapping
from math import ceil

from cosmos.adapters.fields import differences, file_name, path_of
from cosmos.core.draft import Refusal
from cosmos.core.run import MediaFacts, Run

HINTS = {"edge": "edge", "blur": "vis", "depth": "depth", "seg": "segmentation", "wsm": "wsm"}
"""Input role by control, in the model's own order."""
TRANSFER = "transfer"

_WIDE = {"256": (320, 192), "480": (832, 480), "720": (1280, 720), "768": (1360, 768)}
_NARROW = {"256": (320, 256), "480": (736, 544), "720": (1104, 832), "768": (1184, 880)}
_SQUARE = {"256": (256, 256), "480": (640, 640), "720": (960, 960), "768": (1024, 1024)}
_RATIOS = {"16,9": 16 / 9, "4,3": 4 / 3, "1,1": 1.0, "3,4": 3 / 4, "9,16": 9 / 16}

_RENDER_AGAIN = "render them from the same frames, or trim the longer one"


def mode_of(run: Run) -> str:
    return TRANSFER if run.controls else str(run.params["mode"])


def files_of(run: Run) -> dict[str, str]:
    """File name below `inputs/` by role, also of what another run makes."""
    made = [] if run.source is None else [run.source.role]
    return {role: file_name(role, path_of(run, role)) for role in [*run.inputs, *made]}


def size_of(resolution: str, aspect: str) -> tuple[int, int]:
    """Width and height in pixels."""
    width, height = {"16,9": _WIDE, "9,16": _WIDE, "1,1": _SQUARE}.get(aspect, _NARROW)[resolution]
    return (height, width) if aspect in ("9,16", "3,4") else (width, height)


def aspect_of(facts: MediaFacts) -> str:
    """The shape that a video is cut to where nothing else says it."""
    ratio = facts.width / facts.height
    return min(_RATIOS, key=lambda name: abs(_RATIOS[name] - ratio))


def number(run: Run, name: str) -> int:
    """A whole number that a run has; 0 where its mode does not look at it."""
    value = run.params[name]
    return value if isinstance(value, int) else 0


def length_of(run: Run, first: MediaFacts) -> int:
    """Frames of a transfer."""
    return min(first.frames, number(run, "max_frames") or first.frames)


def shape_of(run: Run, first: MediaFacts | None) -> tuple[int, int, int]:
    """Frames, width and height of the video; `first` is what gives a transfer its length, None for no transfer."""
    aspect = run.params["aspect_ratio"] or (aspect_of(first) if first else "16,9")
    frames = length_of(run, first) if first else number(run, "frames")
    return frames, *size_of(str(run.params["resolution"]), str(aspect))


def whole(frames: int) -> int:
    """The number of frames that is made when so many are asked for: one more than a multiple of four."""
    return ceil((frames - 1) / 4) * 4 + 1


def mismatches(run: Run, media: Mapping[str, MediaFacts]) -> Iterator[Refusal]:
    """Signals of one transfer that differ, and files that are no videos."""
    place = {role: ("controls", name) for name, role in HINTS.items()}
    roles = [role for role in run.inputs if role != "image"]
    for role in roles:
        if role not in media:
            message = f"{run.inputs[role]} is no video"
            yield Refusal(path=place.get(role, ("inputs", role)), message=message, hint="is it a pointer of git LFS?")
    first, *others = [role for role in roles if role in media] or [""]
    for role in others if run.controls else ():
        for words in differences(media[first], media[role], (run.inputs[first], run.inputs[role])):
            yield Refusal(path=place.get(role, ("inputs", role)), message=words, hint=_RENDER_AGAIN)


def first_signal(run: Run, media: Mapping[str, MediaFacts]) -> MediaFacts | None:
    """The video that gives a transfer its length."""
    order = [*(HINTS[name] for name in HINTS if name in run.controls), "color"]
    return next((media[role] for role in order if role in media), None)
