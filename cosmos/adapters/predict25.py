"""Cosmos-Predict2.5: a video from a text, or from a text and the picture or video that it begins with."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from cosmos.adapters.base import Evidence, Launch, Step, Verdict, chunks_of
from cosmos.adapters.common25 import (
    EVIDENCE,
    NAME,
    PATHS,
    chunk_advice,
    draft_refusals,
    files_of,
    inside,
    launch_of,
    progress_of,
    verdict_of,
    without_effect,
)
from cosmos.adapters.fields import inputs_for, region_refusals, unknown
from cosmos.adapters.params import program_problems, typed_params
from cosmos.core.draft import Draft, Refusal, Resolution
from cosmos.core.estimate import Work
from cosmos.core.run import MediaFacts, Model, OutputFile, Run, Value

PARAMS = {
    "inference_type": "str",
    "variant": "str",
    "seed": "int",
    "guidance": "int",
    "steps": "int",
    "resolution": "str",
    "frames": "int",
    "chunk_size": "int",
    "chunk_overlap": "int",
    "offload_guardrail_models": "bool",
    "offload_diffusion_model": "bool",
    "offload_tokenizer": "bool",
    "offload_text_encoder": "bool",
}
"""Type by parameter. Ranges and defaults are in the Model spec."""

READS = {"text2world": None, "image2world": "image", "video2world": "color"}
"""Input role by inference type."""
SUFFIXES = {"image": (".png", ".jpg", ".jpeg", ".webp"), "color": (".mp4",)}
CONDITION_FRAMES = 5
"""Of a video the last ones are read."""

FPS = 16.0
NATIVE = (1280, 704)
"""Width and height where no resolution is given."""
_STEP = 16
"""The network works on blocks of so many pixels."""
_RESOLUTION = re.compile(r"^([1-9][0-9]{1,3}),([1-9][0-9]{1,3})$")

_OFFLOADS = {
    "offload_diffusion_model": "diffusion-model",
    "offload_tokenizer": "tokenizer",
    "offload_text_encoder": "text-encoder",
}


class Predict25Adapter:
    """Runs `examples/inference.py` of cosmos-predict2.5. Holds no state."""

    name = "cosmos-predict2.5"
    version = 1

    def model_problems(self, model: Model) -> Sequence[Refusal]:
        return program_problems(model, PARAMS, paths=PATHS, needs=("repo",))

    def resolve(self, draft: Draft, available: Mapping[str, str]) -> Resolution:
        params, wrong = typed_params(draft.model.params, draft.params)
        role = READS.get(str(params.get("inference_type")))
        roles = {name: name == role for name in SUFFIXES}
        offered, refusals = inputs_for(draft, available, roles)
        inputs = {name: path for name, path in offered.items() if name == role}
        refusals += [*draft_refusals(draft), *region_refusals(draft), *_unread(draft, role), *_endings(inputs)]
        refusals += [unknown("control", name, ("controls", name), ()) for name in draft.controls]
        if not wrong:
            wrong = [*_param_problems(draft, params)]
        if not wrong and params["frames"] is None:
            params |= {"chunk_size": None, "chunk_overlap": None}
        return Resolution(
            inputs=inputs,
            params=params,
            outputs={"video": OutputFile(path=f"{NAME}.mp4"), **EVIDENCE},
            refusals=(*refusals, *wrong),
        )

    def check(self, run: Run, media: Mapping[str, MediaFacts]) -> Sequence[Refusal]:
        color = media.get("color")
        if color is None or color.frames >= CONDITION_FRAMES:
            return ()
        message = (
            f"{run.inputs['color']} has {color.frames} frames, and the model begins with the last {CONDITION_FRAMES}"
        )
        hint = "give it a longer video, or a picture with `inference_type: image2world`"
        return [Refusal(path=("inputs", "color"), message=message, hint=hint)]

    def expect(self, run: Run, media: Mapping[str, MediaFacts]) -> Mapping[str, OutputFile]:
        """In one pass its checkpoint decides the length, and no setting does."""
        del media
        (width, height), frames = _size(run), run.params["frames"]
        count = frames if isinstance(frames, int) else None
        video = replace(run.outputs["video"], frames=count, width=width, height=height, fps=FPS)
        return {**run.outputs, "video": video}

    def advice(self, run: Run, media: Mapping[str, MediaFacts]) -> Sequence[Refusal]:
        del media
        frames, size, overlap = _lengths(run)
        return list(chunk_advice(frames, size, overlap, "frames")) if frames else ()

    def work(self, run: Run, media: Mapping[str, MediaFacts]) -> Work | None:
        """Its maker has published no times."""
        del media
        frames, size, overlap = _lengths(run)
        (width, height), params = _size(run), run.params
        words = f"{params['variant']}, {width}x{height}, {params['steps']} steps, {run.placement.gpus} GPU"
        return Work(chunks=chunks_of(frames, size, overlap) if frames else 1, shape=words)

    def group(self, run: Run) -> Mapping[str, object] | None:
        names = ("variant", "inference_type", "offload_guardrail_models", *_OFFLOADS)
        return {"gpus": run.placement.gpus, **{name: run.params[name] for name in names}}

    def launch(self, run: Run, folder: str) -> Launch:
        flags = [f"--offload-{word}" for name, word in _OFFLOADS.items() if run.params[name]]
        if not run.params["offload_guardrail_models"]:
            flags.append("--no-offload-guardrail-models")
        return launch_of(run, folder, _sample(run), [f"--model={run.params['variant']}", *flags])

    def judge(self, run: Run, evidence: Evidence) -> Verdict:
        return verdict_of(run, evidence, _sample(run))

    def progress(self, log_tail: str) -> Step:
        return progress_of(log_tail)


def _unread(draft: Draft, role: str | None) -> Iterator[Refusal]:
    """Inputs that the run names, and that its inference type has no use for."""
    kinds = {used: kind for kind, used in READS.items() if used is not None}
    for name in sorted((draft.named & SUFFIXES.keys()) - {role}):
        message, hint = f'input "{name}" is not used', f"write `params: {{inference_type: {kinds[name]}}}`"
        yield Refusal(path=("inputs", name), message=message, hint=hint)
    if draft.source is not None and draft.source.role in SUFFIXES.keys() - {role}:
        name = draft.source.role
        message, hint = f'input "{name}" is not used', f"write `params: {{inference_type: {kinds[name]}}}`"
        yield Refusal(path=("source", "role"), message=message, hint=hint)


def _endings(inputs: Mapping[str, str]) -> Iterator[Refusal]:
    for role, path in inputs.items():
        if PurePosixPath(path).suffix.lower() not in SUFFIXES[role]:
            hint = f"it takes {', '.join(SUFFIXES[role])}"
            yield Refusal(path=("inputs", role), message=f'the model cannot read {path} as "{role}"', hint=hint)


def _param_problems(draft: Draft, params: Mapping[str, Value]) -> Iterator[Refusal]:
    if params["variant"] == "2B/distilled" and params["inference_type"] != "text2world":
        message = f"the distilled model makes videos from text alone, not by {params['inference_type']}"
        hint = "use another variant, or `inference_type: text2world`"
        yield Refusal(path=("params", "variant"), message=message, hint=hint)
    resolution = str(params["resolution"])
    match = _RESOLUTION.match(resolution)
    if resolution != "none" and (match is None or any(int(side) % _STEP for side in match.groups())):
        message = f'resolution must be "none" or "HEIGHT,WIDTH" in steps of {_STEP}, not "{resolution}"'
        yield Refusal(path=("params", "resolution"), message=message, hint='as "704,1280" or "432,768"')
    if params["frames"] is None:
        why = "where `frames` is not given: then the video is made in one pass"
        yield from without_effect(draft, ["chunk_size", "chunk_overlap"], why)
        return
    size, overlap = params["chunk_size"], params["chunk_overlap"]
    if isinstance(size, int) and isinstance(overlap, int) and overlap >= size:
        message = f"chunk_overlap is {overlap}, and a chunk has {size} frames"
        yield Refusal(path=("params", "chunk_overlap"), message=message, hint="make it smaller than chunk_size")


def _size(run: Run) -> tuple[int, int]:
    match = _RESOLUTION.match(str(run.params["resolution"]))
    return NATIVE if match is None else (int(match[2]), int(match[1]))


def _lengths(run: Run) -> tuple[int, int, int]:
    """Frames (0: as many as one pass makes), of a chunk, and shared by two chunks."""
    frames, size, overlap = (run.params[name] for name in ("frames", "chunk_size", "chunk_overlap"))
    if isinstance(frames, int) and isinstance(size, int) and isinstance(overlap, int):
        return frames, size, overlap
    return 0, 1, 0


def _sample(run: Run) -> dict[str, object]:
    """What the program reads. What is not said is not there: it has the program's own default.

    The length counts only where the video is made chunk by chunk, so only then it is said.
    """
    params, files = run.params, files_of(run)
    role = READS[str(params["inference_type"])]
    said = {
        "name": NAME,
        "inference_type": params["inference_type"],
        "prompt": run.text,
        "negative_prompt": run.negative or None,
        "input_path": inside(files[role]) if role is not None else None,
        "seed": params["seed"],
        "guidance": params["guidance"],
        "num_steps": params["steps"],
        "resolution": params["resolution"],
        "enable_autoregressive": params["frames"] is not None,
        "num_output_frames": params["frames"],
        "chunk_size": params["chunk_size"],
        "chunk_overlap": params["chunk_overlap"],
    }
    return {name: value for name, value in said.items() if value is not None}
