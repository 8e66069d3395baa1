"""Cosmos 3 by its own program: a process that loads the model, makes one sample and ends.

The program's exit code says little: a sample that fails may end it with 0, and its text guardrail looks at the prompt
only when the video is made. So a run has succeeded when `sample_outputs.json` says so, of these settings, and the
video is there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from cosmos.adapters import cosmos3_controls as controls
from cosmos.adapters import cosmos3_media as sizes
from cosmos.adapters.base import Evidence, Launch, Step, Verdict, chunks_of
from cosmos.adapters.common25 import port_of, ports_of
from cosmos.adapters.cosmos3_report import REPORT, verdict_of
from cosmos.adapters.cosmos3_sample import progress_of, sample_of
from cosmos.adapters.params import program_problems
from cosmos.core.draft import Draft, Refusal, Resolution
from cosmos.core.estimate import Work
from cosmos.core.ports import ROOT
from cosmos.core.run import MediaFacts, Model, OutputFile, Run, Value

PARAMS = {
    "checkpoint": "str",
    "mode": "str",
    "seed": "int",
    "steps": "int",
    "guidance": "float",
    "shift": "float",
    "resolution": "str",
    "aspect_ratio": "str",
    "fps": "int",
    "frames": "int",
    "quality": "int",
    "condition_frames": "str",
    "keep": "str",
    "control_guidance": "float",
    "chunk": "int",
    "overlap": "int",
    "first_overlap": "int",
    "max_frames": "int",
    "emphasize": "bool",
    "share_positions": "bool",
    "diffusion_cache": "bool",
    "cache_threshold": "float",
    "parallelism": "str",
    "compile": "bool",
    "offload_guardrails": "bool",
}
"""Type by parameter. Ranges and defaults are in the Model spec."""

PATHS = ("repo", "bin", "cache", "checkpoints")
"""The program's folder, the one of `python` and `torchrun`, one that downloads go to, one of checkpoints."""

MODULE = "cosmos_framework.scripts.inference"
SAMPLE = "sample.json"

EDGE, NANO, SUPER = "Cosmos3-Edge", "Cosmos3-Nano", "Cosmos3-Super"
_ONE_MODE = {"Cosmos3-Super-Text2Image": "text2image", "Cosmos3-Super-Image2Video": "image2video"}
CHECKPOINTS = (EDGE, NANO, SUPER, *_ONE_MODE)
_OF: Mapping[str, Mapping[str, Value]] = {EDGE: {"frames": 121, "resolution": "480"}}
_ADVISED = {"256": 400, "480": 300, "720": 200}
"""Most frames at which the quality holds, by resolution."""

_SECONDS = {
    (NANO, "720", 1): 207.8,
    (NANO, "720", 4): 66.9,
    (NANO, "720", 8): 41.8,
    (NANO, "480", 1): 59.8,
    (NANO, "480", 4): 21.2,
    (NANO, "480", 8): 14.4,
    (NANO, "256", 1): 7.6,
    (NANO, "256", 4): 3.5,
    (NANO, "256", 8): 3.2,
    (SUPER, "720", 4): 224.0,
    (SUPER, "720", 8): 123.0,
}
"""Published for 189 frames of text2video in 35 steps on H100, by checkpoint, resolution and number of GPUs."""


