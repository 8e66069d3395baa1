"""What a run will make is known before: who reads it is judged when specs are read, and not after hours of GPU time."""

from pathlib import Path

import pytest

from cosmos.core.run import OutputFile
from cosmos.engine.foreseen import foreseen
from tests.engine.workshop import Workshop
from tests.media import write_video

SPECS = """\
kind: Prompt
name: rain
text: Heavy rain
inputs: inputs/city
---
kind: Run
name: city
prompt: rain
model: cosmos-transfer1
controls: {depth: 1}
---
kind: Run
name: large
model: cosmos-transfer1-upscale
params: {steps: 5}
source: {run: city}
"""


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    made = Workshop(tmp_path / "project", toml='[models.cosmos-transfer1]\nimage = "t1"\n')
    (made.root / "specs" / "all.yaml").write_text(SPECS)
    return made


def scene(workshop: Workshop, frames: int) -> None:
    for role in ("color", "depth"):
        write_video(workshop.root / "inputs" / "city" / f"{role}.mp4", frames=frames, width=64, height=36)


def test_a_video_that_will_be_too_long_for_its_reader_is_refused_where_the_reader_names_it(workshop: Workshop) -> None:
    scene(workshop, 122)
    with workshop.api() as api:
        desired = api.validate()
    (problem,) = desired.problems
    assert (problem.at.file, problem.at.line) == ("specs/all.yaml", 16)
    assert problem.message == "outputs/city/latest/video.mp4 has 122 frames, and the upscaler fails after 121"


def test_what_the_reader_must_make_of_it_is_known_too(workshop: Workshop) -> None:
    scene(workshop, 121)
    with workshop.api() as api:
        desired = api.validate()
    assert desired.problems == ()
    outputs = {want.run.key: want.run.outputs["video"] for want in desired.runs}
    assert (outputs["city"].width, outputs["city"].frames) == (1280, 121)
    assert (outputs["large"].width, outputs["large"].height, outputs["large"].frames) == (3840, 2112, 121)


@pytest.mark.parametrize(
    "output",
    [
        OutputFile(path="a.mp4", frames=3, width=4, height=4),
        OutputFile(path="a.mp4", frames=3, fps=24.0),
        OutputFile(path="a.mp4", frames=3, width=4, height=4, fps=24.0, required=False),
        OutputFile(path="a.txt", video=False, frames=3, width=4, height=4, fps=24.0),
    ],
)
def test_nothing_is_foreseen_of_what_is_not_wholly_known(output: OutputFile) -> None:
    assert foreseen(output) is None
