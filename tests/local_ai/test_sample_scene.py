"""The scene and the specs that come with the project: small, in order, and worth looking at."""

from pathlib import Path

import numpy as np
import pytest

from cosmos.adapters import ADAPTERS
from cosmos.core.expand import expand
from cosmos.core.load import SourceFile, load
from cosmos.core.spec_model import ModelSpec
from cosmos.local_ai.probe import MediaProbe
from cosmos.local_ai.video import open_video
from scripts.make_scene import FRAMES, SEGMENTS
from scripts.raytrace import HEIGHT, WIDTH
from tests.adapters.drafts import as_run

ROOT = Path(__file__).parent.parent.parent
SCENE = ROOT / "inputs" / "city"
ROLES = ("color", "depth", "segmentation")


@pytest.mark.parametrize("role", ROLES)
def test_the_videos_of_the_scene_fit_each_other(role: str) -> None:
    facts = MediaProbe().facts(SCENE / f"{role}.mp4")
    assert (facts.frames, facts.width, facts.height, facts.fps) == (FRAMES, WIDTH, HEIGHT, 24.0)
    assert not facts.black


def test_the_scene_is_small_enough_for_git() -> None:
    assert sum(path.stat().st_size for path in SCENE.iterdir()) < 1_000_000


def test_segments_keep_their_colors() -> None:
    """But for the pixels along an edge, where H.264 stores one color for two by two."""
    with open_video(SCENE / "segmentation.mp4") as video:
        image = list(video.images())[FRAMES // 2].astype(int)
    off = np.min([np.abs(image - np.array(color)).max(axis=2) for color in SEGMENTS.values()], axis=0)
    assert (off <= 6).mean() > 0.93


def test_the_sample_specs_are_four_runs_that_the_model_takes() -> None:
    files = [SourceFile(path=path.name, data=path.read_bytes()) for path in sorted((ROOT / "specs").glob("*.yaml"))]
    model = SourceFile(path="preview.yaml", data=(ROOT / "cosmos" / "models" / "preview.yaml").read_bytes())
    built_in: dict[str, ModelSpec] = {name: found.spec for name, found in load([model]).models.items()}
    expanded = expand(load(files), built_in, "test")
    assert expanded.problems == ()
    assert len(expanded.drafts) == 4
    adapter = ADAPTERS["preview"]
    available = {role: f"inputs/city/{role}.mp4" for role in ROLES}
    runs = [as_run(draft, adapter.resolve(draft, available)) for draft in expanded.drafts]
    media = {role: MediaProbe().facts(SCENE / f"{role}.mp4") for role in ROLES}
    assert [adapter.check(run, media) for run in runs] == [[]] * 4
