"""Controls and regions of a run of Cosmos-Transfer1: what a spec may say about them, and the files that they are.

A file of a control is an input in a role of its own: `depth`, `seg_weights`, `region_1`. The program looks at some
fields of some controls only, and drops the others without a word: here they are refused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cosmos.adapters.fields import control_refusals, normalised
from cosmos.adapters.preview import PRESETS
from cosmos.core.draft import Draft, Path, Refusal
from cosmos.core.problem import did_you_mean
from cosmos.core.run import Control, Region
from cosmos.core.spec import ControlSpec, RegionSpec

CONTROLS = {"vis": "vis", "edge": "edge", "depth": "depth", "seg": "segmentation", "keypoint": "keypoint"}
"""Input role by control."""

COMPUTED = frozenset({"depth", "seg"})
"""Controls that the program computes from the color video where no file is given, each time the same."""

BY_CHANCE = frozenset({"vis", "edge"})
"""Controls that it computes with strengths drawn at random, so that no two runs need to have the same."""

PRESET = "medium"

NOISE_ALONE = 80.0
"""`sigma_max` from which on the program begins with noise alone, and does without a color video."""

WORDS_MAX = 128
"""Words of a text in which things to segment are looked for; the rest is dropped by the program."""

_TAKES = {"seg": ("weights", "prompt", "mask_prompt")}
"""Fields of a control that it looks at, besides weight, input and preset."""

_BOX_GRID = (160, 88)
"""Cells of the picture in which regions are told apart."""

_PREPARE = (
    "compute it once: `cosmos prepare` writes {role}.mp4 into the scene; or accept it: `params: {{derive: true}}`"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Files that controls and regions name themselves, by role, and where each stands in the spec."""

    scene: Mapping[str, str] = field(default_factory=dict)
    """In place of the scene's."""
    more: Mapping[str, str] = field(default_factory=dict)
    """Weights and masks, which no scene has."""
    places: Mapping[str, Path] = field(default_factory=dict)


def own_files(draft: Draft) -> Files:
    known = {name: spec for name, spec in draft.controls.items() if name in CONTROLS}
    scene = {CONTROLS[name]: spec.input for name, spec in known.items() if spec.input is not None}
    weights = {f"{name}_weights": spec.weights for name, spec in known.items() if spec.weights is not None}
    masks = {region_role(index): each.mask for index, each in enumerate(draft.regions) if each.mask is not None}
    places: dict[str, Path] = {CONTROLS[name]: ("controls", name, "input") for name in known}
    places |= {region_role(index): ("regions", index, "mask") for index in range(len(draft.regions))}
    return Files(scene=scene, more={**weights, **masks}, places=places)


def region_role(index: int) -> str:
    return f"region_{index + 1}"


def needs_scene(draft: Draft, files: Mapping[str, str] | set[str], sigma_max: object) -> bool:
    """Whether the program cannot do without the color video: to compute something from it, or to begin with it."""
    starts_from_noise = isinstance(sigma_max, float) and sigma_max >= NOISE_ALONE
    words = [*(spec.mask_prompt for spec in draft.controls.values()), *(each.mask_prompt for each in draft.regions)]
    has_all = all(CONTROLS[name] in files for name in draft.controls if name in CONTROLS)
    return not (starts_from_noise and has_all) or any(words)


def read_controls(draft: Draft, files: set[str], *, accepts_chance: bool) -> tuple[dict[str, Control], list[Refusal]]:
    """The controls as the model applies them.

    Args:
        draft: The run as written.
        files: Roles that have a file.
        accepts_chance: Whether the run says that a signal may differ from one time to the next.
    """
    refusals = []
    if not draft.controls:
        hint = "write `controls: {edge: 1.0}`"
        refusals.append(Refusal(path=("controls",), message="Cosmos-Transfer1 needs a control", hint=hint))
    known = {name: spec for name, spec in draft.controls.items() if name in CONTROLS}
    refusals += [_unknown(name) for name in sorted(draft.controls.keys() - known)]
    for name, spec in known.items():
        refusals += control_refusals(name, spec, _TAKES.get(name, ("weights",)))
        refusals += _of_weights(name, spec)
        has_file = CONTROLS[name] in files
        refusals += _of_file(name, spec) if has_file else _of_computing(name, spec, accepts_chance=accepts_chance)
    weights = {name: spec.weight for name, spec in known.items()}
    if all(spec.weights is None and spec.mask_prompt is None for spec in known.values()):
        weights = normalised(weights)  # else the program does so at each place and time
    return {name: _control(name, known[name], weights[name], files) for name in CONTROLS if name in known}, refusals


def _control(name: str, spec: ControlSpec, weight: float, files: set[str]) -> Control:
    derived = CONTROLS[name] not in files
    preset = (spec.preset or PRESET) if derived and name == "vis" else None
    return Control(weight=weight, preset=preset, derived=derived, prompt=spec.prompt, mask_prompt=spec.mask_prompt)


