"""Cosmos 3 by its framework: what the program is told, what is refused, and when a run has succeeded."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosmos.adapters import ADAPTERS
from cosmos.adapters.base import Adapter, Evidence
from cosmos.core.digest import Digest, canonical, material
from cosmos.core.draft import Draft
from cosmos.core.ports import ROOT
from cosmos.core.reasons import Reason
from cosmos.core.run import MediaFacts, Placement, Run
from cosmos.core.spec import ControlSpec, RegionSpec
from tests.adapters.drafts import SCENE, a_draft, as_run, built_in, words
from tests.makers import a_manifest, an_exit
from tests.standins.cosmos3.cosmos_framework.schema import problems

ADAPTER: Adapter = ADAPTERS["cosmos3"]
FOLDER = "0123456789abcdef"
HD = MediaFacts(frames=121, width=1280, height=704, fps=30.0)
FILES = {**SCENE, "image": "inputs/city/image.png", "wsm": "inputs/city/wsm.mp4"}
GPU = Placement(gpus=1)


def draft_of(**fields: Any) -> Draft:
    return a_draft(built_in("cosmos3"), **{"placement": GPU, **fields})


def resolved(**fields: Any) -> Run:
    draft = draft_of(**fields)
    return replace(as_run(draft, ADAPTER.resolve(draft, FILES)), placement=draft.placement)


def controls(**given: float | dict[str, Any]) -> dict[str, ControlSpec]:
    return {
        name: ControlSpec.model_validate(spec if isinstance(spec, dict) else {"weight": spec})
        for name, spec in given.items()
    }


def sample_of(run: Run) -> dict[str, Any]:
    sample = ADAPTER.launch(run, FOLDER).documents["sample.json"]
    assert isinstance(sample, dict)
    return sample


def refused(**fields: Any) -> list[str]:
    return words(ADAPTER.resolve(draft_of(**fields), FILES).refusals)


def test_the_built_in_model_is_in_order() -> None:
    assert ADAPTER.model_problems(built_in("cosmos3")) == []


def test_a_video_from_a_text() -> None:
    launch = ADAPTER.launch(resolved(negative="cartoon", params={"seed": 3, "frames": 120}), FOLDER)
    assert launch.argv == (
        *("/workspace/.venv/bin/python", "-m", "cosmos_framework.scripts.inference", "--parallelism-preset=latency"),
        *("--no-diffusion-cache", "--checkpoint-path", "Cosmos3-Nano"),
        *("-i", f"{ROOT}/sample.json", "-o", f"{ROOT}/outputs"),
    )
    assert launch.inputs == {}
    assert launch.folder == "/workspace"
    assert launch.env == {"HF_HOME": "/cache/huggingface"}
    assert launch.needed == {"/workspace/cosmos_framework/scripts/inference.py": 1}
    assert launch.documents["sample.json"] == {
        "name": FOLDER,
        "model_mode": "text2video",
        "prompt": "Heavy rain",
        "negative_prompt": "cartoon",
        "seed": 3,
        "num_steps": 35,
        "guidance": 6.0,
        "shift": 10.0,
        "resolution": "720",
        "aspect_ratio": "16,9",
        "fps": 24,
        "num_frames": 121,
        "video_save_quality": 10,
    }


def test_a_transfer_with_two_controls() -> None:
    params = {"guidance": 3.0, "control_guidance": 1.5, "shift": 10.0}
    run = resolved(controls=controls(seg=0.75, edge={"weight": 0.75, "preset": "high"}), params=params)
    launch = ADAPTER.launch(run, FOLDER)
    assert launch.inputs == {"color.mp4": "color", "segmentation.mp4": "segmentation"}
    sample = sample_of(run)
    assert sample["model_mode"] == "video2video"
    assert sample["vision_path"] == f"{ROOT}/inputs/color.mp4"
    assert sample["edge"] == {"weight": 0.5, "preset_edge_threshold": "high"}
    assert sample["seg"] == {"weight": 0.5, "control_path": f"{ROOT}/inputs/segmentation.mp4"}
    assert problems(sample) == []
    assert "num_frames" not in sample


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"controls": controls(depth=1)}, {"guidance": 3.0, "control_guidance": 1.5, "num_video_frames_per_chunk": 93}),
        ({"controls": controls(seg=1)}, {"guidance": 3.0, "control_guidance": 2.0}),
        ({"controls": controls(wsm=1)}, {"guidance": 1.0, "control_guidance": 3.0, "fps": 10}),
        ({"params": {"mode": "text2image"}}, {"num_steps": 50, "guidance": 4.0, "shift": 3.0, "aspect_ratio": "1,1"}),
        ({"params": {"mode": "image2video"}}, {"vision_path": f"{ROOT}/inputs/image.png"}),
        (
            {"params": {"mode": "video2video"}},
            {"condition_frame_indexes_vision": [0, 1], "condition_video_keep": "first"},
        ),
        ({"params": {"checkpoint": "Cosmos3-Edge"}}, {"num_frames": 121, "resolution": "480"}),
    ],
)
def test_defaults_are_those_of_the_mode(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    sample = sample_of(resolved(**fields))
    assert {name: sample[name] for name in expected} == expected
    assert problems(sample) == []


def test_several_gpus_meet_at_a_port_of_their_own() -> None:
    run = resolved(placement=Placement(gpus=4))
    launch = ADAPTER.launch(run, FOLDER)
    assert launch.argv[:3] == ("/workspace/.venv/bin/torchrun", "--nproc-per-node=4", "--master-port=28743")
    assert ADAPTER.launch(run, "1" * 16).argv[2] != launch.argv[2]
    assert "--dp-shard-size=1" in launch.argv
    params = {"checkpoint": "Cosmos3-Super", "parallelism": "throughput"}
    argv = ADAPTER.launch(resolved(placement=Placement(gpus=4), params=params), FOLDER).argv
    assert {"--dp-shard-size=4", "--dp-replicate-size=1", "--cp-size=1", "--cfgp-size=1"} <= set(argv)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"text": ""}, "prompt: the model needs a prompt"),
        ({"params": {"mode": "text2vidio"}}, 'params.mode: parameter "mode" must be one of'),
        ({"params": {"resolution": "999"}}, "params.resolution"),
        ({"params": {"checkpoint": 3}}, "params.checkpoint"),
        ({"params": {"frames": "many"}}, "params.frames"),
        ({"regions": (RegionSpec(text="a car"),)}, "regions: the model takes no regions"),
        ({"controls": controls(vis=1)}, "Cosmos 3 calls it blur"),
        ({"controls": controls(depth={"weight": 1, "preset": "low"})}, 'controls.depth.preset: control "depth" is not'),
        ({"controls": controls(edge={"weight": 1, "mask": "m.mp4"})}, "controls.edge.mask: the model takes no mask"),
        (
            {"controls": controls(edge={"weight": 1, "mask_prompt": "car"})},
            "controls.edge.mask_prompt: the model",
        ),
        ({"controls": controls(edge={"weight": 1, "weights": "w.pt"})}, "controls.edge.weights: the model takes no"),
        ({"controls": controls(edge={"weight": 1, "preset": "none"})}, 'has no preset "none"'),
        ({"controls": controls(edge=0)}, "controls: the weights are all 0"),
        ({"controls": controls(edge=1, seg=1)}, 'params: several controls have no tuned default for "guidance"'),
        (
            {"controls": controls(edge=1), "params": {"mode": "text2video"}},
            "params.mode: parameter",
        ),
        ({"controls": controls(depth=1), "params": {"first_overlap": 0, "aspect_ratio": "1,1"}}, "params.aspect_ratio"),
        ({"controls": controls(depth=1), "params": {"overlap": 95}}, "params.overlap: overlap must be smaller"),
        ({"controls": controls(depth={"weight": 1, "input": "d.mkv"})}, "controls.depth.input: the model cannot read"),
        ({"params": {"control_guidance": 2.0}}, 'params.control_guidance: parameter "control_guidance" has no effect'),
        ({"params": {"keep": "last"}}, 'params.keep: parameter "keep" has no effect on mode text2video'),
        ({"params": {"cache_threshold": 0.3}}, "params.cache_threshold"),
        ({"params": {"guidance": 8.0}}, "params.guidance"),
        ({"params": {"checkpoint": "Cosmos3-Super-Text2Image"}}, "is made for mode text2image, not for text2video"),
        ({"named": frozenset({"image"})}, 'inputs.image: input "image" is not used by mode text2video'),
        ({"placement": Placement(gpus=0)}, "placement.gpus: the model needs a GPU"),
    ],
)
def test_what_the_model_would_not_get_is_refused(fields: dict[str, Any], message: str) -> None:
    found = refused(**fields)
    assert any(message in line for line in found), found


def test_signals_that_no_file_has_are_refused() -> None:
    draft = draft_of(controls=controls(depth=1, wsm=1), params={"guidance": 1.0, "control_guidance": 1.0, "shift": 5.0})
    assert words(ADAPTER.resolve(draft, {}).refusals)[0].startswith('controls.depth: control "depth" needs depth.mp4')


def test_videos_of_one_transfer_fit_each_other() -> None:
    run = resolved(controls=controls(edge=1, depth=1), params={"guidance": 3.0, "control_guidance": 1.5, "shift": 10.0})
    assert ADAPTER.check(run, {"color": HD, "depth": HD}) == []
    (refusal,) = ADAPTER.check(run, {"color": replace(HD, frames=120), "depth": HD})
    assert "has 121 frames" in refusal.message
    (refusal,) = ADAPTER.check(run, {"color": HD})
    assert (refusal.path, refusal.message) == (("controls", "depth"), "inputs/city/depth.mp4 is no video")


def test_what_comes_out_follows_from_the_rules() -> None:
    video = ADAPTER.expect(resolved(params={"frames": 30, "aspect_ratio": "9,16"}), {})["video"]
    assert (video.frames, video.width, video.height, video.fps) == (33, 720, 1280, 24.0)
    outputs = ADAPTER.expect(resolved(controls=controls(depth=1), params={"max_frames": 100, "fps": 12}), {"depth": HD})
    for output in (outputs["video"], outputs["control_depth"]):
        assert (output.frames, output.width, output.height, output.fps) == (100, 1280, 720, 12.0)
    upright = replace(HD, width=704, height=1280)
    drawn = ADAPTER.expect(resolved(controls=controls(edge=1), params={"aspect_ratio": "1,1"}), {"color": upright})
    assert (drawn["video"].width, drawn["video"].fps) == (960, 30.0)
    assert ADAPTER.expect(resolved(params={"mode": "text2image"}), {})["image"].video is False


def test_work_and_advice_name_the_costs() -> None:
    work = ADAPTER.work(resolved(), {})
    assert work is not None
    assert (work.chunks, work.seconds) == (1, 207.8)
    run = resolved(controls=controls(depth=1))
    assert (found := ADAPTER.work(run, {"depth": HD})) is not None
    assert found.chunks == 2
    (advice,) = ADAPTER.advice(run, {"depth": HD})
    assert advice.message == "121 frames take 2 passes of 93; 93 frames take 1"
    assert ADAPTER.advice(resolved(), {}) == []
    params = {"checkpoint": "Cosmos3-Edge", "resolution": "720", "frames": 301, "fps": 60}
    assert len(ADAPTER.advice(resolved(params=params), {})) == 3


def test_transfers_and_others_share_no_process() -> None:
    assert ADAPTER.group(resolved()) == ADAPTER.group(resolved(params={"seed": 5, "mode": "text2image"}))
    assert ADAPTER.group(resolved()) != ADAPTER.group(resolved(controls=controls(depth=1)))
    assert ADAPTER.group(resolved()) != ADAPTER.group(resolved(params={"diffusion_cache": True}))


def report_of(run: Run, status: str = "success", message: str = "", **args: object) -> str:
    told = {**sample_of(run), "sigma_max": 80.0, "vision_path": "/elsewhere", **args}
    return json.dumps({"args": told, "status": status, "message": message, "outputs": []})


@pytest.mark.parametrize(
    ("code", "log", "report", "reason", "said"),
    [
        (0, "", {}, None, ""),
        (0, "", None, Reason.OUTPUT_MISSING, "ended without sample_outputs.json"),
        (0, "Error generating sample 'a': Guardrail blocked prompt 'a'", None, Reason.GUARDRAIL_BLOCKED, "blocked"),
        (1, "ValueError: Error generating sample 'a': Guardrail blocked video 'a'", None, Reason.GUARDRAIL_BLOCKED, ""),
        (1, "torch.OutOfMemoryError: CUDA out of memory.", None, Reason.GPU_OUT_OF_MEMORY, ""),
        (1, "RuntimeError: Rank 0 download failed: 403 Client Error", None, Reason.GATED_MODEL, ""),
        (1, "pydantic_core._pydantic_core.ValidationError: 1", None, Reason.BAD_SPEC, ""),
        (0, "", {"status": "error", "message": "CUDA out of memory"}, Reason.GPU_OUT_OF_MEMORY, ""),
        (0, "", {"status": "skip", "message": "no sound"}, Reason.PROGRAM_FAILED, "no sound"),
        (0, "", {"seed": 9}, Reason.OUTPUT_INVALID, "another seed than it was told: 9, not 0"),
        (0, "", {"prompt": "Sunshine"}, Reason.OUTPUT_INVALID, "another prompt"),
    ],
)
def test_success_is_what_the_report_says(
    code: int, log: str, report: dict[str, Any] | None, reason: Reason | None, said: str
) -> None:
    run = resolved(params={"frames": 5, "resolution": "256"})
    texts = {} if report is None else {"report": report_of(run, **report)}
    video = MediaFacts(frames=5, width=320, height=192, fps=24.0)
    evidence = Evidence(
        exit=an_exit(code=code),
        manifest=a_manifest("vision.mp4", "sample_outputs.json"),
        media={"video": video},
        texts=texts,
        log_tail=log,
    )
    verdict = ADAPTER.judge(run, evidence)
    assert (verdict.reason, said in verdict.message) == (reason, True), verdict
    if reason is None:
        assert verdict.effective["sigma_max"] == 80.0
        dark = replace(evidence, media={"video": replace(video, black=True)})
        assert ADAPTER.judge(run, dark).reason is Reason.OUTPUT_INVALID
        assert ADAPTER.judge(run, replace(evidence, manifest=())).reason is Reason.OUTPUT_MISSING


def test_progress_only_grows() -> None:
    lines = ["Loaded 1 samples", "Saved sample args to 'x'", "Using sampler: UniPC", "Sampling:   3%", "Sampling:  50%"]
    lines += ["Sampling: 100%", "Saved sample outputs to 'x'"]
    percents = [ADAPTER.progress("\n".join(lines[: count + 1])).percent for count in range(len(lines))]
    assert percents == [1, 8, 10, 12, 52, 95, 100]
    assert ADAPTER.progress("Using sampler\nSampling: 100%\nUsing sampler\nSampling: 2%").percent is None


SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "seed": st.integers(0, 2),
        "steps": st.sampled_from([35, 36]),
        "guidance": st.sampled_from([3.0, 6.0]),
        "frames": st.sampled_from([186, 189, 190]),
        "mode": st.sampled_from(["text2video", "image2video", "video2video", "text2image"]),
        "keep": st.sampled_from(["first", "last"]),
        "diffusion_cache": st.booleans(),
        "resolution": st.sampled_from(["480", "720"]),
    },
)
WEIGHTS = st.dictionaries(st.sampled_from(["edge", "depth", "seg"]), st.sampled_from([0.25, 0.5, 1.0]), max_size=1)


@settings(max_examples=60, deadline=None)
@given(st.tuples(SETTINGS, WEIGHTS), st.tuples(SETTINGS, WEIGHTS))
def test_what_differs_in_the_digest_differs_for_the_program_and_the_other_way_round(one: Any, other: Any) -> None:
    made = []
    for params, weights in (one, other):
        draft = draft_of(params=params, controls=controls(**weights))
        resolution = ADAPTER.resolve(draft, FILES)
        if resolution.refusals:
            return
        run = as_run(draft, resolution)
        launch = ADAPTER.launch(replace(run, placement=GPU), FOLDER)
        assert problems(sample_of(run)) == []
        facts = material(run, dict.fromkeys(run.inputs, "0"), Digest("0"))
        made.append((canonical(facts), canonical([launch.documents, launch.argv, dict(launch.inputs)])))
    assert (made[0][0] == made[1][0]) == (made[0][1] == made[1][1])
