"""The program of Cosmos-Transfer1, `transfer.py`: how it is started, what it says, what it leaves.

Shared by the adapters of its two models. All settings go into its spec file and none onto the command line, because
there a value counts only where its flag stands as a word of its own, and is dropped without a word otherwise.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from cosmos.adapters.base import Evidence, Launch, Step, Verdict
from cosmos.adapters.evidence import exit_verdict, output_verdict
from cosmos.adapters.signatures import FAILURES, blocked
from cosmos.core.draft import Draft, Path, Refusal
from cosmos.core.estimate import Work
from cosmos.core.ports import PYTHON, ROOT
from cosmos.core.reasons import Reason
from cosmos.core.run import MediaFacts, OutputFile, Run

SCRIPT = "cosmos_transfer1/diffusion/inference/transfer.py"
SPEC = "spec.json"
INPUTS = f"{ROOT}/inputs"
NAME = "video"
"""Stem of what it saves: the video, and beside it the prompt as it was used."""

CLIP = 121
"""Frames that are computed at a time. The next clip begins with the last frame of the one before."""
FRAMES_MAX = 5000

OFFLOADS = ("offload_diffusion_transformer", "offload_text_encoder_model", "offload_guardrail_models")
PATHS = ("repo", "checkpoints")

_BUCKETS = {16 / 9: (1280, 704), 4 / 3: (960, 704), 1.0: (960, 960), 3 / 4: (704, 960), 9 / 16: (704, 1280)}
"""Size in which it computes, by the nearest aspect ratio; in its order, which decides between two as near."""

_STRETCH = 0.03
"""What nobody sees: 16:9 becomes 1280x704, which is 2.3 % wider."""

_WEIGHTS = "nvidia/Cosmos-Transfer1-7B"
_TOKENIZER = "nvidia/Cosmos-Tokenize1-CV8x8x8-720p"
_REAL = 64 << 20
"""Bytes that any of the checkpoints has: less is a pointer of Git LFS, or a download that was cut off."""
_ALWAYS = {
    f"{_TOKENIZER}/encoder.jit": 1 << 20,
    f"{_TOKENIZER}/decoder.jit": 1 << 20,
    f"{_TOKENIZER}/mean_std.pt": 0,
    "nvidia/Cosmos-Guardrail1": 0,
    "google-t5/t5-11b": 0,
    "meta-llama/Llama-Guard-3-8B": 0,
}

_PHASES = (
    ("running preprocessor", 2),
    ("Running guardrail checks on all prompts", 5),
    ("Starting T5 compute", 8),
    ("Completed T5 compute", 12),
    ("Run generation", 15),
    ("Run guardrail on generated videos", 92),
    ("Saved video to", 97),
    ("Saved prompt to", 99),
)
"""What it says when, and the percent that is done then."""
_IN_A_CLIP = (
    ("Starting latent encoding", 0.0),
    ("Starting diffusion sampling", 0.05),
    ("Completed diffusion sampling", 0.85),
    ("Starting VAE decode", 0.86),
    ("Completed VAE decode", 0.98),
)
_CLIPS_FROM, _CLIPS_TO = 15, 90
_CLIPS = re.compile(r"^\s*\d{1,3}%\|[^|]*\| (\d{1,4})/(\d{1,4}) \[")
_PREFIX = re.compile(r"^\[\d\d-\d\d [\d:]{8}\|\w+\|[^\]]*\] ")
_SETTINGS = re.compile(r"final args: (?=\{)")
_WHERE = frozenset({"controlnet_specs", "checkpoint_dir", "video_save_folder", "input_video_path", "batch_input_path"})
"""Settings that say where something is, and not what is made."""


def bucket(facts: MediaFacts) -> tuple[int, int]:
    """Width and height in which the program computes what has these."""
    ratio = facts.width / facts.height
    return _BUCKETS[min(_BUCKETS, key=lambda known: (known - ratio) ** 2)]


def clips(frames: int) -> int:
    """How often the model is run for so many frames."""
    return -((1 - frames) // (CLIP - 1))


def launch(run: Run, folder: str, spec: Mapping[str, object], inputs: Mapping[str, str], nets: Iterable[str]) -> Launch:
    """Files and arguments.

    Args:
        run: What to start.
        folder: Its folder below `outputs/`.
        spec: What the program is told besides what is the same for all runs.
        inputs: Role by file name below `inputs/`.
        nets: Names of the networks that it loads.
    """
    checkpoints, gpus = run.model.paths["checkpoints"], run.placement.gpus
    common = {
        "checkpoint_dir": checkpoints,
        "num_gpus": gpus,
        "video_save_folder": f"{ROOT}/outputs/{folder}",
        "video_save_name": NAME,
        **{name: run.params[name] for name in ("seed", "fps", *OFFLOADS)},
    }
    # one that has its rendezvous on a free port: several runs of a host never meet
    start = (
        (PYTHON,) if gpus == 1 else (PYTHON, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={gpus}")
    )
    needed = {**_ALWAYS, **{f"{_WEIGHTS}/{net}.pt": _REAL for net in nets}}
    repo = run.model.paths["repo"]
    return Launch(
        argv=(*start, SCRIPT, "--controlnet_specs", f"{ROOT}/{SPEC}"),
        inputs=inputs,
        documents={SPEC: {**common, **_texts(run), **spec}},
        env={"PYTHONPATH": repo},
        folder=repo,
        needed={f"{checkpoints}/{path}": size for path, size in needed.items()},
    )


def _texts(run: Run) -> dict[str, object]:
    """A text that is empty stays out: without a negative one the program takes its own, of an empty one it dies."""
    said = {"prompt": run.text, "negative_prompt": run.negative}
    return {name: text for name, text in said.items() if text}


def outputs() -> dict[str, OutputFile]:
    return {
        "video": OutputFile(path=f"{NAME}.mp4"),
        "prompt": OutputFile(path=f"{NAME}.txt", video=False, evidence=True),
    }


def expected(run: Run, frames: int, size: tuple[int, int]) -> dict[str, OutputFile]:
    """Its outputs, with what the video must be: the program keeps every frame, and writes the rate that it is told."""
    fps = run.params["fps"]
    rate = float(fps) if isinstance(fps, int) else None
    video = replace(run.outputs["video"], frames=frames, width=size[0], height=size[1], fps=rate)
    return {**run.outputs, "video": video}


def work(run: Run, frames: int, size: tuple[int, int], nets: int) -> Work:
    steps = "1 step" if run.params.get("distilled") else f"{run.params['steps']} steps"
    controls = f"{nets} controls" if nets > 1 else "1 control"
    gpus = f"{run.placement.gpus} GPUs" if run.placement.gpus > 1 else "1 GPU"
    return Work(chunks=clips(frames), shape=f"{size[0]}x{size[1]}, {steps}, {controls}, {gpus}")


def file_refusals(paths: Mapping[str, tuple[Path, str]]) -> Iterable[Refusal]:
    """Refusals of what the program cannot read; where a file stands in the spec, and its path, by role."""
    for role, (at, path) in paths.items():
        if not path.lower().endswith(".mp4"):
            message = f"input {role} is {path}; Cosmos-Transfer1 reads videos in mp4 only"
            yield Refusal(path=at, message=message, hint=f"convert it: ffmpeg -i FILE -c:v libx264 -crf 12 {role}.mp4")


def gpu_refusals(draft: Draft) -> Iterable[Refusal]:
    if draft.placement.gpus < 1:
        message = f"Cosmos-Transfer1 needs a GPU, and the run is given {draft.placement.gpus}"
        yield Refusal(path=("placement", "gpus"), message=message, hint="write `placement: {gpus: 1}`")


def video_refusals(run: Run, path: str, facts: MediaFacts) -> Iterable[tuple[str, str]]:
    """What the program cannot do with a video, and what to do about it."""
    if facts.frames < 2:
        yield f"{path} has {facts.frames} frame, and Cosmos-Transfer1 needs 2 or more", "give a video"
    if facts.frames > FRAMES_MAX:
        yield f"{path} has {facts.frames} frames; Cosmos-Transfer1 reads {FRAMES_MAX}, and drops the rest", "trim it"
    fps = run.params["fps"]
    if fps != round(facts.fps):
        message = f"{path} has {facts.fps:g} frames a second, and the result would be played with {fps}"
        yield message, f"write `params: {{fps: {round(facts.fps)}}}`"


def video_advice(path: str, facts: MediaFacts) -> Iterable[tuple[str, str]]:
    """What is allowed and perhaps not meant about a video, and what to do about it."""
    over = (facts.frames - 1) % (CLIP - 1)
    chunks = clips(facts.frames)
    if facts.frames < CLIP:
        message = f"{path} has {facts.frames} frames; fewer than {CLIP} cost as much as {CLIP}, and give noisy results"
        yield message, f"render {CLIP} frames"
    elif 0 < over < CLIP // 2:
        message = f"{path} has {facts.frames} frames, which take {chunks} clips of {CLIP}"
        yield message, f"{facts.frames - over} frames take {chunks - 1}: trim it by {over}"
    if facts.fps != round(facts.fps):
        message = f"{path} has {facts.fps:g} frames a second, and the result {round(facts.fps)}: it takes whole numbers"
        yield message, "render it again with a whole number, or convert it"
    width, height = bucket(facts)
    stretch = (width / height) / (facts.width / facts.height)
    if abs(stretch - 1) > _STRETCH:
        message = f"{path} is {facts.width}x{facts.height}, and is stretched to {width}x{height}"
        yield message, "crop or pad it to the shape of the result"


def judge(run: Run, evidence: Evidence) -> Verdict:
    """By its exit, its files, and the prompt that it has written beside the video."""
    failed = exit_verdict(evidence, FAILURES)
    if failed is None and (wrong := output_verdict(run.outputs, evidence)):
        failed = blocked(evidence.log_tail) or wrong
    if failed is not None:
        return failed
    used = evidence.texts["prompt"]
    if run.text and used != run.text:
        message = f"{run.outputs['prompt'].path} has another prompt: the result is not of this run"
        return Verdict(reason=Reason.OUTPUT_INVALID, message=message)
    facts = evidence.media["video"]
    if isinstance(facts, MediaFacts) and facts.black:
        return Verdict(reason=Reason.OUTPUT_INVALID, message='output "video" is black in every frame')
    return Verdict(effective={**_said(evidence.log_tail), "prompt": used})


def _said(log_tail: str) -> dict[str, object]:
    """The settings that it has written into its log; none where the log is so long that they are not in its end."""
    found = _SETTINGS.search(log_tail)
    if found is None:
        return {}
    try:
        settings, _ = json.JSONDecoder().raw_decode(log_tail, found.end())
    except json.JSONDecodeError:
        return {}
    return {name: value for name, value in settings.items() if name not in _WHERE}


def progress(log_tail: str) -> Step:
    """How far it is, by the last phase and the last count of clips that it has told."""
    percent, words, done, count, within = None, "", 0, 0, 0.0
    for line in log_tail.splitlines():
        said = _PREFIX.sub("", line).strip()
        if counted := _CLIPS.match(line):
            done, count, within = int(counted[1]), max(1, int(counted[2])), 0.0
        for phrase, share in _IN_A_CLIP:
            if said.startswith(phrase):
                within, words = share, said
        for phrase, reached in _PHASES:
            if said.startswith(phrase):
                percent, words, count = reached, said, 0
    if count:
        words = f"{words} (clip {min(done + 1, count)} of {count})" if words else f"clip {done} of {count}"
        share = min(1.0, (done + within) / count)
        percent = _CLIPS_FROM + int((_CLIPS_TO - _CLIPS_FROM) * share)
    return Step(percent=percent, words=words, loaded=percent is not None)
