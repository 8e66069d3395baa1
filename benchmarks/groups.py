"""A sweep on one GPU: one run after the other, pipelined, and pipelined with one load of the model, beside the ideal.

The host is this machine behind a private sshd and a Docker daemon of its own, with one GPU that only nvidia-smi shows.
The program stands in for Cosmos-Transfer1: it loads for a set time, then makes one run after the other, each in a set
time, at the ratio of the predecessor, of whose 5 minutes for a run alone 2.3 were not its own. It says in its log when
it begins and ends, so a time is what the GPU sees, and not what our records say.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.measure import COSMOS, usage
from benchmarks.projects import make_project
from tests.media import write_video
from tests.services.gpu_host import GpuHost, gpu_host_in
from tests.services.gpus import Gpu
from tests.services.images import BASE

RUNS = 24
LOAD_S, RUN_S = 2.3, 2.7
SLACK = 1.03

PROGRAM = f"""\
import json, os, shutil, sys, time
print("BEGAN", time.time(), flush=True)
spec = json.load(open(sys.argv[2]))
time.sleep({LOAD_S})
at, texts = spec["video_save_folder"], [spec.get("prompt")]
places = [(at, "video.mp4", "video.txt")]
if "batch_input_path" in spec:
    texts = [json.loads(line)["prompt"] for line in open(spec["batch_input_path"])]
    places = [(f"{{at}}/video_{{index}}", "output.mp4", "prompt.txt") for index in range(len(texts))]
for prompt, (folder, video, text) in zip(texts, places):
    os.makedirs(folder, exist_ok=True)
    time.sleep({RUN_S})
    shutil.copyfile("/workspace/made.mp4", f"{{folder}}/{{video}}")
    open(f"{{folder}}/{{text}}", "w").write(prompt)
print("ENDED", time.time(), flush=True)
"""
SPECS = f"""\
kind: Prompt
name: rain
text: Heavy rain over a collapsed avenue
inputs: {{color: inputs/small/color.mp4, edge: inputs/small/edge.mp4}}
---
kind: Run
name: sweep
prompt: rain
model: cosmos-transfer1
controls: {{edge: 0.5}}
matrix: {{controls.edge: {[round(0.02 * (1 + number), 2) for number in range(RUNS)]}}}
"""


def figures(folder: Path) -> Iterator[Figure]:
    (folder / "host").mkdir()
    _write_program(folder)
    with gpu_host_in(folder / "host") as host:
        host.gpus.set(Gpu(0))
        one = _measured(folder, host, "one", batch=1, is_sequential=True)
        ahead = _measured(folder, host, "ahead", batch=1)
        shared = _measured(folder, host, "shared", batch=RUNS)
    ideal = LOAD_S + RUNS * RUN_S
    work = f"{RUNS} runs of one GPU, {LOAD_S} s a load and {RUN_S} s a run"
    yield Figure(work=f"{work}: one after the other", value=one, unit="s")
    yield Figure(work=f"{work}: pipelined", value=ahead, unit="s", budget=SLACK * RUNS * (LOAD_S + RUN_S))
    yield Figure(
        work=f"{work}: pipelined, in one batch",
        value=shared,
        unit="s",
        budget=SLACK * ideal,
        peer="one after the other",
        peer_value=one,
    )


def _write_program(folder: Path) -> None:
    """The program, the video that it hands out, and checkpoints as large as they must be that hold nothing."""
    script = folder / "program" / "cosmos_transfer1" / "diffusion" / "inference" / "transfer.py"
    script.parent.mkdir(parents=True)
    script.write_text(PROGRAM)
    write_video(folder / "program" / "made.mp4", frames=3, width=1280, height=704)
    weights = folder / "checkpoints" / "nvidia" / "Cosmos-Transfer1-7B"
    tokenizer = folder / "checkpoints" / "nvidia" / "Cosmos-Tokenize1-CV8x8x8-720p"
    sizes = {weights / "base_model.pt": 64 << 20, weights / "edge_control.pt": 64 << 20}
    sizes |= {tokenizer / "encoder.jit": 1 << 20, tokenizer / "decoder.jit": 1 << 20, tokenizer / "mean_std.pt": 1}
    for path, size in sizes.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.truncate(path, size)
    for name in ("nvidia/Cosmos-Guardrail1", "google-t5/t5-11b", "meta-llama/Llama-Guard-3-8B"):
        (folder / "checkpoints" / name).mkdir(parents=True)


def _measured(folder: Path, host: GpuHost, name: str, *, batch: int, is_sequential: bool = False) -> float:
    """From the begin of the first program to the end of the last."""
    project = make_project(folder / name, SPECS)
    for role in ("color", "edge"):
        write_video(project / "inputs" / "small" / f"{role}.mp4", frames=3, width=320, height=176)
    mounts = {"/workspace": folder / "program", "/checkpoints": folder / "checkpoints"}
    told = ", ".join(f'"{inside}" = "{outside}"' for inside, outside in mounts.items())
    toml = host.toml(mounts=f"{{{told}}}", workdir=f'"{host.workdir}/{name}"')
    models = f'[models.cosmos-transfer1]\nimage = "{BASE}"\npaths = {{checkpoints = "/checkpoints"}}\n'
    (project / "cosmos.toml").write_text(f"{toml}{models}[batches]\nruns = {batch}\n")
    wanted = [[f"sweep/edge-{round(0.02 * (1 + number), 2):g}"] for number in range(RUNS)] if is_sequential else [[]]
    for words in wanted:
        usage([*COSMOS, "apply", "--yes", *words], project)
    logs = [log.read_text() for log in (project / "outputs").glob("sweep/*/*/run.log") if not log.parent.is_symlink()]
    if len(logs) != RUNS:
        raise RuntimeError(f"{len(logs)} of {RUNS} runs have a result")
    times = [(word, float(at)) for log in logs for word, at in re.findall(r"^(BEGAN|ENDED) (\S+)$", log, re.MULTILINE)]
    return max(at for word, at in times if word == "ENDED") - min(at for word, at in times if word == "BEGAN")
