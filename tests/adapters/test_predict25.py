"""Cosmos-Predict2.5: what it takes and refuses, and that all it takes reaches the sample that its program reads."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos.adapters import ADAPTERS
from cosmos.adapters.base import Adapter
from cosmos.core.digest import canonical, material
from cosmos.core.ports import ROOT, document
from cosmos.core.run import OutputFile, Placement, Run, Source
from cosmos.core.spec import ControlSpec, RegionSpec
from tests.adapters.drafts import SCENE, VIDEO, a_draft, as_run, built_in, words
from tests.standins.cosmos25.arguments import PREDICT, validate

ADAPTER: Adapter = ADAPTERS["cosmos-predict2.5"]
MODEL = built_in("cosmos-predict2-5")
FOLDER = "0123456789abcdef"
OFFERED = {**SCENE, "image": "inputs/first.webp"}


def resolved(available: dict[str, str] | None = None, **fields: Any) -> Run:
    draft = a_draft(MODEL, **{"placement": Placement(gpus=1), **fields})
    run = as_run(draft, ADAPTER.resolve(draft, OFFERED if available is None else available))
    return replace(run, placement=draft.placement)


def refusals(available: dict[str, str] | None = None, **fields: Any) -> list[str]:
    draft = a_draft(MODEL, **{"placement": Placement(gpus=1), **fields})
    return words(ADAPTER.resolve(draft, OFFERED if available is None else available).refusals)


def sample(run: Run, root: str = "") -> dict[str, Any]:
    documents = ADAPTER.launch(run, FOLDER).documents
    written: dict[str, Any] = json.loads(document("s", documents["sample.json"], {ROOT: root}))
    return written


def test_the_built_in_model_is_in_order() -> None:
    assert ADAPTER.model_problems(MODEL) == []


def test_every_field_reaches_the_sample_and_the_command_line() -> None:
    run = resolved(
        text="Heavy {root} rain",
        negative="cartoon",
        params={
            **{"inference_type": "video2world", "variant": "14B/pre-trained", "seed": 7, "guidance": 5, "steps": 10},
            **{"resolution": "432,768", "frames": 200, "chunk_size": 93, "chunk_overlap": 5},
            **{"offload_guardrail_models": False, "offload_diffusion_model": True, "offload_tokenizer": True},
            "offload_text_encoder": True,
        },
    )
    assert sample(run) == {
        "name": "video",
        "inference_type": "video2world",
        "prompt": "Heavy {root} rain",
        "negative_prompt": "cartoon",
        "input_path": "/inputs/color.mp4",
        "seed": 7,
        "guidance": 5,
        "num_steps": 10,
        "resolution": "432,768",
        "enable_autoregressive": True,
        "num_output_frames": 200,
        "chunk_size": 93,
        "chunk_overlap": 5,
    }
    assert sample(run).keys() == PREDICT.keys()
    assert ADAPTER.launch(run, FOLDER).argv == (
        *("python", "examples/inference.py", "-i", f"{ROOT}/sample.json", "-o", f"{ROOT}/outputs/{FOLDER}"),
        *("--model=14B/pre-trained", "--offload-diffusion-model", "--offload-tokenizer", "--offload-text-encoder"),
        "--no-offload-guardrail-models",
    )


def test_a_length_is_said_only_where_it_counts() -> None:
    assert sample(resolved()) == {
        **{"name": "video", "inference_type": "text2world", "prompt": "Heavy rain", "seed": 0, "guidance": 7},
        **{"num_steps": 35, "resolution": "none", "enable_autoregressive": False},
    }


@pytest.mark.parametrize(
    ("kind", "inputs", "path"),
    [
        ("text2world", {}, None),
        ("image2world", {"image.webp": "image"}, "/inputs/image.webp"),
        ("video2world", {"color.mp4": "color"}, "/inputs/color.mp4"),
    ],
)
def test_only_what_its_kind_begins_with_is_read(kind: str, inputs: dict[str, str], path: str | None) -> None:
    run = resolved(params={"inference_type": kind})
    assert ADAPTER.launch(run, FOLDER).inputs == inputs
    assert sample(run).get("input_path") == path


def test_another_runs_output_can_be_gone_on_with() -> None:
    run = resolved({}, source=Source(key="a", role="color", file="v.mp4"), params={"inference_type": "video2world"})
    assert sample(run)["input_path"] == "/inputs/color.mp4"


PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "inference_type": st.sampled_from(["text2world", "image2world", "video2world"]),
        "variant": st.sampled_from(["2B/post-trained", "14B/post-trained"]),
        "seed": st.integers(0, 2),
        "frames": st.sampled_from([None, 77, 100]),
        "resolution": st.sampled_from(["none", "432,768"]),
        "offload_guardrail_models": st.booleans(),
        "offload_diffusion_model": st.booleans(),
    },
)
RUNS = st.builds(resolved, text=st.sampled_from(["a", "b"]), negative=st.sampled_from(["", "cartoon"]), params=PARAMS)


def started(run: Run) -> tuple[Any, ...]:
    launch = ADAPTER.launch(run, FOLDER)
    return launch.argv, canonical(launch.documents["sample.json"]), launch.inputs


@given(RUNS, RUNS)
def test_two_runs_share_a_sample_exactly_when_they_share_what_a_digest_is_made_of(one: Run, other: Run) -> None:
    def made_of(run: Run) -> bytes:
        return canonical(material(run, run.inputs, None))

    assert (started(one) == started(other)) == (made_of(one) == made_of(other))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    (folder / "inputs").mkdir()
    for name in ("color.mp4", "image.webp"):
        (folder / "inputs" / name).touch()
    return folder


@given(run=RUNS)
def test_the_published_schema_takes_every_sample(run: Run, root: Path) -> None:
    assert validate(sample(run, str(root)), "predict")[1] == []


VIDEO2WORLD = {"inference_type": "video2world"}


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"available": {}, "params": VIDEO2WORLD}, 'inputs: needs an input "color"'),
        ({"available": SCENE, "params": {"inference_type": "image2world"}}, 'inputs: needs an input "image"'),
        (
            {"named": frozenset({"color"})},
            'inputs.color: input "color" is not used (write `params: {inference_type: video2world}`)',
        ),
        ({"source": Source(key="a", role="image")}, 'source.role: input "image" is not used'),
        (
            {"available": {"color": "c.webm"}, "params": VIDEO2WORLD},
            'inputs.color: the model cannot read c.webm as "color" (it takes .mp4)',
        ),
        ({"text": ""}, "prompt: the model needs a prompt"),
        ({"placement": Placement()}, "placement.gpus: the model needs a GPU"),
        ({"controls": {"edge": ControlSpec(weight=1)}}, 'controls.edge: the model takes no control "edge"'),
        ({"regions": (RegionSpec(text="sky", mask_prompt="sky"),)}, "regions: the model takes no regions"),
        (
            {"params": {**VIDEO2WORLD, "variant": "2B/distilled"}},
            "params.variant: the distilled model makes videos from text alone, not by video2world",
        ),
        (
            {"params": {"resolution": "720"}},
            'params.resolution: resolution must be "none" or "HEIGHT,WIDTH" in steps of 16, not "720"',
        ),
        ({"params": {"resolution": "720,1280,1"}}, "params.resolution: resolution must be"),
        ({"params": {"resolution": "700,1280"}}, "params.resolution: resolution must be"),
        (
            {"params": {"chunk_size": 50}},
            'params.chunk_size: parameter "chunk_size" has no effect where `frames` is not given',
        ),
        (
            {"params": {"frames": 100, "chunk_size": 20, "chunk_overlap": 20}},
            "params.chunk_overlap: chunk_overlap is 20, and a chunk has 20 frames",
        ),
        ({"params": {"guidance": 7.5}}, 'params.guidance: parameter "guidance" must be a whole number'),
        ({"params": {"variant": "2B"}}, 'params.variant: parameter "variant" must be one of "2B/post-trained"'),
    ],
)
def test_what_would_have_no_effect_or_cannot_work_is_refused(fields: dict[str, Any], refusal: str) -> None:
    [only] = refusals(**fields)
    assert only.startswith(refusal)


def test_a_video_must_have_the_frames_that_the_new_one_begins_with() -> None:
    run = resolved(params=VIDEO2WORLD)
    assert list(ADAPTER.check(run, {"color": replace(VIDEO, frames=5)})) == []
    [refusal] = ADAPTER.check(run, {"color": replace(VIDEO, frames=4)})
    assert refusal.message == "inputs/city/color.mp4 has 4 frames, and the model begins with the last 5"


def test_the_length_is_known_only_where_the_video_is_made_chunk_by_chunk() -> None:
    one = ADAPTER.expect(resolved(), {})["video"]
    assert one == OutputFile(path="video.mp4", width=1280, height=704, fps=16.0)
    long = ADAPTER.expect(resolved(params={"frames": 200, "resolution": "432,768"}), {})["video"]
    assert long == OutputFile(path="video.mp4", frames=200, width=768, height=432, fps=16.0)


@pytest.mark.parametrize(
    ("params", "chunks", "advice"),
    [
        ({}, 1, []),
        ({"frames": 40}, 1, []),
        ({"frames": 80}, 2, ["80 frames take 2 passes of 77; 77 frames take 1"]),
        ({"frames": 153}, 2, []),
        ({"frames": 200, "chunk_overlap": 5}, 3, []),
    ],
)
def test_cost_is_in_chunks(params: dict[str, Any], chunks: int, advice: list[str]) -> None:
    run = resolved(params=params)
    work = ADAPTER.work(run, {})
    assert work is not None
    assert (work.chunks, work.seconds) == (chunks, None)
    assert [each.message for each in ADAPTER.advice(run, {})] == advice


def test_runs_share_a_load_of_the_model_by_variant_and_kind() -> None:
    assert ADAPTER.group(resolved()) == ADAPTER.group(resolved(text="b", params={"seed": 3, "frames": 100}))
    assert ADAPTER.group(resolved()) != ADAPTER.group(resolved(params=VIDEO2WORLD))
    assert ADAPTER.group(resolved()) != ADAPTER.group(resolved(params={"variant": "14B/post-trained"}))
