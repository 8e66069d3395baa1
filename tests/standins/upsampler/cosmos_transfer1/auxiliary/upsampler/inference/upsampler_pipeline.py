"""Stand-in of the prompt upsampler of Cosmos-Transfer1; it is no model.

What it holds to: the flags, the variables of torchrun that it reads and deletes, the limit of its context (4,096
tokens, which frames of more than 497,000 pixels exceed), and the line that it prints. Its text says how many frames
of which size it saw. A prompt with the word OOM runs out of memory; one with PARROT comes back as it was; one with
MUTE prints nothing.
"""

import argparse
import os
import sys
from pathlib import Path

import av

PIXELS_MAX = 497_000


def main() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--input_video", required=True)
    parser.add_argument("--prompt", default="")
    parser.add_argument("--checkpoint_dir", default="checkpoints")
    parser.add_argument("--offload_prompt_upsampler", action="store_true")
    given = parser.parse_args()
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        del os.environ[name]
    weights = Path(given.checkpoint_dir, "nvidia", "Cosmos-UpsamplePrompt1-12B-Transfer", "config.json")
    weights.read_text()
    print("[07-01 10:00:00|INFO|upsampler_pipeline.py:40:load] Loading safetensors checkpoint shards: 100%", flush=True)
    if "OOM" in given.prompt:
        sys.exit("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0")
    with av.open(given.input_video) as video:
        stream = video.streams.video[0]
        frames = sum(1 for _ in video.decode(stream))
        size = stream.width * stream.height
    if size > PIXELS_MAX:
        sys.exit(f"ValueError: Prompt length of {size // 106} is longer than the maximum model length of 4096.")
    seen = f"{frames} frames of {stream.width}x{stream.height}"
    if "MUTE" not in given.prompt:
        text = given.prompt if "PARROT" in given.prompt else f"{given.prompt},\nas {seen} show it"
        print(f"Upsampled prompt: {text}", flush=True)
    print("[07-01 10:00:14|INFO|upsampler_pipeline.py:90:main] done", flush=True)


if __name__ == "__main__":
    main()
