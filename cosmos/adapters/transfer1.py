"""Cosmos-Transfer1-7B: a video made from a prompt and control signals, 121 frames at a time.

One run a process. `group` says what runs must have in common to share one, as its batch mode would let them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from cosmos.adapters import transfer1_program as program
from cosmos.adapters.base import Evidence, Launch, Step, Verdict
from cosmos.adapters.evidence import FPS_SLACK
from cosmos.adapters.fields import file_name, inputs_for, path_of, unread
from cosmos.adapters.params import program_problems, typed_params
from cosmos.adapters.transfer1_controls import (
    BY_CHANCE,
    CONTROLS,
    WORDS_MAX,
    needs_scene,
    own_files,
    read_controls,
    read_regions,
)
from cosmos.core.draft import Draft, Refusal, Resolution
from cosmos.core.estimate import Work
from cosmos.core.run import MediaFacts, Model, OutputFile, Region, Run, Value

PARAMS = {
    "seed": "int",
    "steps": "int",
    "guidance": "float",
    "sigma_max": "float",
    "fps": "int",
    "distilled": "bool",
    "derive": "bool",
    **dict.fromkeys(program.OFFLOADS, "bool"),
}
"""Type by parameter. Ranges and defaults are in the Model spec."""

_SAMPLING = {"num_steps": "steps", "guidance": "guidance", "sigma_max": "sigma_max"}
"""Settings of a sampling in many steps, by the program's names. The distilled model has no use for them."""

_NOT_DISTILLED = "take it away, or `distilled: true`"
_REGION_SIZE = (1280, 704)


class Transfer1Adapter:
    """Runs `transfer.py`. Holds no state."""

    name = "cosmos-transfer1"
    version = 1

    def model_problems(self, model: Model) -> Sequence[Refusal]:
        return program_problems(model, PARAMS, paths=program.PATHS, needs=program.PATHS)

    def resolve(self, draft: Draft, available: Mapping[str, str]) -> Resolution:
        params, refusals = typed_params(draft.model.params, draft.params)
        own = own_files(draft)
        on = {CONTROLS[name] for name in draft.controls if name in CONTROLS}
        made = set() if draft.source is None else {draft.source.role}
        there = {*available, *own.scene, *made}
        takes = {"color": needs_scene(draft, there, params.get("sigma_max")), **dict.fromkeys(CONTROLS.values(), False)}
        named = replace(draft, named=draft.named | own.scene.keys())
        offered, wrong = inputs_for(named, {**available, **own.scene}, takes)
        refusals += [*wrong, *unread(draft, CONTROLS, on, own.scene)]
        scene = {role: path for role, path in offered.items() if role in {"color", *on}}
        controls, wrong = read_controls(draft, there, accepts_chance=bool(params.get("derive")))
        regions, of_regions = read_regions(draft)
        refusals += [*wrong, *of_regions, *_prompt_refusals(draft), *program.gpu_refusals(draft)]
        videos = {role: path for role, path in {**scene, **own.more}.items() if not role.endswith("_weights")}
        refusals += program.file_refusals(
            {role: (own.places.get(role, ("inputs", role)), path) for role, path in videos.items()}
        )
        if params.get("distilled"):
            refusals += _distilled_refusals(draft)
            params |= dict.fromkeys(_SAMPLING.values())
        params["derive"] = any(control.derived for name, control in controls.items() if name in BY_CHANCE)
        drawn = {
            name: OutputFile(path=f"{name}_input_control_0.mp4", required=False)
            for name, each in controls.items()
            if each.derived
        }
        return Resolution(
            inputs={**scene, **own.more},
            controls=controls,
            regions=regions,
            params=params,
            outputs={**program.outputs(), **drawn},
            refusals=tuple(refusals),
        )

    def check(self, run: Run, media: Mapping[str, MediaFacts]) -> Sequence[Refusal]:
        first = _first(run, media)
        if first is None:
            return ()
        role, facts = first
        path = ("inputs", role)
        refusals = [
            Refusal(path=path, message=message, hint=hint)
            for message, hint in program.video_refusals(run, run.inputs[role], facts)
        ]
        for name in run.controls:
            other = CONTROLS[name]
            if other in media and other != role:
                words = _differences(facts, media[other], (run.inputs[role], run.inputs[other]))
                refusals += [Refusal(path=("controls", name), message=text, hint=hint) for text, hint in words]
        return [*refusals, *_mask_refusals(run, facts), *_region_refusals(run, media, facts)]

    def expect(self, run: Run, media: Mapping[str, MediaFacts]) -> Mapping[str, OutputFile]:
        first = _first(run, media)
        return run.outputs if first is None else program.expected(run, first[1].frames, program.bucket(first[1]))

    def advice(self, run: Run, media: Mapping[str, MediaFacts]) -> Sequence[Refusal]:
        words = [(("controls", name), message, hint) for name, message, hint in _control_advice(run, media)]
        first = _first(run, media)
        if first is not None:
            role, facts = first
            words += [
                (("inputs", role), message, hint) for message, hint in program.video_advice(run.inputs[role], facts)
            ]
        return [Refusal(path=path, message=message, hint=hint) for path, message, hint in words]

    def work(self, run: Run, media: Mapping[str, MediaFacts]) -> Work | None:
        first = _first(run, media)
        if first is None:
            return None
        return program.work(run, first[1].frames, program.bucket(first[1]), len(run.controls))

    def group(self, run: Run) -> Mapping[str, object] | None:
        """All that the program takes once for a process: in its batch mode only prompts, files and weights differ."""
        return {
            "image": run.model.image,
            "commit": run.model.commit,
            "paths": dict(run.model.paths),
            "env": dict(run.model.env),
            "gpus": run.placement.gpus,
            "params": dict(run.params),
            "negative": run.negative,
            "controls": sorted(run.controls),
            "blur": _blur(run),
            "regions": [(each.text, each.box, each.mask_prompt, run.inputs.get(each.role)) for each in run.regions],
        }

    def launch(self, run: Run, folder: str) -> Launch:
        made = [] if run.source is None else [run.source.role]
        files = {role: file_name(role, path_of(run, role)) for role in dict.fromkeys((*run.inputs, *made))}
        inputs = {role: f"{program.INPUTS}/{name}" for role, name in files.items()}
        spec: dict[str, object] = {name: _control(run, name, inputs) for name in run.controls}
        spec |= {"input_video_path": inputs["color"]} if "color" in inputs else {}
        spec |= {"blur_strength": blur} if (blur := _blur(run)) else {}
        spec |= {"regional_prompts": [_region(each, inputs) for each in run.regions]} if run.regions else {}
        if run.params["distilled"]:
            spec["use_distilled"] = True
        else:
            spec |= {name: run.params[param] for name, param in _SAMPLING.items()}
        nets = ["base_model", *(f"{name}_control" for name in run.controls)]
        nets = ["edge_control_distilled"] if run.params["distilled"] else nets  # which has its base in it
        return program.launch(run, folder, spec, {name: role for role, name in files.items()}, nets)

    def judge(self, run: Run, evidence: Evidence) -> Verdict:
        return program.judge(run, evidence)

    def progress(self, log_tail: str) -> Step:
        return program.progress(log_tail)


