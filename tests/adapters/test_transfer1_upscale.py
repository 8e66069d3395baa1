"""The upscaler of Cosmos-Transfer1: what it is told, what it refuses, and the size of its result."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos.adapters import ADAPTERS
from cosmos.adapters.base import Adapter, Evidence
from cosmos.core.digest import canonical, material
from cosmos.core.ports import ROOT
from cosmos.core.reasons import Reason
from cosmos.core.run import MediaFacts, Placement, Run, Source
from cosmos.core.spec import ControlSpec, RegionSpec
from tests.adapters.drafts import a_draft, as_run, built_in, words
from tests.makers import a_manifest, an_exit
from tests.standins.transfer1.cosmos_transfer1.diffusion.inference.published import problems

NAME = "cosmos-transfer1-upscale"
ADAPTER: Adapter = ADAPTERS[NAME]
FOLDER = "0123456789abcdef"
FILE = {"video": "inputs/best.mp4"}
ONE_GPU = Placement(gpus=1)
OF_A_RUN = Source(key="city/seed-2", file="video.mp4")


def resolved(available: dict[str, str] | None = None, **fields: Any) -> Run:
    draft = a_draft(built_in(NAME), **{"placement": ONE_GPU, **fields})
    return as_run(draft, ADAPTER.resolve(draft, FILE if available is None else available))


def payload(run: Run) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(canonical(ADAPTER.launch(run, FOLDER).documents["spec.json"]))
    return written


def facts(frames: int = 121, width: int = 1280, height: int = 704, fps: float = 24.0) -> MediaFacts:
    return MediaFacts(frames=frames, width=width, height=height, fps=fps)


def test_the_built_in_model_is_in_order() -> None:
    assert list(ADAPTER.model_problems(built_in(NAME))) == []


def test_every_field_reaches_the_spec_file() -> None:
    run = resolved(
        negative="cartoon",
        params={
            **{"seed": 7, "steps": 12, "guidance": 4, "sigma_max": 60, "fps": 30, "weight": 0.75},
            **{"offload_diffusion_transformer": True},
        },
    )
    assert payload(run) == {
        **{"prompt": "Heavy rain", "negative_prompt": "cartoon", "input_video_path": f"{ROOT}/inputs/video.mp4"},
        "upscale": {"control_weight": 0.75},
        **{"seed": 7, "num_steps": 12, "guidance": 4.0, "sigma_max": 60.0, "fps": 30, "num_gpus": 1},
        "offload_diffusion_transformer": True,
        "offload_text_encoder_model": False,
        "offload_guardrail_models": False,
        "checkpoint_dir": "/workspace/checkpoints",
        "video_save_folder": f"{ROOT}/outputs/{FOLDER}",
        "video_save_name": "video",
    }
    needed = ADAPTER.launch(run, FOLDER).needed
    assert [path.rpartition("/")[2] for path in needed if "Transfer1-7B" in path] == [
        "base_model.pt",
        "4kupscaler_control.pt",
    ]


def test_of_another_runs_output_without_a_prompt_it_makes_ten_steps_with_the_programs_own_texts() -> None:
    run = resolved({}, prompt=None, text="", source=OF_A_RUN)
    assert ADAPTER.launch(run, FOLDER).inputs == {"video.mp4": "video"}
    assert payload(run)["num_steps"] == 10
    assert payload(run).keys().isdisjoint({"prompt", "negative_prompt"})


RUNS = st.builds(
    resolved,
    available=st.sampled_from([FILE, {"video": "other.mp4"}]),
    text=st.sampled_from(["", "a"]),
    negative=st.sampled_from(["", "b"]),
    params=st.fixed_dictionaries(
        {},
        optional={
            "weight": st.sampled_from([0.5, 0, 1]),
            "steps": st.integers(9, 10),
            "seed": st.integers(1, 2),
            "sigma_max": st.sampled_from([70, 70.0, 50]),
            "fps": st.sampled_from([24, 30]),
            "offload_guardrail_models": st.booleans(),
        },
    ),
)


@given(RUNS, RUNS)
def test_two_runs_share_what_is_sent_exactly_when_they_share_what_a_digest_is_made_of(one: Run, other: Run) -> None:
    is_same_work = canonical(material(one, one.inputs, None)) == canonical(material(other, other.inputs, None))
    sent = [(ADAPTER.launch(run, FOLDER), run.inputs) for run in (one, other)]
    assert (sent[0] == sent[1]) == is_same_work


@given(RUNS)
def test_the_program_understands_every_spec_file_and_drops_nothing_of_it(run: Run) -> None:
    assert problems(payload(run)) == []


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"available": {}}, 'inputs: needs an input "video"'),
        ({"available": {"video": "a.mov"}}, "inputs.video: input video is a.mov; Cosmos-Transfer1 reads"),
        (
            {"controls": {"upscale": ControlSpec(weight=0.5)}},
            'controls.upscale: the upscaler takes no control "upscale"',
        ),
        ({"regions": (RegionSpec(text="a"),)}, "regions: the model takes no regions"),
        ({"source": replace(OF_A_RUN, role="color")}, 'source.role: the model takes no input "color"'),
        ({"placement": Placement()}, "placement.gpus: Cosmos-Transfer1 needs a GPU"),
        ({"params": {"weight": 1.5}}, 'params.weight: parameter "weight" must be a number from 0 to 1'),
        ({"params": {"distilled": True}}, 'params.distilled: the model takes no parameter "distilled"'),
    ],
)
def test_what_it_does_not_take_is_refused(fields: dict[str, Any], refusal: str) -> None:
    available = fields.pop("available", FILE)
    draft = a_draft(built_in(NAME), **{"placement": ONE_GPU, **fields})
    [only] = words(ADAPTER.resolve(draft, available).refusals)
    assert only.startswith(refusal)


@pytest.mark.parametrize(
    ("media", "refusal"),
    [
        (facts(), ""),
        (facts(122), "inputs.video: inputs/best.mp4 has 122 frames, and the upscaler fails after 121"),
        (facts(fps=30), "inputs.video: inputs/best.mp4 has 30 frames a second, and the result would be played with 24"),
    ],
)
def test_what_it_would_fail_at_is_refused(media: MediaFacts, refusal: str) -> None:
    found = "".join(words(list(ADAPTER.check(resolved(), {"video": media}))))
    assert found.startswith(refusal)
    assert bool(found) == bool(refusal)


@pytest.mark.parametrize(
    ("media", "size"),
    [
        (facts(), (3840, 2112)),
        (facts(24, 640, 352), (3840, 2112)),
        (facts(121, 960, 704), (2880, 2112)),
        (facts(121, 704, 1280), (2112, 3840)),
        (facts(121, 500, 500), (2880, 2880)),
    ],
)
def test_the_result_is_three_times_as_wide_and_high_as_what_is_computed_in(
    media: MediaFacts, size: tuple[int, int]
) -> None:
    video = ADAPTER.expect(resolved(), {"video": media})["video"]
    assert (video.frames, video.width, video.height) == (media.frames, *size)


def test_a_result_of_the_programs_own_prompt_counts() -> None:
    run = resolved({}, prompt=None, text="", source=OF_A_RUN)
    evidence = Evidence(
        exit=an_exit(),
        manifest=a_manifest("video.mp4", "video.txt"),
        media={"video": facts(121, 3840, 2112)},
        texts={"prompt": "The video captures a stunning, photorealistic scene."},
    )
    assert ADAPTER.judge(run, evidence).reason is None
    black = replace(evidence, media={"video": replace(facts(), black=True)})
    assert ADAPTER.judge(run, black).reason is Reason.OUTPUT_INVALID