class Cosmos3Adapter:
    """Runs `cosmos_framework.scripts.inference`. Holds no state."""

    name = "cosmos3"
    version = 1

    def model_problems(self, model: Model) -> Sequence[Refusal]:
        return program_problems(model, PARAMS, paths=PATHS, needs=("repo",))

    def resolve(self, draft: Draft, available: Mapping[str, str]) -> Resolution:
        declared = draft.model.params.get("checkpoint")
        checkpoint = draft.params.get("checkpoint") or (declared.default if declared else None)
        read = controls.read(draft, available, _OF.get(str(checkpoint), {}))
        refusals = [*read.refusals, *_checkpoint_refusals(str(checkpoint), read.mode), *_program_refusals(draft)]
        hints = {f"control_{name}": OutputFile(path=f"control_{name}.mp4", required=False) for name in read.controls}
        made = (
            OutputFile(path="vision.jpg", video=False) if read.mode == "text2image" else OutputFile(path="vision.mp4")
        )
        report = OutputFile(path=REPORT, video=False, evidence=True, required=False)
        return Resolution(
            inputs=read.inputs,
            controls=read.controls,
            params=read.params,
            outputs={"image" if read.mode == "text2image" else "video": made, **hints, "report": report},
            refusals=tuple(refusals),
        )

    def check(self, run: Run, media: Mapping[str, MediaFacts]) -> Sequence[Refusal]:
        return list(sizes.mismatches(run, media))

    def expect(self, run: Run, media: Mapping[str, MediaFacts]) -> Mapping[str, OutputFile]:
        if "video" not in run.outputs:
            return run.outputs
        first = sizes.first_signal(run, media) if run.controls else None
        if run.controls and first is None:
            return run.outputs
        shape = sizes.shape_of(run, first)
        color = media.get("color")
        fps = color.fps if run.controls and color else float(sizes.number(run, "fps")) or None
        names = ("video", *(f"control_{name}" for name in run.controls))
        return {**run.outputs, **{name: _sized(run.outputs[name], shape, fps) for name in names}}

    def advice(self, run: Run, media: Mapping[str, MediaFacts]) -> Sequence[Refusal]:
        return [Refusal(path=("params", name), message=words, hint=hint) for name, words, hint in _advice(run, media)]

    def work(self, run: Run, media: Mapping[str, MediaFacts]) -> Work | None:
        params, gpus = run.params, run.placement.gpus
        checkpoint, resolution, steps = (params[name] for name in ("checkpoint", "resolution", "steps"))
        mode = sizes.mode_of(run)
        what = f"{checkpoint} {mode} {resolution}, {steps} steps, {gpus} gpus"
        if run.controls:
            first = sizes.first_signal(run, media)
            if first is None:
                return None
            shape = f"{what}, {params['chunk']} frames, {len(run.controls)} controls"
            return Work(chunks=_chunks(run, sizes.length_of(run, first)), shape=shape)
        if mode == "text2image":
            return Work(chunks=1, shape=what)
        is_published = (mode, params["frames"], steps, params["diffusion_cache"]) == ("text2video", 189, 35, False)
        seconds = _SECONDS.get((str(checkpoint), str(resolution), max(1, gpus))) if is_published else None
        return Work(chunks=1, shape=f"{what}, {params['frames']} frames", seconds=seconds)

    def group(self, run: Run) -> Mapping[str, object] | None:
        """Transfers and others never share a process; the rest is what the model is loaded with."""
        names = ("checkpoint", "diffusion_cache", "cache_threshold", "parallelism", "compile", "offload_guardrails")
        model = {"image": run.model.image, "commit": run.model.commit, "gpus": run.placement.gpus}
        return {**model, "transfer": bool(run.controls), **{name: run.params[name] for name in names}}

    def launch(self, run: Run, folder: str) -> Launch:
        paths, checkpoint = run.model.paths, str(run.params["checkpoint"])
        own = f"{paths['checkpoints']}/{checkpoint}" if "checkpoints" in paths else ""
        argv = [*_python(run, folder), "-m", MODULE, *_flags(run), "--checkpoint-path", own or checkpoint]
        cache = paths.get("cache")
        return Launch(
            argv=(*argv, "-i", f"{ROOT}/{SAMPLE}", "-o", f"{ROOT}/outputs"),
            inputs={name: role for role, name in sizes.files_of(run).items()},
            documents={SAMPLE: sample_of(run, folder)},
            env={"HF_HOME": f"{cache}/huggingface"} if cache else {},
            folder=paths["repo"],
            needed={f"{paths['repo']}/{MODULE.replace('.', '/')}.py": 1, **({own: 0} if own else {})},
            ports=ports_of(run, folder),
        )

    def judge(self, run: Run, evidence: Evidence) -> Verdict:
        return verdict_of(run, evidence, sample_of(run, ""))

    def progress(self, log_tail: str) -> Step:
        return progress_of(log_tail)


def _sized(output: OutputFile, shape: tuple[int, int, int], fps: float | None) -> OutputFile:
    frames, width, height = shape
    return replace(output, frames=frames, width=width, height=height, fps=fps)