def _prompt_refusals(draft: Draft) -> Iterator[Refusal]:
    if not draft.text:
        yield Refusal(path=("prompt",), message="the model needs a prompt", hint="write `prompt: NAME`")


def _distilled_refusals(draft: Draft) -> Iterator[Refusal]:
    """What the model that makes a video in one step has no use for."""
    if set(draft.controls) - {"edge"}:
        message = f"the distilled model takes control edge alone, not {', '.join(sorted(draft.controls))}"
        yield Refusal(path=("controls",), message=message, hint="write `controls: {edge: 1.0}`")
    for name in _SAMPLING.values():
        if name in draft.params:
            message = f'the distilled model makes one step, so "{name}" has no effect'
            yield Refusal(path=("params", name), message=message, hint=_NOT_DISTILLED)
    if draft.negative:
        message = f'the distilled model takes no negative text, and prompt "{draft.prompt}" has one'
        yield Refusal(path=("prompt",), message=message, hint="use a prompt without")
    if draft.regions:
        yield Refusal(path=("regions",), message="the distilled model takes no regions", hint=_NOT_DISTILLED)


def _first(run: Run, media: Mapping[str, MediaFacts]) -> tuple[str, MediaFacts] | None:
    """The video that decides on length and size; None where all are still to be made."""
    for role in ("color", *(CONTROLS[name] for name in run.controls)):
        if role in media:
            return role, media[role]
    return None


