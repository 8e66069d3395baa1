"""Prompts made better by a model, and accepted by a person."""

from pathlib import Path

import pytest
import yaml

from cosmos.core.plan import Phase
from cosmos.core.reasons import Reason
from cosmos.errors import RefusedError
from tests.media import write_video
from tests.remote.site import Site
from tests.services.images import MODELS, Images

pytestmark = pytest.mark.needs("docker", "ssh")

REPO = Path(__file__).parents[1] / "standins" / "upsampler"
MODEL = """
[models.cosmos-transfer1-enhance]
image = "{image}"
env = {{PATH = "/workspace/bin:/usr/local/bin:/usr/bin:/bin"}}
paths = {{checkpoints = "/checkpoints"}}
requires = {{gpu_memory = "20g"}}
"""
PROMPT = """---
kind: Prompt
name: {name}
labels: {{scene: city}}
text: {text}
negative: cartoon
inputs: inputs/city
---
kind: Run
name: better-{name}
prompt: {name}
model: cosmos-transfer1-enhance
"""


def configure(site: Site, images: Images, checkpoints: Path) -> None:
    mounts = f'{{"/workspace" = "{REPO}", "/checkpoints" = "{checkpoints}"}}'
    site.configure(site.gpu_host.toml(mounts=mounts) + MODEL.format(image=images.load(site.docker, MODELS)))


def test_a_text_that_a_model_made_becomes_a_prompt_and_its_failures_are_named(
    site: Site, images: Images, tmp_path: Path
) -> None:
    weights = tmp_path / "checkpoints" / "nvidia" / "Cosmos-UpsamplePrompt1-12B-Transfer"
    weights.mkdir(parents=True)
    (weights / "config.json").write_text("{}")
    configure(site, images, tmp_path / "checkpoints")
    write_video(site.root / "inputs" / "city" / "color.mp4", frames=5, width=1280, height=704)
    texts = {"rain": "Heavy rain", "large": "OOM", "same": "PARROT", "mute": "MUTE"}
    site.write(*(PROMPT.format(name=name, text=text) for name, text in texts.items()))

    outcome = site.apply(timeout_s=200)

    ends = {status.key: status for status in outcome.statuses}
    assert ends["better-rain"].phase is Phase.SUCCEEDED, site.log("better-rain")
    reasons = {key: status.reason for key, status in ends.items() if status.reason is not None}
    assert reasons == {
        "better-large": Reason.GPU_OUT_OF_MEMORY,
        "better-same": Reason.OUTPUT_INVALID,
        "better-mute": Reason.PROGRAM_FAILED,
    }
    with site.api() as cosmos:
        edit = cosmos.specs.accept("better-rain")
        cosmos.specs.save(edit)
        made = yaml.safe_load((site.root / edit.edits[0].path).read_text())
        assert made == {
            "kind": "Prompt",
            "name": "rain-enhanced",
            "labels": {"scene": "city", "enhanced-from": "rain"},
            "text": "Heavy rain,\nas 5 frames of 852x468 show it",
            "negative": "cartoon",
            "inputs": "inputs/city",
        }
        assert [prompt.name for prompt in cosmos.prompts() if "enhanced" in prompt.name] == ["rain-enhanced"]
        with pytest.raises(RefusedError, match='prompt "rain-enhanced" has this text already'):
            cosmos.specs.accept("better-rain")
        with pytest.raises(RefusedError, match="no output yet"):
            cosmos.specs.accept("better-mute")


def test_a_model_that_is_not_whole_on_the_host_is_not_started(site: Site, images: Images, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    configure(site, images, tmp_path / "empty")
    write_video(site.root / "inputs" / "city" / "color.mp4", frames=2, width=64, height=48)
    site.write(PROMPT.format(name="rain", text="Heavy rain"))
    (status,) = site.apply(timeout_s=200).statuses
    assert status.reason is Reason.MISSING_CHECKPOINT
    assert "/checkpoints/nvidia/Cosmos-UpsamplePrompt1-12B-Transfer is not there" in status.message
