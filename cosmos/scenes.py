"""Rows about scenes: the folders of `inputs/`, what is in them, what uses them, and what `prepare` did."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from cosmos.core.run import MediaFacts

FRAMES_MIN, FRAMES_MAX = 24, 241
"""Lengths that models make good videos of."""

CLIP = 120
"""New frames of each clip that Cosmos-Transfer1 makes; the first has one more."""

JUST_OVER = 24
"""Frames beyond a clip that are fewer than what one more clip is worth."""

Listener = Callable[[str, int, int], None]
"""Told the file, how many of its frames are done, and how many there are. Called from several threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneRow:
    """One scene.

    `files` has its paths by role, `color` what its colours are (None: they do not decode). `prompts` and `runs` are
    those of the specs that use it; `poster` is the path of a picture, empty where there is none. `facts` and `sizes`
    are by role; `unread` has the roles whose files nobody has decoded yet, where they were not waited for.
    """

    name: str
    folder: str
    files: Mapping[str, str]
    color: MediaFacts | None
    warnings: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    poster: str = ""
    facts: Mapping[str, MediaFacts] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    changed_at: float = 0.0

    @property
    def controls(self) -> tuple[str, ...]:
        return tuple(role for role in self.files if role != "color")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What became of a render. `is_new` is False where the scene was there already, made of just this.

    `notes` are what a person should know about it, `again` the runs whose output is another one now.
    """

    scene: SceneRow
    is_new: bool
    notes: tuple[str, ...] = ()
    again: tuple[str, ...] = field(default=())


def remarks(facts: Mapping[str, MediaFacts]) -> Iterator[str]:
    """What is allowed in a scene and perhaps not meant, from what its files are by role."""
    color = facts.get("color")
    if color is None:
        return
    yield from _about_length(color.frames)
    if color.fps != int(color.fps):
        yield f"{color.fps:g} frames a second: some models take whole numbers only"
    if color.black:
        yield "every frame is black"
    for role, each in facts.items():
        if (each.frames, each.fps) != (color.frames, color.fps):
            yield f"{role} has {each.frames} frames at {each.fps:g} a second, color {color.frames} at {color.fps:g}"
        if (each.width, each.height) != (color.width, color.height):
            yield f"{role} is {each.width}x{each.height}, color {color.width}x{color.height}"


def _about_length(frames: int) -> Iterator[str]:
    if frames < FRAMES_MIN:
        yield f"{frames} frames: under {FRAMES_MIN} models make noisy videos"
    if frames > FRAMES_MAX:
        yield f"{frames} frames: more than {FRAMES_MAX} take long, and drift"
    clips, over = divmod(frames - 1, CLIP)
    if clips and 0 < over <= JUST_OVER:
        yield f"{frames} frames cost Cosmos-Transfer1 {clips + 1} clips; {frames - over} would cost {clips}"
