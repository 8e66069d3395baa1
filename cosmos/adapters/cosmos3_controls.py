"""What all ways to run Cosmos 3 share: its modes, sizes, defaults and control signals.

A run with controls is a transfer: a video made anew, guided by signals of one scene. Without them `mode` says what is
made. A setting that a mode does not look at has no value, so that it makes no difference, and is refused where written.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import PurePosixPath

from cosmos.adapters.cosmos3_media import HINTS, TRANSFER, whole
from cosmos.adapters.fields import PLACES, control_refusals, inputs_for, region_refusals, unread
from cosmos.adapters.params import typed_params
from cosmos.adapters.preview import PRESETS
from cosmos.core.draft import Draft, Refusal
from cosmos.core.problem import did_you_mean
from cosmos.core.run import Control, Value
from cosmos.core.spec import ControlSpec

COMPUTED = {"edge": PRESETS, "blur": ("none", *PRESETS)}
"""Presets of the controls that the model computes from the color video where no file is given."""
PRESET = "medium"
PRESET_FIELD = {"edge": "preset_edge_threshold", "blur": "preset_blur_strength"}

READS = {"text2video": "", "text2image": "", "image2video": "image", "video2video": "color"}
"""Input role that a mode begins with, "" for none."""
SUFFIXES = {"image": (".png", ".jpg", ".jpeg", ".webp")}
VIDEO = (".mp4",)

_ALWAYS = ("seed", "steps", "guidance", "shift", "resolution")
_MADE = (*_ALWAYS, "aspect_ratio", "fps", "frames", "quality")
_LOOKED_AT = {
    "text2image": (*_ALWAYS, "aspect_ratio"),
    "text2video": _MADE,
    "image2video": _MADE,
    "video2video": (*_MADE, "condition_frames", "keep"),
    TRANSFER: (
        *_ALWAYS,
        "quality",
        "control_guidance",
        "chunk",
        "overlap",
        "max_frames",
        "emphasize",
        "share_positions",
    ),
}
OF_MODES = frozenset(name for names in _LOOKED_AT.values() for name in names) | {"first_overlap"}
"""Parameters that some modes look at; the others are of the program, and always count."""

_TUNED: Mapping[str, Mapping[str, Value]] = {
    "text2image": {"steps": 50, "guidance": 4.0, "shift": 3.0, "aspect_ratio": "1,1"},
    "edge": {"guidance": 3.0, "control_guidance": 1.5},
    "blur": {"guidance": 3.0, "control_guidance": 1.5},
    "depth": {"guidance": 3.0, "control_guidance": 1.5},
    "seg": {"guidance": 3.0, "control_guidance": 2.0},
    "wsm": {"guidance": 1.0, "control_guidance": 3.0, "fps": 10, "frames": 101, "chunk": 101},
}
"""The model's own defaults by mode, or by the control of a run with one."""
_DEFAULTS: Mapping[str, Value] = {
    "steps": 35,
    "guidance": 6.0,
    "shift": 10.0,
    "resolution": "720",
    "aspect_ratio": "16,9",
    "fps": 24,
    "frames": 189,
    "chunk": 93,
    "keep": "first",
    "condition_frames": "0,1",
}
_SEVERAL = ("guidance", "control_guidance", "shift")
"""Have tuned defaults for one control alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A draft as the model understands it."""

    mode: str
    inputs: Mapping[str, str]
    controls: Mapping[str, Control]
    params: Mapping[str, Value]
    refusals: tuple[Refusal, ...]


