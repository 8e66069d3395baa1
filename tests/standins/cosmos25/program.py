"""What both stand-ins do: read the command line, check the sample, write the logs, and make a real video.

With COSMOS_VERBOSE the phases, and why a guardrail refused, are on the console too; without it only in debug.log.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from math import ceil
from pathlib import Path
from typing import Any, NoReturn

import av
import numpy as np

from tests.standins.cosmos25.arguments import CONTROLS, validate

Frames = list[Any]
MODELS = {
    "transfer": ("edge", "depth", "seg", "vis"),
    "predict": ("2B/post-trained", "2B/pre-trained", "2B/distilled", "14B/post-trained", "14B/pre-trained"),
}
BUCKETS = {"16,9": (1280, 704), "4,3": (960, 704), "1,1": (960, 960), "3,4": (704, 960), "9,16": (704, 1280)}
"""Of resolution 720: the stand-in makes no other."""
CHUNK, NATIVE_FRAMES = 93, 77


class Trouble(StrEnum):
    """A word of the prompt, and what the program does then."""

    OOM = "STANDIN-OOM"
    GATED = "STANDIN-GATED"
    MISSING = "STANDIN-MISSING"
    BLOCKED = "STANDIN-BLOCKED"
    BLOCKED_RESULT = "STANDIN-RESULT-BLOCKED"
    BLACK = "STANDIN-BLACK"


class Logs:
    """console.log and debug.log, and standard output as it is filtered by COSMOS_VERBOSE."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._debug = (folder / "debug.log").open("w", encoding="utf-8")
        self._console = (folder / "console.log").open("w", encoding="utf-8")

    def say(self, words: str, level: str = "INFO", *, inner: bool = False) -> None:
        """One line; `inner` ones come from a private module, and are not for the console."""
        line = f"[11-27 18:00:00|{level}|{'_src/' if inner else ''}inference.py:1:main] {words}"
        files = [self._debug] if inner else [self._debug, self._console]
        if not inner or os.environ.get("COSMOS_VERBOSE"):
            files.append(sys.stdout)  # type: ignore[arg-type]
        for file in files:
            print(line, file=file, flush=True)


def main(program: str) -> None:
    arguments = _arguments(program)
    (path,) = arguments.input_files
    sample = _sample(path, program)
    if os.environ.get("RANK", "0") != "0":
        return
    logs = Logs(arguments.output_dir)
    _load(sample, logs)
    (arguments.output_dir / "config.yaml").write_text("trainer: {}\n")
    logs.say(f"Generating 1 samples: ['{sample['name']}']")
    output = arguments.output_dir / sample["name"]
    output.with_suffix(".json").write_text(json.dumps(sample))
    if _blocks_prompt(sample, logs):
        return
    make = _transfer if program == "transfer" else _predict
    frames, fps = make(sample, output, logs)
    logs.say("Running guardrail check on video...")
    if Trouble.BLOCKED_RESULT in sample["prompt"]:
        logs.say("GUARDRAIL BLOCKED: VIDEOCONTENTSAFETYFILTER: 3 frames", "CRITICAL", inner=True)
        return
    logs.say("Passed guardrail on generated video", "SUCCESS")
    if Trouble.BLACK in sample["prompt"]:
        frames = [np.zeros_like(frame) for frame in frames]
    write(output.with_suffix(".mp4"), frames, fps)
    output.with_suffix(".txt").write_text(sample["prompt"])
    logs.say(f"Generated video saved to {output}.mp4", "SUCCESS")


