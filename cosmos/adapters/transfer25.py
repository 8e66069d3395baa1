"""Cosmos-Transfer2.5: a video made anew from a scene, guided by edge, depth, vis and seg.

Each control comes from a file of the scene, or is computed by the model from the colour video where there is none.
The program refuses an unknown field of a sample, and ignores one within a control; so all is checked here.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from cosmos.adapters import transfer25_media as measures
from cosmos.adapters.base import Evidence, Launch, Step, Verdict
from cosmos.adapters.common25 import (
    EVIDENCE,
    NAME,
    PATHS,
    draft_refusals,
    launch_of,
    progress_of,
    verdict_of,
    without_effect,
)
from cosmos.adapters.fields import control_refusals, inputs_for, normalised, region_refusals, unknown
from cosmos.adapters.params import program_problems, typed_params
from cosmos.adapters.transfer25_sample import CONTROLS, PRESET_FIELD, sample_of
from cosmos.core.draft import Draft, Refusal, Resolution
from cosmos.core.estimate import Work
from cosmos.core.problem import did_you_mean
from cosmos.core.reasons import Reason
from cosmos.core.run import Control, MediaFacts, Model, OutputFile, Run, Value
from cosmos.core.spec import ControlSpec

PRESETS = ("very_low", "low", "medium", "high", "very_high")
DEFAULT_PRESET = "medium"

PARAMS = {
    "seed": "int",
    "guidance": "int",
    "steps": "int",
    "sigma_max": "float",
    "resolution": "str",
    "max_frames": "int",
    "overlap": "int",
    "context_frame": "int",
    "keep_input_resolution": "bool",
    "guided_steps": "int",
    "guided_labels": "str",
    "distilled": "bool",
    "offload_guardrail_models": "bool",
}
"""Type by parameter. Ranges and defaults are in the Model spec."""

SUFFIXES = {
    "context": (".png", ".jpg", ".jpeg"),
    "guided": (".mp4", ".npz"),
    "video": (".mp4", ".avi", ".mov", ".mkv", ".webm"),
}
"""Endings that the program reads: of the picture for the style, of the guided mask, of all else."""

_LABELS = re.compile(r"^[0-9]{1,4}(,[0-9]{1,4})*$")


class Transfer25Adapter:
    """Runs `examples/inference.py` of cosmos-transfer2.5. Holds no state."""

    name = "cosmos-transfer2.5"
    version = 1

    def model_problems(self, model: Model) -> Sequence[Refusal]:
        return program_problems(model, PARAMS, paths=PATHS, needs=("repo",))

    def resolve(self, draft: Draft, available: Mapping[str, str]) -> Resolution:
        known = {name: spec for name, spec in draft.controls.items() if name in CONTROLS}
        own = {CONTROLS[name]: spec.input for name, spec in known.items() if spec.input is not None}
        roles = {"color": True, **dict.fromkeys((*CONTROLS.values(), "context", "guided"), False)}
        offered, refusals = inputs_for(replace(draft, named=draft.named | own.keys()), {**available, **own}, roles)
        read = {"color", "context", "guided", *(CONTROLS[name] for name in known)}
        masks = {f"{name}_mask": spec.mask for name, spec in known.items() if spec.mask is not None}
        inputs = {**{role: path for role, path in offered.items() if role in read}, **masks}
        files = {*inputs, *({draft.source.role} if draft.source else ())}
        refusals += [*draft_refusals(draft), *region_refusals(draft), *_unread(draft, read, own), *_endings(inputs)]
        refusals += [unknown("control", name, ("controls", name), CONTROLS) for name in draft.controls.keys() - known]
        if not draft.controls:
            message, hint = "the model needs a control", "write `controls: {edge: 1}`; it has edge, depth, vis and seg"
            refusals.append(Refusal(path=("controls",), message=message, hint=hint))
        for name, spec in known.items():
            refusals += _control_problems(name, spec, has_file=CONTROLS[name] in files)
        typed, wrong = typed_params(draft.model.params, draft.params)
        wrong += [*_style(draft, files), *_guided(draft, files, inputs), *_distilled(draft)]
        params = typed if wrong else _params(draft, typed, files)
        controls = _controls(known, files)
        return Resolution(
            inputs=inputs,
            controls=controls,
            params=params,
            outputs=_outputs(controls),
            uses_negative=not params.get("distilled"),
            refusals=(*refusals, *wrong),
        )

    def check(self, run: Run, media: Mapping[str, MediaFacts]) -> Sequence[Refusal]:
        return list(measures.mismatches(run, media))

    def expect(self, run: Run, media: Mapping[str, MediaFacts]) -> Mapping[str, OutputFile]:
        return measures.expected(run, media)

    def advice(self, run: Run, media: Mapping[str, MediaFacts]) -> Sequence[Refusal]:
        return list(measures.advice(run, media))

    def work(self, run: Run, media: Mapping[str, MediaFacts]) -> Work | None:
        return measures.work(run, media)

    def group(self, run: Run) -> Mapping[str, object] | None:
        """Never runs with other controls: the program would load all four networks, and make other pictures."""
        setup = {name: run.params[name] for name in ("distilled", "offload_guardrail_models")}
        return {"controls": sorted(run.controls), "gpus": run.placement.gpus, **setup}

    def launch(self, run: Run, folder: str) -> Launch:
        flags = ["--offload-guardrail-models"] if run.params["offload_guardrail_models"] else []
        if run.params["distilled"]:
            experimental = {"COSMOS_EXPERIMENTAL_CHECKPOINTS": "1"}
            return launch_of(run, folder, sample_of(run), ["--model=edge/distilled", *flags], **experimental)
        model = [f"--model={name}" for name in run.controls] if len(run.controls) == 1 else []
        return launch_of(run, folder, sample_of(run), [*model, *flags])

    def judge(self, run: Run, evidence: Evidence) -> Verdict:
        verdict = verdict_of(run, evidence, sample_of(run))
        if verdict.reason is None and (lost := _lost_masks(run, evidence)):
            message = f"no mask was found for {', '.join(lost)}, so the control counted everywhere"
            return Verdict(reason=Reason.OUTPUT_INVALID, message=message)
        return verdict

    def progress(self, log_tail: str) -> Step:
        return progress_of(log_tail)


def _unread(draft: Draft, read: set[str], own: Iterable[str]) -> Iterator[Refusal]:
    """Inputs that the run names, and that no control would look at or that are named twice."""
    control = {role: name for name, role in CONTROLS.items()}
    for role in sorted((draft.named & control.keys()) - read):
        message = f'input "{role}" is not used, because control "{control[role]}" is off'
        yield Refusal(path=("inputs", role), message=message, hint=f"add `{control[role]}` to controls")
    for role in sorted(draft.named & set(own)):
        message = f'input "{role}" is given twice, by `inputs` and by `controls.{control[role]}`'
        yield Refusal(path=("inputs", role), message=message, hint="keep one of them")
    if draft.source is not None and draft.source.role in control.keys() - read:
        role = draft.source.role
        message = f'input "{role}" is not used, because control "{control[role]}" is off'
        yield Refusal(path=("source", "role"), message=message, hint=f"add `{control[role]}` to controls")


def _endings(inputs: Mapping[str, str]) -> Iterator[Refusal]:
    for role, path in inputs.items():
        takes = SUFFIXES.get(role, SUFFIXES["video"])
        if PurePosixPath(path).suffix.lower() not in takes:
            at = measures.place(role) if role not in ("color", "context") else ("inputs", role)
            hint = f"it takes {', '.join(takes)}"
            yield Refusal(path=at, message=f'the model cannot read {path} as "{role}"', hint=hint)


def _control_problems(name: str, spec: ControlSpec, *, has_file: bool) -> Iterator[Refusal]:
    at = ("controls", name)
    takes = ("mask", "mask_prompt", *(["prompt"] if name == "seg" else ()))
    yield from control_refusals(name, spec, takes)
    if spec.mask is not None and spec.mask_prompt is not None:
        message = f'control "{name}" has a mask and a mask_prompt, and the model takes one of them'
        yield Refusal(path=(*at, "mask_prompt"), message=message, hint="keep one of them")
    if spec.preset is not None and name not in PRESET_FIELD:
        message = f'control "{name}" has no presets'
        yield Refusal(path=(*at, "preset"), message=message, hint="take the line away")
    elif spec.preset is not None and spec.preset not in PRESETS:
        hint = did_you_mean(spec.preset, PRESETS) or f"one of {', '.join(PRESETS)}"
        yield Refusal(path=(*at, "preset"), message=f'control "{name}" has no preset "{spec.preset}"', hint=hint)
    for field in ("preset", "prompt"):
        is_taken = name in PRESET_FIELD if field == "preset" else name == "seg"
        if has_file and is_taken and getattr(spec, field) is not None:
            message = f'control "{name}" comes from a file, so a {field} has no effect'
            hint = f"take it away, or remove {CONTROLS[name]}.mp4 from the scene"
            yield Refusal(path=(*at, field), message=message, hint=hint)


def _style(draft: Draft, files: set[str]) -> Iterator[Refusal]:
    """The style comes from one picture at most, and never beside `vis`, which sets it too."""
    if "context" not in files:
        return
    if "vis" in draft.controls:
        message = "control vis and a picture for the style both set the style, and the model takes one of them"
        yield Refusal(path=("controls", "vis"), message=message, hint="take vis or the input `context` away")
    yield from without_effect(draft, ["context_frame"], "beside an input `context`")


def _guided(draft: Draft, files: set[str], inputs: Mapping[str, str]) -> Iterator[Refusal]:
    if "guided" not in files:
        yield from without_effect(draft, ["guided_steps", "guided_labels"], "without an input `guided`")
        return
    labels = draft.params.get("guided_labels")
    if not inputs.get("guided", "").lower().endswith(".npz"):
        yield from without_effect(draft, ["guided_labels"], "on a video: only a .npz has labels")
    elif isinstance(labels, str) and not _LABELS.match(labels):
        message = f'guided_labels must be numbers with commas between, as "1,4", not "{labels}"'
        yield Refusal(path=("params", "guided_labels"), message=message)


def _distilled(draft: Draft) -> Iterator[Refusal]:
    """It was trained for edges alone, and has guidance and negative text built in."""
    if not draft.params.get("distilled", draft.model.params["distilled"].default):
        return
    at = ("params", "distilled")
    if set(draft.controls) != {"edge"}:
        message = "the distilled model takes exactly one control, edge"
        yield Refusal(path=at, message=message, hint="write `controls: {edge: 1}`, or take `distilled` away")
    if draft.negative:
        message = f'the distilled model takes no negative text, and prompt "{draft.prompt}" has one'
        yield Refusal(path=("prompt",), message=message, hint="use a prompt without, or take `distilled` away")
    yield from without_effect(draft, ["guidance"], "on the distilled model")


def _params(draft: Draft, typed: Mapping[str, Value], files: set[str]) -> dict[str, Value]:
    """Without what this run of the program does not look at, so that it makes no difference."""
    params = dict(typed)
    if "guided" not in files:
        params |= {"guided_steps": None, "guided_labels": None}
    elif isinstance(labels := params["guided_labels"], str):
        params["guided_labels"] = ",".join(map(str, sorted({int(label) for label in labels.split(",")})))
    if params["distilled"]:
        params["guidance"] = None
        if draft.params.get("steps") is None:
            params["steps"] = measures.STEPS_DISTILLED
    return params


def _controls(specs: Mapping[str, ControlSpec], files: set[str]) -> dict[str, Control]:
    """Weights are scaled by their sum where that holds everywhere; where there are masks the model does it by place."""
    weights = {name: spec.weight for name, spec in specs.items()}
    has_masks = any(spec.mask is not None or spec.mask_prompt is not None for spec in specs.values())
    weights = weights if has_masks else normalised(weights)
    controls = {}
    for name, role in CONTROLS.items():
        if name in specs:
            spec, derived = specs[name], role not in files
            preset = (spec.preset or DEFAULT_PRESET) if derived and name in PRESET_FIELD else None
            words = {"prompt": spec.prompt, "mask_prompt": spec.mask_prompt}
            controls[name] = Control(weight=weights[name], preset=preset, derived=derived, **words)
    return controls


def _outputs(controls: Mapping[str, Control]) -> dict[str, OutputFile]:
    """The video, each control as it was used, masks that were made from words, and what tells about the run."""
    used = {f"control_{name}": OutputFile(path=f"{NAME}_control_{name}.mp4", required=False) for name in controls}
    masks = {
        f"mask_{name}": OutputFile(path=f"{NAME}_mask_{name}.mp4", required=False)
        for name, control in controls.items()
        if control.mask_prompt is not None
    }
    return {"video": OutputFile(path=f"{NAME}.mp4"), **used, **masks, **EVIDENCE}


def _lost_masks(run: Run, evidence: Evidence) -> list[str]:
    """Controls whose words led to no mask: the program warns, and goes on as if there had been none."""
    names = {entry.name for entry in evidence.manifest}
    return [f"`{name}.mask_prompt`" for name in run.controls if _is_lost(run.outputs.get(f"mask_{name}"), names)]


def _is_lost(mask: OutputFile | None, names: set[str]) -> bool:
    return mask is not None and mask.path not in names
