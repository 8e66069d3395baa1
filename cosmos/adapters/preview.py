"""The preview: what a run will be guided by, made on the CPU in seconds, before GPU time is spent.

It draws the scene, each control with its weight, their blend, and the prompt, and leaves each control as
a video of its own. Edge and vis are computed from the color video where the scene has no file for them;
depth and segmentation come from a renderer, and are refused when their file is missing.
The program is `cosmos.local_ai.preview`; this side only writes its payload.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from cosmos.adapters.base import Evidence, Launch, Step, Unmeasured, Verdict
from cosmos.adapters.evidence import exit_verdict, output_verdict, step
from cosmos.adapters.fields import (
    control_refusals,
    differences,
    file_name,
    inputs_for,
    normalised,
    path_of,
    region_refusals,
    unknown,
    unread,
)
from cosmos.adapters.params import program_problems, typed_params
from cosmos.core.digest import canonical
from cosmos.core.draft import Draft, Refusal, Resolution
from cosmos.core.ports import PYTHON, ROOT
from cosmos.core.problem import did_you_mean
from cosmos.core.reasons import Reason
from cosmos.core.run import Control, MediaFacts, Model, OutputFile, Run
from cosmos.core.spec import ControlSpec

CONTROLS = {"vis": "vis", "edge": "edge", "depth": "depth", "seg": "segmentation"}
"""Input role by control, in the order in which they are drawn."""

DERIVED = frozenset({"vis", "edge"})
"""Controls that are computed from the color video where no file is given."""

PRESETS = ("very_low", "low", "medium", "high", "very_high")
DEFAULT_PRESET = "medium"

PARAMS = {"seed": "int", "frames": "int", "height": "int"}
"""Type by parameter of the program. Ranges and defaults are in the Model spec."""

ROLES = {"color": True, **dict.fromkeys(CONTROLS.values(), False)}
"""Input roles; True where required."""

PAYLOAD = "payload.json"

_RENDER_AGAIN = "render them from the same frames, or trim the longer one"


class PreviewAdapter(Unmeasured):
    """Runs `python -m cosmos.local_ai.preview`. Holds no state."""

    name = "preview"
    version = 1

    def model_problems(self, model: Model) -> Sequence[Refusal]:
        return program_problems(model, PARAMS)

    def resolve(self, draft: Draft, available: Mapping[str, str]) -> Resolution:
        known = {name: spec for name, spec in draft.controls.items() if name in CONTROLS}
        own = {CONTROLS[name]: spec.input for name, spec in known.items() if spec.input is not None}
        read = {"color", *(CONTROLS[name] for name in known)}
        offered, refusals = inputs_for(replace(draft, named=draft.named | own.keys()), {**available, **own}, ROLES)
        inputs = {role: path for role, path in offered.items() if role in read}
        files = {*inputs, *({draft.source.role} if draft.source else ())}
        refusals += unread(draft, CONTROLS, read, own)
        refusals += [unknown("control", name, ("controls", name), CONTROLS) for name in draft.controls.keys() - known]
        refusals += region_refusals(draft)
        for name, spec in known.items():
            refusals += control_refusals(name, spec)
            refusals += _control_problems(name, spec, has_file=CONTROLS[name] in files)
        params, wrong = typed_params(draft.model.params, draft.params)
        controls = _controls(known, files)
        return Resolution(
            inputs=inputs,
            controls=controls,
            params=params,
            outputs={name: OutputFile(path=path) for name, path in _output_paths(controls).items()},
            refusals=(*refusals, *wrong),
        )

    def check(self, run: Run, media: Mapping[str, MediaFacts]) -> Sequence[Refusal]:
        color = media.get("color")
        if color is None:
            return ()
        refusals = []
        if color.width % 2 or color.height % 2:
            message = f"{run.inputs['color']} is {color.width}x{color.height}; H.264 needs even numbers"
            refusals.append(Refusal(path=("inputs", "color"), message=message, hint="crop or scale the scene"))
        for name in run.controls:
            role = CONTROLS[name]
            if role in media:
                pair = (run.inputs["color"], run.inputs[role])
                words = differences(color, media[role], pair)
                refusals += [Refusal(path=("controls", name), message=text, hint=_RENDER_AGAIN) for text in words]
        return refusals

    def expect(self, run: Run, media: Mapping[str, MediaFacts]) -> Mapping[str, OutputFile]:
        color = media.get("color")
        if color is None:
            return run.outputs
        cap = run.params["frames"]
        frames = min(color.frames, cap) if isinstance(cap, int) and cap else color.frames
        sheet = replace(run.outputs["video"], frames=frames)
        each = {
            name: replace(run.outputs[name], frames=frames, width=color.width, height=color.height)
            for name in run.controls
        }
        return {"video": sheet, **each}

    def launch(self, run: Run, folder: str) -> Launch:
        made = [] if run.source is None else [run.source.role]
        files = {role: file_name(role, path_of(run, role)) for role in [*run.inputs, *made]}
        argv = (PYTHON, "-m", "cosmos.local_ai.preview", "--payload", f"{ROOT}/{PAYLOAD}")
        inputs = {name: role for role, name in files.items()}
        return Launch(argv=argv, inputs=inputs, files={PAYLOAD: canonical(_payload(run, folder, files))})

    def judge(self, run: Run, evidence: Evidence) -> Verdict:
        failed = exit_verdict(evidence) or output_verdict(run.outputs, evidence)
        return failed or _looks_wrong(
            {name: facts for name, facts in evidence.media.items() if isinstance(facts, MediaFacts)}
        )

    def progress(self, log_tail: str) -> Step:
        return step(log_tail)


def _control_problems(name: str, spec: ControlSpec, *, has_file: bool) -> Iterable[Refusal]:
    role, at = CONTROLS[name], ("controls", name)
    if name not in DERIVED:
        if not has_file:
            hint = f"put {role}.mp4 into the folder of inputs, or name a file: `{name}: {{weight: W, input: path}}`"
            yield Refusal(path=at, message=f'control "{name}" needs {role}.mp4 from a renderer', hint=hint)
        if spec.preset is not None:
            message = f'control "{name}" is not computed, so it has no presets'
            yield Refusal(path=(*at, "preset"), message=message, hint="take the line away")
    elif spec.preset is not None and has_file:
        message = f'control "{name}" comes from a file, so a preset has no effect'
        yield Refusal(path=(*at, "preset"), message=message, hint=f"take it away, or remove {role}.mp4 from the scene")
    elif spec.preset is not None and spec.preset not in PRESETS:
        hint = did_you_mean(spec.preset, PRESETS) or f"one of {', '.join(PRESETS)}"
        yield Refusal(path=(*at, "preset"), message=f'control "{name}" has no preset "{spec.preset}"', hint=hint)


def _controls(specs: Mapping[str, ControlSpec], files: set[str]) -> dict[str, Control]:
    weights = normalised({name: spec.weight for name, spec in specs.items()})
    controls = {}
    for name, role in CONTROLS.items():
        if name in specs:
            derived = name in DERIVED and role not in files
            preset = (specs[name].preset or DEFAULT_PRESET) if derived else None
            controls[name] = Control(weight=weights[name], preset=preset, derived=derived)
    return controls


def _output_paths(controls: Iterable[str]) -> dict[str, str]:
    return {"video": "preview.mp4", **{name: f"{name}.mp4" for name in controls}}


def _payload(run: Run, folder: str, files: Mapping[str, str]) -> dict[str, object]:
    """All that the program is told; paths are relative to the run directory."""
    return {
        "text": run.text,
        "negative": run.negative,
        "params": dict(run.params),
        "color": f"inputs/{files['color']}",
        "controls": [
            {
                "name": name,
                "weight": run.controls[name].weight,
                "preset": run.controls[name].preset,
                "input": None if run.controls[name].derived else f"inputs/{files[role]}",
            }
            for name, role in CONTROLS.items()
            if name in run.controls
        ],
        "outputs": {name: f"outputs/{folder}/{file.path}" for name, file in run.outputs.items()},
    }


def _looks_wrong(media: Mapping[str, MediaFacts]) -> Verdict:
    counts = {name: facts.frames for name, facts in media.items()}
    if len(set(counts.values())) > 1:
        words = ", ".join(f"{name} {count}" for name, count in counts.items())
        return Verdict(reason=Reason.OUTPUT_INVALID, message=f"outputs of one run differ in frames: {words}")
    if media["video"].black:
        return Verdict(reason=Reason.OUTPUT_INVALID, message='output "video" is black in every frame')
    return Verdict()