def _arguments(program: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("-i", "--input-files", type=Path, nargs="+", required=True)
    parser.add_argument("-o", "--output-dir", type=Path, required=True)
    distilled = ("edge/distilled",) if os.environ.get("COSMOS_EXPERIMENTAL_CHECKPOINTS") == "1" else ()
    models = (*MODELS[program], *(distilled if program == "transfer" else ()))
    parser.add_argument("--model", choices=models, default=models[0])
    offloads = ("guardrail-models",) if program == "transfer" else (
        "guardrail-models", "diffusion-model", "tokenizer", "text-encoder"
    )  # fmt: skip
    for name in offloads:
        parser.add_argument(f"--offload-{name}", action=argparse.BooleanOptionalAction)
    arguments = parser.parse_args()
    if not all(path.suffix in (".json", ".jsonl") for path in arguments.input_files):
        raise ValueError("Unsupported file extension")
    return arguments


def _sample(path: Path, program: str) -> dict[str, Any]:
    given = json.loads(path.read_text())
    here = Path.cwd()
    os.chdir(path.parent)
    sample, errors = validate(given, program)
    os.chdir(here)
    if errors:
        sys.exit(f"Error validating parameters from '{path}' at line 0\n" + "\n".join(errors))
    return sample


def _load(sample: dict[str, Any], logs: Logs) -> None:
    """Checkpoints are fetched, then the network takes its memory."""
    if not os.environ.get("HF_TOKEN"):
        _crash("huggingface_hub.errors.HfHubHTTPError: 401 Client Error: Unauthorized for url: https://hub.invalid/api")
    if Trouble.GATED in sample["prompt"]:
        _crash(
            "huggingface_hub.errors.GatedRepoError: 403 Client Error. (Request ID: Root=1-6)\n\n"
            "Cannot access gated repo for url https://hub.invalid/nvidia/Cosmos-Guardrail1.",
            "subprocess.CalledProcessError: Command '['uvx', 'hf', 'download']' returned non-zero exit status 1.",
        )
    if Trouble.MISSING in sample["prompt"]:
        _crash("FileNotFoundError: [Errno 2] No such file or directory: '/cache/huggingface/hub/model_ema_bf16.pt'")
    if Trouble.OOM in sample["prompt"]:
        _crash("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 71.19 GiB. GPU 0 has 79.11 GiB in all.")
    logs.say("Loading model cached locally", inner=True)


def _crash(*lines: str) -> NoReturn:
    sys.exit("\n".join(["Traceback (most recent call last):", *lines]))


def _blocks_prompt(sample: dict[str, Any], logs: Logs) -> bool:
    logs.say("Running guardrail check on prompt...")
    for words, text in (("Prompt", sample["prompt"]), ("Negative prompt", sample["negative_prompt"])):
        if Trouble.BLOCKED in text:
            logs.say("GUARDRAIL BLOCKED: QWEN3GUARD: Prompt is Unsafe. Categories: Violent", "CRITICAL", inner=True)
            logs.say(f"Guardrail blocked generation. {words}: {text}", "CRITICAL")
            return True
    logs.say("Passed guardrail on prompt", "SUCCESS")
    return False


def _transfer(sample: dict[str, Any], output: Path, logs: Logs) -> tuple[Frames, int]:
    """The scene inverted; each control as it was used beside it."""
    logs.say("Loading input video...", inner=True)
    scene, fps = read(Path(sample["video_path"]))
    scene = scene[: sample["max_frames"]]
    height, width = scene[0].shape[:2]
    logs.say("Loading control inputs...", inner=True)
    count = 1 + max(0, ceil((len(scene) - CHUNK) / (CHUNK - sample["num_conditional_frames"])))
    _sampling(count, "Generating", logs)
    made = [255 - frame for frame in scene]
    resized = _nearest(width, height) if not sample["keep_input_resolution"] else _even(width, height)
    for name in CONTROLS:
        if (control := sample[name]) is not None:
            used = scene if control["control_path"] is None else read(Path(control["control_path"]))[0]
            if not used:
                raise ValueError("No input frames; cannot pad. Verify that video frame counts match.")
            write(Path(f"{output}_control_{name}.mp4"), [resized(frame) for frame in used[: len(scene)]], fps)
            if control["mask_prompt"] is not None and control["mask_path"] is None:
                write(Path(f"{output}_mask_{name}.mp4"), made, fps)
    return [resized(frame) for frame in made], fps


def _predict(sample: dict[str, Any], output: Path, logs: Logs) -> tuple[Frames, int]:
    """A gradient that moves with the seed; the last frames of a video come first."""
    del output
    height, width = (704, 1280) if sample["resolution"] == "none" else map(int, sample["resolution"].split(","))
    frames = NATIVE_FRAMES
    if sample["enable_autoregressive"]:
        size, overlap, frames = sample["chunk_size"], sample["chunk_overlap"], sample["num_output_frames"]
        _sampling(1 + max(0, ceil((frames - size) / (size - overlap))), "Processing", logs)
    else:
        logs.say("Generating video with standard mode...")
        _sampling(1, "", logs)
    if sample["inference_type"] == "video2world":
        given, _ = read(Path(sample["input_path"]))
        if len(given) < 5:
            raise ValueError(f"Video has only {len(given)} frames but needs at least 5")
    shade = np.linspace(0, 255, width, dtype=np.uint8)
    picture = np.broadcast_to(shade[None, :, None], (height, width, 3))
    return [np.roll(picture, index + sample["seed"], axis=1) for index in range(frames)], 16


def _sampling(count: int, word: str, logs: Logs) -> None:
    for number in range(1, count + 1):
        if word:
            logs.say(f"{word} chunk {number}/{count}", inner=True)
        for percent in (0, 50, 100):
            sys.stderr.write(f"\rGenerating samples: {percent:3d}%|")
        sys.stderr.write("\n")


def _nearest(width: int, height: int) -> Callable[[Any], Any]:
    ratio = width / height
    name = min(BUCKETS, key=lambda key: (int(key.split(",")[0]) / int(key.split(",")[1]) - ratio) ** 2)
    return _resized(*BUCKETS[name])


def _even(width: int, height: int) -> Callable[[Any], Any]:
    return _resized(width - width % 2, height - height % 2)


def _resized(width: int, height: int) -> Callable[[Any], Any]:
    def resize(frame: Any) -> Any:
        rows = np.arange(height) * frame.shape[0] // height
        columns = np.arange(width) * frame.shape[1] // width
        return frame[rows][:, columns]

    return resize


def read(path: Path) -> tuple[Frames, int]:
    """Frames, and the whole part of their rate: the rest is dropped, as the real reader does."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)], int(stream.average_rate or 0)


def write(path: Path, frames: Sequence[Any], fps: int) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
