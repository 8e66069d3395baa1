"""The sample project of this repository, unchanged but for where it runs: videos made in containers on a GPU host."""

import json
import shutil
from pathlib import Path

import pytest

from cosmos.core.plan import Phase
from cosmos.local_ai.probe import MediaProbe
from tests.remote.site import NOTHING, Site
from tests.services.gpus import uuid_of
from tests.services.images import PREVIEW, Images

pytestmark = pytest.mark.needs("docker", "ssh")

ROOT = Path(__file__).parents[2]


def test_the_sample_sweep_makes_verified_videos_on_the_gpus_of_a_host(site: Site, images: Images) -> None:
    images.load(site.docker, PREVIEW)
    shutil.copytree(ROOT / "inputs" / "city", site.root / "inputs" / "city")
    built_in = (ROOT / "cosmos" / "models" / "preview.yaml").read_text()
    sample = (ROOT / "specs" / "city.yaml").read_text()
    site.write(f"{built_in}image: {PREVIEW}\n---\n", f"{sample}placement: {{gpus: 1}}\n")

    outcome = site.apply(timeout_s=200)

    assert {status.phase for status in outcome.statuses} == {Phase.SUCCEEDED}
    assert len(outcome.statuses) == 4
    assert site.plan_text().strip() == NOTHING
    used = set()
    for status in outcome.statuses:
        folder = site.root / "outputs" / status.key / "latest"
        for video in ("preview", "vis", "edge", "depth", "seg"):
            assert MediaProbe().facts(folder / f"{video}.mp4").frames == 24
        made = json.loads((folder / "provenance.json").read_text())
        assert made["machine"]["image_id"].startswith("sha256:")
        assert made["machine"]["driver"], made["machine"]
        used |= {(gpu["id"], gpu["name"]) for gpu in made["machine"]["gpus"]}
    assert used == {(uuid_of(0), "NVIDIA H200"), (uuid_of(1), "NVIDIA H200")}
