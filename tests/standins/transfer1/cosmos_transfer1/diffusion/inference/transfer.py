"""Stand-in of `transfer.py` of Cosmos-Transfer1; it is no model.

What it holds to: the flags; that a value of the spec file counts unless its flag stands as a word in argv; that a
mapping is a control and any other name is swallowed; what is validated before a model is loaded; the size of the
result; clips of 121 frames; work files beside the result; the lines of the log; a load for the process, and the lines
of a batch one after the other, up to the first that fails. A control that a line names and the spec has not is dropped.

Words of the prompt make it fail as the program fails: OOM, BLOCKED (the text), UNSAFE (the video). BLACK makes a
black video, STRANGER writes another prompt beside it, SHORT leaves a frame out.
"""

import argparse
import copy
import inspect
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from published import FLAGS, HINTS, NUMBER, STRENGTHS, TEXT, WHOLE, YES  # type: ignore[import-not-found]

RANK = int(os.environ.get("RANK", "0"))
LOCAL_RANK = int(os.environ.get("LOCAL_RANK", "0"))
BUCKETS = {16 / 9: (1280, 704), 4 / 3: (960, 704), 1.0: (960, 960), 3 / 4: (704, 960), 9 / 16: (704, 1280)}
DEFAULTS: dict[str, Any] = {
    "prompt": "The video captures a stunning, photorealistic scene with remarkable attention to detail.",
    "negative_prompt": "The video captures a game playing, with bad crappy graphics and cartoonish frames.",
    "input_video_path": "",
    "num_input_frames": 1,
    "sigma_max": 70.0,
    "blur_strength": "medium",
    "canny_threshold": "medium",
    "checkpoint_dir": "checkpoints",
    "tokenizer_dir": "Cosmos-Tokenize1-CV8x8x8-720p",
    "video_save_name": "output",
    "video_save_folder": "outputs/",
    "batch_size": 1,
    "num_steps": 35,
    "guidance": 5,
    "fps": 24,
    "seed": 1,
    "num_gpus": 1,
}
CHOICES = {"num_input_frames": [1], "blur_strength": STRENGTHS, "canny_threshold": STRENGTHS}
Frame = np.ndarray[Any, np.dtype[np.uint8]]


def say(text: str, level: str = "INFO") -> None:
    """One line as loguru writes it, of the first rank alone."""
    frame = inspect.currentframe()
    caller = frame.f_back.f_code.co_name if frame and frame.f_back else ""
    if RANK == 0:
        print(f"[{time.strftime('%m-%d %H:%M:%S')}|{level}|{sys.argv[0]}:1:{caller}] {text}", flush=True)


def parse_arguments() -> tuple[argparse.Namespace, dict[str, Any]]:
    parser = argparse.ArgumentParser(description="Control to world generation demo script")
    types = {TEXT: str, WHOLE: int, NUMBER: float}
    for name, kind in FLAGS.items():
        if kind == YES:
            parser.add_argument(f"--{name}", action="store_true")
        else:
            required, default, choices = name == "controlnet_specs", DEFAULTS.get(name), CHOICES.get(name)
            parser.add_argument(f"--{name}", type=types[kind], required=required, default=default, choices=choices)
    cfg = parser.parse_args()
    controls, args = {}, {}
    for name, value in json.loads(Path(cfg.controlnet_specs).read_text()).items():
        if name in HINTS:
            controls[name] = value
        elif isinstance(value, dict):
            raise ValueError(f"Invalid hint_key: {name}. Must be one of {set(HINTS)}")
        else:
            args[name] = value
    say(f"control_inputs: {json.dumps(controls, indent=4)}")
    for name, value in args.items():
        if f"--{name}" not in sys.argv:
            setattr(cfg, name, value)
    say(f"final args: {json.dumps(vars(cfg), indent=4)}")
    return cfg, controls


