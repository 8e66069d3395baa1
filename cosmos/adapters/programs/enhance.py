"""Runs the prompt upsampler of Cosmos-Transfer1 on the frames of a scene, made small enough for it, and keeps its text.

`enhance.py PAYLOAD` is written into a run directory and runs there, with the Python of the model's image and what
that has anyway (PyAV); nothing of cosmos is imported. The upsampler refuses a prompt whose pictures need more than its
context ("Prompt length of 4699 is longer than the maximum model length of 4096"), and only prints what it made.
"""

import json
import math
import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av

SAYS = "Upsampled prompt:"
LOG_LINE = re.compile(r"^\[\d\d-\d\d \d\d:|^\[rank\d|^(INFO|WARNING|DEBUG|ERROR)\b|^Processed prompts:|^W\d{4} ")
"""How lines begin that the program logs: one of them ends a text of several lines."""


def shrink(source: str, target: str, pixels: int) -> str:
    """The video with at most so many pixels a frame; what was done, in words."""
    with av.open(source) as read, av.open(target, "w") as write:
        given = read.streams.video[0]
        rate = given.average_rate or 24
        scale = min(1.0, math.sqrt(pixels / (given.width * given.height)))
        width, height = (max(2, int(side * scale) // 2 * 2) for side in (given.width, given.height))
        made = write.add_stream("libx264", rate=rate, options={"crf": "12"})
        made.width, made.height, made.pix_fmt = width, height, "yuv420p"
        count = 0
        for frame in read.decode(given):
            picture = frame.reformat(width=width, height=height, format="yuv420p")
            picture.pts, picture.time_base = count, Fraction(1) / rate
            write.mux(made.encode(picture))
            count += 1
        write.mux(made.encode(None))
    return f"the upsampler sees {count} frames of {width}x{height}, made from {given.width}x{given.height}"


def follow(argv: list[str], folder: str) -> tuple[int, str]:
    """Run the upsampler, pass on what it says; its exit code and the text that it made."""
    text: list[str] = []
    is_text = False
    environment = {**os.environ, "PYTHONPATH": folder, "VLLM_WORKER_MULTIPROC_METHOD": "spawn"}
    with subprocess.Popen(
        argv, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as program:
        assert program.stdout is not None
        for line in program.stdout:
            print(line, end="", flush=True)
            _, mark, rest = line.partition(SAYS)
            if mark:
                is_text, text = True, [rest]
            elif is_text and LOG_LINE.search(line):
                is_text = False
            elif is_text:
                text.append(line)
    return program.wait(), "".join(text).strip()


def main() -> int:
    payload = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print("cosmos:", shrink(payload["video"], payload["small"], payload["pixels"]), flush=True)
    code, text = follow(payload["argv"], payload["folder"])
    if code:
        return code if code > 0 else 128 - code
    if not text:
        print(f'cosmos: error: the upsampler ended well without a line "{SAYS}"', flush=True)
        return 1
    out = Path(payload["out"])
    partial = out.with_suffix(".part")
    partial.write_text(f"{text}\n", encoding="utf-8")
    partial.replace(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
