"""Cosmos-Transfer2.5 and Cosmos-Predict2.5 from specs to videos on a GPU host; their programs are stand-ins."""

import json
from pathlib import Path

import pytest

from cosmos.core.plan import Phase
from cosmos.local_ai.probe import MediaProbe
from tests.media import write_scene
from tests.remote.site import Site
from tests.services.gpu_host import GpuHost
from tests.services.images import MODELS, Images
from tests.standins.cosmos25.program import Trouble

pytestmark = pytest.mark.needs("docker", "ssh")

STANDINS = Path(__file__).parents[1] / "standins"
INSIDE = "/standins/tests/standins"

TOML = """
[models.{model}]
image = "{image}"
paths = {{repo = "{inside}/cosmos25/{folder}", bin = "{inside}/cosmos25/bin"}}
container = {{network = "none", ipc = "private"}}
"""

SPECS = f"""\
kind: Prompt
name: rain
text: Heavy rain over a collapsed avenue
negative: cartoon
inputs: inputs/city
---
kind: Prompt
name: blood
text: {Trouble.BLOCKED}
inputs: inputs/city
---
kind: Prompt
name: large
text: {Trouble.OOM}
inputs: inputs/city
---
kind: Run
name: city
prompt: rain
model: cosmos-transfer2-5
controls: {{edge: {{weight: 1, preset: high}}, depth: 1}}
params: {{seed: 7, max_frames: 8}}
placement: {{gpus: 2}}
---
kind: Run
name: on
prompt: rain
model: cosmos-predict2-5
source: {{run: city, output: video, role: color}}
params: {{inference_type: video2world, resolution: "48,64", frames: 12, chunk_size: 7}}
---
kind: Run
name: trouble
prompt: blood
model: cosmos-transfer2-5
controls: {{depth: 1}}
matrix: {{prompt: [blood, large]}}
"""


@pytest.fixture
def site(tmp_path: Path, gpu_host: GpuHost) -> Site:
    token = tmp_path / "token"
    token.write_text("hf_a_token\n")
    host = gpu_host.toml(mounts=f'{{"{INSIDE}" = "{STANDINS}"}}', secrets=f'{{HF_TOKEN = "{token}"}}')
    models = "".join(
        TOML.format(model=f"cosmos-{name}2-5", image=MODELS, inside=INSIDE, folder=name)
        for name in ("transfer", "predict")
    )
    return Site(tmp_path / "project", toml=f"{host}{models}", gpu_host=gpu_host)


def test_a_scene_is_made_anew_and_gone_on_with_and_failures_are_understood(site: Site, images: Images) -> None:
    images.load(site.docker, MODELS)
    write_scene(site.root / "inputs" / "city")
    site.write(SPECS)

    outcome = site.apply(timeout_s=200)

    messages = {status.key: (status.phase, status.message) for status in outcome.statuses}
    assert messages["city"] == (Phase.SUCCEEDED, ""), site.log("city")
    assert messages["on"] == (Phase.SUCCEEDED, ""), site.log("on")
    reasons = {
        key.partition("-")[2]: attempt.reason
        for key in messages
        if key.startswith("trouble")
        for attempt in site.attempts(key)
    }
    assert reasons == {"blood": "GuardrailBlocked", "large": "GpuOutOfMemory"}
    assert "QWEN3GUARD" in messages["trouble/prompt-blood"][1]
    assert "Nothing to do now: 2 need attention; 2 unchanged." in site.plan_text()

    made = site.root / "outputs" / "city" / "latest"
    for name in ("video", "video_control_edge", "video_control_depth"):
        assert MediaProbe().facts(made / f"{name}.mp4").frames == 8
    told = json.loads((made / "provenance.json").read_text())
    assert told["effective"]["seed"] == 7
    assert told["effective"]["edge"] == {
        **{"control_path": None, "control_weight": 0.5, "mask_path": None, "mask_prompt": None},
        "preset_edge_threshold": "high",
    }
    assert len(told["machine"]["gpus"]) == 2
    facts = MediaProbe().facts(site.root / "outputs" / "on" / "latest" / "video.mp4")
    assert (facts.frames, facts.width, facts.height, facts.fps) == (12, 64, 48, 16.0)