def _checkpoint_refusals(checkpoint: str, mode: str) -> Iterator[Refusal]:
    only = _ONE_MODE.get(checkpoint)
    if only is not None and mode != only:
        message = f"{checkpoint} is made for mode {only}, not for {mode}"
        yield Refusal(path=("params", "checkpoint"), message=message, hint=f"use {SUPER}, or `mode: {only}`")


def _program_refusals(draft: Draft) -> Iterator[Refusal]:
    if draft.placement.gpus < 1:
        message = "the model needs a GPU, and the run is given none"
        yield Refusal(path=("placement", "gpus"), message=message, hint="take the line away, or write a number above 0")
    declared = draft.model.params.get("diffusion_cache")
    cached = draft.params.get("diffusion_cache", declared.default if declared else None)
    if draft.params.get("cache_threshold") is not None and not cached:
        message = 'parameter "cache_threshold" has no effect without the diffusion cache'
        yield Refusal(path=("params", "cache_threshold"), message=message, hint="write `diffusion_cache: true`, too")


def _python(run: Run, folder: str) -> list[str]:
    """With several GPUs one process each, which meet at a port."""
    at = f"{run.model.paths['bin']}/" if "bin" in run.model.paths else ""
    count = run.placement.gpus
    if count < 2:
        return [f"{at}python"]
    return [f"{at}torchrun", f"--nproc-per-node={count}", f"--master-port={port_of(folder)}"]


def _flags(run: Run) -> list[str]:
    params, gpus = run.params, run.placement.gpus
    is_super = str(params["checkpoint"]).startswith(SUPER)
    flags = [f"--parallelism-preset={params['parallelism']}"]
    if gpus > 1 and not is_super:
        flags += ["--dp-shard-size=1"]  # the model fits one GPU
    elif gpus > 1 and params["parallelism"] == "throughput":
        flags += [f"--dp-shard-size={gpus}", "--dp-replicate-size=1", "--cp-size=1", "--cfgp-size=1"]
    flags += ["--diffusion-cache" if params["diffusion_cache"] else "--no-diffusion-cache"]
    if params["cache_threshold"] is not None:
        flags += [f"--diffusion-cache-thresh={params['cache_threshold']}"]
    flags += [] if params["compile"] else ["--no-use-torch-compile"]
    return [*flags, "--offload-guardrail-models"] if params["offload_guardrails"] else flags


def _chunks(run: Run, frames: int) -> int:
    return chunks_of(frames, sizes.number(run, "chunk"), sizes.number(run, "overlap"))


def _advice(run: Run, media: Mapping[str, MediaFacts]) -> Iterator[tuple[str, str, str]]:
    """Parameter, what may not be meant about it, and what to do."""
    params = run.params
    checkpoint, resolution, frames = str(params["checkpoint"]), str(params["resolution"]), params["frames"]
    if checkpoint == EDGE and resolution not in ("256", "480"):
        yield "resolution", f"{EDGE} was trained for 256 and 480 alone", "write `resolution: '480'`"
    elif resolution == "768" and sizes.mode_of(run) != "text2image":
        yield "resolution", "no checkpoint was trained for videos at 768", "write `resolution: '720'`"
    if checkpoint.startswith(SUPER) and run.placement.gpus < 2:
        yield "checkpoint", f"{checkpoint} needs 128 GB of GPU memory in all", "write `placement: {gpus: 4}`"
    if isinstance(frames, int) and not 24 <= frames <= _ADVISED.get(resolution, 200):
        message = f"{frames} frames are outside of 24 to {_ADVISED.get(resolution, 200)}, where the quality holds"
        yield "frames", message, "make fewer, or a lower resolution" if frames > 24 else "make more"
    if isinstance(fps := params["fps"], int) and not 10 <= fps <= 30:
        yield "fps", f"{fps} frames a second are outside of 10 to 30, where the quality holds", "render them so"
    first = sizes.first_signal(run, media) if run.controls else None
    if first is None:
        return
    size, overlap, length = (
        sizes.number(run, "chunk"),
        sizes.number(run, "overlap"),
        sizes.length_of(run, first),
    )
    if (count := _chunks(run, length)) > 1:
        full = size + (count - 2) * (size - overlap)
        if 2 * (length - full) <= size - overlap:
            message = f"{length} frames take {count} passes of {size}; {full} frames take {count - 1}"
            yield "chunk", message, f"write `max_frames: {full}`, or a larger chunk"