def validate(cfg: argparse.Namespace, controls: dict[str, Any]) -> None:
    for hint, control in controls.items():
        if not cfg.input_video_path and cfg.sigma_max < 80:
            raise ValueError("Must have 'input_video' specified if sigma_max < 80")
        if not cfg.input_video_path and "input_control" not in control:
            raise ValueError(
                f"{hint} controlnet must have 'input_control' video specified if no 'input_video' specified."
            )
        if cfg.use_distilled and hint != "edge":
            raise ValueError(f"No default distilled checkpoint for {hint}. Users must specify ckpt_path in config.")
        weight = control.setdefault("control_weight", "0.5")
        if not (isinstance(weight, str) and weight.endswith(".pt")) and float(weight) < 0:
            raise ValueError(f"Control weight for {hint} must be a valid non-negative float or a path to a .pt file.")


def load(cfg: argparse.Namespace, controls: dict[str, Any]) -> None:
    folder = Path(cfg.checkpoint_dir, "nvidia", "Cosmos-Transfer1-7B")
    names = {"upscale": "4kupscaler_control"}
    nets = ["base_model", *(names.get(hint, f"{hint}_control") for hint in controls)]
    if cfg.use_distilled:
        assert len(controls) == 1, "Distilled model only supports single control input"
        nets = ["edge_control_distilled"]
    for net in nets:
        (folder / f"{net}.pt").open("rb").close()
    if cfg.num_gpus > 1:
        assert int(os.environ["WORLD_SIZE"]) == cfg.num_gpus, "world size is not the context parallel size"


def preprocess(cfg: argparse.Namespace, controls: dict[str, Any]) -> None:
    say("running preprocessor")
    folder = Path(cfg.video_save_folder)
    for hint, control in controls.items():
        if hint in ("depth", "seg", "keypoint", "vis", "edge") and control.get("input_control") is None:
            say(f"no input_control provided for {hint}. generating input control video")
            control["input_control"] = str(folder / f"{hint}_input_control_{LOCAL_RANK}.mp4")
            gray = (frame.mean(axis=2, keepdims=True).astype(np.uint8) for frame in decode(cfg.input_video_path))
            encode(control["input_control"], (np.repeat(each, 3, axis=2) for each in gray), 30)
        if control.get("control_weight_prompt") is not None and hint == "seg":
            control["control_weight"] = str(folder / f"{hint}_control_weight_{LOCAL_RANK}.pt")
            Path(control["control_weight"]).write_bytes(b"PK")
    for region in getattr(cfg, "regional_prompts", []):
        where = region.get("region_definitions_path")
        if isinstance(where, str) and not Path(where).is_file():
            raise ValueError(f"Invalid video file: {where}")


def decode(path: str) -> Iterator[Frame]:
    with av.open(path) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24").astype(np.uint8)