def read(draft: Draft, available: Mapping[str, str], more: Mapping[str, Value], also: Iterable[str] = ()) -> Read:
    """Everything of a draft but what the ways to run it differ in.

    Args:
        draft: The run as written.
        available: Files by role that prompt and run offer.
        more: Defaults of this program in place of the model's.
        also: Parameters that a transfer looks at here, besides those that it looks at everywhere.
    """
    typed, refusals = typed_params(draft.model.params, draft.params)
    asked = str(typed.get("mode"))
    mode = TRANSFER if draft.controls else asked if asked in READS else "text2video"
    if asked not in READS and not any(refusal.path == ("params", "mode") for refusal in refusals):
        message = f'Cosmos 3 is not run in mode "{asked}"'
        refusals.append(Refusal(path=("params", "mode"), message=message, hint=f"one of {', '.join(READS)}"))
    known = {name: spec for name, spec in draft.controls.items() if name in HINTS}
    own = {HINTS[name]: spec.input for name, spec in known.items() if spec.input is not None}
    made = set() if draft.source is None else {draft.source.role}
    there = {*available, *own, *made}
    wants_color = mode == "video2video" or _computes(known, there) or bool(typed.get("first_overlap"))
    roles = {"color": wants_color, "image": mode == "image2video", **dict.fromkeys(HINTS.values(), False)}
    wanted = {role for role in ("color", "image") if roles[role]} | {HINTS[name] for name in known}
    named = replace(draft, named=draft.named | own.keys())
    offered, wrong = inputs_for(named, {**available, **own}, roles)
    inputs = {role: path for role, path in offered.items() if role in wanted}
    refusals += [*wrong, *unread(draft, HINTS, wanted, own), *_unused(draft, mode, wanted)]
    refusals += [*region_refusals(draft), *_wrong_files(inputs, own), *_of_mode(draft, typed)]
    controls, wrong = _controls(draft, known, there)
    params = _settled(draft, typed, mode, ("color" in {*inputs, *made}, also), more)
    refusals += [*wrong, *_too_long(params), *_without_effect(draft, params, mode)]
    return Read(mode=mode, inputs=inputs, controls=controls, params=params, refusals=tuple(refusals))


def _computes(specs: Mapping[str, ControlSpec], there: set[str]) -> bool:
    return any(name in COMPUTED and HINTS[name] not in there for name in specs)


def _unused(draft: Draft, mode: str, wanted: set[str]) -> Iterator[Refusal]:
    """Inputs that the run names, or that its source makes, and that this mode does not begin with."""
    made = () if draft.source is None else ((draft.source.role, ("source", "role")),)
    for role, path in (*((role, ("inputs", role)) for role in sorted(draft.named)), *made):
        if role in ("color", "image") and role not in wanted:
            what = "a transfer whose controls all have files" if mode == TRANSFER else f"mode {mode}"
            hint = "take it away" if mode == TRANSFER else f"write `params: {{mode: {_reader(role)}}}`, or take it away"
            yield Refusal(path=path, message=f'input "{role}" is not used by {what}', hint=hint)


def _reader(role: str) -> str:
    return next(mode for mode, reads in READS.items() if reads == role)


def _wrong_files(inputs: Mapping[str, str], own: Iterable[str]) -> Iterator[Refusal]:
    names = {role: name for name, role in HINTS.items()}
    for role, path in inputs.items():
        takes = SUFFIXES.get(role, VIDEO)
        if PurePosixPath(path).suffix.lower() not in takes:
            at = ("controls", names[role], "input") if role in own else ("inputs", role)
            message = f'the model cannot read {path} as "{role}"'
            yield Refusal(path=at, message=message, hint=f"it takes {', '.join(takes)}")


def _of_mode(draft: Draft, typed: Mapping[str, Value]) -> Iterator[Refusal]:
    if draft.controls and draft.params.get("mode") is not None:
        message = 'parameter "mode" has no effect on a run with controls, which is a transfer'
        yield Refusal(path=("params", "mode"), message=message, hint="take the line away")
    if not draft.text:
        yield Refusal(path=("prompt",), message="the model needs a prompt", hint="write `prompt: NAME`")
    if len(draft.controls) > 1:
        for name in _SEVERAL:
            if typed.get(name) is None:
                message = f'several controls have no tuned default for "{name}"'
                hint = f"write `params: {{{name}: ...}}`; with one control guidance 3.0, control_guidance 1.5, shift 10"
                yield Refusal(path=("params",), message=message, hint=hint)