def _differences(one: MediaFacts, other: MediaFacts, paths: tuple[str, str]) -> Iterator[tuple[str, str]]:
    ours, theirs = paths
    if other.frames != one.frames:
        message = f"{theirs} has {other.frames} frames, {ours} has {one.frames}"
        yield message, "render them from the same frames, or trim the longer one"
    if program.bucket(other) != program.bucket(one):
        sizes = [f"{each.width}x{each.height}" for each in (other, one)]
        message = f"{theirs} is {sizes[0]} and {ours} {sizes[1]}, which the program brings to different sizes"
        yield message, "render them with the same shape"
    if abs(other.fps - one.fps) > FPS_SLACK:
        yield f"{theirs} has {other.fps:g} frames a second, {ours} has {one.fps:g}", "render them with the same rate"


def _mask_refusals(run: Run, facts: MediaFacts) -> Iterator[Refusal]:
    """Weights by place and time cover 121 frames: of a longer video the program squeezes them, or dies."""
    if facts.frames <= program.CLIP:
        return
    for name, control in run.controls.items():
        if f"{name}_weights" in run.inputs or control.mask_prompt is not None:
            what = "mask_prompt" if control.mask_prompt is not None else "weights"
            message = f"{what} of a control counts for {program.CLIP} frames, and the video has {facts.frames}"
            yield Refusal(path=("controls", name, what), message=message, hint=f"trim the scene to {program.CLIP}")


def _region_refusals(run: Run, media: Mapping[str, MediaFacts], facts: MediaFacts) -> Iterator[Refusal]:
    """Regions are cut out of 121 frames of 1280x704, and are not scaled."""
    if run.regions and program.bucket(facts) != _REGION_SIZE:
        size = program.bucket(facts)
        message = f"regions are there for 1280x704 alone, and this is computed in {size[0]}x{size[1]}"
        yield Refusal(path=("regions",), message=message, hint="take the regions away")
    for index, region in enumerate(run.regions):
        what, role = ("mask", region.role) if region.role else ("mask_prompt", "color")
        mask = media.get(role)
        if region.box or mask is None:
            continue
        if mask.frames < program.CLIP or (mask.width, mask.height) != _REGION_SIZE or facts.frames > program.CLIP:
            has = f"{run.inputs[role]} has {mask.frames} of {mask.width}x{mask.height}"
            message = f"a region by {what} needs {program.CLIP} frames of 1280x704, and {has}"
            yield Refusal(path=("regions", index, what), message=message, hint="give the region a box")


def _control_advice(run: Run, media: Mapping[str, MediaFacts]) -> Iterator[tuple[str, str, str]]:
    """Control, what may not be meant about it, and what to do about it."""
    first = _first(run, media)
    for name, control in run.controls.items():
        if control.weight == 0:
            yield name, f'control "{name}" has no weight, and its network takes memory all the same', "take it away"
        if run.params["distilled"] and control.weight != 1:
            yield name, f"the distilled model is made for weight 1, not {control.weight:g}", "write `edge: 1.0`"
        if name in BY_CHANCE and control.derived:
            yield name, f'control "{name}" is computed with a strength drawn at random', "see `cosmos prepare`"
        if name == "seg" and control.derived and not control.prompt and len(run.text.split()) > WORDS_MAX:
            message = f"things are looked for in the first {WORDS_MAX} words of the prompt only"
            yield name, message, "write `seg: {weight: W, prompt: car . tree . road}`"
        if first and first[1].frames < program.CLIP and (control.mask_prompt or f"{name}_weights" in run.inputs):
            message = f"weights by time are stretched to {program.CLIP} frames, and the video has {first[1].frames}"
            yield name, message, f"render {program.CLIP} frames"


def _blur(run: Run) -> str | None:
    vis = run.controls.get("vis")
    return vis.preset if vis else None


def _control(run: Run, name: str, inputs: Mapping[str, str]) -> dict[str, Value]:
    """What the program is told of a control; a key with no value would be another thing than none."""
    control = run.controls[name]
    said = {
        "control_weight": inputs.get(f"{name}_weights", control.weight),
        "input_control": None if control.derived else inputs[CONTROLS[name]],
        "input_control_prompt": control.prompt,
        "control_weight_prompt": control.mask_prompt,
    }
    return {key: value for key, value in said.items() if value is not None}


def _region(region: Region, inputs: Mapping[str, str]) -> dict[str, object]:
    if region.mask_prompt is not None:
        return {"prompt": region.text, "mask_prompt": region.mask_prompt}
    where = list(region.box) if region.box else inputs[region.role]
    return {"prompt": region.text, "region_definitions_path": where}
