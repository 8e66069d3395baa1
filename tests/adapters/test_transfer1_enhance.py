"""The prompt upsampler: what it is started with, what it refuses, and when its text counts."""

from typing import Any

import pytest

from cosmos.adapters import ADAPTERS
from cosmos.adapters.base import Adapter, Evidence
from cosmos.core.ports import ROOT
from cosmos.core.reasons import Reason
from cosmos.core.run import Run, Source
from cosmos.core.spec import ControlSpec, RegionSpec
from tests.adapters.drafts import SCENE, VIDEO, a_draft, as_run, built_in, words
from tests.makers import a_manifest, an_exit

NAME = "cosmos-transfer1-enhance"
ADAPTER: Adapter = ADAPTERS[NAME]
FOLDER = "0123456789abcdef"
SCRIPT = "cosmos_transfer1/auxiliary/upsampler/inference/upsampler_pipeline.py"


def resolved(**fields: Any) -> Run:
    draft = a_draft(built_in(NAME), **fields)
    return as_run(draft, ADAPTER.resolve(draft, SCENE))


def test_the_built_in_model_is_in_order() -> None:
    assert ADAPTER.model_problems(built_in(NAME)) == []


def test_every_field_reaches_the_program() -> None:
    launch = ADAPTER.launch(resolved(text='it\'s "rain"', params={"pixels": 90_000, "offload": True}), FOLDER)
    assert launch.argv == ("python3", f"{ROOT}/enhance.py", f"{ROOT}/enhance.json")
    assert launch.inputs == {"color.mp4": "color"}
    assert launch.documents["enhance.json"] == {
        "video": f"{ROOT}/inputs/color.mp4",
        "small": f"{ROOT}/upsampler.mp4",
        "pixels": 90_000,
        "argv": [
            *("torchrun", "--standalone", "--nproc_per_node=1", SCRIPT, "--prompt", 'it\'s "rain"'),
            *("--input_video", f"{ROOT}/upsampler.mp4", "--checkpoint_dir", "/workspace/checkpoints"),
            "--offload_prompt_upsampler",
        ],
        "folder": "/workspace",
        "out": f"{ROOT}/outputs/{FOLDER}/prompt.txt",
    }
    assert launch.needed == {
        f"/workspace/{SCRIPT}": 0,
        "/workspace/checkpoints/nvidia/Cosmos-UpsamplePrompt1-12B-Transfer": 0,
    }


def test_the_video_may_be_what_another_run_made() -> None:
    run = resolved(source=Source(key="up", role="color", file="out.mp4"))
    assert ADAPTER.launch(run, FOLDER).inputs == {"color.mp4": "color"}
    assert ADAPTER.check(run, {}) == ()


def test_what_it_would_not_see_is_refused() -> None:
    draft = a_draft(
        built_in(NAME), text="", controls={"edge": ControlSpec(weight=1)}, regions=(RegionSpec(text="a car"),)
    )
    assert words(ADAPTER.resolve(draft, {}).refusals) == [
        'inputs: needs an input "color" (put color.mp4 into the folder of inputs, or name a file: '
        "`inputs: {color: path}`)",
        "regions: the model takes no regions (put it into the prompt)",
        "controls.edge: the upsampler takes no controls: it sees the colour video alone (take them away)",
        "prompt: there is no prompt to enhance (`prompt: NAME`)",
    ]


def test_a_picture_is_no_video() -> None:
    (refusal,) = ADAPTER.check(resolved(), {})
    assert "is no video" in refusal.message
    assert ADAPTER.check(resolved(), {"color": VIDEO}) == ()


@pytest.mark.parametrize(
    ("code", "log", "text", "reason"),
    [
        (0, "", "Heavy rain, wet concrete\n", None),
        (0, "", "Heavy rain\n", Reason.OUTPUT_INVALID),
        (0, "", "\n", Reason.OUTPUT_INVALID),
        (0, "", None, Reason.OUTPUT_MISSING),
        (1, "KeyError: 'RANK'", None, Reason.PROGRAM_FAILED),
        (1, "Prompt length of 4699 is longer than the maximum model length of 4096", None, Reason.SHAPE_MISMATCH),
        (1, "torch.OutOfMemoryError: CUDA out of memory", "Heavy rain, wet", Reason.GPU_OUT_OF_MEMORY),
    ],
)
def test_only_another_text_is_a_success(code: int, log: str, text: str | None, reason: Reason | None) -> None:
    there = text is not None
    evidence = Evidence(
        exit=an_exit(code),
        manifest=a_manifest("prompt.txt") if there else (),
        texts={"text": text} if text is not None else {},
        log_tail=log,
    )
    assert ADAPTER.judge(resolved(), evidence).reason is reason


def test_progress_grows_with_what_the_program_says() -> None:
    said = [
        "cosmos: the upsampler sees 5 frames of 852x468, made from 1280x704",
        "Loading safetensors checkpoint shards:  50%",
        "torch.compile takes 38 s",
        "Capturing CUDA graph shapes",
        "Graph capturing finished in 22 secs",
        "Processed prompts: 100%",
    ]
    seen = [ADAPTER.progress("\n".join(said[: count + 1])).percent for count in range(len(said))]
    assert seen == [2, 10, 40, 60, 80, 95]
