"""Stand-in of `python -m cosmos_framework.scripts.inference` of Cosmos 3; it is no model.

It takes the flags that cosmos uses, refuses samples as schema.py has it before the model is loaded, and writes the
folders, files and log lines of the framework: `<out>/<name>/{sample_args.json,sample_outputs.json,vision.mp4}`, the
controls of a transfer, and the sizes, lengths and rates that its rules give. A prompt with the word OOM runs out of
memory; one with BLOCKED is refused by the guardrail, after the work is done; with the variable STANDIN_KEEP_GOING the
program ends with 0 all the same, and leaves no report, as with --keep-going.
"""

import argparse
import json
import math
import os
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
from cosmos_framework.schema import HINTS, problems  # type: ignore[import-not-found]

SIZES = {"256": {"16,9": (320, 192), "1,1": (256, 256)}, "480": {"16,9": (832, 480), "1,1": (640, 640)}}


def say(level: str, words: str) -> None:
    print(f"[08-21 10:00:00|{level}|inference.py:1:main] {words}", flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("-i", "--input-files", required=True)
    parser.add_argument("-o", "--output-dir", required=True)
    parser.add_argument("--checkpoint-path", required=True)
    parser.add_argument("--parallelism-preset", choices=["latency", "throughput"], required=True)
    parser.add_argument("--diffusion-cache", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--diffusion-cache-thresh", type=float)
    parser.add_argument("--use-torch-compile", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--offload-guardrail-models", action="store_true")
    for name in ("dp-shard-size", "dp-replicate-size", "cp-size", "cfgp-size"):
        parser.add_argument(f"--{name}", type=int, default=0)
    return parser.parse_args()


def shape(sample: dict) -> tuple[int, int, int, float]:  # type: ignore[type-arg]
    """Frames, width, height and rate of what is made."""
    hints = [sample[name] for name in HINTS if name in sample]
    frames, rate, aspect = sample.get("num_frames", 1), sample.get("fps", 24), sample.get("aspect_ratio", "16,9")
    frames = math.ceil((frames - 1) / 4) * 4 + 1
    if hints:
        with av.open(hints[0].get("control_path") or sample["vision_path"]) as video:
            frames = min(sample["max_frames"], sum(1 for _ in video.decode(video=0)))
        if "vision_path" in sample:
            with av.open(sample["vision_path"]) as video:
                rate = float(video.streams.video[0].average_rate or 24)
    return (frames, *SIZES[sample["resolution"]][aspect], rate)


def write(path: Path, sample: dict) -> None:  # type: ignore[type-arg]
    frames, width, height, rate = shape(sample)
    pictures = np.random.default_rng(sample["seed"]).integers(60, 200, (frames, height, width, 3), dtype=np.uint8)
    with av.open(str(path), "w") as made:
        codec = "libx264" if path.suffix == ".mp4" else "mjpeg"
        stream: Any = made.add_stream(codec, rate=round(rate))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p" if codec == "libx264" else "yuvj420p"
        for picture in pictures:
            made.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        made.mux(stream.encode(None))


def main() -> None:
    given = parse()
    os.environ["CHECK_FILES"] = "1"
    sample = json.loads(Path(given.input_files).read_text())
    if wrong := problems(sample):
        sys.exit("pydantic_core._pydantic_core.ValidationError: " + "; ".join(wrong))
    say("INFO", "Loaded 1 samples")
    folder = Path(given.output_dir, sample["name"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sample_args.json").write_text(json.dumps(sample))
    say("INFO", f"Saved sample args to '{folder / 'sample_args.json'}'")
    say("INFO", f"Using sampler: UniPC (shift={sample['shift']}, num_steps={sample['num_steps']})")
    print("Sampling: 100%", flush=True)
    if "OOM" in sample["prompt"]:
        sys.exit("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0")
    hints = [name for name in HINTS if name in sample]
    if "BLOCKED" in sample["prompt"] and not hints:  # a transfer asks no guardrail
        words = f"Error generating sample '{sample['name']}': Guardrail blocked prompt '{folder}': '{sample['prompt']}'"
        if os.environ.get("STANDIN_KEEP_GOING"):
            say("ERROR", words)
            return
        sys.exit(f"ValueError: {words}")
    vision = folder / ("vision.jpg" if sample["model_mode"] == "text2image" else "vision.mp4")
    names = [vision, *(folder / f"control_{name}.mp4" for name in hints)]
    for path in names:
        write(path, sample)
    args = {**sample, "output_dir": str(folder), "sigma_max": 80.0}
    outputs = [{"content": {}, "files": [str(path) for path in names]}]
    report = {"args": args, "status": "success", "message": None, "stack_trace": None, "outputs": outputs}
    (folder / "sample_outputs.json").write_text(json.dumps(report))
    say("SUCCESS", f"Saved {'transfer' if hints else 'sample'} outputs to '{folder / 'sample_outputs.json'}'")


if __name__ == "__main__":
    main()