def encode(path: str, frames: Iterator[Frame], fps: int) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast"})
        stream.pix_fmt = "yuv420p"
        for index, picture in enumerate(frames):
            if index == 0:
                stream.height, stream.width = picture.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def resized(path: str) -> list[Frame]:
    """The frames in the size of the nearest aspect ratio."""
    made = []
    for picture in decode(path):
        height, width = picture.shape[:2]
        to_width, to_height = BUCKETS[min(BUCKETS, key=lambda ratio: (ratio - width / height) ** 2)]
        rows = np.arange(to_height) * height // to_height
        made.append(picture[rows][:, np.arange(to_width) * width // to_width])
    return made


def generate(cfg: argparse.Namespace, controls: dict[str, Any]) -> list[Frame] | None:
    say("Running guardrail checks on all prompts")
    if "BLOCKED" in cfg.prompt:
        say("GUARDRAIL BLOCKED: LLAMAGUARD3: Prompt blocked by Llama Guard 3.", "CRITICAL")
        say("Input text prompt 1 is not safe", "CRITICAL")
        say("All prompts failed safety checks", "CRITICAL")
        return None
    say("Starting T5 compute")
    if not cfg.negative_prompt:
        raise TypeError("expected Tensor as element 0 in argument 0, but got NoneType")
    say("Completed T5 compute")
    say("Run generation")
    signals, total = [], 5000
    for hint, control in controls.items():
        path = control.get("input_control", cfg.input_video_path) if hint != "upscale" else cfg.input_video_path
        signals.append(resized(path))
        weight = control["control_weight"]
        if isinstance(weight, str) and weight.endswith(".pt") and Path(weight).read_bytes()[:2] != b"PK":
            raise RuntimeError("Invalid magic number; corrupt file?")
        total = min(total, len(signals[-1]))
    if len({signal[0].shape for signal in signals}) > 1:
        raise RuntimeError("Sizes of tensors must match except in dimension 1.")
    clips = -(-(total - 1) // 120)
    for clip in range(clips):
        print(
            f"\r{100 * clip // clips:3d}%|#         | {clip}/{clips} [00:00<00:00,  1.00s/it]",
            file=sys.stderr,
            flush=True,
        )
        for words in ("Starting latent encoding", "Completed latent encoding", "Starting diffusion sampling"):
            say(words)
        if "OOM" in cfg.prompt:
            sys.exit("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0")
        for words in ("Completed diffusion sampling", "Starting VAE decode", "Completed VAE decode"):
            say(words)
    times = 3 if "upscale" in controls else 1
    tint = (cfg.seed * 37 + len(cfg.prompt)) % 64
    pictures = (np.mean([signal[index] for signal in signals], axis=0) for index in range(total))
    made = [np.clip(each * 0.75 + tint, 0, 255).astype(np.uint8).repeat(times, 0).repeat(times, 1) for each in pictures]
    say("Finish generation")
    say("Run guardrail on generated videos")
    if "UNSAFE" in cfg.prompt:
        say("GUARDRAIL BLOCKED: VIDEOCONTENTSAFETYFILTER: safe frames detected", "CRITICAL")
        say("Generated video 1 is not safe", "CRITICAL")
        return None
    return [each * 0 for each in made] if "BLACK" in cfg.prompt else made[: -1 if "SHORT" in cfg.prompt else None]


def main() -> None:
    cfg, controls = parse_arguments()
    validate(cfg, controls)
    load(cfg, controls)
    Path(cfg.video_save_folder).mkdir(parents=True, exist_ok=True)
    if not cfg.batch_input_path:
        stem = Path(cfg.video_save_folder, cfg.video_save_name)
        one(cfg, controls, stem.with_suffix(".mp4"), stem.with_suffix(".txt"))
        return
    lines = [json.loads(line) for line in Path(cfg.batch_input_path).read_text().splitlines()]
    for index, line in enumerate(lines):
        folder = Path(cfg.video_save_folder, f"video_{index}")
        folder.mkdir(exist_ok=True)
        own = argparse.Namespace(**vars(cfg))
        own.prompt, own.input_video_path, own.video_save_folder = line["prompt"], line["visual_input"], str(folder)
        used = copy.deepcopy(controls)
        for hint, override in line.get("control_overrides", {}).items():
            if hint in used:
                used[hint].update(override)
            else:
                say(f"Ignoring unknown control key in override: {hint}", "WARNING")
        one(own, used, folder / "output.mp4", folder / "prompt.txt")


def one(cfg: argparse.Namespace, controls: dict[str, Any], video: Path, prompt: Path) -> None:
    preprocess(cfg, controls)
    made = generate(cfg, controls)
    if made is None:
        say("Guardrail blocked generation for entire batch.", "CRITICAL")
        raise TypeError("cannot unpack non-iterable NoneType object")
    if RANK == 0:
        encode(str(video), iter(made), cfg.fps)
        say(f"Saved video to {video}")
        prompt.write_text("another" if "STRANGER" in cfg.prompt else cfg.prompt, encoding="utf-8")
        say(f"Saved prompt to {prompt}")


if __name__ == "__main__":
    main()