def _unknown(name: str) -> Refusal:
    if name in ("hdmap", "lidar"):
        message = f'control "{name}" is one of the driving model (Sample-AV), which cosmos does not run'
        return Refusal(path=("controls", name), message=message, hint=f"it takes {', '.join(CONTROLS)}")
    hint = did_you_mean(name, CONTROLS) or f"it takes {', '.join(CONTROLS)}"
    if name == "upscale":
        hint = "use the model cosmos-transfer1-upscale"
    return Refusal(path=("controls", name), message=f'the model takes no control "{name}"', hint=hint)


def _of_weights(name: str, spec: ControlSpec) -> Iterator[Refusal]:
    at = ("controls", name)
    if spec.weights is None:
        return
    if not spec.weights.endswith(".pt"):
        message = (
            f"{spec.weights} is no file of weights: Cosmos-Transfer1 reads tensors of PyTorch, [T, H, W] or [H, W]"
        )
        yield Refusal(path=(*at, "weights"), message=message, hint="write it by torch.save, to a name that ends in .pt")
    if spec.weight != 1.0:
        message = f'control "{name}" has a file of weights, so its weight has no effect'
        yield Refusal(path=(*at, "weight"), message=message, hint="scale the tensor, and take the weight away")
    if spec.mask_prompt is not None:
        message = f'control "{name}" has weights and mask_prompt, and the program would drop the weights'
        yield Refusal(path=(*at, "mask_prompt"), message=message, hint="keep one of them")


def _of_file(name: str, spec: ControlSpec) -> Iterator[Refusal]:
    """What has no effect because the signal comes from a file."""
    for what in ("preset", "prompt"):
        if getattr(spec, what) is not None and (what == "preset" or name == "seg"):
            message = f'control "{name}" comes from a file, so a {what} has no effect'
            hint = f"take it away, or remove {CONTROLS[name]}.mp4 from the scene"
            yield Refusal(path=("controls", name, what), message=message, hint=hint)


def _of_computing(name: str, spec: ControlSpec, *, accepts_chance: bool) -> Iterator[Refusal]:
    """What cannot be computed, or not as the spec says."""
    at, role = ("controls", name), CONTROLS[name]
    if name not in COMPUTED | BY_CHANCE:
        hint = f"put {role}.mp4 into the folder of inputs, or name a file: `{name}: {{weight: W, input: path}}`"
        yield Refusal(path=at, message=f'control "{name}" needs a file {role}.mp4', hint=hint)
    if name in BY_CHANCE and not accepts_chance:
        message = f'control "{name}" needs {role}.mp4: the program would compute it with a strength drawn at random'
        yield Refusal(path=at, message=message, hint=_PREPARE.format(role=role))
    if spec.preset is not None and name != "vis":
        message = f'the program looks at no preset of control "{name}"'
        hint = f"`cosmos prepare` computes {role}.mp4 with a preset" if name == "edge" else "take the line away"
        yield Refusal(path=(*at, "preset"), message=message, hint=hint)
    elif spec.preset is not None and spec.preset not in PRESETS:
        hint = did_you_mean(spec.preset, PRESETS) or f"one of {', '.join(PRESETS)}"
        yield Refusal(path=(*at, "preset"), message=f'control "{name}" has no preset "{spec.preset}"', hint=hint)
    if name == "seg" and spec.prompt is not None and len(spec.prompt.split()) > WORDS_MAX:
        message = f"the program looks for the first {WORDS_MAX} words, and drops the rest of {len(spec.prompt.split())}"
        yield Refusal(path=(*at, "prompt"), message=message, hint="name things only, as `car . tree . road`")


def read_regions(draft: Draft) -> tuple[tuple[Region, ...], list[Refusal]]:
    """The regions in their order, and what is wrong with them."""
    refusals = [refusal for index, each in enumerate(draft.regions) for refusal in _of_region(index, each)]
    return tuple(_region(index, each) for index, each in enumerate(draft.regions)), refusals


def _region(index: int, spec: RegionSpec) -> Region:
    role = region_role(index) if spec.mask is not None else ""
    return Region(text=spec.text, box=tuple(spec.box or ()), mask_prompt=spec.mask_prompt, role=role)


def _of_region(index: int, spec: RegionSpec) -> Iterator[Refusal]:
    at: Path = ("regions", index)
    said = [what for what in ("mask", "mask_prompt", "box") if getattr(spec, what) is not None]
    if len(said) != 1:
        message = f"region {index + 1} says by {' and '.join(said)} where it is" if said else "a region has no place"
        yield Refusal(path=at, message=message, hint="give it one of box, mask, mask_prompt")
    if spec.box is not None:
        left, top, right, bottom = spec.box
        columns, rows = _BOX_GRID
        if int(left * columns) >= int(right * columns) or int(top * rows) >= int(bottom * rows):
            message = f"the box of region {index + 1} is empty: it is left, top, right, bottom, each from 0 to 1"
            yield Refusal(path=(*at, "box"), message=message, hint="as `box: [0, 0, 0.5, 1]` for the left half")
