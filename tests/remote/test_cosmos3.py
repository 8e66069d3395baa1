"""Cosmos 3 by its framework, in containers on a GPU host: what succeeds, and how failures are told apart."""

import json
from pathlib import Path

import pytest

from cosmos.core.plan import Phase
from cosmos.core.reasons import Reason
from tests.media import write_video
from tests.remote.site import Site
from tests.services.images import MODELS, Images

pytestmark = pytest.mark.needs("docker", "ssh")

REPO = Path(__file__).parents[1] / "standins" / "cosmos3"
MODEL = """
[models.cosmos3]
image = "{image}"
paths = {{bin = "/workspace/bin", checkpoints = "/checkpoints"}}
secrets = []
requires = {{gpu_memory = "20g", driver = "570"}}
"""
PROMPT = """---
kind: Prompt
name: {name}
text: {text}
inputs: inputs/city
"""
RUN = """---
kind: Run
name: {name}
prompt: {prompt}
model: cosmos3
{more}
"""
SMALL = "params: {frames: 5, resolution: '256'}"


def test_samples_succeed_by_their_report_and_failures_are_named(site: Site, images: Images, tmp_path: Path) -> None:
    (tmp_path / "checkpoints" / "Cosmos3-Nano").mkdir(parents=True)
    mounts = f'{{"/workspace" = "{REPO}", "/checkpoints" = "{tmp_path / "checkpoints"}"}}'
    site.configure(site.gpu_host.toml(mounts=mounts) + MODEL.format(image=images.load(site.docker, MODELS)))
    for role in ("color", "depth"):
        write_video(site.root / "inputs" / "city" / f"{role}.mp4", frames=6, width=64, height=48)
    texts = {"rain": "Heavy rain", "blocked": "BLOCKED", "large": "OOM"}
    transfer = (
        "controls: {depth: 0.5, edge: 0.5}\nplacement: {gpus: 2}\n"
        "params: {resolution: '256', guidance: 3.0, control_guidance: 1.5, shift: 10.0}"
    )
    site.write(
        *(PROMPT.format(name=name, text=text) for name, text in texts.items()),
        RUN.format(name="clip", prompt="rain", more=transfer),
        *(RUN.format(name=name, prompt=name, more=SMALL) for name in ("blocked", "large")),
        RUN.format(name="edge", prompt="rain", more="params: {checkpoint: Cosmos3-Edge}"),
    )

    outcome = site.apply(timeout_s=200)

    ends = {status.key: status for status in outcome.statuses}
    assert ends["clip"].phase is Phase.SUCCEEDED, (ends["clip"], site.log("clip"))
    assert {key: status.reason for key, status in ends.items() if status.reason is not None} == {
        "blocked": Reason.GUARDRAIL_BLOCKED,
        "large": Reason.GPU_OUT_OF_MEMORY,
        "edge": Reason.MISSING_CHECKPOINT,
    }
    folder = site.root / "outputs" / "clip" / "latest"
    assert {path.name for path in folder.iterdir()} >= {"vision.mp4", "control_edge.mp4", "control_depth.mp4"}
    made = json.loads((folder / "provenance.json").read_text())
    assert "sigma_max" in json.dumps(made)