def _controls(
    draft: Draft, known: Mapping[str, ControlSpec], there: set[str]
) -> tuple[dict[str, Control], list[Refusal]]:
    refusals = [_unknown(name) for name in sorted(draft.controls.keys() - known)]
    for name, spec in known.items():
        refusals += control_refusals(name, spec)
        refusals += _of_file(name, spec, has_file=HINTS[name] in there)
    total = sum(Fraction(repr(spec.weight)) for spec in known.values())
    if known and not total:
        message = "the weights are all 0, and the model divides them by their sum"
        refusals.append(Refusal(path=("controls",), message=message, hint="give one of them a weight"))
    controls = {}
    for name, role in HINTS.items():
        if name in known:
            derived = role not in there and name in COMPUTED
            weight = float(round(Fraction(repr(known[name].weight)) / (total or 1), PLACES))
            preset = (known[name].preset or PRESET) if derived else None
            controls[name] = Control(weight=weight, preset=preset, derived=derived)
    return controls, refusals


def _unknown(name: str) -> Refusal:
    known = "it takes " + ", ".join(HINTS)
    hint = "Cosmos 3 calls it blur" if name == "vis" else did_you_mean(name, HINTS) or known
    return Refusal(path=("controls", name), message=f'the model takes no control "{name}"', hint=hint)


def _of_file(name: str, spec: ControlSpec, *, has_file: bool) -> Iterator[Refusal]:
    at, role = ("controls", name), HINTS[name]
    if name not in COMPUTED and not has_file:
        hint = f"put {role}.mp4 into the folder of inputs, or name a file: `{name}: {{weight: W, input: path}}`"
        yield Refusal(path=at, message=f'control "{name}" needs {role}.mp4: the model computes it not', hint=hint)
    if spec.preset is None:
        return
    if name not in COMPUTED:
        message = f'control "{name}" is not computed, so it has no presets'
        yield Refusal(path=(*at, "preset"), message=message, hint="take the line away")
    elif has_file:
        message = f'control "{name}" comes from a file, so a preset has no effect'
        yield Refusal(path=(*at, "preset"), message=message, hint=f"take it away, or remove {role}.mp4 from the scene")
    elif spec.preset not in COMPUTED[name]:
        hint = did_you_mean(spec.preset, COMPUTED[name]) or f"one of {', '.join(COMPUTED[name])}"
        yield Refusal(path=(*at, "preset"), message=f'control "{name}" has no preset "{spec.preset}"', hint=hint)


def _settled(
    draft: Draft,
    typed: Mapping[str, Value],
    mode: str,
    transfer: tuple[bool, Iterable[str]],
    more: Mapping[str, Value],
) -> dict[str, Value]:
    """Every parameter with the value that it has in this mode; None for what the mode does not look at."""
    has_color, also = transfer
    looked_at = {*_LOOKED_AT[mode]}
    if mode == TRANSFER:
        looked_at |= {"aspect_ratio", "first_overlap", *also} if has_color else {"fps", *also}
    tuned = _TUNED.get(next(iter(draft.controls), mode) if len(draft.controls) < 2 else "", {})
    defaults = {**_DEFAULTS, **more, **tuned}
    params: dict[str, Value] = {"mode": None} if mode == TRANSFER else {}
    for name, value in typed.items():
        if name in OF_MODES and name not in looked_at:
            params[name] = None
        elif name not in params:
            params[name] = defaults.get(name) if value is None else value
    for name in ("frames", "chunk"):
        if isinstance(count := params.get(name), int):
            params[name] = whole(count)
    return params


def _too_long(params: Mapping[str, Value]) -> Iterator[Refusal]:
    chunk = params.get("chunk")
    for name in ("overlap", "first_overlap"):
        overlap = params.get(name)
        if isinstance(chunk, int) and isinstance(overlap, int) and overlap >= chunk:
            message = f"{name} must be smaller than chunk, and {overlap} is not smaller than {chunk}"
            yield Refusal(path=("params", name), message=message, hint="lower it")


def _without_effect(draft: Draft, params: Mapping[str, Value], mode: str) -> Iterator[Refusal]:
    for name in draft.params:
        if name in OF_MODES and name in params and params[name] is None and draft.params[name] is not None:
            what = "this transfer" if mode == TRANSFER else f"mode {mode}"
            yield Refusal(
                path=("params", name), message=f'parameter "{name}" has no effect on {what}', hint="take the line away"
            )
