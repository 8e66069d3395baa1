"""Cosmos-Transfer1 and its upscaler as programs in containers on a GPU host; the programs are stand-ins."""

import json
import os
from pathlib import Path

import pytest

from cosmos.core.plan import Phase
from cosmos.core.reasons import Reason
from cosmos.local_ai.probe import MediaProbe
from tests.media import write_video
from tests.remote.site import Site
from tests.services.images import MODELS, Images

pytestmark = pytest.mark.needs("docker", "ssh")

REPO = Path(__file__).parents[1] / "standins" / "transfer1"
TOML = """
[models.cosmos-transfer1]
image = "{image}"
paths = {{checkpoints = "/checkpoints"}}
[models.cosmos-transfer1-upscale]
image = "{image}"
paths = {{checkpoints = "/checkpoints"}}
"""
NETS = ("base_model", "edge_control", "depth_control", "4kupscaler_control")
LARGE = 64 << 20

SPECS = """\
kind: Prompt
name: rain
text: "Heavy rain, \\"wet\\" concrete"
negative: cartoon
inputs: inputs/city
---
kind: Prompt
name: forbidden
text: BLOCKED
inputs: inputs/city
---
kind: Prompt
name: snow
text: Snow
inputs: inputs/city
---
kind: Run
name: city
prompt: rain
model: cosmos-transfer1
controls: {edge: {weights: inputs/edge.pt}, depth: 0.5}
params: {seed: 7, steps: 3}
placement: {gpus: 2}
---
kind: Run
name: city-4k
model: cosmos-transfer1-upscale
source: {run: city}
---
kind: Run
name: refused
prompt: forbidden
model: cosmos-transfer1
controls: {edge: 0.5}
---
kind: Run
name: unfinished
prompt: snow
model: cosmos-transfer1
controls: {edge: 1}
params: {distilled: true}
"""


TOGETHER = """\
kind: Prompt
name: fog
text: Fog
inputs: inputs/city
---
kind: Prompt
name: forbidden
text: BLOCKED
inputs: inputs/city
---
kind: Prompt
name: snow
text: Snow
inputs: inputs/city
---
kind: Run
name: a-fog
prompt: fog
model: cosmos-transfer1
controls: {edge: 0.5}
---
kind: Run
name: b-refused
prompt: forbidden
model: cosmos-transfer1
controls: {edge: 0.5}
---
kind: Run
name: c-snow
prompt: snow
model: cosmos-transfer1
controls: {edge: 0.9}
"""


def write_checkpoints(folder: Path) -> None:
    """As the download leaves them; large files that hold nothing, and no distilled network."""
    tokenizer = folder / "nvidia" / "Cosmos-Tokenize1-CV8x8x8-720p"
    nets = {folder / "nvidia" / "Cosmos-Transfer1-7B" / f"{net}.pt": LARGE for net in NETS}
    parts = {tokenizer / "encoder.jit": 1 << 20, tokenizer / "decoder.jit": 1 << 20, tokenizer / "mean_std.pt": 0}
    for path, size in {**nets, **parts}.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.truncate(path, size)
    for name in ("nvidia/Cosmos-Guardrail1", "google-t5/t5-11b", "meta-llama/Llama-Guard-3-8B"):
        (folder / name).mkdir(parents=True)


def configure(site: Site, images: Images, folder: Path, **host: str) -> None:
    write_checkpoints(folder / "checkpoints")
    mounts = f'{{"/workspace" = "{REPO}", "/checkpoints" = "{folder / "checkpoints"}"}}'
    site.configure(site.gpu_host.toml(mounts=mounts, **host) + TOML.format(image=images.load(site.docker, MODELS)))
    for name in ("color", "edge"):
        write_video(site.root / "inputs" / "city" / f"{name}.mp4", frames=3, width=320, height=176)


def test_runs_of_one_group_share_a_container_and_one_that_fails_costs_the_others_nothing(
    site: Site, images: Images, tmp_path: Path
) -> None:
    configure(site, images, tmp_path, gpus='["0"]')
    site.write(TOGETHER)
    assert "  batch of 3 -> gpu   2 loads fewer" in site.plan_text()

    outcome = site.apply(timeout_s=200)

    ends = {status.key: (status.phase, status.reason, status.attempt) for status in outcome.statuses}
    assert ends == {
        "a-fog": (Phase.SUCCEEDED, None, 1),
        "b-refused": (Phase.FAILED, Reason.GUARDRAIL_BLOCKED, 1),
        "c-snow": (Phase.SUCCEEDED, None, 2),
    }
    records = {
        key: json.loads((site.root / "outputs" / key / "latest" / "provenance.json").read_text())
        for key in ("a-fog", "c-snow")
    }
    assert records["a-fog"]["members"] == ["a-fog", "b-refused", "c-snow"]
    assert records["c-snow"].get("members") is None
    texts = [(site.root / "outputs" / key / "latest" / "video.txt").read_text() for key in records]
    assert texts == ["Fog", "Snow"]
    made = MediaProbe().facts(site.root / "outputs" / "a-fog" / "latest" / "video.mp4")
    assert (made.frames, made.width, made.height, made.fps) == (3, 1280, 704, 24)
    shared = (site.root / "outputs" / "a-fog" / "latest" / "video.mp4").read_bytes()
    assert len(site.starts.names) == 2
    assert site.apply("a-fog", rerun=True, timeout_s=200).statuses[0].phase is Phase.SUCCEEDED
    assert (site.root / "outputs" / "a-fog" / "latest" / "video.mp4").read_bytes() == shared, "alone it is the same"


def test_a_video_its_upscaling_and_what_fails_are_told_apart(site: Site, images: Images, tmp_path: Path) -> None:
    configure(site, images, tmp_path)
    (site.root / "inputs" / "edge.pt").write_bytes(b"PK weights")
    site.write(SPECS)

    outcome = site.apply(timeout_s=200)

    ends = {status.key: status for status in outcome.statuses}
    assert ends["city-4k"].phase is Phase.SUCCEEDED, [(end.key, end.message) for end in outcome.statuses]
    assert {key: end.reason for key, end in ends.items() if end.reason is not None} == {
        "refused": Reason.GUARDRAIL_BLOCKED,
        "unfinished": Reason.MISSING_CHECKPOINT,
    }
    assert site.plan_text().strip().endswith("Nothing to do now: 2 need attention; 2 unchanged.")
    latest = site.root / "outputs" / "city" / "latest"
    made = MediaProbe().facts(latest / "video.mp4")
    assert (made.frames, made.width, made.height, made.fps) == (3, 1280, 704, 24)
    assert (latest / "video.txt").read_text() == 'Heavy rain, "wet" concrete'
    assert MediaProbe().facts(latest / "depth_input_control_0.mp4").frames == 3
    record = json.loads((latest / "provenance.json").read_text())
    said = record["effective"]
    assert (said["seed"], said["num_steps"], said["num_gpus"], said["negative_prompt"]) == (7, 3, 2, "cartoon")
    large = MediaProbe().facts(site.root / "outputs" / "city-4k" / "latest" / "video.mp4")
    assert (large.frames, large.width, large.height) == (3, 3840, 2112)
