"""Projects to measure: many runs of a program that is over at once, with real inputs."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parent.parent
SCENE = ROOT / "inputs" / "city"
PER_FILE = 1000

MODEL_AND_PROMPT = """\
kind: Model
name: copy
adapter: command
command: [sh, -c, 'cp "$1" "$2"', copy, "{inputs.color}", "{outputs.video}", "{params.seed}"]
inputs: {color: {}}
outputs: {video: out.mp4}
params: {seed: {type: int, default: 0}}
---
kind: Prompt
name: rain
text: Heavy rain over a collapsed avenue
inputs: {color: inputs/city/color.mp4}
"""


def make_sweeps(folder: Path, runs: int) -> Path:
    """A project whose runs are members of matrices, one file for each thousand."""
    for first in range(0, runs, PER_FILE):
        seeds = list(range(first, min(first + PER_FILE, runs)))
        spec = f"{_run(f'sweep-{first // PER_FILE}')}matrix:\n  params.seed: {seeds}\n"
        _write(folder / "specs" / f"sweep-{first // PER_FILE}.yaml", spec)
    return make_project(folder, MODEL_AND_PROMPT)


def make_documents(folder: Path, runs: int) -> Path:
    """A project with a Run document for each run."""
    for first in range(0, runs, PER_FILE):
        specs = (
            f"{_run(f'run-{seed}')}params: {{seed: {seed}}}\n" for seed in range(first, min(first + PER_FILE, runs))
        )
        _write(folder / "specs" / f"runs-{first // PER_FILE}.yaml", "---\n".join(specs))
    return make_project(folder, MODEL_AND_PROMPT)


def make_project(folder: Path, specs: str) -> Path:
    """A project with these specs, and the sample scene as inputs/city."""
    _write(folder / "specs" / "common.yaml", specs)
    shutil.copytree(SCENE, folder / "inputs" / "city")
    return folder


def _run(name: str) -> str:
    return f"kind: Run\nname: {name}\nprompt: rain\nmodel: copy\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
